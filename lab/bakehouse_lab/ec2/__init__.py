"""EC2: instances that boot, images that are real, and groups that filter.

| module           | what it is                                                    |
|------------------|---------------------------------------------------------------|
| lifecycle        | what has to happen to an instance next (pure)                 |
| records          | what an API call writes down                                  |
| hosts            | the containers                                                |
| first_process    | what the kernel tells of a host's first process               |
| fleet            | the loop that brings records and hosts together               |
| console          | what a host printed                                           |
| account          | the default VPC and the base images                           |
| images           | AMIs: container images with a record beside them              |
| security_groups  | packet filters                                                |
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

from bakehouse_lab.ec2 import account, console, images, records
from bakehouse_lab.ec2.fleet import Fleet
from bakehouse_lab.ec2.hosts import Hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.loop import Loop


def serve(lab: Lab) -> Sequence[Loop]:
    """Put hosts behind instances, container images behind AMIs, filters behind groups."""
    account.use(lab)
    records.extend(lab.kick)
    hosts = Hosts(lab)
    console.extend(hosts.console)
    loops = [*images.serve(lab, hosts)]
    fleet = Fleet(lab, hosts)
    fleet.watch()
    loops.append(fleet.loop)
    if importlib.util.find_spec("bakehouse_lab.ec2.security_groups"):
        security_groups = importlib.import_module("bakehouse_lab.ec2.security_groups")
        loops.extend(security_groups.serve(lab))
    return loops
