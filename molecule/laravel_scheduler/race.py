"""Let many processes race for minutes in a real database, and kill some of them in the middle.

For a host with the role and a MariaDB. Each racer is what a host starts at second 0.
Ends with 1, and says what was wrong, when a minute was run twice or not claimed at all.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

PROGRAM = "/usr/local/lib/bakehouse/laravel-scheduler"
RACERS, MINUTES, KILL_WITHIN_SECONDS = 6, 8, 0.3

ENVIRONMENT = (
    'DB_HOST="127.0.0.1"\nDB_DATABASE="race"\nDB_USERNAME="race"\nDB_PASSWORD="a\\$b\\"c\\\\d"\n'
)


def main(seed: int) -> int:
    """Race for some minutes; 1 when one was run twice, or nobody has it."""
    chance = random.Random(seed)
    runs: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = write(pathlib.Path(folder))
        for number in range(MINUTES):
            minute = f"2026-11-27T14:{number:02}Z"
            runs[minute] = race([PROGRAM, f"--minute={minute}", f"--config={config}"], chance)
    twice = [minute for minute, count in runs.items() if count > 1]
    lost = [minute for minute, count in runs.items() if count == 0]
    claimed = rows()
    sys.stdout.write(
        f"{MINUTES} minutes, {RACERS} racers each, one of them killed: {claimed} claimed, "
        f"run twice: {twice}, run by the one that was killed: {lost}\n"
    )
    return int(bool(twice) or claimed != MINUTES)


def race(command: list[str], chance: random.Random) -> int:
    """How many of the racers won; one is killed on the way."""
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(RACERS)]
    time.sleep(chance.random() * KILL_WITHIN_SECONDS)
    chance.choice(racers).kill()
    return sum("runs here" in racer.communicate()[0] for racer in racers)


def write(folder: pathlib.Path) -> pathlib.Path:
    """The program's configuration, for a database on this host."""
    (folder / "env").write_text(ENVIRONMENT)
    settings = {"environment": str(folder / "env"), "table": "minutes", "site": "race"}
    (folder / "config").write_text(json.dumps(settings | {"keep_minutes": 10080}))
    return folder / "config"


def rows() -> int:
    """Minutes that somebody has."""
    asked = ["mariadb", "--skip-column-names", "race", "-e", "SELECT COUNT(*) FROM minutes"]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main(seed=1))
