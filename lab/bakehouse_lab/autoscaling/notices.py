"""What Auto Scaling tells others: events on the account's default bus, and what hooks are for.

A lifecycle action is told to EventBridge always, and to the hook's own target (an SQS queue or an
SNS topic) where it has one, in the form that the user guide shows ("Warm pool example events and
patterns", "Prepare to add a lifecycle hook"). `Origin` and `Destination` say where the instance
comes from and where it goes: EC2, AutoScalingGroup or WarmPool. Told is what can be told: a queue
that is not there stops no group.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from bakehouse_lab.autoscaling.model import LAUNCHING
from bakehouse_lab.autoscaling.passage import leaves
from bakehouse_lab.autoscaling.records import said_at
from bakehouse_lab.autoscaling.warm_pool.model import EC2, GROUP, POOL, WARMED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.records import LabGroup, LifecycleAction, Membership

log = logging.getLogger("bakehouse_lab")


def tell(
    backend: LabAutoScalingBackend, group: LabGroup, what: str, detail: Mapping[str, Any]
) -> None:
    """Put an event on the account's default bus: a rule may send it on, as on AWS."""
    from moto.events.models import events_backends

    event = {
        "Source": "aws.autoscaling",
        "DetailType": what,
        "Detail": json.dumps(detail),
        "Resources": [group.arn],
    }
    try:
        events_backends[backend.account_id][backend.region_name].put_events([event])
    except Exception:
        log.exception("group %s: the event was not delivered: %s", group.name, what)


def announce(
    backend: LabAutoScalingBackend, member: Membership, hook: Any, action: LifecycleAction
) -> None:
    """A lifecycle action began: whoever is to complete it learns of it, and of its token."""
    group: LabGroup = member.auto_scaling_group
    origin, destination = way(member.lifecycle_state, member.origin)
    said = {
        "LifecycleActionToken": action.token,
        "AutoScalingGroupName": group.name,
        "LifecycleHookName": hook.name,
        "EC2InstanceId": member.instance_id,
        "LifecycleTransition": hook.lifecycle_transition,
        "NotificationMetadata": hook.notification_metadata,
        "Origin": origin,
        "Destination": destination,
    }
    detail = {name: value for name, value in said.items() if value is not None}
    word = "launch" if hook.lifecycle_transition == LAUNCHING else "terminate"
    tell(backend, group, f"EC2 Instance-{word} Lifecycle Action", detail)
    if hook.notification_target_arn:
        _send(backend, hook.notification_target_arn, detail, action)


def way(lifecycle: str, origin: str) -> tuple[str, str]:
    """Where an instance that waits in a state comes from, and where it goes.

    >>> way("Pending:Wait", POOL), way("Warmed:Pending:Wait", EC2)
    (('WarmPool', 'AutoScalingGroup'), ('EC2', 'WarmPool'))
    >>> way("Terminating:Wait", EC2), way("Warmed:Terminating:Wait", GROUP)
    (('AutoScalingGroup', 'EC2'), ('WarmPool', 'EC2'))
    """
    here = POOL if lifecycle.startswith(WARMED) else GROUP
    return (here, EC2) if leaves(lifecycle) else (origin, here)


def _send(
    backend: LabAutoScalingBackend, arn: str, detail: Mapping[str, Any], action: LifecycleAction
) -> None:
    body = json.dumps(
        {
            **detail,
            "Service": "AWS Auto Scaling",
            "Time": said_at(action.began),
            "AccountId": backend.account_id,
            "RequestId": str(uuid.uuid4()),
        }
    )
    try:
        if arn.split(":")[2] == "sqs":
            _queue(backend, arn, body)
        else:
            _publish(backend, arn, body, detail)
    except Exception:
        log.exception("the target of hook %s was not told: %s", detail["LifecycleHookName"], arn)


def _queue(backend: LabAutoScalingBackend, arn: str, body: str) -> None:
    from moto.sqs.models import sqs_backends

    queues = sqs_backends[backend.account_id][backend.region_name]
    queues.send_message(arn.split(":")[-1], body)


def _publish(
    backend: LabAutoScalingBackend, arn: str, body: str, detail: Mapping[str, Any]
) -> None:
    from moto.sns.models import sns_backends

    doing = detail["LifecycleTransition"].rsplit("_", 1)[-1]
    subject = (
        f"Auto Scaling:  Lifecycle action '{doing}' for instance {detail['EC2InstanceId']} "
        "in progress."
    )
    topics = sns_backends[backend.account_id][backend.region_name]
    topics.publish(body, arn=arn, subject=subject)
