"""Does what was decided for a group: EC2 instances, target groups, activities."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import ASG_NAME_TAG

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.notices import announce
from bakehouse_lab.autoscaling.records import LifecycleAction, Membership, said_at
from bakehouse_lab.autoscaling.warm_pool.act import Keeper
from bakehouse_lab.autoscaling.warm_pool.model import WARMED, DropPool, WarmUp

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.records import LabGroup

log = logging.getLogger("bakehouse_lab")


class Hands:
    """Does what was decided for one group."""

    def __init__(self, backend: LabAutoScalingBackend, group: LabGroup) -> None:
        """Act on `group`; hold the world's lock."""
        self._backend, self._group = backend, group
        self._now = backend.clock()
        self._keeper = Keeper(group, self._now)
        self._verbs: dict[type, Callable[[Membership, Any], None]] = {
            m.FailLaunch: self._fail,
            m.Await: self._await,
            m.Proceed: self._proceed,
            m.Register: self._register,
            m.Deregister: self._deregister,
            m.EnterService: self._enter_service,
            m.EnterStandby: self._enter_standby,
            m.MarkUnhealthy: self._mark,
            m.BeginTerminate: self._begin_terminate,
            m.Terminate: self._terminate,
            m.Forget: self._forget,
            **self._keeper.verbs,
        }

    def do(self, action: m.Action) -> None:
        """Do one thing."""
        if isinstance(action, m.Launch):
            self._launch(action)
        elif isinstance(action, WarmUp):
            self._warm_up(action)
        elif isinstance(action, DropPool):
            self._keeper.drop()
        elif isinstance(action, m.DeleteGroup):
            self._backend.drop(self._group)
            log.info("group %s: deleted", self._group.name)
        elif member := self._group.member(action.member):
            self._verbs[type(action)](member, action)

    def _launch(self, action: m.Launch) -> None:
        group = self._group
        if self._now < group.retry_at:
            return  # the one before it, in this same step, failed
        group.replacing -= action.replaces
        group.renewing -= action.renews
        because = "" if action.replaces or action.renews else group.reason
        self._start(action, "Launching a new EC2 instance", because)

    def _warm_up(self, action: WarmUp) -> None:
        if self._now < self._group.retry_at:
            return
        member = self._start(action, "Launching a new EC2 instance into warm pool")
        if member:
            member.lifecycle_state = WARMED + m.PENDING

    def _start(self, action: m.Launch | WarmUp, what: str, because: str = "") -> Membership | None:
        """A new member; None when AWS would not start it, of which its activity tells."""
        group = self._group
        place = {"Subnet_ID": action.subnet, "Availability_Zone": action.zone}
        activity = group.begin(what, action.cause, self._now, because, **place)
        activity.move("PreInService", 30)
        version, refresh = group.next_version, group.refresh
        try:
            instance = start(self._backend, group, version, action)
        except Exception as failed:
            said = getattr(failed, "message", None) or f"{type(failed).__name__}: {failed}"
            log.warning("group %s: not launched: %s", group.name, said)
            activity.end(self._now, "Failed", f"{said}. Launching EC2 instance failed.")
            group.launch_failed(self._now)
            return None
        activity.description += f": {instance.id}"
        member = Membership(instance, group, version, activity)
        member.refresh = refresh.id if refresh and refresh.forward else ""
        group.instance_states.append(member)
        log.info("group %s: launched %s in %s", group.name, instance.id, action.zone)
        return member

    def _fail(self, member: Membership, _: m.FailLaunch) -> None:
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
        if member.instance.state not in m.GONE:
            member.instance.terminate()
        self._remove(member)

    def _await(self, member: Membership, action: m.Await) -> None:
        hooks = self._backend.describe_lifecycle_hooks(self._group.name, list(action.hooks))
        member.waits = [
            LifecycleAction(
                hook.name, hook.heartbeat_timeout, hook.default_result, self._now, self._now
            )
            for hook in hooks
        ]
        member.lifecycle_state = action.lifecycle
        member.activity.move("MidLifecycleAction", 60)
        for hook, wait in zip(hooks, member.waits, strict=True):
            announce(self._backend, member, hook, wait)

    def _proceed(self, member: Membership, action: m.Proceed) -> None:
        member.lifecycle_state, member.waits = action.lifecycle, []
        member.activity.move("InProgress", 75)

    def _register(self, member: Membership, action: m.Register) -> None:
        target = [{"Id": member.instance_id}]
        self._backend.elbv2_backend.register_targets(action.target_group, target)
        member.registered.add(action.target_group)

    def _deregister(self, member: Membership, action: m.Deregister) -> None:
        if action.target_group in self._backend.elbv2_backend.target_groups:
            target = [{"Id": member.instance_id}]
            self._backend.elbv2_backend.deregister_targets(action.target_group, target)
        member.registered.discard(action.target_group)
        member.activity.move("WaitingForELBConnectionDraining", 50)

    def _enter_service(self, member: Membership, _: m.EnterService) -> None:
        member.lifecycle_state, member.in_service = m.IN_SERVICE, self._now
        member.activity.end(self._now)
        self._group.failures = 0
        log.info("group %s: %s is in service", self._group.name, member.instance_id)

    def _enter_standby(self, member: Membership, _: m.EnterStandby) -> None:
        member.lifecycle_state = m.STANDBY
        member.activity.end(self._now)

    def _mark(self, member: Membership, action: m.MarkUnhealthy) -> None:
        member.health_status, member.cause = "Unhealthy", action.cause
        log.info("group %s: %s is unhealthy", self._group.name, member.instance_id)

    def _begin_terminate(self, member: Membership, action: m.BeginTerminate) -> None:
        cause, because = action.cause, ""
        self._group.replacing += action.replace
        self._group.renewing += action.renew
        if action.chosen:
            because = "" if action.renew else self._group.reason
            cause += (
                f"  At {said_at(self._now)} instance {member.instance_id} was selected for "
                "termination."
            )
        self._backend.take_out(self._group, member, cause, because)
        log.info("group %s: ends %s: %s", self._group.name, member.instance_id, action.cause)

    def _terminate(self, member: Membership, _: m.Terminate) -> None:
        # Termination protection is for people: on AWS it does not hold up a group either.
        member.instance.terminate()

    def _forget(self, member: Membership, _: m.Forget) -> None:
        member.activity.end(self._now)
        if member.lifecycle_state == m.DETACHING:
            tag = {ASG_NAME_TAG: self._group.name}
            self._backend.ec2_backend.delete_tags([member.instance_id], tag)
            del member.instance.autoscaling_group
        self._remove(member)

    def _remove(self, member: Membership) -> None:
        self._group.instance_states = [
            each for each in self._group.instance_states if each is not member
        ]


def start(
    backend: LabAutoScalingBackend, group: LabGroup, version: Any, action: m.Launch | WarmUp
) -> Any:
    """Write a new EC2 instance down, from the template's right version; raises when AWS would."""
    source: Any = version or group.launch_config
    own = version.instance_tags if version else {}
    tags = {ASG_NAME_TAG: group.name, **own, **group.get_propagated_tags()}
    template = version and {
        "LaunchTemplateId": version.template.id,
        "Version": str(version.number),
    }
    reservation = backend.ec2_backend.run_instances(
        source.image_id,
        1,
        source.user_data,
        source.security_groups,
        instance_type=source.instance_type,
        is_instance_type_default=not source.instance_type,
        tags={"instance": tags},
        region_name=group.region,
        placement=None if action.subnet else action.zone,
        subnet_id=action.subnet or None,
        launch_template=template or {},
        launch_config=None if version else group.launch_config,
        associate_public_ip=None,
        **({} if version else _from_launch_configuration(group)),
    )
    return reservation.instances[0]


def _from_launch_configuration(group: LabGroup) -> dict[str, Any]:
    said = {"key_name": group.launch_config.key_name}
    return {name: value for name, value in said.items() if value}
