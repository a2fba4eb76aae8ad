"""What is done at each look at a refresh, what AWS is told at first, and what is told to people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from bakehouse.aws import AwsUnreachable
from bakehouse.fleet.account import Group
from bakehouse.fleet.group import Fleet, Host
from bakehouse.refresh.canary import Allowed, Traffic, canaries, share, standing, worse
from bakehouse.refresh.chronicle import Chronicle, bar
from bakehouse.refresh.contact import Contact
from bakehouse.refresh.rolling import ENDS, Order, Refresh, Seen, boot_of, preferences, waves
from bakehouse.refresh.watch import (
    Limits,
    Over,
    Step,
    Trial,
    TurnBack,
    Wait,
    Watch,
    is_near,
    next_step,
)

GROUP = Group("web", "lt-1", "3", False, "ami-old", 2, 2, 4, ("arn:tg",))
OLD = (Host("i-1", "3", "InService"), Host("i-2", "3", "InService"))
NEW = Host("i-3", "4", "InService")
ILL = Host("i-3", "4", "InService", "unhealthy", "Health checks failed with these codes: [503]")
BOOTING = Host("i-3", "4", "Pending")
REFRESH = Refresh("r-1", "InProgress", "4", "ami-new", checkpoints=(50, 100))
PLAIN = replace(REFRESH, checkpoints=())


def seen(refresh: Refresh, *hosts: Host, at: float = 0) -> Seen:
    return Seen(refresh, Fleet(hosts, "4", 2, 2), at)


def status(name: str) -> Refresh:
    return replace(REFRESH, status=name)


SERVED = Trial(served=frozenset({"i-3"}))
LONG = Trial(idle=901)
GOOD, BAD = Traffic(1000, 1, 0.1), Traffic(1000, 100, 0.1)
WORSE = Trial(served=frozenset({"i-3"}), old=GOOD, new=BAD, counted=True)
ALIKE = Trial(served=frozenset({"i-3"}), old=GOOD, new=GOOD, counted=True)
BLIND = Trial(served=frozenset({"i-3"}), counted=True)

STEPS = [
    ("a host boots", seen(REFRESH, *OLD, BOOTING), Trial(), Wait),
    ("a canary serves", seen(REFRESH, *OLD, NEW), SERVED, Wait),
    ("a canary was never well yet", seen(REFRESH, *OLD, ILL), Trial(), Wait),
    ("a canary fell ill", seen(REFRESH, *OLD, ILL), SERVED, TurnBack),
    ("a canary answers worse", seen(REFRESH, *OLD, NEW), WORSE, TurnBack),
    ("a canary answers as they do", seen(REFRESH, *OLD, NEW), ALIKE, Wait),
    ("nobody counts", seen(REFRESH, *OLD, NEW), BLIND, Wait),
    ("no canary was asked for", seen(PLAIN, *OLD, ILL), SERVED, Wait),
    ("new hosts do not come to serve", seen(PLAIN, *OLD, ILL), LONG, TurnBack),
    ("no host is launched", seen(PLAIN, *OLD), LONG, TurnBack),
    ("a long rest at a checkpoint", seen(REFRESH, *OLD, NEW), LONG, Wait),
    ("it is turned round already", seen(status("RollbackInProgress"), *OLD, ILL), LONG, Wait),
    ("it is being stopped", seen(status("Cancelling"), *OLD, ILL), LONG, Wait),
    ("a state that nobody knows yet", seen(status("Musing"), *OLD, ILL), LONG, Wait),
    *((f"it is {end}", seen(status(end), *OLD), LONG, Over) for end in ENDS),
]


@pytest.mark.parametrize(("case", "look", "trial", "step"), STEPS)
def test_the_step_at_each_look(case: str, look: Seen, trial: Trial, step: type[Step]) -> None:
    assert isinstance(next_step(look, trial, Limits()), step), case


def test_turning_back_names_the_host_and_what_the_balancer_says() -> None:
    step = next_step(seen(PLAIN, *OLD, ILL), LONG, Limits())
    assert isinstance(step, TurnBack)
    assert "i-3 is unhealthy (Health checks failed with these codes: [503])" in step.why


def test_each_end_has_an_exit_status_of_its_own() -> None:
    assert len(set(ENDS.values())) == len(ENDS)
    assert [end for end, status in ENDS.items() if status == 0] == ["Successful"]
    assert not {1, 2, 7, 8, 130} & set(ENDS.values())


class Late:
    """A group whose hosts are ill; what is done to its refresh is seen a look too late."""

    def __init__(self) -> None:
        ill = seen(PLAIN, *OLD, ILL)
        over = seen(replace(PLAIN, status="RollbackSuccessful"), *OLD)
        self.looks, self.asked = [ill, replace(ill, at=901), replace(ill, at=903), over], 0

    def look(self, group: Group, id: str) -> Seen:
        return self.looks.pop(0)

    def roll_back(self, group: Group) -> None:
        self.asked += 1

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody needs {name}")


def test_it_is_turned_round_once_however_late_that_is_seen() -> None:
    late, told = Late(), list[Step]()
    contact = Contact(60, lambda: 0.0, lambda seconds: None)
    watch = Watch(late, GROUP, contact, Limits(), lambda look, step: told.append(step))
    assert watch.until_over("r-1").refresh.status == "RollbackSuccessful"
    assert late.asked == 1
    assert [type(step) for step in told] == [Wait, TurnBack, TurnBack, Over]


# -- how often it is looked


FOUR = replace(PLAIN, told={"InstanceWarmup": 30})
NEWER = replace(NEW, id="i-4")
NEARNESS = [
    ("both have warmed up", FOUR, (NEW, NEWER), 42, True),
    ("so far the old ones stand beside them", FOUR, (*OLD, NEW, NEWER), 42, True),
    ("the last one has not yet", FOUR, (NEW, NEWER), 35, False),
    ("one is still to come", FOUR, (*OLD, NEW), 31, False),
    ("one boots", FOUR, (*OLD, NEW, replace(BOOTING, id="i-4")), 42, False),
    ("one serves no more", FOUR, (NEW, replace(ILL, id="i-4")), 42, False),
    ("it goes backwards", replace(FOUR, status="RollbackInProgress"), (NEW, NEWER), 42, False),
    ("all hosts are watched for a while", replace(FOUR, status="Baking"), (NEW, NEWER), 42, False),
    ("the end is long overdue", FOUR, (NEW, NEWER), 60, False),
    ("the group has no hosts", FOUR, (), 42, False),
]


@pytest.mark.parametrize(("case", "refresh", "hosts", "at", "near"), NEARNESS)
def test_the_end_is_near_when_the_last_host_has_warmed_up(
    case: str, refresh: Refresh, hosts: tuple[Host, ...], at: float, near: bool
) -> None:
    look = Seen(refresh, Fleet(hosts, "4", len(hosts) and 2, 2), at)
    assert is_near(look, {"i-3": 0, "i-4": 10}) is near, case


class Punctual(Late):
    """A group whose new hosts serve from the first look on, and have warmed up 30 s later."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.waits = 0.0, list[float]()

    def look(self, group: Group, id: str) -> Seen:
        refresh = replace(FOUR, status="Successful" if self.now >= 29.3 else "InProgress")
        return seen(refresh, NEW, NEWER, at=self.now)

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_the_end_is_seen_sooner_than_all_else() -> None:
    group = Punctual()
    contact = Contact(60, lambda: group.now, group.pause)
    Watch(group, GROUP, contact, Limits(), lambda look, step: None).until_over("r-1")
    assert group.now == 29.5
    assert group.waits == [2] * 14 + [0.5] * 3


