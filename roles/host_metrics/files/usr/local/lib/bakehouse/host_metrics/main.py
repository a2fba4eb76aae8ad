"""The command: figures for a person, or the service that hands them to the CloudWatch agent."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from host_metrics import figures, look, serve, show
from host_metrics.look import Host, Site

AWAY, USAGE, PARTLY = 3, 2, 4

EPILOG = """\
exit status: 0 all is known; 3 the PHP-FPM of a site is away; 4 something else is not known;
2 the command or /etc/bakehouse/host-metrics.json is wrong

examples:
  sudo host-metrics
  sudo host-metrics --json | jq .host.php_fpm_listen_queue
  systemctl status host-metrics      (the last look, in one line)
"""


class Settings:
    """The file that the role writes."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError with one sentence when the file is not there or not what we need."""
        try:
            said = json.loads(path.read_text())
            self.sites = tuple(_site(name, said) for name in said["sites"])
            self.interval = float(said["interval_seconds"])
            self.queue_interval = float(said["queue_interval_seconds"])
            host, _, port = said["statsd"].rpartition(":")
            self.statsd = (host, int(port))
            self.reports = Path(said["reports"])
            self.report = Path(said["report"])
        except OSError as missing:
            raise ValueError(f"{path}: {missing.strerror}") from missing
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(
                f"{path} is not as the role host_metrics writes it: {wrong}"
            ) from wrong


def _site(name: str, said: Mapping[str, Any]) -> Site:
    socket, status, release = (
        Path(said[part].replace("{site}", name)) for part in ("socket", "status", "release")
    )
    return Site(name, socket, status, release, tuple(said["queues"]))


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit status."""
    reader = argparse.ArgumentParser(
        "host-metrics",
        description="Show how busy this host is: PHP-FPM, OPcache, queues.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_argument("--json", action="store_true", help="for a program")
    reader.add_argument("--serve", action="store_true", help="be the service, until SIGTERM")
    reader.add_argument(
        "--seconds", type=float, default=0.4, help="the longest to wait for an answer (%(default)s)"
    )
    reader.add_argument("--settings", type=Path, default=Path("/etc/bakehouse/host-metrics.json"))
    told = reader.parse_args(argv)
    try:
        settings = Settings(told.settings)
    except ValueError as wrong:
        print(f"host-metrics: {wrong}", file=sys.stderr)
        return USAGE
    return _serve(settings) if told.serve else _show(settings, told.seconds, told.json)


def _show(settings: Settings, seconds: float, as_json: bool) -> int:
    host = look.at(settings.sites, settings.reports, seconds, with_queues=False)
    host = _with_last_queues(host, settings.report)
    print(show.as_json(host) if as_json else show.table(host))
    if figures.sites_away(host):
        return AWAY
    return PARTLY if figures.troubles(host) else 0


def _with_last_queues(host: Host, report: Path) -> Host:
    """The queues as the service saw them last: to ask means to start the application."""
    try:
        sites = json.loads(report.read_text())["sites"]
    except (OSError, ValueError, KeyError):
        return host
    return replace(
        host,
        sites=tuple(
            replace(seen, queue={"jobs": {"all": sites[seen.site]["queue_jobs"]}})
            if "queue_jobs" in sites.get(seen.site, {})
            else seen
            for seen in host.sites
        ),
    )


def _serve(settings: Settings) -> int:
    # A host under load may answer late; nobody waits for the service, and a gap is no figure.
    patience = min(5.0, settings.interval / 3)
    rounds = serve.Rounds(
        lambda with_queues: look.at(settings.sites, settings.reports, patience, with_queues),
        settings.queue_interval,
        time.monotonic,
    )
    serve.forever(rounds, settings.interval, settings.statsd, settings.report, serve.notify)
    return 0
