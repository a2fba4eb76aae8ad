"""The only module that runs podman.

Every thing it makes carries the lab's label, and it lists, stops and removes by that label alone:
what the lab did not make, it cannot touch.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bakehouse_lab.machine import Machine
    from bakehouse_lab.settings import Settings

LABEL = "bakehouse.lab"  # value: the lab's name
KIND = "bakehouse.kind"  # instance | balancer | database | cache
ID = "bakehouse.id"  # the AWS id or name of what the container stands for


# How long a list of containers stays good when we change nothing ourselves and nothing dies. Six
# loops look each second, and `podman ps` costs a tenth of a second of processor: without this an
# idle lab took half a core, and with one second a tenth of one.
FRESH_SECONDS = 4.5


class PodmanFailed(RuntimeError):
    """podman ended with a status other than 0; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Container:
    """What to make. `name` is complete; labels are added by the adapter."""

    name: str
    kind: str
    id: str
    image: str
    network: str
    ip: str
    command: Sequence[str] = ()
    aliases: Sequence[str] = ()  # names by which others in the network resolve it
    mounts: Sequence[str] = ()  # podman's -v values
    capabilities: Sequence[str] = ()
    publish: Sequence[str] = ()  # podman's -p values
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    hostname: str | None = None
    systemd: bool = False
    terminal: bool = False  # a console: what the first process prints there is in the logs
    memory_mib: int | None = None
    cpus: float | None = None
    hosts_file: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What podman says about a container now. `pid` is 0 and `netns` empty unless it runs."""

    name: str
    kind: str
    id: str
    status: str  # created | running | paused | exited | ...
    pid: int
    exit_code: int
    netns: str
    image: str
    labels: Mapping[str, str]

    @property
    def running(self) -> bool:
        """Whether its first process is alive."""
        return self.status == "running"


def hardware_address(ip: str) -> str:
    """The same for an address whenever its container starts.

    podman gives another one at each start, and neighbours then speak to the one before for up to
    45 seconds (measured); in a VPC nobody learns of a restart like that. The first octet says that
    it is of our own making.

    >>> hardware_address("10.20.11.4")
    '02:00:0a:14:0b:04'
    """
    return ":".join(f"{octet:02x}" for octet in (2, 0, *map(int, ip.split("."))))


# The verbs after which a list of containers is no longer true.
CHANGES = frozenset({"create", "start", "stop", "kill", "rm", "restart", "run", "pause", "unpause"})


class _Glance:
    """The last look at all containers, kept while it is fresh and nobody changed anything.

    Loops that look at the same time share one look.
    """

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._changes = 0
        self._seen: tuple[int, float, Sequence[Seen]] | None = None

    def spoil(self) -> None:
        """Something is changing: what was seen, or is being looked at, counts no more."""
        self._changes += 1

    def at(self, look: Callable[[], Sequence[Seen]]) -> Sequence[Seen]:
        """What there is: seen just now, or by a new look."""
        with self._looking:
            if self._seen:
                changes, when, rows = self._seen
                if changes == self._changes and time.monotonic() - when < FRESH_SECONDS:
                    return rows
            changes, when = self._changes, time.monotonic()
            rows = look()
            self._seen = (changes, when, rows)
            return rows


class Podman:
    """podman's verbs, for one lab. Each raises PodmanFailed when podman does."""

    def __init__(self, settings: Settings, machine: Machine) -> None:
        """Speak for the lab of `settings`, within what `machine` allows."""
        self._lab = settings.name
        self._prefix = f"{settings.prefix}-"
        self._machine = machine
        self._glance = _Glance()

    def run(self, *arguments: str, timeout: float = 120, stdin: str | None = None) -> str:
        """Run podman and return what it printed, stripped; the other verbs are made of it."""
        runtime = ["--runtime", self._machine.runtime] if self._machine.runtime else []
        command = ["podman", *runtime, *arguments]
        if arguments[0] in CHANGES:
            self._glance.spoil()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, input=stdin, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise PodmanFailed(f"podman {arguments[0]}: no answer in {timeout:g} s") from late
        finally:
            if arguments[0] in CHANGES:
                self._glance.spoil()
        if done.returncode:
            said = done.stderr.strip()[-600:] or f"exit status {done.returncode}"
            raise PodmanFailed(f"podman {' '.join(arguments)[:200]}: {said}")
        return done.stdout.strip()

    # -- containers

    def create(self, what: Container) -> None:
        """Make a container without starting it; one of the same name and lab is replaced."""
        self.remove(what.name)
        self.run("create", *self._flags(what), what.image, *what.command)

    def start(self, name: str) -> None:
        """Start a container that was created or stopped."""
        self.run("start", name)

    def stop(self, name: str, grace_seconds: int) -> None:
        """Ask it to end, and kill it after `grace_seconds`; its disk stays."""
        self.run("stop", "--time", str(grace_seconds), name, timeout=grace_seconds + 60)

    def kill(self, name: str, signal: str = "KILL") -> None:
        """Send a signal to its first process."""
        self.run("kill", "--signal", signal, name)

    def remove(self, name: str) -> None:
        """Remove it with its disk, running or not; nothing happens when there is none."""
        if self.seen(name):
            self.run("rm", "--force", "--time", "0", "--volumes", name)

    def execute(self, name: str, *command: str, stdin: str | None = None) -> str:
        """Run a command inside it."""
        return self.run("exec", *(["--interactive"] if stdin else []), name, *command, stdin=stdin)

    def logs(self, name: str) -> str:
        """What its first process wrote to the console."""
        return self.run("logs", name)

    def seen(self, name: str) -> Seen | None:
        """The container of that name, or None; None too when another lab (or nobody) owns it."""
        return next((each for each in self._inspect([name]) if each.name == name), None)

    def list(self, kind: str | None = None) -> Sequence[Seen]:
        """All containers of this lab, of one kind or of all, running or not.

        What we change, and a death that we were told of (`look_again`), is seen at once; what
        happens otherwise, within five seconds.
        """
        every = self._glance.at(self._look)
        return [each for each in every if kind in (None, each.kind)]

    def look_again(self) -> None:
        """Something changed that is not our doing: the next `list` looks anew."""
        self._glance.spoil()

    def _look(self) -> Sequence[Seen]:
        rows = self.run("ps", "--all", "--format=json", f"--filter=label={LABEL}={self._lab}")
        return own([_listed(each) for each in json.loads(rows or "[]")], self._prefix)

    def deaths(self) -> subprocess.Popen[str]:
        """A process that prints one JSON line for each container of this lab that dies."""
        return subprocess.Popen(
            [
                "podman",
                "events",
                "--filter=event=died",
                f"--filter=label={LABEL}={self._lab}",
                "--format=json",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    # -- images

    def commit(self, name: str, image: str, labels: Mapping[str, str], pause: bool) -> None:
        """Make an image of the container's disk; mounts stay out of it."""
        changes = [f"--change=LABEL {key}={value}" for key, value in labels.items()]
        self.run(
            "commit", "--quiet", f"--pause={str(pause).lower()}", *changes, name, image, timeout=900
        )

    def has_image(self, image: str) -> bool:
        """Whether the image is on this machine."""
        return self._try("image", "exists", image)

    def images(self, label: str) -> dict[str, Mapping[str, str]]:
        """The labels of each image that carries `label`, by image name."""
        ids = self.run("images", "--quiet", "--no-trunc", f"--filter=label={label}").split()
        found: dict[str, Mapping[str, str]] = {}
        for one in json.loads(self.run("image", "inspect", *dict.fromkeys(ids))) if ids else []:
            found.update(dict.fromkeys(one["RepoTags"], one["Labels"] or {}))
        return found

    def tag(self, image: str, name: str) -> None:
        """Give an image a further name."""
        self.run("tag", image, name)

    def remove_image(self, image: str) -> None:
        """Remove the name, and the image with its last name; nothing happens when there is none."""
        if self.has_image(image):
            self.run("rmi", image)

    # -- networks and volumes

    def ensure_network(self, name: str, cidr: str) -> None:
        """A bridge for `cidr`; one that exists already is left alone."""
        if self._try("network", "exists", name):
            return
        try:
            self.run("network", "create", "--subnet", cidr, f"--label={LABEL}={self._lab}", name)
        except PodmanFailed:
            # Two hosts may be the first of a network at once: then the other one made it.
            if not self._try("network", "exists", name):
                raise

    def network(self, name: str) -> tuple[str, str]:
        """The bridge's interface on this machine, and its address there (the gateway)."""
        described = json.loads(self.run("network", "inspect", name))[0]
        return described["network_interface"], described["subnets"][0]["gateway"]

    def networks(self) -> Sequence[str]:
        """The names of this lab's networks."""
        return self.run(
            "network", "ls", "--format={{.Name}}", f"--filter=label={LABEL}={self._lab}"
        ).split()

    def remove_network(self, name: str) -> None:
        """Remove a network and the containers in it."""
        if name in self.networks():
            self.run("network", "rm", "--force", name)

    def ensure_volume(self, name: str) -> None:
        """A volume that outlives its containers."""
        if not self._try("volume", "exists", name):
            self.run("volume", "create", f"--label={LABEL}={self._lab}", name)

    def volumes(self) -> Sequence[str]:
        """The names of this lab's volumes."""
        return self.run(
            "volume", "ls", "--format={{.Name}}", f"--filter=label={LABEL}={self._lab}"
        ).split()

    def remove_volume(self, name: str) -> None:
        """Remove a volume and what is in it; nothing happens when there is none."""
        if name in self.volumes():
            self.run("volume", "rm", "--force", name)

    # -- the rest is wording

    def _flags(self, what: Container) -> Iterator[str]:
        labels = {LABEL: self._lab, KIND: what.kind, ID: what.id, **what.labels}
        yield from ("--name", what.name, "--network", what.network, "--ip", what.ip)
        yield f"--mac-address={hardware_address(what.ip)}"
        yield from (f"--label={key}={value}" for key, value in labels.items())
        yield from (f"--env={key}={value}" for key, value in what.environment.items())
        yield from (f"--network-alias={alias}" for alias in what.aliases)
        yield from (f"--volume={mount}" for mount in what.mounts)
        yield from (f"--publish={port}" for port in what.publish)
        yield from (f"--ulimit={limit}" for limit in self._machine.ulimits)
        if what.capabilities:
            yield f"--cap-add={','.join(what.capabilities)}"
        if what.systemd:
            yield "--systemd=always"
        if what.terminal:
            yield "--tty"
        if what.hostname:
            yield f"--hostname={what.hostname}"
        if what.memory_mib:
            yield f"--memory={what.memory_mib}m"
        if what.cpus:
            yield f"--cpus={what.cpus}"
        if not what.hosts_file:
            yield "--no-hosts"

    def _inspect(self, names: Sequence[str]) -> Sequence[Seen]:
        try:
            described = json.loads(self.run("container", "inspect", *names))
        except PodmanFailed as failed:
            if "no such container" in str(failed).lower():
                # One of several may have gone in between: ask for each alone.
                return [] if len(names) == 1 else [s for n in names for s in self._inspect([n])]
            raise
        seen = [_seen(each) for each in described]
        return [each for each in seen if each.labels.get(LABEL) == self._lab]

    def _try(self, *arguments: str) -> bool:
        try:
            self.run(*arguments)
        except PodmanFailed:
            return False
        return True


def _seen(described: dict[str, Any]) -> Seen:
    state, labels = described["State"], described["Config"].get("Labels") or {}
    return Seen(
        name=described["Name"],
        kind=labels.get(KIND, ""),
        id=labels.get(ID, ""),
        status=state["Status"],
        pid=state["Pid"],
        exit_code=state["ExitCode"],
        netns=described["NetworkSettings"].get("SandboxKey", ""),
        image=described["ImageName"],
        labels=labels,
    )


def own(seen: Sequence[Seen], prefix: str) -> Sequence[Seen]:
    """Those that bear the lab's name beside its label.

    An AMI keeps the labels of the instance it was made of, so a container that somebody runs from
    one has them too, and is nobody's instance.
    """
    return [each for each in seen if each.name.startswith(prefix)]


def _listed(row: dict[str, Any]) -> Seen:
    """One row of `podman ps`: one process for all containers, where inspecting takes two."""
    labels, running = row["Labels"] or {}, row["State"] == "running"
    return Seen(
        name=row["Names"][0],
        kind=labels.get(KIND, ""),
        id=labels.get(ID, ""),
        status=row["State"],
        pid=row["Pid"] if running else 0,
        exit_code=row["ExitCode"],
        netns=f"/proc/{row['Pid']}/ns/net" if running else "",
        image=row["Image"],
        labels=labels,
    )
