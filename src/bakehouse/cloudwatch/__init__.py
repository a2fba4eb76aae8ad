"""What is wrong with a CloudWatch agent's configuration, before an agent on a host finds out.

The agent forgives much: it starts with a misspelt measurement, a placeholder it does not know or a
log group that never expires, and says so in a log on the host, if at all. Pure, so that a role, a
test and a person can ask.

| module     | what it is                                                              |
|------------|-------------------------------------------------------------------------|
| vocabulary | the words that the agent knows                                          |
| checks     | what a single value may be, and what a table of keys may hold           |
| metrics    | the part of a configuration that measures                               |
| logs       | the part that ships lines                                               |
| series     | which metrics one Auto Scaling group pays for                           |

The rules are our own: docs/decisions/cloudwatch-linter.md says why the agent's schema is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.cloudwatch import logs, metrics
from bakehouse.cloudwatch.checks import fields, flag, one_of, seconds, table, text
from bakehouse.cloudwatch.vocabulary import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakehouse.cloudwatch.checks import Json

__all__ = ["faults"]

AGENT = {
    "metrics_collection_interval": seconds,
    "logfile": text,
    "region": text,
    "debug": flag,
    "quiet": flag,
    "internal": flag,
    "aws_sdk_log_level": text,
    "credentials": table,
    "omit_hostname": flag,
    "run_as_user": text,
    "usage_data": flag,
    "use_dualstack_endpoint": flag,
    "user_agent": text,
    "hostname": text,
    "service.name": text,
    "deployment.environment": text,
}


def faults(configuration: Json) -> list[str]:
    """Everything that is wrong with a configuration, each as `where: what`; empty when all is well.

    Stricter than the agent in one thing: a log group must say when its lines expire, because it
    never forgets otherwise, and that is paid for.

    >>> faults({"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percentage"]}}}})
    ['metrics.metrics_collected.mem.measurement: the agent does not measure used_percentage']
    """
    return list(_faults(configuration))


def _faults(configuration: Json) -> Iterator[str]:
    if not isinstance(configuration, dict):
        yield f"the configuration is {configuration!r:.40}, wanted a table of sections"
        return
    for name, section in configuration.items():
        if complaint := one_of(*SECTIONS)(name):
            yield f"{name}: a section's name {complaint}"
        elif complaint := table(section):
            yield f"{name}: {complaint}"
    for name, look in (("agent", _agent), ("metrics", metrics.faults), ("logs", logs.faults)):
        if isinstance(configuration.get(name), dict):
            yield from look(configuration[name])


def _agent(agent: Json) -> Iterator[str]:
    yield from fields(agent, AGENT, "agent")
