"""Ansible's `linear` strategy, with one Python kept on each host instead of one for each task.

It is mitogen's, at a place that ansible.cfg can name whatever Python `.venv` was made with, and
with our way to meet a host: a key never seen is noted, another one than noted is refused (mitogen
itself knows only "noted before" and "any", and says so on ssh's command line, before ssh_args).
"""

from __future__ import annotations

from typing import Any

from ansible_mitogen import connection
from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule

__all__ = ["StrategyModule"]

connect_ssh = connection.CONNECTION_METHOD["ssh"]


def note_new_keys(spec: Any) -> dict[str, Any]:
    """What mitogen is to connect with, where it would have refused a host that it meets first."""
    asked: dict[str, Any] = connect_ssh(spec)
    if asked["kwargs"]["check_host_keys"] == "enforce":
        asked["kwargs"]["check_host_keys"] = "accept"
    return asked


connection.CONNECTION_METHOD["ssh"] = note_new_keys
