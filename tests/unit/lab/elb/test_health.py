import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse_lab.elb import health
from bakehouse_lab.elb.health import Check, Health, Outcome

CHECK = Check(interval=10, healthy_threshold=3, unhealthy_threshold=2)
BAD = Outcome("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")


def after(outcomes: str, start: Health | None = None, every: float = 10) -> Health:
    """The health after looks that found it well (+) or not (-), `every` seconds apart."""
    known, now = start or health.registered(0), 0.0
    for outcome in outcomes:
        known = health.looked(known, health.PASSED if outcome == "+" else BAD, CHECK, now)
        now += every
    return known


@pytest.mark.parametrize(
    ("reason", "looks", "state", "code"),
    [
        ("nobody has looked yet", "", "initial", "Elb.RegistrationInProgress"),
        ("one failure is not enough", "-", "initial", "Elb.InitialHealthChecking"),
        ("one success is enough for a new target", "+", "healthy", ""),
        ("a new target may need time", "-+", "healthy", ""),
        ("the threshold of failures", "--", "unhealthy", "Target.ResponseCodeMismatch"),
        ("one failure is forgiven", "+-", "healthy", ""),
        ("failures count in a row only", "+-+-", "healthy", ""),
        ("a healthy one falls at the threshold", "+--", "unhealthy", "Target.ResponseCodeMismatch"),
        ("a fallen one must earn it", "--++", "unhealthy", "Target.ResponseCodeMismatch"),
        ("three successes in a row earn it", "--+++", "healthy", ""),
        ("successes count in a row only", "--++-++", "unhealthy", "Target.ResponseCodeMismatch"),
    ],
)
def test_the_looks_decide_the_state(reason: str, looks: str, state: str, code: str) -> None:
    known = after(looks)
    assert (known.state, known.reason) == (state, code), reason


def test_a_new_target_is_looked_at_every_second_until_it_answers() -> None:
    assert after("-").due == health.EAGER_SECONDS
    assert after("+").due == CHECK.interval


def test_eager_looks_do_not_make_a_booting_target_unhealthy_sooner() -> None:
    assert after("---------", every=1).state == "initial"
    assert after("-----------", every=1).state == "unhealthy"


def test_an_unhealthy_target_says_what_its_last_failure_was() -> None:
    assert after("--").description == "Health checks failed with these codes: [500]"


def test_a_draining_target_stays_draining_until_its_time_is_over() -> None:
    draining = health.deregistered(20, now=100)
    assert after("+++", draining) == draining
    assert not health.over(draining, 119.9)
    assert health.over(draining, 120)


@given(st.text(alphabet="+-", max_size=30))
def test_whatever_happens_a_target_with_a_state_has_the_reasons_of_that_state(looks: str) -> None:
    known = after(looks)
    reasons = {
        "initial": {"Elb.RegistrationInProgress", "Elb.InitialHealthChecking"},
        "healthy": {""},
        "unhealthy": {"Target.ResponseCodeMismatch"},
    }
    assert known.reason in reasons[known.state]


@given(st.text(alphabet="+-", min_size=1, max_size=30))
def test_no_target_is_healthy_that_never_answered_well(looks: str) -> None:
    assert after(looks).state != "healthy" or "+" in looks


@pytest.mark.parametrize(
    ("code", "matcher", "well"),
    [
        (200, "200", True),
        (201, "200", False),
        (302, "200,302", True),
        (399, "200-399", True),
        (400, "200-399", False),
        (204, "200-299,302", True),
    ],
)
def test_the_matcher_knows_codes_lists_and_ranges(code: int, matcher: str, well: bool) -> None:
    assert health.answered(code, matcher).passed is well


def a(state: str) -> Health:
    return Health(state)


@pytest.mark.parametrize(
    ("reason", "states", "modes"),
    [
        ("the healthy serve", ["healthy", "unhealthy"], ["ready", "maint"]),
        ("no traffic before the first look", ["healthy", "initial"], ["ready", "maint"]),
        ("a new target alone gets none either", ["initial"], ["maint"]),
        ("all ill: fail open", ["unhealthy", "unhealthy"], ["ready", "ready"]),
        ("fail open leaves new ones alone", ["unhealthy", "initial"], ["ready", "maint"]),
        ("draining ends what it has", ["healthy", "draining"], ["ready", "drain"]),
        ("draining is no fail-open", ["unhealthy", "draining"], ["ready", "drain"]),
        ("a stopped host gets none", ["unused"], ["maint"]),
    ],
)
def test_who_gets_requests(reason: str, states: list[str], modes: list[str]) -> None:
    targets = {str(place): a(state) for place, state in enumerate(states)}
    assert list(health.modes(targets).values()) == modes, reason
