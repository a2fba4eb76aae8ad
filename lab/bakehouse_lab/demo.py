"""What the demo shows: the page that a host served, the chain behind it, and what to try next.

Reads the account as any visitor would, through the API and the load balancer; knows nothing of how
the lab makes it. `cli.demo` runs the commands that got it so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from bakehouse_lab.steps import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ENVIRONMENT = "staging"
SHOWN = ("instance", "image", "zone", "release", "row", "counter")


class NotShown(RuntimeError):
    """The page did not say what it must; the message says what it said instead."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer of the application says: who served it, and what it wrote where."""

    instance: str
    image: str
    zone: str
    release: str
    row: str
    counter: str


@dataclass(frozen=True, slots=True)
class Host:
    """One instance of the group."""

    id: str
    ip: str
    zone: str
    image: str
    health: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What is wired to what."""

    url: str
    image: Mapping[str, str]  # id, name, and the tags of provenance
    hosts: Sequence[Host]
    database: str
    cache: str
    secret: str


class _Shown(HTMLParser):
    """Collects the text of each `<dd id=...>`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._now = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._now = (dict(attrs).get("id") or "") if tag == "dd" else ""

    def handle_endtag(self, tag: str) -> None:
        self._now = ""

    def handle_data(self, data: str) -> None:
        if self._now:
            self.found[self._now] = data.strip()


def read(html: str) -> Page:
    """The page's facts. Raises NotShown when one is missing or empty."""
    parser = _Shown()
    parser.feed(html)
    missing = [name for name in SHOWN if not parser.found.get(name)]
    if missing:
        raise NotShown(f"the page does not show {', '.join(missing)}; it begins: {html[:300]!r}")
    return Page(**{name: parser.found[name] for name in SHOWN})


def visit(fetch: Callable[[], str], hosts: int, tries: int = 20) -> list[Page]:
    """Load the page until `hosts` different instances have served it; the first page of each.

    Raises NotShown when `tries` loads were not enough.
    """
    pages: dict[str, Page] = {}
    for _ in range(tries):
        page = read(fetch())
        pages.setdefault(page.instance, page)
        if len(pages) == hosts:
            return list(pages.values())
    raise NotShown(
        f"{tries} loads of the page came from {len(pages)} instance(s) "
        f"({', '.join(pages)}), wanted {hosts}"
    )


def look(client: Callable[[str], Any], url: str, environment: str = ENVIRONMENT) -> Chain:
    """Read the chain from the account; `client` makes a boto3 client of a service."""
    ec2 = client("ec2")
    found = sorted(hosts(client, environment), key=lambda host: host.zone)
    image = found[0].image if found else ""
    described = ec2.describe_images(ImageIds=[image])["Images"][0] if image else {}
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
    return Chain(
        url=url,
        image={"id": image, "name": described.get("Name", ""), **tags},
        hosts=found,
        database=_database(client("rds"), f"{environment}-db"),
        cache=_cache(client("elasticache"), f"{environment}-redis"),
        secret=f"{environment}/app",
    )


def hosts(client: Callable[[str], Any], environment: str = ENVIRONMENT) -> Iterator[Host]:
    """The running instances of the environment's group."""
    name = f"{environment}-web"
    elb = client("elbv2")
    group = elb.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"]
    targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    health = {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in targets}
    wanted = [
        {"Name": "tag:aws:autoscaling:groupName", "Values": [name]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    for reservation in client("ec2").describe_instances(Filters=wanted)["Reservations"]:
        for each in reservation["Instances"]:
            yield Host(
                id=each["InstanceId"],
                ip=each["PrivateIpAddress"],
                zone=each["Placement"]["AvailabilityZone"],
                image=each["ImageId"],
                health=health.get(each["InstanceId"], "not a target"),
            )


def _database(rds: Any, name: str) -> str:
    found = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return (
        f"{name}  {found['Engine']} at {found['Endpoint']['Address']}:{found['Endpoint']['Port']}"
    )


def _cache(elasticache: Any, name: str) -> str:
    found = elasticache.describe_replication_groups(ReplicationGroupId=name)
    endpoint = found["ReplicationGroups"][0]["NodeGroups"][0]["PrimaryEndpoint"]
    return f"{name}  Redis, TLS, at {endpoint['Address']}:{endpoint['Port']}"


def summary(chain: Chain, pages: Sequence[Page], times: Sequence[tuple[str, float]]) -> str:
    """What a person wants to know at the end, ready to print."""
    last = max(pages, key=lambda page: int(page.row))
    image = chain.image
    changed = " and changes to it" if image.get("bakehouse:dirty") == "true" else ""
    first = chain.hosts[0].id if chain.hosts else "INSTANCE"
    total = duration(sum(seconds for _, seconds in times))
    blocks = {
        "Open": [
            chain.url,
            f"it wrote row {last.row} to the database and counted {last.counter} in Redis",
        ],
        "Image": [
            f"{image['id']}  {image['name']}",
            f"from {image.get('bakehouse:base-ami', '?')}, release "
            f"{image.get('bakehouse:release', last.release)}",
            f"commit {image.get('bakehouse:commit', '?')[:12]}{changed}, "
            f"content {image.get('bakehouse:content-hash', '?')[:12]}",
        ],
        "Hosts": [f"{h.id}  {h.ip}  {h.zone}  {h.health}" for h in chain.hosts],
        "Wired": [
            f"{ENVIRONMENT}-alb  port 80 to {len(chain.hosts)} hosts of {ENVIRONMENT}-web",
            chain.database,
            chain.cache,
            f"{chain.secret}  read by each host at boot, with its own role",
        ],
        "Took": [*(f"{duration(seconds):>12}  {name}" for name, seconds in times), f"{total:>12}"],
        "Try": [
            'eval "$(scripts/lab env)"          then any AWS client talks to the lab',
            f"scripts/lab ssh {first}",
            "scripts/lab logs",
            "scripts/bake --force && scripts/launch staging-web",
            ".venv/bin/ansible-playbook site.yml",
            f"aws ec2 terminate-instances --instance-ids {first}    and see it replaced",
            "scripts/lab down",
        ],
    }
    return "\n\n".join(_block(title, lines) for title, lines in blocks.items())


def _block(title: str, lines: Sequence[str]) -> str:
    heads = [title, *[""] * (len(lines) - 1)]
    return "\n".join(f"{head:<7}{line}" for head, line in zip(heads, lines, strict=True))
