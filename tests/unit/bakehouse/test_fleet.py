"""The rules of replacing hosts: one step at a time, and never below what must serve."""

from __future__ import annotations

import pytest

from bakehouse.fleet.group import Done, Fleet, Host, Resize, Retire, Step, Wait, next_step, retreat

OLD = Host("i-old", "1", "InService")
OLD2 = Host("i-old2", "1", "InService")
SICK = Host("i-sick", "1", "InService", "unhealthy", "Health checks failed")
NEW = Host("i-new", "2", "InService")
NEW2 = Host("i-new2", "2", "InService")
BOOTING = Host("i-boot", "2", "Pending")
FRESH = Host("i-fresh", "2", "InService", "initial")
LEAVING = Host("i-gone", "1", "Terminating")
ASIDE = Host("i-aside", "1", "Standby")


@pytest.mark.parametrize(
    ("rule", "hosts", "desired", "step"),
    [
        ("fill an empty group", [], 0, Resize(2)),
        ("wait for hosts that are to come", [], 2, Wait("0 of 2 hosts are there")),
        ("wait for a host that boots", [NEW, BOOTING], 2, Wait("i-boot is Pending")),
        ("in service is not yet serving", [NEW, FRESH], 2, Wait("i-fresh is initial")),
        ("all new and healthy is the end", [NEW, NEW2], 2, Done()),
        ("wait until the last old host is gone", [NEW, NEW2, LEAVING], 2, Wait(str(LEAVING))),
        ("buy capacity before giving any up", [OLD, OLD2], 2, Resize(3)),
        (
            "wait for what was bought to be launched",
            [OLD, OLD2],
            3,
            Wait("a host is to be launched"),
        ),
        ("wait for it to serve", [OLD, OLD2, FRESH], 3, Wait("i-fresh is initial")),
        ("then let one go", [OLD, OLD2, NEW], 3, Retire(OLD)),
        ("one goes at a time", [OLD2, NEW, LEAVING], 2, Wait(str(LEAVING))),
        ("a sick host goes at once, it serves nobody", [OLD, SICK], 2, Retire(SICK, replace=True)),
        ("a sick host goes before a well one", [OLD, SICK, NEW, NEW2], 4, Retire(SICK)),
        ("a group that is too big shrinks", [NEW, NEW2], 3, Resize(2)),
        ("a host put aside is left alone", [NEW, NEW2, ASIDE], 2, Done()),
        ("a host put aside does not count", [OLD, ASIDE, NEW], 3, Wait("a host is to be launched")),
    ],
)
def test_the_next_step(rule: str, hosts: list[Host], desired: int, step: Step) -> None:
    assert next_step(Fleet(tuple(hosts), "2", wanted=2, desired=desired)) == step, rule


def test_no_step_ever_takes_a_serving_host_while_no_more_than_wanted_serve() -> None:
    kinds = [OLD, SICK, NEW, BOOTING, FRESH, LEAVING]
    fleets = [
        Fleet((a, b, c), "2", wanted=2, desired=desired)
        for a in kinds
        for b in kinds
        for c in kinds
        for desired in (2, 3)
    ]
    for fleet in fleets:
        step = next_step(fleet)
        if isinstance(step, Retire) and step.host.serves:
            assert fleet.serving > fleet.wanted, fleet


def test_a_retreat_takes_back_sick_new_hosts_and_no_old_one() -> None:
    sick = Host("i-new", "2", "InService", "unhealthy")
    assert retreat(Fleet((OLD, SICK, OLD2, sick), "2", wanted=2, desired=3)) == [Retire(sick)]


def test_a_retreat_does_not_make_the_group_smaller_than_wanted() -> None:
    sick = Host("i-new", "2", "InService", "unhealthy")
    assert retreat(Fleet((OLD, sick), "2", wanted=2, desired=2)) == [Retire(sick, replace=True)]
