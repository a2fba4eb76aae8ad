"""The certificate authority of this machine's labs: whose word their databases are believed on.

Made once and shared by all labs, because the base images trust it: an instance verifies its
database's certificate with the system's bundle, as it would with Amazon's.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bakehouse_lab.settings import Settings

CERTIFICATE = "ca.pem"
KEY = "ca.key"

CA_DAYS = 3650  # longer than any lab lives
SERVER_DAYS = 397  # the longest that strict clients accept; made anew with each container
CLOCK_SKEW = timedelta(days=1)  # a machine whose clock is behind ours must not refuse


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and its private key, both PEM."""

    certificate: str
    key: str


def folder_of(settings: Settings) -> Path:
    """Where the authority lives: beside the labs' own folders, for it belongs to all of them."""
    return settings.state.parent / "ca"


def ensure(folder: Path) -> Path:
    """Make the authority in `folder` unless it is there; returns the path of its certificate.

    Safe to call at the same time from several processes. The key can be read by its owner alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        certificate, key = folder / CERTIFICATE, folder / KEY
        if not (certificate.exists() and key.exists()):
            made = _new_authority()
            _write(key, made.key, 0o600)
            _write(certificate, made.certificate, 0o644)
    return certificate


def certificate_for(folder: Path, names: Sequence[str]) -> Certificate:
    """A certificate of the authority in `folder` for DNS `names`; the first is also its subject.

    The authority is made when there is none yet.
    """
    signer = x509.load_pem_x509_certificate(ensure(folder).read_bytes())
    signing_key = load_pem_private_key((folder / KEY).read_bytes(), password=None)
    assert isinstance(signing_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(_name(names[0][:64]), signer.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
        )
        .sign(signing_key, hashes.SHA256())
    )
    return _pem(built, key)


def _new_authority() -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Bakehouse lab CA")
    built = (
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_signs_certificates(), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    return _pem(built, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
    return Certificate(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    half = path.with_suffix(".new")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    half.rename(path)
