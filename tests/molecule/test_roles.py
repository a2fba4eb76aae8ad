"""The roles on real hosts: the whole of them on both Debians, and each alone on one.

`default` is the whole host on Debian 13 and 12: it converges, a second time without changes, and
serves. A role alone is asked on Debian 12, the one that the lab's images are not of: it converges,
serves, and stands what would spoil it. `molecule test --all` does all of that on both, in an hour.
"""

from __future__ import annotations

import pytest
from tests.molecule.scenarios import SCENARIOS, alone, made_anew, stands_on_php

OF_ROLES = [name for name in SCENARIOS if name != "default"]


@pytest.mark.timeout(1800)
def test_all_roles_make_good_hosts_of_both_debians_and_then_change_nothing() -> None:
    made_anew("default")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", [name for name in OF_ROLES if not stands_on_php(name)])
def test_a_role_alone_makes_a_good_host_and_stands_what_would_spoil_it(scenario: str) -> None:
    alone(scenario)
