"""A lifecycle action is told to EventBridge, and to the queue or topic of its hook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Desk

HOOK: dict[str, Any] = {"AutoScalingGroupName": "web", "LifecycleHookName": "ready"}
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"


@pytest.mark.parametrize(
    ("transition", "kind", "way"),
    [
        (LAUNCHING, "EC2 Instance-launch Lifecycle Action", ("EC2", "AutoScalingGroup")),
        (ENDING, "EC2 Instance-terminate Lifecycle Action", ("AutoScalingGroup", "EC2")),
    ],
)
def test_eventbridge_hears_of_a_lifecycle_action(
    desk: Desk, transition: str, kind: str, way: tuple[str, str]
) -> None:
    queue = desk.listen()
    desk.create(DesiredCapacity=1, TargetGroupARNs=[])
    desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=transition, NotificationMetadata="mind")
    desk.steps()
    (instance,) = desk.ids()
    if transition == ENDING:
        desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
        desk.steps()
    (event,) = desk.heard(queue)
    assert (event["source"], event["detail-type"]) == ("aws.autoscaling", kind)
    told = event["detail"]
    assert (told["EC2InstanceId"], told["LifecycleHookName"]) == (instance, "ready")
    assert (told["LifecycleTransition"], told["NotificationMetadata"]) == (transition, "mind")
    assert (told["Origin"], told["Destination"]) == way
    desk.asg.complete_lifecycle_action(
        **HOOK, LifecycleActionToken=told["LifecycleActionToken"], LifecycleActionResult="CONTINUE"
    )
    desk.steps()
    assert desk.states() == (["InService"] if transition == LAUNCHING else [])


def test_the_queue_of_a_hook_gets_the_same_and_who_sent_it(desk: Desk) -> None:
    url, arn = desk.queue("notes")
    desk.create(DesiredCapacity=1)
    desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, NotificationTargetARN=arn)
    desk.steps()
    (message,) = desk.heard(url)
    assert message["EC2InstanceId"] == desk.ids()[0]
    assert (message["Origin"], message["Destination"]) == ("EC2", "AutoScalingGroup")
    assert (message["Service"], message["AccountId"]) == ("AWS Auto Scaling", "123456789012")
    assert "NotificationMetadata" not in message


def test_the_topic_of_a_hook_gets_it_too(desk: Desk) -> None:
    url, arn = desk.queue("notes")
    topic = desk.sns.create_topic(Name="notes")["TopicArn"]
    desk.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    desk.create(DesiredCapacity=1)
    desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, NotificationTargetARN=topic)
    desk.steps()
    (envelope,) = desk.heard(url)
    assert envelope["Subject"].startswith("Auto Scaling:  Lifecycle action 'LAUNCHING'")
    assert json.loads(envelope["Message"])["EC2InstanceId"] == desk.ids()[0]


def test_a_queue_that_is_not_there_holds_up_nobody(desk: Desk) -> None:
    gone = "arn:aws:sqs:us-east-1:123456789012:gone"
    desk.create(DesiredCapacity=2)
    desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING, NotificationTargetARN=gone)
    desk.steps(2)
    assert desk.states() == ["Pending:Wait", "Pending:Wait"]
