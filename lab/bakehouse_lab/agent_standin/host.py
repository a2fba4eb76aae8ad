"""One instance: what its agent would ship since the last look, and ship it."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.agent_standin import configuration, events, measure, rollup
from bakehouse_lab.agent_standin.journal import Reader
from bakehouse_lab.agent_standin.statsd import Listener
from bakehouse_lab.agent_standin.tail import Tail
from bakehouse_lab.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from bakehouse_lab.agent_standin.configuration import Asked
    from bakehouse_lab.agent_standin.rollup import Sample
    from bakehouse_lab.agent_standin.ship import CloudWatch

log = logging.getLogger("bakehouse_lab")


class Host:
    """The stand-in for the agent of one running instance."""

    def __init__(self, id: str, pid: int, group: str | None, cloudwatch: CloudWatch) -> None:
        """`pid` is the instance's first process, `group` its Auto Scaling group."""
        self.id, self.pid, self._group = id, pid, group
        self._cloudwatch = cloudwatch
        self._root = Path(f"/proc/{pid}/root")
        self._text = ""
        self._asked: Asked | None = None
        self._tails: list[Tail] = []
        self._readers: list[Reader] = []
        self._statsd: Listener | None = None
        self._samples: list[Sample] = []
        self._flushed = self._measured = 0.0

    def look(self) -> None:
        """Ship what is due; nothing where no agent is configured."""
        self._configure()
        if self._asked is None:
            return
        if self._statsd:
            self._samples += self._statsd.samples()
        now = time.monotonic()
        if now - self._flushed >= self._asked.flush_seconds:
            self._flushed = now
            self._ship_events()
        if now - self._measured >= self._asked.interval_seconds:
            self._measured = now
            self._ship_metrics()

    def close(self) -> None:
        """Let go of files and addresses."""
        for tail in self._tails:
            tail.close()
        if self._statsd:
            self._statsd.close()
        self._tails, self._readers, self._statsd = [], [], None

    def _configure(self) -> None:
        """Read the configuration again when it is not what it was, as an agent that restarts."""
        try:
            text = (self._root / configuration.PLACE).read_text()
        except OSError:
            return
        if text == self._text:
            return
        self._text = text
        self.close()
        asked = configuration.Asked.of(text, self._placeholders())
        self._tails = [Tail(self._root, f.path, f.reading.start) for f in asked.files]
        self._readers = [Reader(journal) for journal in asked.journals]
        if asked.statsd:
            with contextlib.suppress(OSError):  # a real agent has it
                self._statsd = Listener(f"/proc/{self.pid}/ns/net", asked.statsd)
        for name in measure.unknown(asked.metrics.get("metrics_collected", {})):
            log.warning("agent-standin: %s: nothing stands in for the collector %s", self.id, name)
        self._asked = asked

    def _placeholders(self) -> dict[str, str]:
        hostname = (self._root / "etc/hostname").read_text().strip()
        names = dict.fromkeys(("hostname", "local_hostname"), hostname)
        return {"instance_id": self.id, "aws_region": REGION, "account_id": ACCOUNT, **names}

    def _ship_events(self) -> None:
        assert self._asked
        now = time.time()
        for file, tail in zip(self._asked.files, self._tails, strict=True):
            if found := list(events.read(tail.lines(), file.reading, now)):
                self._cloudwatch.put_events(file.to, found)
        for journal, reader in zip(self._asked.journals, self._readers, strict=True):
            if found := list(reader.events(self.pid)):
                self._cloudwatch.put_events(journal.to, found)

    def _ship_metrics(self) -> None:
        assert self._asked
        metrics = self._asked.metrics
        own = measure.samples(self.pid, metrics.get("metrics_collected", {}))
        samples, self._samples = [*own, *self._samples], []
        wanted = metrics.get("append_dimensions", {})
        known = {"AutoScalingGroupName": self._group, "InstanceId": self.id}
        appended = {name: str(known[name]) for name in wanted if known.get(name)}
        if not wanted and '"omit_hostname": true' not in self._text:
            appended["host"] = self._placeholders()["hostname"]
        data = rollup.data(samples, metrics, appended)
        if data:
            self._cloudwatch.put_metrics(metrics.get("namespace", "CWAgent"), data)
