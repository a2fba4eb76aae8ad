"""What ends a command that nobody foresaw is a sentence, too, where a person can mend it."""

from __future__ import annotations

import errno

import pytest

from bakehouse.cli.ending import told


def test_a_file_of_another_user_is_named_with_what_to_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "build/releases/.app.tmp")

    assert told(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("build/releases/.app.tmp may not be")
    assert "next: sudo -E " in said


def test_an_error_that_nobody_can_mend_keeps_its_traceback() -> None:
    def command() -> int:
        raise IsADirectoryError(errno.EISDIR, "Is a directory", "x")

    with pytest.raises(IsADirectoryError):
        told(command)
