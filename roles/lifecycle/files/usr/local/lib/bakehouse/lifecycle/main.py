"""The command: one verb for each end of an instance's life."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifecycle import arrive, depart
from lifecycle.asg import Here
from lifecycle.site import Site
from lifecycle.units import Units
from lifecycle.world import World
from runtime_env.faults import Fault, SettingsMalformed
from runtime_env.main import metadata_address, where

UNFORESEEN = 1
NAMES = ("site_name", "stop", "await", "arrive", "depart")

HELP_END = """\
exit status:
  0 done, or nothing waits for this instance     1 unforeseen     2 wrong arguments
  3 arrive: not ready in time, so it was abandoned
 10 no metadata service    13 denied, or no role    18 an error that we do not know
 19 wrong configuration file                        (the numbers of runtime-env)

examples:
  lifecycle-hook arrive       what lifecycle-arrive.service runs at boot
  lifecycle-hook depart       what lifecycle-depart.service runs from then on
  journalctl -u lifecycle-arrive -u lifecycle-depart
"""


def main(argv: Sequence[str], *, world: World | None = None) -> int:
    """Run a verb; see HELP_END for what is returned."""
    told = _arguments(argv)
    world = world or World(Here(metadata_address()))
    try:
        return _run(told.verb, world, _settings(told.config))
    except Fault as e:
        world.say(f"The hook is not answered: {e}. Next: {e.next_command}")
        return e.status
    except Exception as e:
        world.say(f"The hook is not answered: {where(e)}, which nobody foresaw: {e}")
        return UNFORESEEN


def _run(verb: str, world: World, said: dict[str, Any]) -> int:
    if verb == "arrive":
        site = Site(said["site_name"])
        return arrive.arrive(world, site, arrive.Wanted(**said["arrive"]))
    units = Units(said["stop"], said["await"])
    return depart.depart(world, units, depart.Wanted(**said["depart"]))


def _settings(path: Path) -> dict[str, Any]:
    """The file that the role writes."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {name: said[name] for name in NAMES}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SettingsMalformed(f"{path} is not as the role lifecycle writes it: {e!r}") from e


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    reader = argparse.ArgumentParser(
        prog="lifecycle-hook",
        description="Answer Auto Scaling's hooks at both ends of this instance's life.",
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_argument("verb", choices=["arrive", "depart"])
    reader.add_argument("--config", type=Path, default=Path("/etc/bakehouse/lifecycle.json"))
    return reader.parse_args(argv)
