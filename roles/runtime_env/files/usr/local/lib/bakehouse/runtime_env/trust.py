"""Nobody is spoken to in plain text by accident, nor without authorities that can be checked."""

import ssl

from runtime_env.environment import Cache, Database
from runtime_env.faults import AuthoritiesUnusable, PlainText


def check(
    database: "Database | None", cache: "Cache | None", authorities: str, plain_text_allowed: bool
) -> None:
    """Raise PlainText or AuthoritiesUnusable when the application could not know who answers."""
    if database and authorities:
        read(authorities)
    elif database and not plain_text_allowed:
        raise PlainText("without authorities PHP speaks plain text to the database")
    if cache and not cache.tls and not plain_text_allowed:
        raise PlainText(f"the cache {cache.host} has no encryption in transit")


def read(authorities: str) -> None:
    """Raise AuthoritiesUnusable when PHP would find no authority in the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=authorities)
    except OSError as e:  # ssl.SSLError is one
        raise AuthoritiesUnusable(
            f"the file of authorities {authorities} cannot be used: {e.strerror or e}"
        ) from e
    if not context.cert_store_stats()["x509_ca"]:
        raise AuthoritiesUnusable(f"no certificate in the file {authorities} is an authority's")
