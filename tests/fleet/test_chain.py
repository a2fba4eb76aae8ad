"""The whole chain: an image, two hosts from it, a page that shows what it wrote and where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bakehouse_lab import demo

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

JOURNAL = "sudo journalctl --boot --output=cat _PID=1"


def pages(lab: RunningLab) -> list[demo.Page]:
    return demo.visit(lab.page, hosts=2)


def test_two_reloads_come_from_two_hosts_of_the_baked_image(
    converged: RunningLab, image: str
) -> None:
    served = pages(converged)
    assert {page.image for page in served} == {image}
    assert len({page.zone for page in served}) == 2


def test_each_load_writes_a_row_and_counts_in_redis(converged: RunningLab) -> None:
    first, second = pages(converged)
    assert int(second.row) > int(first.row)
    assert int(second.counter) > int(first.counter)


def test_site_yml_has_nothing_left_to_change(converged: RunningLab) -> None:
    said = converged.run("ansible-playbook", "site.yml").stdout
    recap = re.findall(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", said)
    assert recap
    assert set(recap) == {("0", "0", "0")}, said[-2000:]


def test_a_bake_with_nothing_changed_finds_the_image_it_made(lab: RunningLab, image: str) -> None:
    assert image in lab.run("scripts/bake", "--no-verify", "--json", minutes=2).stdout


def test_an_image_is_baked_on_top_of_an_image_and_passes_on_fresh_hosts(
    converged: RunningLab, image: str
) -> None:
    """Its build host boots with all that a web host has, and nobody gives it an environment."""
    aside = ("env", "BAKEHOUSE_PARAMETERS=/on-top")  # no channel of the fleet's is moved
    done = converged.run(*aside, "scripts/bake", "--base", image, "--json", minutes=15)
    baked = json.loads(done.stdout)
    assert baked["tags"]["bakehouse:base-ami"] == image
    assert baked["state"] == "verified"
    converged.client("ec2").deregister_image(ImageId=baked["image"])


def test_a_terminated_host_is_replaced_and_serves_without_ansible_or_a_person(
    converged: RunningLab, image: str, eventually: Callable[..., None]
) -> None:
    victim = pages(converged)[0].instance
    converged.client("ec2").terminate_instances(InstanceIds=[victim])

    def replaced() -> bool:
        try:
            serving = pages(converged)
        except (demo.NotShown, OSError):  # a request to the one that is just going
            return False
        return victim not in {page.instance for page in serving}

    eventually(replaced, seconds=120)
    assert {page.image for page in pages(converged)} == {image}


def test_every_minute_of_the_schedule_was_run_by_one_host_whoever_was_ended(
    converged: RunningLab,
) -> None:
    """A look back: one host has just been ended. Break: take `PRIMARY KEY` out of Claims.php."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = converged.sql("SELECT minute, host FROM app.bakehouse_schedule").splitlines()
    claims = dict(row.split("\t") for row in rows)
    assert len(claims) == len(rows), "a minute was claimed twice"
    minutes = sorted(datetime.fromisoformat(f"{minute}+00:00") for minute in claims)
    assert now - minutes[-1] <= timedelta(minutes=1)
    missed = (minutes[-1] - minutes[0]) // timedelta(minutes=1) + 1 - len(minutes)
    assert missed <= 1, "of the host that was ended, one may be missed"
    for host in converged.settled():
        name = converged.on(host, "hostname").strip()
        ran = re.findall(r"Started laravel-schedule@(\S+)\.service", converged.on(host, JOURNAL))
        own = [f"{at:%Y%m%dT%H%MZ}" for at in minutes if claims[f"{at:%Y-%m-%d %H:%M:%S}"] == name]
        # Since it booted, for another may have had its name; and the last may not have started yet.
        own = [minute for minute in own if minute >= min(ran, default="9")]
        assert ran in (own, own[:-1])


def test_hosts_of_the_image_and_hosts_after_site_yml_are_good_hosts(
    converged: RunningLab,
) -> None:
    """One of them has just booted from the image, in the test above; the other saw site.yml."""
    said = converged.run("ansible-playbook", "ansible/playbooks/inspect.yml").stdout
    passed = re.findall(r"(i-\w+) is as it should be: (\d+) passed", said)
    assert len(dict(passed)) == 2, said[-2000:]
    assert all(int(tests) > 200 for _, tests in passed)


def test_a_host_that_is_not_good_is_named_with_what_is_wrong(converged: RunningLab) -> None:
    victim = pages(converged)[0].instance

    def set_clock(zone: str) -> None:
        link = f"sudo ln -sf /usr/share/zoneinfo/{zone} /etc/localtime"
        converged.run("scripts/lab", "ssh", victim, "--", link)

    set_clock("Europe/Berlin")
    try:
        ask = ("ansible/playbooks/inspect.yml", "-e", "only=counts_time")
        said = converged.run("ansible-playbook", *ask, status=2).stdout
    finally:
        set_clock("Etc/UTC")
    assert "test_the_host_counts_time_in_utc" in said
    assert victim in said
