"""The inventory of a living fleet, and site.yml on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake


def listed(lab: RunningLab) -> Any:
    return json.loads(lab.run("ansible-inventory", "--list").stdout)


def health(lab: RunningLab) -> dict[str, str]:
    elb = lab.client("elbv2")
    arn = elb.describe_target_groups(Names=["staging-web"])["TargetGroups"][0]["TargetGroupArn"]
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found}


def test_the_inventory_knows_hosts_by_id_and_groups_them(fleet: RunningLab) -> None:
    fleet.settled()
    groups = listed(fleet)
    hosts = groups["role_web"]["hosts"]
    assert len(hosts) == 2
    assert all(host.startswith("i-") for host in hosts)
    assert groups["asg_staging_web"]["hosts"] == groups["env_staging"]["hosts"] == hosts
    assert {"az_us_east_1a", "az_us_east_1b"} <= groups.keys()


def test_a_host_of_no_role_is_not_worked_on(fleet: RunningLab) -> None:
    ec2 = fleet.client("ec2")
    base = ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
    tags = [{"Key": "Environment", "Value": "staging"}]
    made = ec2.run_instances(
        ImageId=base,
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig={"Delay": 1})
        assert made not in listed(fleet)["_meta"]["hostvars"]
    finally:
        ec2.terminate_instances(InstanceIds=[made])


def test_a_host_that_an_earlier_run_left_out_is_put_back(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    elb = converged.client("elbv2")
    arn = elb.describe_target_groups(Names=["staging-web"])["TargetGroups"][0]["TargetGroupArn"]
    victim = sorted(health(converged))[0]
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": victim}])
    eventually(lambda: victim not in health(converged))
    converged.run("ansible-playbook", "ansible/playbooks/verify.yml")
    assert health(converged)[victim] == "healthy"


def test_a_host_that_is_to_end_is_not_put_back(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    """It has left its load balancer for good; another hook than ours holds it."""
    scaling, hook = converged.client("autoscaling"), "held-by-a-test"
    of_group = {"AutoScalingGroupName": "staging-web", "LifecycleHookName": hook}
    scaling.put_lifecycle_hook(
        **of_group, LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", HeartbeatTimeout=300
    )
    victim = min(converged.settled())
    try:
        scaling.terminate_instance_in_auto_scaling_group(
            InstanceId=victim, ShouldDecrementDesiredCapacity=False
        )
        eventually(lambda: victim not in health(converged))
        converged.run("ansible-playbook", "ansible/playbooks/verify.yml", "--limit", victim)
        assert victim not in health(converged)
        assert victim in listed(converged)["role_web"]["hosts"]
    finally:
        scaling.delete_lifecycle_hook(**of_group)
    converged.settled()


def test_a_reload_takes_hosts_out_one_at_a_time_and_puts_them_back(converged: RunningLab) -> None:
    seen: list[dict[str, str]] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            seen.append(health(converged))

    watcher = threading.Thread(target=watch)
    watcher.start()
    change = "php_fpm_requests_per_worker=999"
    converged.run("ansible-playbook", "site.yml", "--tags", "php_fpm", "-e", change, minutes=15)
    stop.set()
    watcher.join()
    out = [{id for id, state in one.items() if state != "healthy"} for one in seen]
    assert max(len(hosts) for hosts in out) == 1
    assert len(set().union(*out)) == 2
    assert set(health(converged).values()) == {"healthy"}
