"""A pretended instance of a pretended group: its time, its pages, its units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lifecycle.asg import Here, Scaling
from lifecycle.site import Site
from lifecycle.units import Unit, Units
from lifecycle.world import World
from runtime_env.metadata import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

ME = "i-0f00"


class PretendTime:
    """Sleeping makes it later at once, and what was to happen by then happens."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation"
    )


@dataclass
class PretendGroup:
    """Auto Scaling, as boto3 shows it: one group, this instance, and perhaps a hook that waits."""

    time: PretendTime
    states: list[tuple[float, str]]  # from when on, what state; empty outside a group
    hook: str = ""  # the one that waits, in a state that ends with :Wait
    timeout: float = 60
    results: list[str] = field(default_factory=list)
    completed: list[float] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)  # raised first, one a call
    calls: int = 0
    known: float = float("inf")  # when the metadata says that it is taken from its pool

    @property
    def state(self) -> str:
        return ([""] + [state for since, state in self.states if since <= self.time.now])[-1]

    def client(self, service: str) -> PretendGroup:
        assert service == "autoscaling"
        return self

    def _called(self) -> None:
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)

    def _waiting(self, hook: str) -> None:
        self._called()
        if hook != self.hook or not self.state.endswith(":Wait") or self._answered():
            raise error("ValidationError")

    def _answered(self) -> bool:
        """Whether the wait of this state has been answered already."""
        return bool(self.completed) and self.completed[-1] >= self._since

    @property
    def _since(self) -> float:
        """From when on it is in this state."""
        return max(since for since, _ in self.states if since <= self.time.now)

    def describe_auto_scaling_instances(self, **said: Sequence[str]) -> dict[str, Any]:
        self._called()
        assert said == {"InstanceIds": [ME]}
        found = [{"AutoScalingGroupName": "web", "LifecycleState": self.state}]
        return {"AutoScalingInstances": found if self.state else []}

    def record_lifecycle_action_heartbeat(self, **said: str) -> dict[str, Any]:
        assert (said["AutoScalingGroupName"], said["InstanceId"]) == ("web", ME)
        self._waiting(said["LifecycleHookName"])
        if self.beats and self.time.now - max(self.beats[-1], self._since) > self.timeout:
            raise error("ValidationError")
        self.beats.append(self.time.now)
        return {"ResponseMetadata": {}}

    def complete_lifecycle_action(self, **said: str) -> dict[str, Any]:
        self._waiting(said["LifecycleHookName"])
        self.results.append(said["LifecycleActionResult"])
        self.completed.append(self.time.now)
        return {"ResponseMetadata": {}}


class PretendHere(Here):
    """The metadata service: where Auto Scaling takes this instance, by what state it is in."""

    def __init__(self, group: PretendGroup) -> None:
        self._group = group

    def target(self) -> str:
        state = self._group.state
        if state.startswith("Warmed:Terminating"):
            return "Terminated"
        if state.startswith("Warmed") and self._group.time.now >= self._group.known:
            return "InService"
        targets = {
            "": "",
            "Pending": "InService",
            "InService": "InService",
            "Warmed": "Warmed:Stopped",
        }
        return targets.get(state.split(":")[0], "Terminated")

    def identity(self) -> Identity:
        return Identity(ME, "ami-0f00", "us-east-1a", "us-east-1")


@dataclass
class PretendSite(Site):
    """Answers from some moment on."""

    time: PretendTime
    ready: float
    asked: list[tuple[str, int]] = field(default_factory=list)

    def trouble(self, path: str) -> str:
        return "" if self.time.now >= self.ready else f"GET {path} answered 502"

    def warm(self, paths: Sequence[str], times: int) -> str:
        assert self.time.now >= self.ready
        self.asked += [(path, times) for path in paths]
        return f"{times} times 200"


@dataclass
class PretendSystemd:
    """Units that take so many seconds to end when they are told to, or by themselves."""

    time: PretendTime
    takes: dict[str, float]
    alone: dict[str, float] = field(default_factory=dict)  # ends then, told or not
    told: dict[str, float] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)

    def __call__(self, verb: str, *words: str) -> str:
        if verb == "show":
            return "\n\n".join(map(self._shown, words[1:]))
        names = [word for word in words if not word.startswith("--")]
        if verb == "kill":
            self.killed += names
        else:
            self.told |= dict.fromkeys(names, self.time.now)
        return ""

    def _shown(self, name: str) -> str:
        unit = self._unit(name)
        return f"Id={unit.name}\nActiveState={unit.state}\nResult={unit.result}"

    def _unit(self, name: str) -> Unit:
        if name in self.killed:
            return Unit(name, "failed", "signal")
        end = self.alone.get(name, self.told.get(name, float("inf")) + self.takes.get(name, 0))
        return Unit(name, "inactive" if self.time.now >= end else "active", "success")


@pytest.fixture
def time() -> PretendTime:
    return PretendTime()


@dataclass
class Instance:
    """All of it together; `said` is the journal."""

    time: PretendTime
    group: PretendGroup
    said: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return World(
            PretendHere(self.group),
            lambda here: Scaling(self.group.client, here.identity().instance),
            self.time.clock,
            self.time.sleep,
            self.said.append,
        )

    def systemd(self, takes: dict[str, float], alone: dict[str, float] | None = None) -> Units:
        self.units = PretendSystemd(self.time, takes, alone or {})
        return Units(list(takes), list(alone or {}), self.units)


@pytest.fixture
def silence() -> Exception:
    trouble: Exception = EndpointConnectionError(endpoint_url="https://autoscaling.example")
    return trouble
