"""A host that comes, from its first look to what it tells its group."""

from __future__ import annotations

import pytest
from tests.unit.lifecycle.conftest import Instance, PretendGroup, PretendSite, PretendTime, error

from lifecycle.arrive import ABANDONED, Wanted, arrive
from lifecycle.asg import Here
from runtime_env.faults import Denied, MetadataUnreachable

WANTED = Wanted("ours", "/health", 180, ["/", "/health"], 16, 5)
HELD = [(0.0, "Pending:Wait")]


def coming(time: PretendTime, states: list[tuple[float, str]], hook: str = "ours") -> Instance:
    return Instance(time, PretendGroup(time, states, hook))


def test_it_goes_on_when_its_pages_answer_and_are_warm(time: PretendTime) -> None:
    host, site = coming(time, HELD), PretendSite(time, ready=1025)
    assert arrive(host.world, site, WANTED) == 0
    assert host.group.results == ["CONTINUE"]
    assert site.asked == [("/", 16), ("/health", 16)]
    assert 1025 <= time.now < 1026
    assert "ready and warm after 25 s" in host.said[-1]


def test_it_answers_on_the_way_into_a_warm_pool_too(time: PretendTime) -> None:
    pool = [(0.0, "Warmed:Pending"), (1007.0, "Warmed:Pending:Wait")]
    host = coming(time, [*pool, (1030.0, "Warmed:Terminating")])
    assert arrive(host.world, PretendSite(time, ready=1025), WANTED) == 0
    assert host.group.results == ["CONTINUE"]


@pytest.mark.parametrize("rest", ["Warmed:Running", "Warmed:Hibernated"])
@pytest.mark.parametrize("late", [0, 9])
def test_it_answers_again_when_it_is_taken_from_the_pool_without_a_boot(
    time: PretendTime, rest: str, late: float
) -> None:
    """Also when the metadata says so a while before the group does."""
    pool = [(0.0, "Warmed:Pending:Wait"), (1030.0, rest)]
    host = coming(time, [*pool, (5000.0 + late, "Pending"), (5005.0 + late, "Pending:Wait")])
    host.group.known = 5000.0
    site = PretendSite(time, ready=1025)
    assert arrive(host.world, site, WANTED) == 0
    assert host.group.results == ["CONTINUE", "CONTINUE"]
    assert 5005 + late <= host.group.completed[-1] < 5015 + late
    assert site.asked == [("/", 16), ("/health", 16)] * 2


def test_one_that_is_not_fit_for_the_pool_is_abandoned_and_not_waited_with(
    time: PretendTime,
) -> None:
    host = coming(time, [(0.0, "Warmed:Pending:Wait")])
    assert arrive(host.world, PretendSite(time, ready=9999), WANTED) == ABANDONED
    assert host.group.results == ["ABANDON"]


def test_one_that_does_not_become_ready_is_abandoned_with_the_reason(time: PretendTime) -> None:
    host, site = coming(time, HELD), PretendSite(time, ready=9999)
    assert arrive(host.world, site, WANTED) == ABANDONED
    assert host.group.results == ["ABANDON"]
    assert site.asked == []
    assert "ABANDON: not ready after 180 s: GET /health answered 502" in host.said[-1]


def test_the_hook_hears_of_it_as_long_as_it_lasts(time: PretendTime) -> None:
    host = coming(time, HELD)
    arrive(host.world, PretendSite(time, ready=1120), WANTED)
    pauses = [b - a for a, b in zip(host.group.beats, host.group.beats[1:], strict=False)]
    assert len(pauses) >= 11
    assert max(pauses) < 12


@pytest.mark.parametrize(
    ("why", "states", "hook"),
    [
        ("outside a group", [], ""),
        ("in a group without hooks", [(0.0, "Pending"), (1010.0, "InService")], ""),
        ("it serves already", [(0.0, "InService")], "ours"),
        ("another's hook waits", HELD, "another's"),
    ],
)
def test_a_host_that_no_hook_of_ours_waits_for_does_nothing_and_says_nothing(
    time: PretendTime, why: str, states: list[tuple[float, str]], hook: str
) -> None:
    host, site = coming(time, states, hook), PretendSite(time, ready=0)
    assert arrive(host.world, site, WANTED) == 0
    assert (site.asked, host.group.results, host.said) == ([], [], []), why


def test_a_group_that_begins_to_wait_later_is_waited_for(time: PretendTime) -> None:
    host = coming(time, [(0.0, "Pending"), (1007.0, "Pending:Wait")])
    assert arrive(host.world, PretendSite(time, ready=0), WANTED) == 0
    assert host.group.results == ["CONTINUE"]


def test_an_api_that_is_away_for_a_moment_is_asked_again(
    time: PretendTime, silence: Exception
) -> None:
    host = coming(time, HELD)
    host.group.troubles = [silence, silence, error("Throttling"), silence]
    assert arrive(host.world, PretendSite(time, ready=0), WANTED) == 0
    assert host.group.results == ["CONTINUE"]
    assert "asking again" in host.said[0]


def test_a_role_that_may_not_is_a_fault_and_no_endless_loop(time: PretendTime) -> None:
    host = coming(time, HELD)
    host.group.troubles = [error("AccessDenied", 403)]
    with pytest.raises(Denied, match="autoscaling:DescribeAutoScalingInstances"):
        arrive(host.world, PretendSite(time, ready=0), WANTED)


def test_a_hook_that_gave_up_in_between_is_told_apart(time: PretendTime) -> None:
    host = coming(time, [(0.0, "Pending:Wait"), (1015.0, "Terminating")])
    assert arrive(host.world, PretendSite(time, ready=1019), WANTED) == 0
    assert host.group.results == []
    assert "does not wait any more" in host.said[-1]


def test_metadata_that_is_switched_off_is_no_group_and_no_failure(time: PretendTime) -> None:
    host = coming(time, HELD)
    world = host.world
    world.here = SwitchedOff()
    assert arrive(world, PretendSite(time, ready=0), WANTED) == 0
    assert host.group.results == []
    assert host.said == ["the metadata service at nowhere refuses (403); asking again"]


class SwitchedOff(Here):
    def _get(self, path: str) -> str:
        raise MetadataUnreachable("the metadata service at nowhere refuses (403)")
