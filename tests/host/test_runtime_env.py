"""The environment: found out at boot, kept in memory, read by the application and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host

ENVIRONMENT = "/run/laravel/env"
# What root may do on a host, by what it is; of that the unit needs little.
COMMANDS = {
    "write the environment": "touch /run/laravel/.try && rm /run/laravel/.try",
    "take notes": "touch /run/bakehouse/.try && rm /run/bakehouse/.try",
    "become another user": "setpriv --reuid=nobody --clear-groups true",
    "ask systemd": "systemctl try-restart --no-block 'laravel-worker@*.service'",
    "use the network": """python3 -c 'import socket; socket.create_server(("127.0.0.1", 0))'""",
    "match an expression": """[ "$(php -r 'echo preg_match("/^a+$/", "a");' 2>&1)" = 1 ]""",
    "write to /etc": "touch /etc/.try",
    "write to /srv": "touch /srv/.try",
    "look into homes": "ls /home/admin",
    "mount": "mount -t tmpfs none /mnt",
    "make a namespace": "unshare --user true",
    "look into other processes": "cat /proc/1/environ",
    "see settings of the kernel": "test -e /proc/sys/kernel",
    "rename the host": "hostname other",
    "read packets": "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
    "leave a way to be root": "chmod u+s /run/laravel/.",
}
NEEDED = set(list(COMMANDS)[:6])

UNITS = ["runtime-env", "runtime-env-refresh"]
PROGRAM = "/usr/local/lib/bakehouse/runtime-env"
PHP_FPM = "php-fpm@app"

# What no one would choose as a password, and what a generator will.
NASTY = ["a$b", "${HOME}", 'say "hi"', "it's", "back\\slash", "a#b # c", " edges ", "=ü", "${V0}"]

# On the host: write the values as at boot, read them back with the application's own Dotenv.
READ_BACK = """
import json, subprocess, sys
sys.path.insert(0, "/usr/local/lib/bakehouse")
sys.dont_write_bytecode = True
from runtime_env.environment import render
values = {f"V{i}": value for i, value in enumerate(json.loads(sys.argv[1]))}
php = '''require "Dotenv/autoload.php";
echo json_encode(Dotenv\\\\Dotenv::parse(stream_get_contents(STDIN)));'''
said = subprocess.run(["php", "-r", php], input=render(values), capture_output=True, text=True)
assert json.loads(said.stdout) == values, said.stdout + said.stderr
"""


# On the host: speak to the database and the cache as PHP does, once as told and then as it must not
# work. The password comes from the file and stays in the process; what is printed holds none.
SPEAK = r"""
require '/usr/share/php/Dotenv/autoload.php';
$env = Dotenv\Dotenv::parse(file_get_contents('/run/laravel/env'));
function database(array $env, string $host, string $authorities): string {
    try {
        $pdo = new PDO("mysql:host=$host;port={$env['DB_PORT']}", $env['DB_USERNAME'],
            $env['DB_PASSWORD'], [PDO::ATTR_TIMEOUT => 20, PDO::MYSQL_ATTR_SSL_CA => $authorities]);
        return $pdo->query("SHOW STATUS LIKE 'Ssl_cipher'")->fetch()[1] ?: 'plain text';
    } catch (PDOException $e) { return 'refused'; }
}
function cache(array $env, string $host, array $tls): string {
    try {
        $redis = new Redis;
        $redis->connect("tls://$host", (int) $env['REDIS_PORT'], 3, null, 0, 3, ['stream' => $tls]);
        $redis->auth($env['REDIS_PASSWORD']);
        return $redis->ping() ? 'answers' : 'silent';
    } catch (RedisException $e) { return 'refused'; }
}
ini_set('display_errors', '0');
[$ca, $other, $missing] = [$env['MYSQL_ATTR_SSL_CA'], $argv[1], '/nowhere.pem'];
[$db, $redis] = [$env['DB_HOST'], $env['REDIS_HOST']];
echo json_encode([
    'database' => database($env, $db, $ca),
    'database, wrong host' => database($env, gethostbyname($db), $ca),
    'database, wrong authorities' => database($env, $db, $other),
    'database, no authorities' => database($env, $db, $missing),
    'cache' => cache($env, $redis, []),
    'cache, wrong host' => cache($env, gethostbyname($redis), []),
    'cache, wrong authorities' => cache($env, $redis, ['cafile' => $other]),
    'cache, no authorities' => cache($env, $redis, ['cafile' => $missing]),
]);
"""

# On the host: look for the environment's secret values where they must not be. The patterns are in
# memory (a memfd), so that they are in no file and in nobody's arguments.
SEEK = r"""
import glob, os, subprocess, sys
sys.path.insert(0, "/usr/local/lib/bakehouse")
sys.dont_write_bytecode = True
from runtime_env.environment import parse
said = parse(open("/run/laravel/env").read())
secrets = {value for name, value in said.items()
           if name.endswith(("PASSWORD", "_KEY", "SECRET")) and len(value) > 11}
