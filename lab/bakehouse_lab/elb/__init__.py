"""ELB: application load balancers that really balance, on haproxy in a container each.

| module     | what it is                                                       |
|------------|------------------------------------------------------------------|
| health     | when a target is healthy (pure)                                  |
| render     | what haproxy is told (pure)                                      |
| slots      | which target stands in which of haproxy's server slots (pure)    |
| traffic    | what CloudWatch hears of what went through (pure)                |
| backend    | the records: moto's, with health                                 |
| describe   | from the records to what haproxy has to be                       |
| probe      | one look at a target, from inside the balancer's network         |
| haproxy    | the container, its files, its runtime socket                     |
| controller | the loop that brings records, targets and haproxies together     |
| meter      | the loop that tells CloudWatch                                   |

What it leaves out: one address for each balancer, in its first subnet; no IPv6, no Lambda targets,
no authentication actions, no access logs; no network or gateway load balancers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.elb.controller import Balancers
from bakehouse_lab.elb.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.loop import Loop


def serve(lab: Lab) -> Sequence[Loop]:
    """Put the lab's backend in the place of moto's."""
    from moto.elbv2.models import elbv2_backends

    from bakehouse_lab.elb.backend import LabELBv2Backend

    elbv2_backends.backend = LabELBv2Backend
    balancers = Balancers(lab)
    return [balancers.loop, Meter(lab, balancers).loop]
