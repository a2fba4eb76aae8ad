from __future__ import annotations

import pytest

from bakehouse_lab.settings import Settings, UnusableSetting

STALL = "BAKEHOUSE_LAB_REFRESH_STALL_SECONDS"


def test_a_stall_lasts_as_long_as_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STALL, "60")
    assert Settings.from_environment().refresh_stall_seconds == 60
    monkeypatch.setenv(STALL, "")
    assert Settings.from_environment().refresh_stall_seconds == 300


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "soon"])
def test_a_stall_that_is_no_time_is_refused_with_an_example(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv(STALL, said)
    with pytest.raises(UnusableSetting, match=f"try: {STALL}=60 scripts/lab up"):
        Settings.from_environment()
