"""Instance refreshes in the account: what `watch` asks of Auto Scaling and EC2."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakehouse.aws import told
from bakehouse.fleet.account import Groups
from bakehouse.refresh.preflight import Scene
from bakehouse.refresh.rolling import MARK, Pace, Refresh, Seen, boot_of, description
from bakehouse.refresh.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bakehouse.aws import Account
    from bakehouse.fleet.account import Group
    from bakehouse.images.image import Image
    from bakehouse.refresh.canary import Traffic

# A launch of which nothing is known, seconds: a host of ours on EC2, until it is in service.
BOOT_SECONDS = 60.0
NEWEST = 5  # launches of which the middle one tells; AWS lists the newest first


class Refreshes:
    """What the verb needs of the account."""

    def __init__(self, account: Account, clock: Callable[[], float] = time.time) -> None:
        """Nothing is asked before the first call."""
        self._account, self._clock = account, clock
        self.groups = Groups(account)
        self._versions: dict[tuple[str, str], tuple[str, str]] = {}
        self._counted: dict[float, tuple[float, Traffic | None]] = {}

    # -- looking

    def scene(self, group: Group, image: Image, alarms: Sequence[str]) -> Scene:
        """All that is looked at before a refresh begins."""
        record = self.groups.record(group.name)
        found = self.refreshes(group)
        active = next((one for one in found if one.active), None)
        over = (one for one in found if not one.active and one.image == image.id)
        version = group.version if group.image == image.id else self.spare(group, image)
        return Scene(
            group=group,
            image=image,
            fleet=self.groups.see(group, version or "new", group.desired),
            suspended=tuple(one["ProcessName"] for one in record.get("SuspendedProcesses", [])),
            protected=tuple(
                one["InstanceId"]
                for one in record["Instances"]
                if one.get("ProtectedFromScaleIn") and one["LifecycleState"] == "InService"
            ),
            alarms=self._alarms(alarms),
            asks_balancer="ELB" in record.get("HealthCheckType", "EC2"),
            active=active,
            before=next(over, None),
        )

    def environment(self, name: str) -> str:
        """What the group's tag `Environment` says; empty where there is none."""
        tags = self.groups.record(name).get("Tags", [])
        return next((tag["Value"] for tag in tags if tag["Key"] == "Environment"), "")

    def refreshes(self, group: Group) -> list[Refresh]:
        """The group's refreshes of the last weeks, the newest first."""
        return [self._refresh(group, one) for one in self._describe(group.name)]

    def look(self, group: Group, id: str) -> Seen:
        """The group and that refresh now."""
        (record,) = self._describe(group.name, id)
        refresh = self._refresh(group, record)
        fleet = self.groups.see(group, refresh.version or group.version, group.desired)
        return Seen(refresh, replace(fleet, wanted=fleet.desired), self._clock())

    def pace(self, group: Group) -> Pace:
        """What a host took in this group's last refresh, or else what its last launches took.

        A launch ends for AWS when the instance runs; but in a group with a launch hook when that
        was answered, which is when it could serve.
        """
        health = self._health(group)
        boots = [boot_of(one, group.desired, health) for one in self.refreshes(group)]
        if known := [boot for boot in boots if boot is not None]:
            return Pace(known[0], health, "as in the last refresh")
        took = self._launches(group)
        boot = took[len(took) // 2] if took else BOOT_SECONDS
        return Pace(boot, health, "as in the last launches" if took and self._held(group) else "")

    def _held(self, group: Group) -> bool:
        with told():
            found = self._account.autoscaling.describe_lifecycle_hooks(
                AutoScalingGroupName=group.name
            )["LifecycleHooks"]
        return any(hook["LifecycleTransition"].endswith("INSTANCE_LAUNCHING") for hook in found)

    def _launches(self, group: Group) -> list[float]:
        """What the newest took, in seconds, the shortest first."""
        with told():
            found = self._account.autoscaling.describe_scaling_activities(
                AutoScalingGroupName=group.name, MaxRecords=50
            )["Activities"]
        took = [
            (one["EndTime"] - one["StartTime"]).total_seconds()
            for one in found
            if one["StatusCode"] == "Successful" and one["Description"].startswith("Launching")
        ]
        return sorted(took[:NEWEST])

    def traffic(self, group: Group, since: float, until: float) -> Traffic | None:
        """What the group's targets answered; asked for no oftener than CloudWatch learns of it."""
        asked, found = self._counted.get(since, (0.0, None))
        if self._clock() - asked > 15:
            found = traffic(self._account, group.targets, since, until)
            self._counted[since] = (self._clock(), found)
        return found

    # -- doing

    def spare(self, group: Group, image: Image) -> str:
        """The newest version that was made for a refresh of the group to the image; empty: none."""
        wanted = description(group, image)
        found = [
            one["VersionNumber"]
            for one in self._all(group.template)
            if one.get("VersionDescription", "") == wanted
        ]
        return str(max(found)) if found else ""

    def publish(self, group: Group, image: Image) -> str:
        """Make one; it differs from the group's in the image alone."""
        return self.groups.publish(group, image, description(group, image))

    def withdraw(self, group: Group, version: str) -> None:
        """Take it away."""
        with told():
            self._account.ec2.delete_launch_template_versions(
                LaunchTemplateId=group.template, Versions=[version]
            )

    def start(self, group: Group, version: str, preferences: Mapping[str, Any]) -> str:
        """Begin a refresh; the group names its old version until all is well."""
        wanted = {"LaunchTemplateId": group.template, "Version": version}
        with told():
            begun = self._account.autoscaling.start_instance_refresh(
                AutoScalingGroupName=group.name,
                Strategy="Rolling",
                DesiredConfiguration={"LaunchTemplate": wanted},
                Preferences=dict(preferences),
            )
        return str(begun["InstanceRefreshId"])

    def cancel(self, group: Group) -> None:
        """Stop the refresh under way where it is."""
        with told():
            self._account.autoscaling.cancel_instance_refresh(AutoScalingGroupName=group.name)

    def roll_back(self, group: Group) -> None:
        """Turn it round."""
        with told():
            self._account.autoscaling.rollback_instance_refresh(AutoScalingGroupName=group.name)

    # -- details

    def _describe(self, name: str, *ids: str) -> list[dict[str, Any]]:
        which = {"InstanceRefreshIds": list(ids)} if ids else {}
        with told():
            answer = self._account.autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=name, MaxRecords=20, **which
            )
        return list(answer["InstanceRefreshes"])

    def _refresh(self, group: Group, record: dict[str, Any]) -> Refresh:
        wanted = record.get("DesiredConfiguration", {}).get("LaunchTemplate", {})
        version = str(wanted.get("Version", ""))
        said, image = self._version(wanted.get("LaunchTemplateId", group.template), version)
        told_of = record.get("RollbackDetails", {})
        return Refresh(
            id=record["InstanceRefreshId"],
            status=record["Status"],
            version=version,
            image=image,
            ours=said.startswith(MARK),
            percentage=record.get("PercentageComplete", 0),
            reason=record.get("StatusReason", ""),
            turned=told_of.get("RollbackReason", ""),
            began=_seconds(record.get("StartTime")),
            ended=_seconds(record.get("EndTime")),
            checkpoints=tuple(record.get("Preferences", {}).get("CheckpointPercentages", [])),
            told=record.get("Preferences", {}),
        )

    def _version(self, template: str, version: str) -> tuple[str, str]:
        """A launch template version's description and image; both empty when it is gone."""
        if version and (template, version) not in self._versions:
            self._versions[template, version] = ("", "")
            for one in self._all(template):
                image = one["LaunchTemplateData"].get("ImageId", "")
                said = one.get("VersionDescription", "")
                self._versions[template, str(one["VersionNumber"])] = (said, image)
        return self._versions.get((template, version), ("", ""))

    def _all(self, template: str) -> list[dict[str, Any]]:
        """Every version of the template, in few calls: a page holds 200."""
        with told():
            pages = self._account.ec2.get_paginator("describe_launch_template_versions")
            return [
                one
                for page in pages.paginate(
                    LaunchTemplateId=template, PaginationConfig={"PageSize": 200}
                )
                for one in page["LaunchTemplateVersions"]
            ]

    def _alarms(self, names: Sequence[str]) -> dict[str, str]:
        if not names:
            return {}
        with told():
            found = self._account.cloudwatch.describe_alarms(
                AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        both = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        states = {one["AlarmName"]: one["StateValue"] for one in both}
        return {name: states.get(name, "not there") for name in names}

    def _health(self, group: Group) -> float:
        """How long the slowest target group takes to find a host healthy, seconds."""
        if not group.targets:
            return 0.0
        with told():
            found = self._account.elb.describe_target_groups(TargetGroupArns=list(group.targets))
        return max(
            float(one["HealthCheckIntervalSeconds"] * one["HealthyThresholdCount"])
            for one in found["TargetGroups"]
        )


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when else None
