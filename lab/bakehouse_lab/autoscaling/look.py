"""A group and its instances, as decisions see them: read from moto's records and the balancer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.elbv2.exceptions import TargetGroupNotFoundError

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.refresh.model import ROLLING_BACK

if TYPE_CHECKING:
    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.records import LabGroup, Membership


def look(backend: LabAutoScalingBackend, group: LabGroup) -> tuple[m.Group, list[m.Member]]:
    """The group and its instances as `decide` sees them."""
    return _group(backend, group), [_member(backend, group, each) for each in group.instance_states]


def _group(backend: LabAutoScalingBackend, group: LabGroup) -> m.Group:
    subnets = [each for each in (group.vpc_zone_identifier or "").split(",") if each]
    places = [(each, backend.ec2_backend.get_subnet(each).availability_zone) for each in subnets]
    return m.Group(
        name=group.name,
        minimum=group.min_size,
        maximum=group.max_size,
        desired=group.desired_capacity,
        places=tuple(places or [("", zone) for zone in group.availability_zones]),
        hooks=tuple(
            m.Hook(
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
        renewing=group.renewing,
        retry_at=group.retry_at,
        policy=None if group.refresh else group.maintenance,
        warmup=group.warmup,
        pool=group.warm_pool,
        deleting=group.deleting,
    )


def _member(backend: LabAutoScalingBackend, group: LabGroup, member: Membership) -> m.Member:
    return m.Member(
        id=member.instance_id,
        lifecycle=member.lifecycle_state,
        subnet=member.instance.subnet_id or "",
        zone=member.availability_zone,
        ec2_state=member.instance.state,
        healthy=member.health_status == "Healthy",
        cause=member.cause,
        protected=bool(member.protected_from_scale_in),
        current=member.version is group.next_version,
        updated=_updated(group, member),
        launched=member.launched,
        in_service=member.in_service,
        waits=tuple(each.wait() for each in member.waits),
        hooked=member.hooked,
        origin=member.origin,
        abrupt=member.abrupt,
        registered=frozenset(member.registered),
        targets={
            arn: _target(backend, arn, member.instance_id)
            for arn in {*group.target_group_arns, *member.registered}
        },
    )


def _updated(group: LabGroup, member: Membership) -> bool:
    """Whether the refresh under way, if any, wants it to stay."""
    refresh = group.refresh
    if refresh is None:
        return True
    if refresh.status == ROLLING_BACK:
        return member.refresh != refresh.id
    matches = refresh.preferences.skip_matching and member.version is group.next_version
    return matches or member.refresh == refresh.id


def _target(backend: LabAutoScalingBackend, arn: str, instance_id: str) -> str:
    try:
        (health,) = backend.elbv2_backend.describe_target_health(arn, [{"Id": instance_id}])
    except TargetGroupNotFoundError:
        return "unused"
    status: str = health.status
    return status