secrets |= {value.removeprefix("base64:") for value in secrets}
assert secrets, "nothing to look for"
words = os.memfd_create("words", 0)
os.write(words, "\n".join(sorted(secrets)).encode())
quiet = dict(pass_fds=[words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
look = ["grep", "-lF", "-a", "-f", f"/proc/self/fd/{words}"]
places = subprocess.run(["find", "/", "-xdev", "-type", "f", "-size", "-64M",
                         "-exec", *look, "{}", "+"], **quiet).stdout.splitlines()
journal = subprocess.Popen(["journalctl", "--no-pager", "--output=export"], stdout=subprocess.PIPE)
if subprocess.run(look, stdin=journal.stdout, **quiet).returncode == 0:
    places.append("the journal")
for kind in ("environ", "cmdline"):
    files = glob.glob(f"/proc/[0-9]*/{kind}")
    places += subprocess.run([*look, *files], **quiet).stdout.splitlines()
print("\n".join(places))
"""


@pytest.fixture
def wired(host: Host) -> None:
    """A host that has an environment; one that is being made has none."""
    if not host.file(ENVIRONMENT).exists:
        pytest.skip("this host has no environment")


def test_the_host_asks_for_its_environment_at_every_boot(host: Host) -> None:
    """Break: systemctl disable runtime-env."""
    assert host.service("runtime-env").is_enabled


def test_the_image_holds_patterns_of_names_and_no_name(host: Host) -> None:
    """Break: sed -i 's/{Environment}/staging/' /etc/bakehouse/runtime-env.json."""
    settings = json.loads(host.file("/etc/bakehouse/runtime-env.json").content_string)
    for name in ("secret", "database", "cache"):
        assert not settings[name] or "{Environment}" in settings[name]


def test_php_fpm_waits_for_the_environment_and_does_not_start_without(host: Host) -> None:
    """Break: rm /etc/systemd/system/php-fpm@app.service.d/runtime-env.conf, and daemon-reload."""
    shown = host.check_output("systemctl show -p Wants -p After %s", PHP_FPM)
    properties = dict(line.split("=", 1) for line in shown.splitlines())
    assert "runtime-env.service" in properties["Wants"].split()
    assert "runtime-env.service" in properties["After"].split()
    unit = host.check_output("systemctl cat %s", PHP_FPM)
    assert f"AssertPathExists=|{ENVIRONMENT}" in unit.splitlines()


def test_asking_again_does_not_stop_php_fpm(host: Host) -> None:
    """Break: sed -i s/Wants/Requires/ the drop-in of the test above, and daemon-reload."""
    shown = host.check_output("systemctl show -p Requires -p BindsTo -p PartOf %s", PHP_FPM)
    assert "runtime-env.service" not in shown


@pytest.mark.usefixtures("wired")
def test_the_environment_is_in_memory(host: Host) -> None:
    """Break: mount --bind /srv /run/laravel."""
    assert (
        host.check_output("findmnt --noheadings --output FSTYPE --target %s", ENVIRONMENT)
        == "tmpfs"
    )


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize("path", [ENVIRONMENT, "/srv/app/current/bootstrap/cache/config.php"])
def test_the_application_reads_it_and_nobody_else_does(host: Host, path: str) -> None:
    """Break: chmod 644 /run/laravel/env; chmod 755 /run/laravel."""
    application = "setpriv --reuid=app --regid=app --init-groups"
    nobody = "setpriv --reuid=www-data --regid=www-data --init-groups"
    assert host.run(f"{application} test -r {path}").rc == 0
    assert host.run(f"{application} test -w {path}").rc != 0
    assert host.run(f"{nobody} cat {path}").rc != 0


@pytest.mark.usefixtures("wired")
def test_no_process_carries_a_password_in_its_environment(host: Host) -> None:
    """Break: DB_PASSWORD=x sleep 60 &."""
    # Brackets, so that it does not find itself: sudo writes its command into the environment.
    assert host.run("grep --text --quiet 'DB_PASSWORD[=]' /proc/[0-9]*/environ").rc != 0


@pytest.mark.usefixtures("wired")
def test_no_secret_is_on_the_disk_in_the_journal_or_with_a_process(host: Host) -> None:
    """Break: cp /run/laravel/env /var/tmp; or: grep KEY /run/laravel/env | logger."""
    assert host.check_output("python3 -c %s", SEEK) == ""


@pytest.mark.usefixtures("wired")
def test_database_and_cache_are_encrypted_and_nobody_else_is_believed(host: Host) -> None:
    """Break: take PDO::MYSQL_ATTR_SSL_CA out of SPEAK: Debian 12 says "plain text", 4 x."""
    if not host.file("/usr/share/php/Dotenv/autoload.php").exists:
        pytest.skip("Debian's Dotenv is not on this host")
    wrong = host.check_output("ls /usr/share/ca-certificates/mozilla/*.crt").split()[0]
    said = json.loads(host.check_output("php -r %s %s", SPEAK, wrong))
    assert "_" in said.pop("database"), "a cipher's name, such as TLS_AES_256_GCM_SHA384"
    assert said.pop("cache") == "answers"
    assert set(said.values()) == {"refused"}, said


@pytest.mark.usefixtures("wired")
def test_it_was_looked_at_less_than_two_minutes_ago(host: Host) -> None:
    """Break: systemctl stop runtime-env-refresh.timer, and wait."""
    figures = host.file("/run/bakehouse/metrics/runtime_env.prom").content_string
    said = dict(line.split() for line in figures.splitlines())
    assert said["runtime_env_stale"] == said["runtime_env_fault_status"] == "0"
    age = int(host.check_output("date +%s")) - int(said["runtime_env_last_success_seconds"])
    assert age < 120


def test_it_is_looked_at_again_within_a_minute(host: Host) -> None:
    """Break: systemctl disable runtime-env-refresh.timer; or OnUnitInactiveSec=300s in it."""
    assert host.service("runtime-env-refresh.timer").is_enabled
    shown = host.check_output("systemctl cat runtime-env-refresh.timer")
    pauses = dict(line.split("=") for line in shown.splitlines() if line.endswith("s"))
    names = ("OnUnitInactiveSec", "RandomizedDelaySec", "AccuracySec")
    assert sum(int(pauses[name].rstrip("s")) for name in names) <= 50


def test_no_reload_of_systemd_puts_the_first_look_off(host: Host) -> None:
    """Break: sed -i s/OnStartupSec/OnActiveSec/ the timer, and daemon-reload."""
    shown = host.check_output("systemctl show -P TimersMonotonic runtime-env-refresh.timer")
    counted_from = {line.split()[1].split("=")[0] for line in shown.splitlines()}
    assert counted_from == {"OnStartupUSec", "OnUnitInactiveUSec"}


@pytest.mark.parametrize("unit", UNITS)
def test_it_may_do_what_it_needs_and_nothing_else(
    sandbox: Callable[[str], Sandbox], unit: str
) -> None:
    """Break: ReadWritePaths= in sandbox.conf; or rm sandbox.conf, and daemon-reload."""
    tried = [f"{command} >/dev/null 2>&1 && echo '{name}'" for name, command in COMMANDS.items()]
    done = sandbox(unit).tries("\n".join([*tried, "true"]))
    assert set(done.text.splitlines()) == NEEDED


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_little_exposed(sandbox: Callable[[str], Sandbox], unit: str) -> None:
    """Break: take SystemCallFilter= out of sandbox.conf."""
    assert sandbox(unit).exposure <= 3.0


def test_a_fault_is_told_in_one_sentence_with_a_status_of_its_own(host: Host) -> None:
    """Break: sed -i 's/status = 19/status = 1/' /usr/local/lib/bakehouse/runtime_env/faults.py."""
    said = host.run("%s --check --config /nowhere.json", PROGRAM)
    assert said.rc == 19
    assert said.stderr.startswith("No environment: /nowhere.json cannot be read")
    assert len(said.stderr.splitlines()) == 1


def test_why_there_is_no_environment_is_told_on_the_console_too(host: Host) -> None:
    """Break: take StandardError out of runtime-env.service; systemctl daemon-reload."""
    told = "systemctl show --value --property=StandardError runtime-env"
    assert host.check_output(told) == "journal+console"


def test_any_password_reaches_the_application_as_it_is(host: Host) -> None:
    """Break: take "$" out of ESCAPES in /usr/local/lib/bakehouse/runtime_env/environment.py."""
    if not host.file("/usr/share/php/Dotenv/autoload.php").exists:
        pytest.skip("Debian's Dotenv is not on this host")
    assert host.run("python3 -c %s %s", READ_BACK, json.dumps(NASTY)).rc == 0