def test_a_silent_aws_is_asked_ever_less_often_and_given_up_in_the_end() -> None:
    waits: list[float] = []

    def silent() -> None:
        try:
            raise ReadTimeoutError(endpoint_url="https://autoscaling")
        except ReadTimeoutError as error:
            raise AwsUnreachable("AWS does not answer") from error

    contact = Contact(60, lambda: sum(waits), waits.append)
    with pytest.raises(AwsUnreachable):
        contact.ask(silent)
    assert waits == [1, 2, 4, 8, 15, 15, 15]


# -- the canary


@pytest.mark.parametrize(
    ("case", "look", "who"),
    [
        ("the first new one", seen(REFRESH, *OLD, NEW), ["i-3"]),
        ("past the checkpoint", seen(REFRESH, NEW, replace(NEW, id="i-4")), []),
        ("none was asked for", seen(PLAIN, *OLD, NEW), []),
        ("it is turned round", seen(status("RollbackInProgress"), *OLD, NEW), []),
    ],
)
def test_who_is_on_trial(case: str, look: Seen, who: list[str]) -> None:
    assert [host.id for host in canaries(look)] == who, case


FAST, SLOW = Traffic(1000, 0, 0.020), Traffic(1000, 0, 0.200)


@pytest.mark.parametrize(
    ("case", "old", "new", "why"),
    [
        ("as well as they", GOOD, GOOD, ""),
        ("two percent more errors", GOOD, Traffic(1000, 21, 0.1), "more errors"),
        ("half a percent more", GOOD, Traffic(1000, 6, 0.1), ""),
        ("fewer errors", BAD, GOOD, ""),
        ("ten times as slow", FAST, SLOW, "more slowly"),
        ("a fast page may double", FAST, replace(FAST, latency=0.060), ""),
        ("too few requests to say", GOOD, Traffic(99, 99, 9), ""),
    ],
)
def test_what_is_worse(case: str, old: Traffic, new: Traffic, why: str) -> None:
    said = worse(old, new, Allowed())
    assert why in said, case
    assert bool(said) is bool(why), case


