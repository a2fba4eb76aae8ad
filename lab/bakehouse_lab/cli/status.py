"""`scripts/lab status`: what runs, and what a success here does not prove."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bakehouse_lab.cli import account, daemon, teardown
from bakehouse_lab.cli.refusal import Refused, need_root, parser, podman_for
from bakehouse_lab.podman import PodmanFailed
from bakehouse_lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bakehouse_lab.podman import Podman

EPILOG = """\
exit status: 0 the lab is up, 3 it is down, 1 it is not to be found out

examples:
  scripts/lab status
  BAKEHOUSE_LAB_SLOT=1 scripts/lab status
"""

DOWN = 3

NOT_PROVEN = """\
What works here may fail on AWS, because the lab does not have:
  IAM         nothing is refused for lack of permission
  quotas      no limits of the account, no throttling, no capacity that runs out
  kernel      hosts share this machine's: no own sysctls, modules, swap or boot loader
  MySQL       databases are MariaDB: no caching_sha2_password, other optimizer
  the agent   CloudWatch is shipped to by a stand-in for its agent, which reads the same file
  the rest    public addresses, NAT, EBS performance, TLS endpoints of the API
"""

Row = tuple[str, ...]


@dataclass(slots=True)
class Picture:
    """What there is, as rows of tables."""

    title: str
    sections: list[tuple[Row, list[Row]]] = field(default_factory=list)

    def add(self, heads: Row, rows: Iterable[Row]) -> None:
        """One more table; an empty one is shown by its heads alone."""
        self.sections.append((heads, list(rows)))


def main(argv: Sequence[str] | None = None) -> int:
    """Show what there is; returns the exit status."""
    parser(
        "status", "Show what runs, and what a success in the lab does not prove.", EPILOG
    ).parse_args(argv)
    need_root("status")
    settings = Settings.from_environment()
    podman = podman_for(settings)
    match daemon.look(settings):
        case daemon.Up(pid):
            print(text(_look(settings, podman, pid)))
            print(NOT_PROVEN)
            return 0
        case daemon.Starting(pid):
            print(f"{settings.name} is starting or stopping (pid {pid})")
        case daemon.Taken(by):
            print(f"{settings.name} is down, and its port {settings.api_port} is taken by {by}")
        case daemon.Down():
            print(f"{settings.name} is down; start it: {settings.command} up")
    print(_what_stays(settings, podman))
    return DOWN


def text(picture: Picture) -> str:
    """The tables, their columns as wide as what is in them."""
    return "\n".join([picture.title, "", *_lines(picture)])


def _lines(picture: Picture) -> Iterator[str]:
    for heads, rows in picture.sections:
        widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
        shown: list[Row] = [tuple(head.upper() for head in heads), *rows]
        for row in shown if rows else [(f"no {heads[0]}",)]:
            cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))
            yield "  ".join(cells).rstrip()
        yield ""


def _look(settings: Settings, podman: Podman, pid: int) -> Picture:
    from botocore.exceptions import BotoCoreError

    picture = Picture(f"{settings.name} is up: {settings.endpoint} (pid {pid})")
    try:
        ec2 = account.client(settings, "ec2")
        images = _image_names(ec2)
        picture.add(
            ("instances", "name", "address", "zone", "state", "image"),
            (
                (one.id, one.name, one.address, one.zone, one.state, images.get(one.image, "gone"))
                for one in account.instances(ec2)
            ),
        )
        picture.add(("balancers", "state", "url", "targets"), _balancers(settings, podman))
        picture.add(("databases", "state", "endpoint"), _databases(settings))
        picture.add(("caches", "state", "endpoint"), _caches(settings))
        picture.add(("log groups", "kept", "shipped by"), _log_groups(settings))
        picture.add(("images", "name"), images.items())
    except BotoCoreError as silent:
        raise Refused(
            f"the API at {settings.endpoint} listens and does not answer: {silent}\n"
            f"see: {settings.command} logs serve"
        ) from silent
    return picture


def _image_names(ec2: Any) -> dict[str, str]:
    images = ec2.describe_images()["Images"]
    return {each["ImageId"]: each.get("Name", "") for each in images}


def _balancers(settings: Settings, podman: Podman) -> Iterator[Row]:
    elb = account.client(settings, "elbv2")
    for one in elb.describe_load_balancers()["LoadBalancers"]:
        name, arn = one["LoadBalancerName"], one["LoadBalancerArn"]
        groups = elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
        health = [
            f"{group['TargetGroupName']}: {_health(elb, group['TargetGroupArn'])}"
            for group in groups
        ]
        url = published(podman, f"{settings.prefix}-alb-{name}")
        yield name, one["State"]["Code"], url, "; ".join(health) or "no target group"


def published(podman: Podman, container: str) -> str:
    """The URL of a balancer's port 80 on this machine; empty while it has none."""
    with contextlib.suppress(PodmanFailed):
        for line in podman.run("port", container).splitlines():
            inside, _, outside = line.partition(" -> ")
            if inside == "80/tcp":
                return f"http://{outside}/"
    return ""


def _health(elb: Any, arn: str) -> str:
    targets = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return counted(each["TargetHealth"]["State"] for each in targets)


def counted(states: Iterable[str]) -> str:
    """States with how often each is there.

    >>> counted(["healthy", "initial", "healthy"]), counted([])
    ('2 healthy, 1 initial', 'no targets')
    """
    known = list(states)
    each = (f"{known.count(state)} {state}" for state in dict.fromkeys(known))
    return ", ".join(each) or "no targets"


def _databases(settings: Settings) -> Iterator[Row]:
    rds = account.client(settings, "rds")
    for one in rds.describe_db_instances()["DBInstances"]:
        yield one["DBInstanceIdentifier"], one["DBInstanceStatus"], _endpoint(one.get("Endpoint"))


def _caches(settings: Settings) -> Iterator[Row]:
    cache = account.client(settings, "elasticache")
    for one in cache.describe_replication_groups()["ReplicationGroups"]:
        nodes = one.get("NodeGroups") or [{}]
        endpoint = _endpoint(nodes[0].get("PrimaryEndpoint"))
        yield one["ReplicationGroupId"], one["Status"], endpoint
    for one in cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]:
        if not one.get("ReplicationGroupId"):
            nodes = one.get("CacheNodes") or [{}]
            endpoint = _endpoint(nodes[0].get("Endpoint"))
            yield one["CacheClusterId"], one["CacheClusterStatus"], endpoint


def _log_groups(settings: Settings) -> Iterator[Row]:
    logs = account.client(settings, "logs")
    for one in logs.describe_log_groups()["logGroups"]:
        days = one.get("retentionInDays")
        kept = f"{days} days" if days else "for ever"
        yield one["logGroupName"], kept, "agent-standin (a stand-in for the CloudWatch agent)"


def _endpoint(said: dict[str, Any] | None) -> str:
    return f"{said['Address']}:{said['Port']}" if said and said.get("Address") else ""


def _what_stays(settings: Settings, podman: Podman) -> str:
    images = [name for name in podman.images(teardown.AMI) if teardown.is_own(settings, name)]
    left = podman.list()
    said = f"kept for the next start: {len(images)} AMIs, {len(podman.volumes())} volumes"
    if left:
        said += (
            f"\nleft over from a run that did not end well: {teardown.said(left)}; "
            f"remove them: {settings.command} down"
        )
    return said
