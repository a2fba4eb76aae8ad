"""What refers to images in an account, and how images are set aside: the adapter of
`bakehouse.images.garbage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakehouse.aws import told
from bakehouse.images import leftovers
from bakehouse.images.account import Images
from bakehouse.images.channels import CHANNELS
from bakehouse.images.garbage import Version, World
from bakehouse.images.image import DEPRECATED, DISABLED, RUN, copies_of
from bakehouse.images.leftovers import Leftovers
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bakehouse.aws import Account
    from bakehouse.images.garbage import Decision
    from bakehouse.images.image import Image
    from bakehouse.images.parameters import Channels


class Referrers:
    """Looks at all that can refer to an image, and acts on what was decided."""

    def __init__(self, account: Account, images: Images, channels: Channels) -> None:
        """Nothing is asked before the first call."""
        self._account = account
        self._images = images
        self._channels = channels

    def look(self) -> World:
        """The world as it is. Any call that fails fails the whole: a world half seen keeps
        nothing that the other half refers to.
        """
        images = tuple(self._images.baked())
        versions = tuple(self._versions())
        return World(
            images=images,
            instances=dict(self._instances()),
            versions=versions,
            groups=dict(self._groups(versions)),
            parameters=dict(self._parameters()),
            channels={name: tuple(self._channels.history(name)) for name in CHANNELS},
            shared=dict(self._shared(images)),
            copies=dict(self._copies(images)),
        )

    def _pages(self, client: Any, call: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        with told():
            for page in client.get_paginator(call).paginate(**query):
                yield from page[key]

    def _instances(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for page in self._pages(self._account.ec2, "describe_instances", "Reservations"):
            for one in page["Instances"]:
                yield one["InstanceId"], (one["ImageId"], one["State"]["Name"])

    def _versions(self) -> Iterator[Version]:
        ec2 = self._account.ec2
        for one in self._pages(ec2, "describe_launch_templates", "LaunchTemplates"):
            template, name = one["LaunchTemplateId"], one["LaunchTemplateName"]
            call, key = "describe_launch_template_versions", "LaunchTemplateVersions"
            for version in self._pages(ec2, call, key, LaunchTemplateId=template):
                image = version["LaunchTemplateData"].get("ImageId", "")
                yield Version(template, name, version["VersionNumber"], image)

    def _groups(self, versions: tuple[Version, ...]) -> Iterator[tuple[str, tuple[str, int]]]:
        newest = {one.template: one.number for one in sorted(versions, key=lambda one: one.number)}
        client, call = self._account.autoscaling, "describe_auto_scaling_groups"
        for group in self._pages(client, call, "AutoScalingGroups"):
            for named in _templates(group):
                id, said = named["LaunchTemplateId"], named.get("Version", "$Default")
                number = int(said) if said.isdecimal() else self._number(id, said, newest)
                yield group["AutoScalingGroupName"], (id, number)

    def _number(self, template: str, said: str, newest: dict[str, int]) -> int:
        if said == "$Latest":
            return newest.get(template, 0)
        with told():
            found = self._account.ec2.describe_launch_templates(LaunchTemplateIds=[template])
        return int(found["LaunchTemplates"][0]["DefaultVersionNumber"])

    def _parameters(self) -> Iterator[tuple[str, str]]:
        query = {"Path": "/", "Recursive": True}
        for one in self._pages(self._account.ssm, "get_parameters_by_path", "Parameters", **query):
            yield one["Name"], one["Value"]

    def _shared(self, images: tuple[Image, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for image in images:
            with told():
                found = self._account.ec2.describe_image_attribute(
                    ImageId=image.id, Attribute="launchPermission"
                )
            others = tuple(sorted(one.get("UserId", "all") for one in found["LaunchPermissions"]))
            if others:
                yield image.id, others

    def _copies(self, images: tuple[Image, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The copies of each image that are there still; asked of each region that one names."""
        there: dict[str, set[str]] = {}
        for image in images:
            found = []
            for region, copy in copies_of(image):
                if region not in there:
                    other = Images(self._account.elsewhere(region))
                    there[region] = {one.id for one in other.baked()}
                found += [f"{region}/{copy}"] * (copy in there[region])
            if found:
                yield image.id, tuple(found)

    def act(self, decision: Decision, now: datetime) -> str:
        """Do what was decided; returns what this API could not do, for a person."""
        image, ec2 = decision.image, self._account.ec2
        when = now.isoformat(timespec="seconds")
        if decision.action == "deprecate":
            self._images.mark(image, {DEPRECATED: when})
            at = now.strftime("%Y-%m-%dT%H:%M:00Z")
            return _tried(ec2.enable_image_deprecation, ImageId=image.id, DeprecateAt=at)
        if decision.action == "disable":
            self._images.mark(image, {DISABLED: when})
            return _tried(ec2.disable_image, ImageId=image.id)
        if decision.action == "restore":
            return self._restore(image)
        if decision.action == "delete":
            left = Leftovers(images=(image.id,), snapshots=decision.snapshots)
            leftovers.remove(self._account, left, image.tags.get(RUN, "gc"))
        return ""

    def _restore(self, image: Image) -> str:
        ec2 = self._account.ec2
        missing = ""
        if DISABLED in image.tags:
            missing = _tried(ec2.enable_image, ImageId=image.id)
        missing = _tried(ec2.disable_image_deprecation, ImageId=image.id) or missing
        with told():
            ec2.delete_tags(
                Resources=[image.id, *image.snapshots],
                Tags=[{"Key": DEPRECATED}, {"Key": DISABLED}],
            )
        return missing


def _templates(group: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The launch templates that a group names, also for some of its instance types."""
    if "LaunchTemplate" in group:
        yield group["LaunchTemplate"]
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    for one in (mixed, *mixed.get("Overrides", [])):
        if "LaunchTemplateSpecification" in one:
            yield one["LaunchTemplateSpecification"]


def _tried(call: Any, **query: Any) -> str:
    """Try what not every API knows: our tag says the same. What it said, or nothing."""
    try:
        with told():
            call(**query)
    except Trouble as trouble:
        return f"the tag alone says so: {str(trouble.args[0])[:120]}"
    return ""
