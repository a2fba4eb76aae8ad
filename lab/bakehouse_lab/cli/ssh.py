"""`scripts/lab ssh`: a shell, or one command, on an instance."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bakehouse_lab.cli import account, daemon
from bakehouse_lab.cli.refusal import Refused, need_root, parser
from bakehouse_lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
exit status: that of the command (or of the shell); 255 when the instance did not answer;
1 when there is no such instance

examples:
  scripts/lab ssh staging-web
  scripts/lab ssh i-0123456789abcdef0 -- sudo journalctl -u php-fpm@app -n 20
"""

# Addresses come back with other hosts behind them, and the bridge is this machine's own:
# remembering host keys would only be in the way.
OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "IdentitiesOnly=yes",
    "ConnectTimeout=10",
)

NO_ANSWER = 255


def main(argv: Sequence[str] | None = None) -> int:
    """Run ssh; returns its status."""
    parse = parser("ssh", "Log in to an instance as admin, or run a command there.", EPILOG)
    parse.add_argument("instance", help="its id, or its Name tag when only one has it")
    parse.add_argument("command", nargs="*", help="what to run (after --)")
    wanted = parse.parse_args(argv)
    need_root("ssh")
    settings = Settings.from_environment()
    instance = pick(settings, wanted.instance)
    if instance.state != "running":
        raise Refused(f"{instance.id} is {instance.state}; see: scripts/lab status")
    status = subprocess.call(command(settings, instance.address, wanted.command))
    if status == NO_ANSWER:
        print(
            f"lab: ssh ended with 255. If {instance.address} did not answer, its security groups "
            "may not let port 22 in from the VPC, or it is still booting: "
            f"scripts/lab logs {instance.id}",
            file=sys.stderr,
        )
    return status


def pick(settings: Settings, wanted: str) -> account.Instance:
    """The instance that was named; raises Refused when the lab is down or does not have it."""
    if not isinstance(daemon.look(settings), daemon.Up):
        raise Refused(f"the lab is down; start it: {settings.command} up")
    return account.find(account.instances(account.client(settings, "ec2")), wanted)


def command(settings: Settings, address: str, run: Sequence[str]) -> list[str]:
    """The words of the ssh command."""
    options = [word for option in OPTIONS for word in ("-o", option)]
    key = str(account.private_key(settings))
    return ["ssh", "-i", key, *options, f"{account.USER}@{address}", *run]
