"""What runs scripts/nightly at night would be understood by it, and by what reads the files."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from bakehouse.cli.nightly import INVENTORY, TOPIC, parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packer/nightly"
FILES = ("bakehouse-nightly.service", "bakehouse-nightly.timer", "crontab", "workflow.yml")


def text(name: str) -> str:
    return (FOLDER / name).read_text()


def settings(unit: str) -> dict[str, str]:
    """The settings of a unit; ours set none twice."""
    return dict(re.findall(r"^(\w+)=(.*)$", text(unit), re.M))


@pytest.mark.parametrize("name", FILES)
def test_what_is_run_at_night_is_understood(name: str) -> None:
    lines = re.findall(
        r"(?:^ExecStart=|run: |timeout 2h )\S*?(scripts/nightly.*)$", text(name), re.M
    )
    if name.endswith("timer"):
        assert text(name).count("OnCalendar=") == 1
        return
    assert lines, f"{name} runs scripts/nightly"
    for line in lines:
        parser().parse_args(shlex.split(line)[1:])


def test_the_timer_is_of_the_service_and_names_a_time_that_systemd_takes() -> None:
    when = settings("bakehouse-nightly.timer")["OnCalendar"]
    said = subprocess.run(
        ["systemd-analyze", "calendar", when], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "UTC" in when, "a night is not an hour longer in autumn"


def test_all_three_start_at_the_same_hour_and_give_up_after_the_same_time() -> None:
    _, clock, _ = settings("bakehouse-nightly.timer")["OnCalendar"].split()
    hour, minute = map(int, clock.split(":")[:2])
    cron = re.search(r"^(\d+) (\d+) \* \* \*", text("crontab"), re.M)
    flow = yaml.safe_load(text("workflow.yml"))
    assert cron
    assert (int(cron[1]), int(cron[2])) == (minute, hour)
    assert flow["on"]["schedule"] == [{"cron": f"{minute} {hour} * * *"}]
    assert settings("bakehouse-nightly.service")["TimeoutStartSec"] == "2h"
    assert "timeout 2h scripts/nightly" in text("crontab")
    assert flow["jobs"]["bake"]["timeout-minutes"] == 120


def test_what_the_environment_sets_the_command_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    set_there = dict(re.findall(r"^(\w+)=(.*)$", text("nightly.env"), re.M))
    assert {TOPIC, INVENTORY, "AWS_REGION"} == set(set_there)
    for name, value in set_there.items():
        monkeypatch.setenv(name, value)
    asked = parser().parse_args([])
    assert (asked.topic, str(asked.inventory)) == (set_there[TOPIC], set_there[INVENTORY])
    assert (ROOT / set_there[INVENTORY]).is_dir()


def test_a_page_that_a_unit_names_is_there() -> None:
    named = settings("bakehouse-nightly.service")["Documentation"]
    assert (ROOT / named.removeprefix("file:/opt/bakehouse/")).is_file()
