"""Print podman's flags for a host that systemd can boot, as far as this machine allows, as JSON.

The lab knows what its machine allows; the hosts of Molecule are made in the same way.
"""

import json
import sys

from bakehouse_lab.ec2.hosts import BOOT
from bakehouse_lab.machine import Machine

CAPABILITIES = "SYS_ADMIN,NET_ADMIN,NET_RAW,SYS_NICE,SYS_BOOT,SYS_PTRACE,AUDIT_WRITE"

machine = Machine.look()
before = ["--runtime", machine.runtime] if machine.runtime else []
after = ["--systemd=always", f"--cap-add={CAPABILITIES}"]
after += [f"--ulimit={limit}" for limit in machine.ulimits]
json.dump({"before": before, "after": after, "boot": ["/bin/sh", "-c", BOOT]}, sys.stdout)
