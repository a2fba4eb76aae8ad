"""Occupy every worker of the pool, ask `host-metrics` meanwhile, and print what it said.

Other hosts share this machine's processors, so what is measured is what the command takes of them;
how long it waits for an answer it is told.
"""

import json
import pathlib
import resource
import subprocess
import sys
import threading
import time

sys.path.insert(0, "/usr/local/lib/bakehouse")
from host_metrics import fastcgi

TOO_MANY = 5
SLEEPER = pathlib.Path("/usr/local/lib/bakehouse/sleep.php")

WORKERS = pathlib.Path("/run/php-fpm/app/fpm.sock")


def said():
    """What the command says now, with its status and what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["host-metrics", "--json", "--seconds", "5"], stdout=subprocess.PIPE, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout) | {"status": done.returncode, "processor_seconds": took}


def request():
    """One request that sleeps."""
    fastcgi.ask(WORKERS, {"SCRIPT_FILENAME": str(SLEEPER)}, 60)


workers = int(said()["host"]["php_fpm_idle"])
SLEEPER.write_text("<?php sleep(20);")
try:
    for _ in range(workers + TOO_MANY):
        threading.Thread(target=request, daemon=True).start()
    time.sleep(2)
    print(json.dumps(said() | {"too_many": TOO_MANY}))
finally:
    SLEEPER.unlink()
