"""What the tests of a host share: questions that any host can be asked, wherever it runs.

No test knows whether it looks at a container of Molecule, at a freshly baked image or at the live
fleet; so none changes anything, and what differs between Debians is looked up on the host. Beside
each test stands a command that breaks what it guards ("Break:").
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from sandbox import Sandbox
from testinfra.backend import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testinfra.host import Host

BACKENDS["ssh"] = "one_session.OneSession"

# Runs on the host, so that no test needs a way in but the one it has already.
ASK = """
import http.client, json, sys
path, headers = json.loads(sys.argv[1])
asked = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
asked.request("GET", path, headers=headers)
said = asked.getresponse()
print(json.dumps([said.status, said.getheaders(), said.read().decode(errors="replace")]))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host's web server said. Header names are in small letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: str


class Get(Protocol):
    """Ask the host's own web server for a path."""

    def __call__(self, path: str, **headers: str) -> Answer: ...


@pytest.fixture(scope="module")
def get(host: Host) -> Get:
    """Ask the host's own web server; `X_Forwarded_For="..."` becomes that header."""

    def ask(path: str, **headers: str) -> Answer:
        wanted = json.dumps([path, {name.replace("_", "-"): v for name, v in headers.items()}])
        said = host.check_output("python3 -c %s %s", ASK, wanted)
        status, got, body = json.loads(said)
        return Answer(status, {name.lower(): value for name, value in got}, body)

    return ask


@pytest.fixture(scope="module")
def unit(host: Host) -> Callable[[str], dict[str, str]]:
    """What systemd says about a unit, as a dict of its properties."""

    def show(name: str) -> dict[str, str]:
        lines = host.check_output("systemctl show %s", name).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    return show


@pytest.fixture(scope="module")
def sandbox(host: Host) -> Callable[[str], Sandbox]:
    """What a unit may not do: `sandbox(unit).processes`, `.tries(command)`, `.exposure`."""
    return lambda name: Sandbox(host, name)


@dataclass(frozen=True, slots=True)
class Fpm:
    """The PHP-FPM of a site: Debian's version, and what its configuration amounts to."""

    site: str
    version: str
    settings: Mapping[str, str] = field(repr=False)  # of the pool and of PHP-FPM as a whole
    php: Mapping[str, str] = field(repr=False)  # php.ini, as pages see it

    @property
    def service(self) -> str:
        """Its unit."""
        return f"php-fpm@{self.site}"

    @property
    def socket(self) -> str:
        """Where the web server connects."""
        return f"/run/php-fpm/{self.site}/fpm.sock"


@pytest.fixture(scope="module")
def fpm(host: Host) -> Fpm:
    """PHP-FPM's own idea of its configuration, not the text of its files."""
    return fpm_of(host, "app")


def fpm_of(host: Host, site: str) -> Fpm:
    """Ask the PHP-FPM of a site for its configuration, in the way its service would."""
    shown = host.check_output("systemctl show --property=ExecStart php-fpm@%s", site)
    program = shown.split("path=")[1].split()[0]
    as_user = f"setpriv --reuid={site} --regid={site} --init-groups"
    as_service = f"PHP_INI_SCAN_DIR=:/etc/php-fpm/{site}/conf.d {as_user} {program}"
    test = host.run(f"{as_service} --fpm-config /etc/php-fpm/{site}/fpm.conf -tt 2>&1")
    assert test.rc == 0, test.stdout
    settings = {}
    for line in test.stdout.splitlines():
        name, is_setting, value = line.partition("NOTICE] ")[2].strip().partition(" = ")
        if is_setting:
            settings[name] = value
    php = {}
    for line in host.check_output(f"{as_service} -i").splitlines():
        name, is_setting, value = line.partition(" => ")
        if is_setting:
            php[name] = value.split(" => ")[0]
    return Fpm(site, program.removeprefix("/usr/sbin/php-fpm"), settings, php)


@pytest.fixture(scope="module")
def fpm_status(host: Host) -> dict[str, Any]:
    """What PHP-FPM's status page says, from the listener that workers do not share."""
    asked = (
        "SCRIPT_NAME=/status SCRIPT_FILENAME=/status REQUEST_METHOD=GET QUERY_STRING=json "
        "cgi-fcgi -bind -connect /run/php-fpm/app/status.sock"
    )
    said = host.check_output(f"sh -c {shlex.quote(asked)}")
    found: dict[str, Any] = json.loads(said.split("\r\n\r\n", 1)[1])
    return found
