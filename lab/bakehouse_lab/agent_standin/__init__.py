"""A stand-in for Amazon's CloudWatch agent, because its package is nowhere but at AWS.

For each instance it reads the configuration that the agent would read there
(/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json), and really ships what that asks
for into the lab's CloudWatch: log events, and metrics. It runs outside the instance, so nothing on
a host knows of it, and says "stand-in" wherever it appears.

| module        | what it is                                                           |
|---------------|----------------------------------------------------------------------|
| configuration | what the file asks for (pure)                                        |
| events        | from lines to events: where one begins, when it was, what is left out |
| tail          | the new lines of a file, through its rotations                       |
| journal       | the new entries of a host's journal                                  |
| measure       | what a host's collectors would measure                               |
| statsd        | what programs of the host send to its loopback                       |
| rollup        | from samples to what CloudWatch is sent (pure)                       |
| ship          | the API: groups with retention, streams, events, metrics             |
| host          | one instance: look, ship                                             |

What it leaves out: Windows, traces, EMF, encodings, collectors other than mem, swap, disk, netstat,
processes, procstat and statsd (a host's log says which are not stood in for); and all the ways in
which the real agent may fail.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bakehouse_lab.agent_standin.host import Host
from bakehouse_lab.agent_standin.ship import CloudWatch
from bakehouse_lab.ec2.hosts import KIND
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Seen

log = logging.getLogger("bakehouse_lab")

NAME = "agent-standin"
LOOK_SECONDS = 2


def serve(lab: Lab) -> Sequence[Loop]:
    """One loop for all instances."""
    return (Loop(NAME, Standin(lab).step, interval=LOOK_SECONDS),)


class Standin:
    """The agents of all instances of one lab."""

    def __init__(self, lab: Lab) -> None:
        """Look at nothing yet."""
        self._lab = lab
        self._hosts: dict[str, Host] = {}

    def step(self) -> None:
        """Begin a look at each running instance, unless the last look still goes on."""
        running = {seen.id: seen for seen in self._lab.podman.list(KIND) if seen.running}
        for gone in set(self._hosts) - set(running):
            self._hosts.pop(gone).close()
        for seen in running.values():
            host = self._host(seen)
            self._lab.errands.run(f"{NAME} {seen.id}", host.look, lambda: None)

    def _host(self, seen: Seen) -> Host:
        known = self._hosts.get(seen.id)
        if known and known.pid == seen.pid:
            return known
        if known:
            known.close()  # it was booted again
        host = Host(seen.id, seen.pid, self._group(seen.id), CloudWatch(self._lab.settings))
        log.info("%s: a stand-in for the CloudWatch agent looks at %s", NAME, seen.id)
        self._hosts[seen.id] = host
        return host

    def _group(self, instance_id: str) -> str | None:
        """The Auto Scaling group, as the agent reads it from the instance's tags."""
        with self._lab.world.lock:
            instance = self._lab.world.backend("ec2").get_instance(instance_id)
            tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        return tags.get("aws:autoscaling:groupName")
