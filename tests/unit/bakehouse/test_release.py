"""A release is its content: the same bytes everywhere, and nothing that belongs to a host."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from bakehouse.cli.package import main
from bakehouse.release import BadName, CannotPack, NotLaravel, left_out, pack, time_of, write


@pytest.fixture
def application(tmp_path: Path) -> Path:
    return make_application(tmp_path / "shop")


def make_application(folder: Path) -> Path:
    for name, content in {
        "artisan": "#!/usr/bin/env php\n",
        "bootstrap/app.php": "<?php // app\n",
        "public/index.php": "<?php // index\n",
        "public/css/app.css": "body {}\n",
        "vendor/autoload.php": "<?php // autoload\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "artisan").chmod(0o755)
    return folder


def packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    write(folder, buffer)
    return buffer.getvalue()


def members(archive: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_the_same_content_gives_the_same_bytes_whoever_packs_it_and_when(tmp_path: Path) -> None:
    mine = make_application(tmp_path / "a" / "shop")
    yours = make_application(tmp_path / "b" / "shop")
    for path in yours.rglob("*"):
        os.utime(path, (time.time() - 86400,) * 2)
    (yours / "public/index.php").chmod(0o600)
    (yours / "vendor").chmod(0o700)

    assert packed(mine) == packed(yours)


def test_the_archive_carries_neither_a_time_of_day_nor_a_name(application: Path) -> None:
    flags, time_of_day = packed(application)[3], packed(application)[4:8]

    assert (flags, time_of_day) == (0, bytes(4))


def test_another_content_is_another_release(application: Path, tmp_path: Path) -> None:
    before = pack(application, tmp_path / "out")
    (application / "public/index.php").write_text("<?php // INDEX\n")
    after = pack(application, tmp_path / "out")

    assert before.release != after.release
    assert before.archive.exists()
    assert after.archive.exists()


def test_a_changed_file_of_the_same_length_gets_another_time_so_that_browsers_notice() -> None:
    assert time_of(b"body { color: red }") != time_of(b"body { color: tan }")
    assert time_of(b"same") == time_of(b"same")


def test_files_carry_that_time(application: Path, tmp_path: Path) -> None:
    member = members(pack(application, tmp_path / "out").archive)["public/css/app.css"]

    assert member.mtime == time_of(b"body {}\n")


@pytest.mark.parametrize(
    ("reason", "path", "out"),
    [
        ("the host has its own storage", "storage/logs/laravel.log", True),
        ("secrets come at boot", ".env", True),
        ("secrets of another environment", ".env.production", True),
        ("the example names variables, and holds none", ".env.example", False),
        ("history is not served", ".git/config", True),
        ("nor is that of a package", "vendor/acme/.git/config", True),
        ("caches hold paths of the machine that made them", "bootstrap/cache/config.php", True),
        ("tools for building assets", "node_modules/vite/index.js", True),
        ("a package's folder of that name is code", "vendor/acme/storage/Disk.php", False),
        ("a package's own node_modules is its business", "vendor/acme/node_modules/x.js", False),
        ("a name that only starts like it", "storages/a.php", False),
    ],
)
def test_what_belongs_to_a_host_or_a_working_tree_stays_out(
    reason: str, path: str, out: bool
) -> None:
    assert left_out(path) is out, reason


def test_the_archive_holds_the_application_at_its_top_and_keeps_what_may_be_executed(
    application: Path, tmp_path: Path
) -> None:
    (application / ".env").write_text("APP_KEY=x\n")
    (application / "storage/logs").mkdir(parents=True)
    found = members(pack(application, tmp_path / "out").archive)

    assert {"artisan", "public/index.php", "vendor/autoload.php"} <= set(found)
    assert not {".env", "storage"} & set(found)
    assert found["artisan"].mode == 0o755
    assert found["public/index.php"].mode == 0o644
    assert {(member.uid, member.gid) for member in found.values()} == {(0, 0)}


def test_a_link_inside_the_application_stays_a_link(application: Path, tmp_path: Path) -> None:
    (application / "public/main.css").symlink_to("css/app.css")

    member = members(pack(application, tmp_path / "out").archive)["public/main.css"]

    assert (member.issym(), member.linkname) == (True, "css/app.css")


@pytest.mark.parametrize("target", ["/usr/share/php", "../../elsewhere"])
def test_a_link_that_leads_out_is_refused_and_leaves_nothing(
    application: Path, tmp_path: Path, target: str
) -> None:
    (application / "vendor/acme").symlink_to(target)

    with pytest.raises(CannotPack, match="acme links to"):
        pack(application, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_by_an_absolute_path_is_refused_even_if_it_leads_inside(
    application: Path, tmp_path: Path
) -> None:
    (application / "public/main.css").symlink_to(application / "public/css/app.css")

    with pytest.raises(CannotPack, match=r"main\.css links to"):
        pack(application, tmp_path / "out")


@pytest.mark.parametrize("name", ["a b", "-x", "../up", ".hidden"])
def test_a_name_that_no_folder_should_have_is_refused(
    application: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BadName, match="cannot name a release"):
        pack(application, tmp_path / "out", name)


def test_sha256sum_accepts_the_file_beside_the_archive(application: Path, tmp_path: Path) -> None:
    made = pack(application, tmp_path / "out")

    subprocess.run(
        ["sha256sum", "-c", f"{made.archive.name}.sha256"], cwd=tmp_path / "out", check=True
    )

    beside = made.archive.with_name(f"{made.archive.name}.sha256").read_text()
    assert beside == f"{made.checksum}  {made.archive.name}\n"
    assert made.release == f"shop-{made.checksum[:12]}"


@pytest.mark.parametrize(
    ("missing", "said"),
    [("artisan", "it has no artisan"), ("vendor/autoload.php", "dependencies are not installed")],
)
def test_a_folder_that_is_no_application_is_refused_with_what_to_do(
    application: Path, tmp_path: Path, missing: str, said: str
) -> None:
    (application / missing).unlink()

    with pytest.raises(NotLaravel, match=said) as trouble:
        pack(application, tmp_path / "out")

    assert trouble.value.then
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_path_and_nothing_else(
    application: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([str(application), "--name", "web", "--into", str(tmp_path / "out")])

    (archive,) = (tmp_path / "out").glob("*.tar.gz")
    assert (status, capsys.readouterr().out) == (0, f"{archive}\n")
    assert archive.name.startswith("web-")


def test_the_command_fails_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([str(tmp_path), "--into", str(tmp_path / "out")])

    assert status == 1
    assert "is not a Laravel application" in capsys.readouterr().err
