"""What every host is, whatever it serves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host


def apt_config(host: Host, name: str) -> list[str]:
    """The values of an apt setting, and of what is below it."""
    return re.findall(r'"(.*)";', host.check_output("apt-config dump %s", name))


def test_nothing_that_systemd_started_has_failed(host: Host) -> None:
    """Break: systemd-run --unit=broken false."""
    failed = host.check_output("systemctl list-units --failed --plain --no-legend")
    assert not failed


def test_systemd_has_read_every_unit_that_was_written(host: Host) -> None:
    """Break: touch /etc/systemd/system/php-fpm@.service."""
    said = host.check_output("systemctl show --property=Id,NeedDaemonReload '*'")
    units = [block.splitlines() for block in said.split("\n\n")]
    assert [sorted(unit)[0] for unit in units if "NeedDaemonReload=yes" in unit] == []
    assert len(units) > 50


@pytest.mark.parametrize("program", ["curl", "jq", "dig", "nc", "lsof", "strace", "tcpdump", "ps"])
def test_what_one_needs_at_night_is_there_already(host: Host, program: str) -> None:
    """Break: rm /usr/bin/{curl,jq,dig,nc,lsof,strace,tcpdump,ps}."""
    assert host.exists(program)


def test_the_host_counts_time_in_utc(host: Host) -> None:
    """Break: ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime."""
    assert host.check_output("date +%Z") == "UTC"


def test_the_host_asks_amazon_for_the_time_from_every_boot_on(host: Host) -> None:
    """Break: rm /etc/chrony/conf.d/bakehouse.conf; systemctl disable chrony."""
    assert host.service("chrony").is_enabled
    assert "server 169.254.169.123" in host.check_output("chronyd -p")


def test_programs_speak_unicode(host: Host) -> None:
    """Break: echo LANG=C >/etc/default/locale."""
    assert host.file("/etc/default/locale").content_string.strip() == "LANG=C.UTF-8"


def test_the_journal_survives_a_reboot_but_does_not_fill_the_disk(host: Host) -> None:
    """Break: : >/etc/systemd/journald.conf."""
    text = host.check_output("systemd-analyze cat-config systemd/journald.conf")
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, flags=re.MULTILINE))
    assert settings["Storage"] == "persistent"
    assert 0 < int(settings["SystemMaxUse"].removesuffix("M")) <= 1024
    assert host.file("/var/log/journal").is_directory


def test_security_upgrades_and_no_others_are_installed_every_night(host: Host) -> None:
    """Break: rm /etc/apt/apt.conf.d/52bakehouse-upgrades."""
    origins = apt_config(host, "Unattended-Upgrade::Origins-Pattern")
    assert [origin for origin in origins if origin] == [
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"
    ]
    assert apt_config(host, "APT::Periodic::Unattended-Upgrade") == ["1"]
    assert host.exists("unattended-upgrade")


def test_a_file_of_configuration_that_we_changed_holds_no_fix_back(host: Host) -> None:
    """Unattended-upgrades is asked itself. Break: sed -i /confold/d /etc/apt/apt.conf.d/52*."""
    asked = "print(run_path('/usr/bin/unattended-upgrade')['dpkg_conffile_prompt']())"
    said = host.check_output(f'python3 -c "from runpy import run_path; {asked}"')
    assert said == "False"


@pytest.mark.parametrize("timer", ["apt-daily.timer", "apt-daily-upgrade.timer"])
def test_upgrades_start_by_themselves_after_the_next_boot(host: Host, timer: str) -> None:
    """Break: systemctl disable apt-daily.timer apt-daily-upgrade.timer."""
    assert host.service(timer).is_enabled


def test_a_host_never_reboots_by_itself(host: Host) -> None:
    """Break: echo 'Unattended-Upgrade::Automatic-Reboot "true";' >/etc/apt/apt.conf.d/99x."""
    assert apt_config(host, "Unattended-Upgrade::Automatic-Reboot") == ["false"]


def test_apt_brings_no_more_than_was_asked_for(host: Host) -> None:
    """Break: rm /etc/apt/apt.conf.d/60bakehouse."""
    assert apt_config(host, "APT::Install-Recommends") == ["false"]


def test_the_kernel_is_set_up_for_many_short_connections(host: Host) -> None:
    """Break: sed -i 's/= 300/= 301/' /etc/sysctl.d/60-bakehouse.conf; rm, too.

    What a container may not set is only seen to be written down.
    """
    text = host.file("/etc/sysctl.d/60-bakehouse.conf").content_string
    wanted = dict(re.findall(r"^-([\w.]+) = (\S+)$", text, flags=re.MULTILINE))
    assert wanted["net.ipv4.tcp_keepalive_time"] == "300"
    assert wanted["net.core.somaxconn"] == "4096"
    for name, value in wanted.items():
        path = "/proc/sys/" + name.replace(".", "/")
        if host.run(f"test -w {path}").rc == 0:
            assert host.file(path).content_string.strip() == value


def test_the_host_has_an_id_and_keys_of_its_own(host: Host) -> None:
    """Break: : >/etc/machine-id; rm /etc/ssh/ssh_host_ed25519_key."""
    assert re.fullmatch(r"[0-9a-f]{32}\n", host.file("/etc/machine-id").content_string)
    key = host.file("/etc/ssh/ssh_host_ed25519_key")
    assert key.is_file
    assert key.mode == 0o600


def test_the_host_enforces_the_sandbox_that_a_unit_asks_for(
    sandbox: Callable[[str], Sandbox],
) -> None:
    """A container without the right to mount ignores it, silently, and looks as good.

    Break: systemctl edit --runtime systemd-logind, and say ProtectSystem=no in it.
    """
    login = sandbox("systemd-logind.service")
    assert "mnt" in login.processes[0].own
    assert login.processes[0].filtered
    assert login.tries("touch /usr/sandboxed").refused
