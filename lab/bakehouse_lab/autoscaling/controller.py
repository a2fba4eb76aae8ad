"""The loop of Auto Scaling: look at each group, decide, write down and act.

All of it is quick and under the world's lock: starting and ending an instance is a record, which
the loop of EC2 follows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import ASG_NAME_TAG
from moto.elbv2.exceptions import TargetGroupNotFoundError

from bakehouse_lab.autoscaling import decide as d
from bakehouse_lab.autoscaling.records import LifecycleAction, Membership, said_at
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.records import LabGroup
    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab")


class Groups:
    """Keeps all Auto Scaling groups of one lab."""

    def __init__(self, lab: Lab) -> None:
        """Make the loop; nothing runs before it is started."""
        self._lab = lab
        self.loop = Loop("autoscaling", self.step)

    def step(self) -> None:
        """Look at every group once, and do what it needs."""
        with self._lab.world.lock:
            backend = self._lab.world.backend("autoscaling")
            changed = [step(backend, name) for name in list(backend.autoscaling_groups)]
        if any(changed):
            self._lab.kick()


def step(backend: LabAutoScalingBackend, name: str) -> bool:
    """Look at a group, decide, act; whether anything was done. One broken group stops no other."""
    group = backend.autoscaling_groups[name]
    try:
        actions = d.decide(*look(backend, group), backend.clock())
        hands = Hands(backend, group)
        for action in actions:
            hands.do(action)
    except Exception:
        log.exception("group %s: this step failed, looking again", name)
        return False
    capacity = sum(each.lifecycle_state in d.CAPACITY for each in group.instance_states)
    if capacity == group.desired_capacity:
        group.reason, group.replacing = "", 0
    return bool(actions)


# -- look


def look(backend: LabAutoScalingBackend, group: LabGroup) -> tuple[d.Group, list[d.Member]]:
    """The group and its instances as `decide` sees them."""
    current = group.version
    members = [_member(backend, group, each, current) for each in group.instance_states]
    return _group(backend, group), members


def _group(backend: LabAutoScalingBackend, group: LabGroup) -> d.Group:
    subnets = [each for each in (group.vpc_zone_identifier or "").split(",") if each]
    places = [(each, backend.ec2_backend.get_subnet(each).availability_zone) for each in subnets]
    return d.Group(
        name=group.name,
        minimum=group.min_size,
        maximum=group.max_size,
        desired=group.desired_capacity,
        places=tuple(places or [("", zone) for zone in group.availability_zones]),
        hooks=tuple(
            d.Hook(
                hook.name,
                hook.lifecycle_transition,
                hook.heartbeat_timeout,
                hook.default_result,
            )
            for hook in backend.describe_lifecycle_hooks(group.name)
        ),
        target_groups=tuple(
            arn for arn in group.target_group_arns if arn in backend.elbv2_backend.target_groups
        ),
        elb_checks="ELB" in (group.health_check_type or ""),
        grace=group.health_check_grace_period or 0,
        policies=tuple(group.termination_policies),
        suspended=frozenset(each["ProcessName"] for each in group.suspended_processes),
        replacing=group.replacing,
        retry_at=group.retry_at,
        deleting=group.deleting,
    )


def _member(
    backend: LabAutoScalingBackend, group: LabGroup, member: Membership, current: Any
) -> d.Member:
    return d.Member(
        id=member.instance_id,
        lifecycle=member.lifecycle_state,
        subnet=member.instance.subnet_id or "",
        zone=member.availability_zone,
        ec2_state=member.instance.state,
        healthy=member.health_status == "Healthy",
        cause=member.cause,
        protected=bool(member.protected_from_scale_in),
        current=member.version is current,
        launched=member.launched,
        in_service=member.in_service,
        waits=tuple(each.wait() for each in member.waits),
        hooked=member.hooked,
        abrupt=member.abrupt,
        registered=frozenset(member.registered),
        targets={
            arn: _target(backend, arn, member.instance_id)
            for arn in {*group.target_group_arns, *member.registered}
        },
    )


def _target(backend: LabAutoScalingBackend, arn: str, instance_id: str) -> str:
    try:
        (health,) = backend.elbv2_backend.describe_target_health(arn, [{"Id": instance_id}])
    except TargetGroupNotFoundError:
        return "unused"
    status: str = health.status
    return status


# -- act


class Hands:
    """Does what was decided for one group."""

    def __init__(self, backend: LabAutoScalingBackend, group: LabGroup) -> None:
        """Act on `group`; hold the world's lock."""
        self._backend, self._group = backend, group
        self._now = backend.clock()
        self._verbs: dict[type, Callable[[Membership, Any], None]] = {
            d.FailLaunch: self._fail,
            d.Await: self._await,
            d.Proceed: self._proceed,
            d.Register: self._register,
            d.Deregister: self._deregister,
            d.EnterService: self._enter_service,
            d.EnterStandby: self._enter_standby,
            d.MarkUnhealthy: self._mark,
            d.BeginTerminate: self._begin_terminate,
            d.Terminate: self._terminate,
            d.Forget: self._forget,
        }

    def do(self, action: d.Action) -> None:
        """Do one thing."""
        if isinstance(action, d.Launch):
            self._launch(action)
        elif isinstance(action, d.DeleteGroup):
            self._backend.drop(self._group)
            log.info("group %s: deleted", self._group.name)
        elif member := self._group.member(action.member):
            self._verbs[type(action)](member, action)

    def _launch(self, action: d.Launch) -> None:
        group = self._group
        if self._now < group.retry_at:
            return  # the one before it, in this same step, failed
        if action.replaces:
            group.replacing -= 1
        activity = group.begin(
            "Launching a new EC2 instance",
            action.cause,
            self._now,
            "" if action.replaces else group.reason,
            Subnet_ID=action.subnet,
            Availability_Zone=action.zone,
        )
        activity.move("PreInService", 30)
        version = group.version
        try:
            instance = start(self._backend, group, version, action)
        except Exception as failed:
            said = getattr(failed, "message", None) or f"{type(failed).__name__}: {failed}"
            log.warning("group %s: not launched: %s", group.name, said)
            activity.end(self._now, "Failed", f"{said}. Launching EC2 instance failed.")
            group.launch_failed(self._now)
            return
        activity.description += f": {instance.id}"
        group.instance_states.append(Membership(instance, group, version, activity))
        log.info("group %s: launched %s in %s", group.name, instance.id, action.zone)

    def _fail(self, member: Membership, _: d.FailLaunch) -> None:
        reason = member.instance.state_reason
        said = reason.message or f"the instance is {member.instance.state}"
        log.warning("group %s: %s did not come up: %s", self._group.name, member.instance_id, said)
        member.activity.end(
            self._now,
            "Failed",
            "Instance became unhealthy while waiting for instance to be in InService state. "
            f"Termination Reason: {said}",
        )
        self._group.launch_failed(self._now)
        if member.instance.state not in d.GONE:
            member.instance.terminate()
        self._remove(member)

    def _await(self, member: Membership, action: d.Await) -> None:
        hooks = self._backend.describe_lifecycle_hooks(self._group.name, list(action.hooks))
        member.waits = [
            LifecycleAction(
                hook.name, hook.heartbeat_timeout, hook.default_result, self._now, self._now
            )
            for hook in hooks
        ]
        member.lifecycle_state = action.lifecycle
        member.activity.move("MidLifecycleAction", 60)

    def _proceed(self, member: Membership, action: d.Proceed) -> None:
        member.lifecycle_state, member.waits = action.lifecycle, []
        member.activity.move("InProgress", 75)

    def _register(self, member: Membership, action: d.Register) -> None:
        target = [{"Id": member.instance_id}]
        self._backend.elbv2_backend.register_targets(action.target_group, target)
        member.registered.add(action.target_group)

    def _deregister(self, member: Membership, action: d.Deregister) -> None:
        if action.target_group in self._backend.elbv2_backend.target_groups:
            target = [{"Id": member.instance_id}]
            self._backend.elbv2_backend.deregister_targets(action.target_group, target)
        member.registered.discard(action.target_group)
        member.activity.move("WaitingForELBConnectionDraining", 50)

    def _enter_service(self, member: Membership, _: d.EnterService) -> None:
        member.lifecycle_state, member.in_service = d.IN_SERVICE, self._now
        member.activity.end(self._now)
        self._group.failures = 0
        log.info("group %s: %s is in service", self._group.name, member.instance_id)

    def _enter_standby(self, member: Membership, _: d.EnterStandby) -> None:
        member.lifecycle_state = d.STANDBY
        member.activity.end(self._now)

    def _mark(self, member: Membership, action: d.MarkUnhealthy) -> None:
        member.health_status, member.cause = "Unhealthy", action.cause
        log.info("group %s: %s is unhealthy", self._group.name, member.instance_id)

    def _begin_terminate(self, member: Membership, action: d.BeginTerminate) -> None:
        cause, because = action.cause, ""
        if action.replace:
            self._group.replacing += 1
        elif action.surplus:
            because = self._group.reason
            cause += (
                f"  At {said_at(self._now)} instance {member.instance_id} was selected for "
                "termination."
            )
        self._backend.take_out(self._group, member, cause, because)
        log.info("group %s: ends %s: %s", self._group.name, member.instance_id, action.cause)

    def _terminate(self, member: Membership, _: d.Terminate) -> None:
        # Termination protection is for people: on AWS it does not hold up a group either.
        member.instance.terminate()

    def _forget(self, member: Membership, _: d.Forget) -> None:
        member.activity.end(self._now)
        if member.lifecycle_state == d.DETACHING:
            tag = {ASG_NAME_TAG: self._group.name}
            self._backend.ec2_backend.delete_tags([member.instance_id], tag)
            del member.instance.autoscaling_group
        self._remove(member)

    def _remove(self, member: Membership) -> None:
        self._group.instance_states = [
            each for each in self._group.instance_states if each is not member
        ]


def start(backend: LabAutoScalingBackend, group: LabGroup, version: Any, action: d.Launch) -> Any:
    """Write a new EC2 instance down, from the template's right version; raises when AWS would."""
    tags = {ASG_NAME_TAG: group.name, **group.instance_tags, **group.get_propagated_tags()}
    template = version and {
        "LaunchTemplateId": version.template.id,
        "Version": str(version.number),
    }
    reservation = backend.ec2_backend.run_instances(
        group.image_id,
        1,
        group.user_data,
        group.security_groups,
        instance_type=group.instance_type,
        is_instance_type_default=not group.instance_type,
        tags={"instance": tags},
        region_name=group.region,
        placement=None if action.subnet else action.zone,
        subnet_id=action.subnet or None,
        launch_template=template or {},
        launch_config=group.launch_config,
        associate_public_ip=None,
        **_from_launch_configuration(group),
    )
    return reservation.instances[0]


def _from_launch_configuration(group: LabGroup) -> dict[str, Any]:
    if group.launch_config is None or group.ec2_launch_template is not None:
        return {}
    said = {"key_name": group.launch_config.key_name}
    return {name: value for name, value in said.items() if value}