def test_errors_that_the_old_hosts_made_before_are_not_the_canary_s() -> None:
    noisy = Traffic(1000, 50, 0.1)
    assert share(noisy, noisy, 1, 2).error_rate == pytest.approx(0.05)
    assert worse(noisy, share(noisy, noisy, 1, 2), Allowed()) == ""


def test_what_the_judgement_rests_on_is_said() -> None:
    assert "target health alone" in standing(None, None, Allowed())
    assert "7 of the 100 requests" in standing(GOOD, Traffic(7, 0, 0), Allowed())
    assert standing(GOOD, BAD, Allowed()) == (
        "canary 10.0 % errors, 100 ms; old hosts 0.1 % errors, 100 ms"
    )


# -- what AWS is told


def test_aws_is_told_to_launch_first_and_to_put_back_what_fails() -> None:
    told = preferences(Order(), 2, 2)
    assert (told["MinHealthyPercentage"], told["MaxHealthyPercentage"]) == (100, 200)
    assert told["AutoRollback"] is True
    assert "CheckpointPercentages" not in told
    assert "AlarmSpecification" not in told


@pytest.mark.parametrize(
    ("case", "order", "desired", "wanted"),
    [
        (
            "a canary is the first checkpoint",
            Order(canary=60),
            4,
            {"CheckpointPercentages": [25, 100], "CheckpointDelay": 60, "BakeTime": 0},
        ),
        ("the only host is the canary", Order(canary=60, bake=10), 1, {"BakeTime": 60}),
        ("alarms", Order(alarms=("a",)), 2, {"AlarmSpecification": {"Alarms": ["a"]}}),
    ],
)
def test_preferences(case: str, order: Order, desired: int, wanted: dict[str, Any]) -> None:
    assert wanted.items() <= preferences(order, desired, 1).items(), case


def test_a_group_of_one_has_no_checkpoint() -> None:
    assert "CheckpointPercentages" not in preferences(Order(canary=60), 1, 1)


