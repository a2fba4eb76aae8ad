"""Ansible's `linear` strategy, with one Python kept on each host instead of one for each task.

It is mitogen's, at a place that ansible.cfg can name whatever Python `.venv` was made with. Three
of its ways are changed: how it meets a host, where its processes may run, what each finds ready.
"""

from __future__ import annotations

import gc
from typing import Any

from ansible.plugins.loader import filter_loader, test_loader
from ansible_mitogen import affinity, connection
from ansible_mitogen.plugins.strategy import mitogen_linear

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


class StrategyModule(mitogen_linear.StrategyModule):  # type: ignore[misc]  # mitogen ships no types
    """Ansible forks for each task of each host, and what a fork learns is lost with it.

    So every one of them read all filters and tests again, and its garbage collection touched, and
    so copied, all that it had in common with its parent: a tenth of a play's processor time.
    """

    def run(self, iterator: Any, play_context: Any) -> Any:
        """Run one play."""
        for loader in (filter_loader, test_loader):
            list(loader.all())
        gc.collect()
        gc.freeze()
        return super().run(iterator, play_context)
