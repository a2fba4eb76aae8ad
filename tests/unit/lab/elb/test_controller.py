"""What the loop of ELB believes of its containers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bakehouse_lab.elb.controller import Balancers, _Held
from bakehouse_lab.elb.haproxy import Haproxy
from bakehouse_lab.podman import Seen

if TYPE_CHECKING:
    from bakehouse_lab.lab import Lab

ARN = "arn:aws:elasticloadbalancing:web"


@pytest.fixture
def held(desk: Lab) -> _Held:
    return _Held(SimpleNamespace(arn=ARN), None, "10.0.0.4", Haproxy(desk, "web"), 0)


def test_a_start_that_ends_while_containers_are_listed_is_believed(desk: Lab, held: _Held) -> None:
    balancers = Balancers(desk, _held={ARN: held})
    started = Seen(held.haproxy.container, "balancer", ARN, "running", 1, 0, "", "", {})

    def listed_too_early(kind: str) -> list[Seen]:
        held.seen = started
        return []

    desk.podman = cast("Any", SimpleNamespace(list=listed_too_early))
    desk.errands.run(held.haproxy.container, balancers._look_around, then=lambda: None)
    assert held.seen is started
