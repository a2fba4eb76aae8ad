"""Ansible's `linear` strategy, with one Python kept on each host instead of one for each task.

It is mitogen's, at a place that ansible.cfg can name whatever Python `.venv` was made with. Two of
its ways are changed: how it meets a host, and where its processes may run.
"""

from __future__ import annotations

from typing import Any

from ansible_mitogen import affinity, connection
from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule

__all__ = ["StrategyModule"]

connect_ssh = connection.CONNECTION_METHOD["ssh"]


def note_new_keys(spec: Any) -> dict[str, Any]:
    """What to connect with: a key never seen is noted, another one than noted is refused.

    mitogen has "only those noted before", or any; and says so before ssh_args can.
    """
    asked: dict[str, Any] = connect_ssh(spec)
    if asked["kwargs"]["check_host_keys"] == "enforce":
        asked["kwargs"]["check_host_keys"] = "accept"
    return asked


connection.CONNECTION_METHOD["ssh"] = note_new_keys

# Pinned to processors, Ansible has one of two, and so has all that it starts here: a pytest, a
# container. The class that mitogen takes where a system can't pin does nothing.
affinity.policy = affinity.Policy()
