"""Groups of hosts in the account: what `launch` asks of Auto Scaling, EC2 and ELB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse.aws import AwsRefused, told
from bakehouse.fleet.group import Fleet, Host
from bakehouse.images.account import Images
from bakehouse.images.image import ROLE, Image, newest
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from bakehouse.aws import Account

# From the best to the worst, as DescribeTargetHealth names them; a host in several target groups
# is as well as the worst of them says.
_HEALTH = ("healthy", "initial", "draining", "unused", "unavailable", "unhealthy")


class NoSuchGroup(Trouble):
    """No Auto Scaling group has this name; nothing was done."""


class NoSuchImage(Trouble):
    """There is no such image, or it cannot be launched from; nothing was done."""


class NoLaunchTemplate(Trouble):
    """The group does not launch from a launch template; nothing was done."""


@dataclass(frozen=True, slots=True)
class Group:
    """How a group is set up, before anything is changed."""

    name: str
    template: str  # the launch template's id
    version: str  # the number that the group launches from now
    floating: bool  # the group says $Latest or $Default, and not the number
    image: str  # of that version; empty when it names none
    desired: int
    minimum: int
    maximum: int
    targets: tuple[str, ...]  # ARNs of target groups


class Groups:
    """What `bakehouse.fleet.launch` asks of the account."""

    def __init__(self, account: Account) -> None:
        """Nothing is asked before the first call."""
        self._account = account

    def group(self, name: str) -> Group:
        """The group's set-up.

        Raises NoSuchGroup with the names that there are, NoLaunchTemplate.
        """
        record = self.record(name)
        template = record.get("LaunchTemplate")
        if not template:
            raise NoLaunchTemplate(
                f"{name} does not launch from a launch template of its own.",
                f"aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names {name}",
            )
        said = template.get("Version", "$Default")
        version = self._version(template["LaunchTemplateId"], said)
        return Group(
            name=name,
            template=template["LaunchTemplateId"],
            version=str(version["VersionNumber"]),
            floating=not said.isdecimal(),
            image=version["LaunchTemplateData"].get("ImageId", ""),
            desired=record["DesiredCapacity"],
            minimum=record["MinSize"],
            maximum=record["MaxSize"],
            targets=tuple(record.get("TargetGroupARNs", [])),
        )

    def image(self, id: str | None) -> Image:
        """The image that is named, or else our own newest. Raises NoSuchImage."""
        images = Images(self._account)
        if not id:
            usable = [image for image in images.baked() if image.state == "available"]
            if not usable:
                raise NoSuchImage(f"There is no image for {ROLE} hosts yet.", "scripts/bake")
            return newest(usable)
        try:
            image = images.image(id)
        except (AwsRefused, IndexError) as refused:
            raise NoSuchImage(
                f"There is no image {id} in {self._account.region}: {refused}",
                "aws ec2 describe-images --owners self --query 'Images[].[ImageId,Name]'",
            ) from refused
        if image.state != "available":
            raise NoSuchImage(f"The image {id} is {image.state}.", "scripts/bake")
        return image

    def publish(self, group: Group, image: Image, description: str = "") -> str:
        """Make a version of the group's launch template that differs only in the image.

        Of itself it says `description`, or else the image's name.
        """
        with told():
            made = self._account.ec2.create_launch_template_version(
                LaunchTemplateId=group.template,
                SourceVersion=group.version,
                VersionDescription=(description or image.name)[:255],
                LaunchTemplateData={"ImageId": image.id},
            )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def point(self, group: Group, version: str, *, desired: int, minimum: int) -> None:
        """Let the group launch from `version` from now on, and set its size."""
        with told():
            self._account.autoscaling.update_auto_scaling_group(
                AutoScalingGroupName=group.name,
                LaunchTemplate={"LaunchTemplateId": group.template, "Version": version},
                DesiredCapacity=desired,
                MinSize=minimum,
            )

    def see(self, group: Group, version: str, wanted: int) -> Fleet:
        """The group's hosts now; `version` and `wanted` are what is wanted of them."""
        record = self.record(group.name)
        health = self._health(group.targets)
        hosts = (self._host(group, health, one) for one in record["Instances"])
        return Fleet(tuple(hosts), version, wanted, record["DesiredCapacity"])

    def resize(self, group: Group, desired: int) -> None:
        """Tell Auto Scaling to keep `desired` hosts."""
        with told():
            self._account.autoscaling.set_desired_capacity(
                AutoScalingGroupName=group.name, DesiredCapacity=desired, HonorCooldown=False
            )

    def retire(self, host: Host, *, replace: bool) -> None:
        """Let Auto Scaling drain and terminate a host, and launch another when `replace`."""
        with told():
            self._account.autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=host.id, ShouldDecrementDesiredCapacity=not replace
            )

    def last_failure(self, group: Group) -> str:
        """Why the group's newest activity failed, in AWS's words; empty when it did not."""
        with told():
            found = self._account.autoscaling.describe_scaling_activities(
                AutoScalingGroupName=group.name, MaxRecords=5
            )["Activities"]
        if not found or found[0].get("StatusCode") not in ("Failed", "Cancelled"):
            return ""
        return str(found[0].get("StatusMessage") or found[0].get("Cause", ""))

    def record(self, name: str) -> dict[str, Any]:
        """The group as AWS describes it. Raises NoSuchGroup with the names that there are."""
        client = self._account.autoscaling
        with told():
            found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        for record in found["AutoScalingGroups"]:
            return dict(record)
        with told():
            there = client.describe_auto_scaling_groups()["AutoScalingGroups"]
        names = ", ".join(sorted(record["AutoScalingGroupName"] for record in there))
        raise NoSuchGroup(
            f"There is no group {name} in {self._account.region}; there is: {names or 'none'}.",
            f"scripts/launch {there[0]['AutoScalingGroupName']}" if there else "",
        )

    def _version(self, template: str, said: str) -> dict[str, Any]:
        with told():
            found = self._account.ec2.describe_launch_template_versions(
                LaunchTemplateId=template, Versions=[said]
            )
        return dict(found["LaunchTemplateVersions"][0])

    def _health(self, targets: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
        """By instance: its state and the reason, in each target group that knows it."""
        seen: dict[str, list[tuple[str, str]]] = {}
        for arn in targets:
            with told():
                found = self._account.elb.describe_target_health(TargetGroupArn=arn)
            for one in found["TargetHealthDescriptions"]:
                health = one["TargetHealth"]
                reason = health.get("Description") or health.get("Reason", "")
                seen.setdefault(one["Target"]["Id"], []).append((health["State"], reason))
        return seen

    def _host(
        self, group: Group, health: dict[str, list[tuple[str, str]]], record: dict[str, Any]
    ) -> Host:
        seen = health.get(record["InstanceId"], [])
        missing = len(group.targets) - len(seen)
        seen = seen + [("unused", "not registered")] * missing or [("healthy", "")]
        state, reason = max(seen, key=lambda one: _HEALTH.index(one[0].partition(".")[0]))
        return Host(
            id=record["InstanceId"],
            version=str(record.get("LaunchTemplate", {}).get("Version", "")),
            lifecycle=record["LifecycleState"],
            target=state,
            reason=reason,
        )
