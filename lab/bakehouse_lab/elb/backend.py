"""The records of ELBv2, moto's with what moto leaves out: target health, and plain refusals.

moto calls every target healthy, at once and for ever. Here a target has a `Health`, which the
loop moves on (`controller`) and DescribeTargetHealth shows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from moto.elbv2.exceptions import (
    DuplicateLoadBalancerName,
    ELBClientError,
    TargetGroupNotFoundError,
)
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus

from bakehouse_lab.elb import health
from bakehouse_lab.elb.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Key = tuple[str, str]  # (ARN of the target group, id of the target)

# What the lab can put behind a load balancer.
TARGET_TYPES = ("instance", "ip")


class LabELBv2Backend(ELBv2Backend):  # type: ignore[misc]  # moto ships no types
    """moto's backend, with real health. Hold the world's lock while you use it."""

    # moto finds the service's URLs beside its backend's module.
    __module__ = ELBv2Backend.__module__

    def __init__(self, region_name: str, account_id: str) -> None:
        """Begin without records."""
        super().__init__(region_name, account_id)
        self.clock: Callable[[], float] = time.time
        self.health: dict[Key, Health] = {}
        self.leaving: dict[Key, dict[str, Any]] = {}  # draining targets: Id, Port, Ip

    # -- targets

    def register_targets(self, target_group_arn: str, instances: list[dict[str, Any]]) -> None:
        """A target that is registered already stays as it is; one that drains comes back new."""
        super().register_targets(target_group_arn, instances)
        for each in instances:
            key = (target_group_arn, each["Id"])
            if key in self.leaving or key not in self.health:
                self.leaving.pop(key, None)
                self.health[key] = health.registered(self.clock())

    def deregister_targets(self, target_group_arn: str, instances: list[dict[str, Any]]) -> None:
        """Targets that are not registered are passed over, as AWS does."""
        group = self.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError()
        known = [each for each in instances if each["Id"] in group.targets]
        for each in known:
            self._leave(group, each["Id"])
        super().deregister_targets(target_group_arn, known)

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """A terminated instance is deregistered."""
        for arn, group in self.target_groups.items():
            gone = [{"Id": name} for name in instance_ids if name in group.targets]
            self.deregister_targets(arn, gone)

    def _leave(self, group: Any, name: str) -> None:
        key = (group.arn, name)
        if not self._any_listener_using(group.arn):
            self.health.pop(key, None)
            return
        delay = float(group.attributes.get("deregistration_delay.timeout_seconds", 300))
        self.health[key] = health.deregistered(delay, self.clock())
        self.leaving[key] = {**group.targets[name], "Ip": self.address(name)}

    def forget_drained(self, now: float) -> list[str]:
        """Drop the targets whose time is over; returns their ids."""
        over = [key for key in self.leaving if health.over(self.health[key], now)]
        for key in over:
            del self.leaving[key], self.health[key]
        return [name for _, name in over]

    def address(self, name: str) -> str | None:
        """The IP address of a target, which is an instance's id or an address."""
        if not name.startswith("i-"):
            return name
        instance = self.ec2_backend.get_instance_by_id(name)
        return instance.private_ip if instance and instance.nics else None

    # -- what is known of them

    def describe_target_health(
        self, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        """The true states; without `targets`, of those that are registered or still draining."""
        group = self.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError()
        if not targets:
            targets = [*group.targets.values(), *self.draining(group.arn)]
        return [self._status(group, each) for each in targets]

    def draining(self, arn: str) -> list[dict[str, Any]]:
        """The targets of a group that still end their requests."""
        return [target for (group, _), target in self.leaving.items() if group == arn]

    def known(self, group: Any, name: str) -> Health:
        """The health of a target, registered or not."""
        key = (group.arn, name)
        if key in self.leaving:
            return self.health[key]
        if name not in group.targets:
            return health.NOT_REGISTERED
        if not self._any_listener_using(group.arn):
            return health.NOT_IN_USE
        return self._not_running(name) or self.health[key]

    def _not_running(self, name: str) -> Health | None:
        if not name.startswith("i-"):
            return None
        instance = self.ec2_backend.get_instance_by_id(name)
        state = instance.state if instance else "terminated"
        states = {"running": None, "stopped": health.STOPPED, "stopping": health.STOPPED}
        return states.get(state, health.TERMINATED)

    def _status(self, group: Any, target: dict[str, Any]) -> FakeHealthStatus:
        name = target["Id"]
        registered = group.targets.get(name) or self.leaving.get((group.arn, name), {})
        port = target.get("Port") or registered.get("Port") or group.port
        own = group.health_check_port
        known = self.known(group, name)
        return FakeHealthStatus(
            name,
            port,
            str(port) if own in (None, "traffic-port") else own,
            known.state,
            known.reason or None,
            known.description or None,
        )

    # -- load balancers

    def create_load_balancer(self, name: str, *args: Any, **wanted: Any) -> Any:
        """Refuses what the lab cannot run; a load balancer is `active` once it listens."""
        if (kind := wanted.get("loadbalancer_type") or "application") != "application":
            raise _refused(f"it has application load balancers only, not {kind!r}")
        subnets, groups = (
            _argument(args, wanted, 1, "subnet_ids"),
            _argument(args, wanted, 0, "security_groups"),
        )
        if same := next((lb for lb in self.load_balancers.values() if lb.name == name), None):
            if {each.id for each in same.subnets} == set(subnets or ()):
                return same
            raise DuplicateLoadBalancerName()
        balancer = super().create_load_balancer(name, *args, **wanted)
        if len({each.availability_zone for each in balancer.subnets}) < 2:
            del self.load_balancers[balancer.arn]
            raise ELBClientError(
                "ValidationError",
                "At least two subnets in two different Availability Zones must be specified",
            )
        balancer.security_groups = list(groups or self._default_group(balancer.vpc_id))
        balancer.activate = lambda: None  # the loop says when
        return balancer

    def _default_group(self, vpc_id: str) -> Iterator[str]:
        groups = self.ec2_backend.groups[vpc_id].values()
        return (group.id for group in groups if group.name == "default")

    def delete_load_balancer(self, arn: str) -> None:
        """Refused while deletion protection is on, which moto never asks."""
        balancer = self.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise ELBClientError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        super().delete_load_balancer(arn)

    def create_target_group(self, name: str, **wanted: Any) -> Any:
        """Refuses targets that the lab cannot reach."""
        if (kind := wanted.get("target_type") or "instance") not in TARGET_TYPES:
            raise _refused(f"its targets are of the types {TARGET_TYPES}, not {kind!r}")
        return super().create_target_group(name, **wanted)

    def delete_target_group(self, target_group_arn: str) -> Any:
        """Its targets go with it."""
        group = super().delete_target_group(target_group_arn)
        for key in [key for key in self.health if key[0] == target_group_arn]:
            del self.health[key]
            self.leaving.pop(key, None)
        return group

    def describe_target_groups(self, *args: Any, **wanted: Any) -> Any:
        """With the load balancers that use a group now; moto never takes one away."""
        for group in self.target_groups.values():
            group.load_balancer_arns = [
                arn for arn, balancer in self.load_balancers.items() if uses(balancer, group.arn)
            ]
        return super().describe_target_groups(*args, **wanted)

    def _validate_actions(self, actions: list[Any]) -> None:
        for action in actions:
            if str(action.type).startswith("authenticate-"):
                raise _refused(f"it has no {action.type!r} actions")
        super()._validate_actions(actions)


def rules(balancer: Any) -> Iterator[Any]:
    """All rules of all listeners, the default ones too."""
    for listener in balancer.listeners.values():
        yield from listener.rules.values()


def weights(action: Any) -> dict[str, int]:
    """The target groups (ARNs) that a forward action names, with their weights."""
    groups = action.data.get("ForwardConfig", {}).get("TargetGroups")
    if groups:
        return {each["TargetGroupArn"]: int(each.get("Weight", 1)) for each in groups}
    arn = action.data.get("TargetGroupArn")
    return {arn: 1} if arn else {}


def used(balancer: Any) -> dict[str, None]:
    """The target groups (ARNs) that any rule of a balancer names, in order."""
    return dict.fromkeys(
        arn for rule in rules(balancer) for action in rule.actions for arn in weights(action)
    )


def uses(balancer: Any, arn: str) -> bool:
    """Whether a balancer sends requests to a target group."""
    return arn in used(balancer)


def _argument(args: Iterable[Any], wanted: dict[str, Any], place: int, name: str) -> Any:
    return wanted[name] if name in wanted else dict(enumerate(args)).get(place)


def _refused(why: str) -> ELBClientError:
    return ELBClientError("InvalidConfigurationRequest", f"The lab cannot do this: {why}")
