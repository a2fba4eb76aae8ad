"""Debian's security tracker: its data, kept for a day, or a plain word that it could not be had.

The data is one JSON file of tens of megabytes, so it is fetched once a day and kept under build/.
BAKEHOUSE_TRACKER names a file or an address instead of it, for machines that reach no internet.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakehouse.images.vulnerabilities import Known

if TYPE_CHECKING:
    from collections.abc import Callable

TRACKER = "BAKEHOUSE_TRACKER"
ADDRESS = "https://security-tracker.debian.org/tracker/data/json"
AGE = timedelta(days=1)
KEPT = Path(__file__).resolve().parents[3] / "build/tracker.json"
SECONDS = 10  # without an answer, or a further piece of it


def describe(grammar: argparse.ArgumentParser) -> None:
    """Where a command takes the data from."""
    grammar.add_argument(
        "--tracker",
        default=os.environ.get(TRACKER, ""),
        metavar="FILE",
        help="data of Debian's security tracker, or an address; default: its own, once a day",
    )


def fetch(address: str) -> bytes:
    """What lies at the address. Raises OSError."""
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        content: bytes = answer.read()
        return gzip.decompress(content) if answer.headers["Content-Encoding"] == "gzip" else content


@dataclass(frozen=True, slots=True)
class Tracker:
    """Where the data is; `fetch` and `now` are for tests to replace."""

    source: str  # a file, an address, or empty for Debian's own
    kept: Path  # what was fetched
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    fetch: Callable[[str], bytes] = fetch

    def known(self) -> Known:
        """The data; or, never raising, why there is none."""
        address = self.source or ADDRESS
        if "://" not in address:
            return self._read(Path(address), f"data of {address}")
        of = self._of(self.kept)
        if of and self.now() - of <= AGE:
            return self._read(self.kept, f"data of {of:%Y-%m-%d %H:%M}")
        try:
            content = self.fetch(address)
            data = json.loads(content)
        except (OSError, ValueError) as error:
            return self._old(address, of, error)
        if not is_trackers(data):
            return self._old(address, of, ValueError("what it answers is no data of the tracker"))
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        half = self.kept.with_suffix(".part")
        half.write_bytes(content)
        half.replace(self.kept)
        return Known(data, f"data of {self.now():%Y-%m-%d %H:%M}")

    def _old(self, address: str, of: datetime | None, error: Exception) -> Known:
        """What was fetched before, which is better than nothing and says how old it is."""
        why = f"{address} could not be reached, or read ({error})"
        if of:
            return self._read(self.kept, f"{why}; with its data of {of:%Y-%m-%d %H:%M}")
        return Known(None, f"{why}; {TRACKER} or --tracker may name a file with its data")

    @staticmethod
    def _of(path: Path) -> datetime | None:
        """Of when a file is."""
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.is_file() else None

    @staticmethod
    def _read(path: Path, note: str) -> Known:
        try:
            data = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            return Known(None, f"{path} cannot be read: {error}")
        if not is_trackers(data):
            return Known(None, f"{path} is no data of Debian's security tracker")
        return Known(data, note)


def is_trackers(data: Any) -> bool:
    """Whether it has the shape: by source package, vulnerability and release.

    >>> is_trackers({"nginx": {"CVE-2026-1": {"releases": {"trixie": {"status": "open"}}}}})
    True
    >>> is_trackers({}), is_trackers(["nginx"]), is_trackers({"nginx": "CVE-2026-1"})
    (False, False, False)
    """
    if not isinstance(data, dict) or not data:
        return False
    return all(
        isinstance(facts, dict) and isinstance(facts.get("releases", {}), dict)
        for known in data.values()
        for facts in (known.values() if isinstance(known, dict) else [known])
    )
