"""What is known of an image's packages, by a small file of the tracker's shape; no network."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bakehouse.images.comparison import compare
from bakehouse.images.packages import Package
from bakehouse.images.record import Record
from bakehouse.images.tracker import ADDRESS, Tracker, fetch
from bakehouse.images.vulnerabilities import Known, affecting, diff

FILE = Path(__file__).parent / "data/tracker.json"
DATA: dict[str, Any] = json.loads(FILE.read_text())
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def nginx(version: str) -> Package:
    return Package("nginx", "amd64", version, "nginx", version)


def libssl(version: str) -> Package:
    return Package("libssl3t64", "amd64", version, "openssl", version)


def ids(*packages: Package, distribution: str = "debian-13") -> list[str]:
    return [one.id for one in affecting(packages, distribution, DATA)]


@pytest.mark.parametrize(
    ("rule", "packages", "distribution", "found"),
    [
        (
            "before the fix; and one that is open, in any version",
            [nginx("1.26.3-3+deb13u1")],
            "debian-13",
            ["CVE-2026-1001", "CVE-2026-1002"],
        ),
        ("with the fix", [nginx("1.26.3-3+deb13u2")], "debian-13", ["CVE-2026-1002"]),
        (
            "versions are numbers, not words",
            [nginx("1.9.15-1")],
            "debian-13",
            ["CVE-2026-1001", "CVE-2026-1002"],
        ),
        ("after the fix", [nginx("1:1.0-1")], "debian-13", ["CVE-2026-1002"]),
        ("another release, another version", [nginx("1.22.1-9+deb12u3")], "debian-12", []),
        ("and before it", [nginx("1.22.1-9+deb12u2")], "debian-12", ["CVE-2026-1001"]),
        ("by source, not by name", [libssl("3.5.1-1")], "debian-13", ["CVE-2026-2001"]),
        ("nothing is known of it", [Package("a", "all", "1", "a", "1")], "debian-13", []),
        ("no such release", [nginx("1.26.3-3+deb13u1")], "debian-99", []),
    ],
)
def test_a_package_has_what_the_tracker_says_of_its_source_release_and_version(
    rule: str, packages: list[Package], distribution: str, found: list[str]
) -> None:
    assert ids(*packages, distribution=distribution) == found, rule


def test_two_binaries_of_one_source_are_one_finding() -> None:
    both = (libssl("3.5.1-1"), replace(libssl("3.5.1-1"), name="openssl"))
    assert ids(*both) == ["CVE-2026-2001"]


def test_the_most_urgent_comes_first_and_says_what_mends_it() -> None:
    zlib = Package("zlib1g", "amd64", "1:1.3-1", "zlib", "1:1.3-1")
    found = affecting([libssl("3.5.1-1"), zlib, nginx("1.26.3-3+deb13u1")], "debian-13", DATA)
    assert [str(one) for one in found] == [
        "CVE-2026-1001 nginx 1.26.3-3+deb13u1: fixed in 1.26.3-3+deb13u2, high",
        "CVE-2026-3001 zlib 1:1.3-1: no fix yet, medium",
        "CVE-2026-1002 nginx 1.26.3-3+deb13u1: no fix yet, low",
        "CVE-2026-2001 openssl 3.5.1-1: fixed in 3.5.1-1+deb13u1",
    ]


def test_what_an_upgrade_closed_and_a_new_package_opened_is_told_apart() -> None:
    before = affecting([nginx("1.26.3-3+deb13u1")], "debian-13", DATA)
    after = affecting([nginx("1.26.3-3+deb13u2"), libssl("3.5.1-1")], "debian-13", DATA)
    found = diff(before, after)
    assert [one.id for one in found.closed] == ["CVE-2026-1001"]
    assert [one.id for one in found.opened] == ["CVE-2026-2001"]
    assert [(one.id, one.version) for one in found.left] == [("CVE-2026-1002", "1.26.3-3+deb13u2")]
    assert [one.id for one in found.mendable] == ["CVE-2026-2001"]


def record(id: str, *packages: Package) -> Record:
    return Record(
        image=id,
        name=id,
        created="2026-11-27",
        region="us-east-1",
        run="run",
        identity="cafe",
        commit="c0ffee",
        dirty=False,
        distribution="debian-13",
        base="ami-base",
        base_name="debian",
        release="app-1",
        who="ann",
        tools={},
        inputs={},
        packages=packages,
    )


def test_a_diff_says_what_was_closed_opened_and_left_though_there_is_a_fix() -> None:
    before = record("ami-1", nginx("1.26.3-3+deb13u1"), libssl("3.5.1-1"))
    after = record("ami-2", nginx("1.26.3-3+deb13u2"), libssl("3.5.1-1"))
    answer, lines = compare(before, after, Known(DATA, "data of today"))
    assert answer["vulnerabilities"] == {
        "evaluated": True,
        "note": "data of today",
        "closed": {"CVE-2026-1001": "nginx"},
        "opened": {},
        "left": 2,
        "mendable": {"CVE-2026-2001": "openssl"},
    }
    assert (
        "vulnerabilities: 1 closed, 0 opened, 2 left (Debian's security tracker, data of today)"
    ) in lines
    assert any(line.startswith("  closed CVE-2026-1001 nginx") for line in lines)
    assert any("left, though there is a fix: CVE-2026-2001 openssl" in line for line in lines)
    _, back = compare(after, before, Known(DATA, ""))
    assert any(line.startswith("  OPENED CVE-2026-1001 nginx") for line in back)


def unreachable(address: str) -> bytes:
    raise OSError("Name or service not known")


def never(address: str) -> bytes:
    raise AssertionError(f"{address} was asked")


def tracker(kept: Path, fetch: Callable[[str], bytes], source: str = "") -> Tracker:
    return Tracker(source, kept, lambda: NOW, fetch)


def keep(path: Path, age: timedelta, content: bytes = FILE.read_bytes()) -> None:
    path.write_bytes(content)
    when = (NOW - age).timestamp()
    os.utime(path, (when, when))


def test_a_tracker_that_cannot_be_reached_is_said_with_what_to_do(tmp_path: Path) -> None:
    known = tracker(tmp_path / "tracker.json", unreachable).known()
    assert known.data is None
    assert known.note == (
        f"{ADDRESS} could not be reached, or read (Name or service not known); "
        "BAKEHOUSE_TRACKER or --tracker may name a file with its data"
    )
    _, lines = compare(record("ami-1"), record("ami-2"), known)
    assert f"vulnerabilities: not evaluated: {known.note}" in lines


def test_a_file_that_is_named_is_read_and_nobody_is_asked(tmp_path: Path) -> None:
    known = tracker(tmp_path / "tracker.json", never, str(FILE)).known()
    assert known == Known(DATA, f"data of {FILE}")


def test_what_was_fetched_is_kept_for_a_day_and_then_fetched_again(tmp_path: Path) -> None:
    kept = tmp_path / "build/tracker.json"
    asked: list[str] = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        return FILE.read_bytes()

    assert tracker(kept, fetch).known().data == DATA
    assert [one.name for one in kept.parent.iterdir()] == ["tracker.json"]
    keep(kept, timedelta(hours=23))
    assert tracker(kept, fetch).known() == Known(DATA, "data of 2026-11-26 13:00")
    assert asked == [ADDRESS]
    keep(kept, timedelta(hours=25))
    assert tracker(kept, fetch).known() == Known(DATA, "data of 2026-11-27 12:00")
    assert asked == [ADDRESS, ADDRESS]


def test_old_data_is_better_than_none_and_says_how_old_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "tracker.json"
    keep(kept, timedelta(days=3))
    known = tracker(kept, unreachable).known()
    assert known.data == DATA
    assert known.note.endswith("(Name or service not known); with its data of 2026-11-24 12:00")


@pytest.mark.parametrize("content", [b"<html>proxy</html>", b"", b"\xff\xfe", b"[]"])
def test_what_is_no_data_is_not_kept(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "tracker.json"
    assert tracker(kept, lambda _: content).known().data is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"nginx": "CVE-2026-1"}', b"<html>"])
def test_a_file_that_is_not_the_trackers_is_named(tmp_path: Path, content: bytes) -> None:
    named = tmp_path / "mine.json"
    named.write_bytes(content)
    known = tracker(tmp_path / "kept.json", never, str(named)).known()
    assert known.data is None
    assert str(named) in known.note


class Pages(BaseHTTPRequestHandler):
    """Two pages, of which one is packed as the tracker packs it."""

    def do_GET(self) -> None:
        packed = self.path == "/packed" and "gzip" in self.headers["Accept-Encoding"]
        self.send_response(200 if self.path != "/gone" else 503)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(gzip.compress(b"{}") if packed else b"{}")

    def log_message(self, *_: object) -> None:
        pass


def test_what_is_fetched_is_unpacked_and_what_is_not_there_is_an_error() -> None:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            assert [fetch(f"{address}/{page}") for page in ("packed", "plain")] == [b"{}", b"{}"]
            with pytest.raises(OSError, match="503"):
                fetch(f"{address}/gone")
        finally:
            server.shutdown()
            serving.join()