@pytest.mark.parametrize("left", range(12))
@pytest.mark.parametrize("at_once", [1, 2, 5])
@pytest.mark.parametrize("canary", [0, 60])
def test_waves_replace_everybody_and_no_wave_is_too_large(
    left: int, at_once: int, canary: int
) -> None:
    sizes = waves(Order(canary=canary), left, at_once)
    assert sum(sizes) == left
    assert all(1 <= size <= at_once for size in sizes)


TOLD = {"MaxHealthyPercentage": 200, "InstanceWarmup": 30}
WELL = Refresh("r-1", "Successful", began=1000.0, ended=1100.0, told=TOLD)
CANARY = {**TOLD, "CheckpointDelay": 300}


@pytest.mark.parametrize(
    ("case", "refresh", "boot"),
    [
        ("one wave of 100 s, of which 30 to warm up", WELL, 70),
        ("two waves and a rest", replace(WELL, checkpoints=(50, 100), told=CANARY, ended=1500), 70),
        ("a bake time", replace(WELL, told={**TOLD, "BakeTime": 20}), 50),
        ("one that replaced nobody", replace(WELL, ended=1001), None),
        ("one that was rolled back", replace(WELL, status="RollbackSuccessful"), None),
        ("one that is under way", replace(WELL, status="InProgress", ended=None), None),
    ],
)
def test_what_a_refresh_tells_of_the_next_one(
    case: str, refresh: Refresh, boot: float | None
) -> None:
    assert boot_of(refresh, 2, 10) == boot, case


# -- what is told


def events(*looks: tuple[Seen, Step]) -> list[list[str]]:
    chronicle = Chronicle()
    return [[event.words for event in chronicle.hear(look, step)] for look, step in looks]


def test_each_host_s_life_is_told_once() -> None:
    told = events(
        (seen(PLAIN, *OLD, at=0), Wait()),
        (seen(PLAIN, *OLD, BOOTING, at=2), Wait()),
        (seen(PLAIN, *OLD, BOOTING, at=4), Wait()),
        (seen(PLAIN, *OLD, NEW, at=14), Wait()),
        (seen(PLAIN, replace(OLD[0], lifecycle="Terminating"), OLD[1], NEW, at=16), Wait()),
        (seen(PLAIN, OLD[1], NEW, at=36), Wait()),
    )
    assert told == [
        ["Replacing hosts"],
        ["i-3 launched, of version 4"],
        [],
        ["i-3 serves, after 12.0 s"],
        ["i-1 leaves: Terminating"],
        ["i-1 is gone"],
    ]


def test_who_looks_late_is_told_of_the_new_hosts_and_not_of_the_old() -> None:
    assert events((seen(PLAIN, *OLD, NEW), Wait())) == [
        ["Replacing hosts", "i-3 launched, of version 4"]
    ]


def test_too_few_hosts_and_why_it_is_turned_back_are_told() -> None:
    told = events(
        (seen(PLAIN, *OLD), Wait()),
        (seen(PLAIN, OLD[0], replace(OLD[1], target="unhealthy")), TurnBack("so")),
    )
    assert told[1] == [
        "i-2 is unhealthy and served before",
        "only 1 of 2 hosts serve",
        "Asking AWS to roll back: so",
    ]


def test_a_rollback_says_why_in_aws_s_words() -> None:
    turned = replace(PLAIN, status="RollbackInProgress", turned="The alarm rang.")
    assert events((seen(turned, *OLD), Wait())) == [["Rolling back: The alarm rang."]]


def test_one_line_shows_new_coming_and_old() -> None:
    fleet = Fleet((*OLD, NEW, replace(BOOTING, id="i-4")), "4", 4, 4)
    said = bar(Seen(replace(PLAIN, reason="Wait. For example: i-4 is warming up."), fleet, 0))
    assert said == "■▣□□ 1 of 4 new, 3 serve; i-4 is warming up"
