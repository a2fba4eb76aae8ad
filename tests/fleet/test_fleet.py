"""Launching: what is said to a wrong name, and what a second run has left to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake


def test_an_unknown_group_is_answered_with_the_groups_that_there_are(lab: RunningLab) -> None:
    done = lab.run("scripts/launch", "staging-wed", status=1)
    assert "there is: staging-web" in done.stderr


def test_an_unknown_image_is_refused_before_anything_is_done(lab: RunningLab) -> None:
    done = lab.run("scripts/launch", "staging-web", "--image", "ami-0123456789abcdef0", status=1)
    assert "no image ami-0123456789abcdef0" in done.stderr


def test_a_second_launch_has_nothing_to_do_and_says_so_at_once(
    fleet: RunningLab, image: str
) -> None:
    began = time.monotonic()
    done = fleet.run("scripts/launch", "staging-web", "--image", image)
    assert "nothing to do" in done.stdout
    assert time.monotonic() - began < 20


def test_the_group_launches_from_a_number_and_not_from_the_latest(fleet: RunningLab) -> None:
    (group,) = fleet.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["LaunchTemplate"]["Version"].isdecimal()
