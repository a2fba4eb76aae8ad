"""The certificate authority: made once, and believed."""

from __future__ import annotations

import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from bakehouse_lab import authority

if TYPE_CHECKING:
    from pathlib import Path


def handshake(folder: Path, tmp_path: Path, names: list[str], asked: str) -> str:
    """Connect as a client that trusts only the authority, and asks for `asked`."""
    server = authority.certificate_for(folder, names)
    both = tmp_path / "server.pem"
    both.write_text(server.certificate + server.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(both)
    trusting = ssl.create_default_context(cafile=str(folder / authority.CERTIFICATE))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = serving.wrap_bio(to_server, to_client, server_side=True)
    here = trusting.wrap_bio(to_client, to_server, server_hostname=asked)
    for _ in range(4):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return str(here.version())


def test_a_client_that_trusts_the_authority_believes_every_name_asked_for(tmp_path: Path) -> None:
    names = ["primary.example.test", "reader.example.test"]
    assert handshake(tmp_path / "ca", tmp_path, names, names[1]) == "TLSv1.3"


def test_a_name_that_was_not_asked_for_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path / "ca", tmp_path, ["primary.example.test"], "other.example.test")


def test_a_name_longer_than_a_subject_may_be_is_believed(tmp_path: Path) -> None:
    long = f"{'d' * 60}.rds.amazonaws.com"
    assert handshake(tmp_path / "ca", tmp_path, [long], long) == "TLSv1.3"


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    first = authority.ensure(tmp_path).read_text()
    assert authority.ensure(tmp_path).read_text() == first


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    authority.ensure(tmp_path)
    assert stat.S_IMODE((tmp_path / authority.KEY).stat().st_mode) == 0o600


def test_labs_that_start_at_the_same_time_share_one_authority(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def start(folder: Path) -> str:
        together.wait()
        return authority.ensure(folder).read_text()

    with ThreadPoolExecutor(4) as labs:
        for attempt in range(25):  # without a lock, one in three goes wrong
            folder = tmp_path / str(attempt)
            assert len(set(labs.map(start, [folder] * 4))) == 1
