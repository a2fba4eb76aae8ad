"""A host that gives an intruder little, and that people and Ansible can still work on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

# CBC, SHA-1, groups of 2048 bits and less, groups that the server chooses, and NIST's curves.
WEAK = re.compile(r"cbc|arcfour|3des|sha1(?![0-9])|md5|umac-64|group1-|group14-|nistp|exchange")


@pytest.fixture(scope="module")
def sshd(host: Host) -> dict[str, list[str]]:
    """What the ssh server's configuration amounts to: a setting's values, in small letters."""
    found: dict[str, list[str]] = {}
    for line in host.check_output("sshd -T").splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("authenticationmethods", "publickey"),
        ("passwordauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("permitemptypasswords", "no"),
        ("permitrootlogin", "no"),
        ("permituserenvironment", "no"),
        ("hostbasedauthentication", "no"),
        ("allowtcpforwarding", "no"),
        ("allowagentforwarding", "no"),
        ("x11forwarding", "no"),
        ("maxauthtries", "3"),
        ("maxsessions", "2"),
        ("clientalivecountmax", "2"),
        ("loglevel", "VERBOSE"),
    ],
)
def test_the_ssh_server_lets_in_people_with_a_key_and_nothing_through(
    sshd: dict[str, list[str]], setting: str, value: str
) -> None:
    """Break: : >/etc/ssh/sshd_config."""
    assert sshd[setting] == [value]


def test_only_groups_of_people_may_log_in(sshd: dict[str, list[str]], host: Host) -> None:
    """Break: sed -i /AllowGroups/d /etc/ssh/sshd_config."""
    assert sshd["allowgroups"]
    for service in ("www-data", "nobody"):
        assert not set(host.user(service).groups) & set(sshd["allowgroups"])


@pytest.mark.parametrize("kind", ["ciphers", "macs", "kexalgorithms"])
def test_the_ssh_server_speaks_nothing_weak(sshd: dict[str, list[str]], kind: str) -> None:
    """Break: sed -i "/^MACs/d;/^Kex/d;s/^Ciphers /&aes128-cbc,/" /etc/ssh/sshd_config."""
    spoken = ",".join(sshd[kind]).split(",")
    assert spoken
    assert [each for each in spoken if WEAK.search(each)] == []


def test_whoever_has_no_key_is_asked_for_nothing_else(host: Host) -> None:
    """The running server, not its file. Break: as above, and systemctl reload ssh."""
    said = host.run(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        "-o IdentityAgent=none -o IdentityFile=/nonexistent nobody@127.0.0.1 true; test $? = 255"
    )
    assert said.rc == 0
    assert "Permission denied (publickey)" in said.stderr


def test_a_login_can_still_change_the_host(host: Host) -> None:
    """A sandbox of the ssh server would be inherited, and site.yml would end here.

    Break: a drop-in of ssh.service with NoNewPrivileges=yes or ProtectSystem=strict.
    """
    host.check_output("touch /etc/.writable && rm /etc/.writable")
    status = host.check_output("cat /proc/self/status")
    assert re.search(r"^NoNewPrivs:\s0$", status, flags=re.M)
    assert host.check_output("readlink /proc/self/ns/mnt") == host.check_output(
        "readlink /proc/1/ns/mnt"
    )


def test_what_is_done_with_sudo_is_written_down(host: Host) -> None:
    """Break: rm /etc/sudoers.d/hardening."""
    host.check_output("sudo -u nobody true")
    assert "USER=nobody" in host.check_output("grep -a -B1 COMMAND=.*true /var/log/sudo.log")
    assert host.file("/var/log/sudo.log").mode == 0o600
    assert "use_pty" in host.check_output("sudo -l")


def test_only_those_who_have_no_password_need_none_for_sudo(host: Host) -> None:
    """Break: echo 'www-data ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/x."""
    lines = host.check_output("grep -rhE '^[^#]*NOPASSWD' /etc/sudoers /etc/sudoers.d").splitlines()
    assert {line.split()[0] for line in lines} <= {"admin", "ssm-user"}


def test_the_kernel_tells_processes_little_of_each_other(host: Host) -> None:
    """Break: sed -i '/kptr/d;s/martians = 1/martians = 0/' /etc/sysctl.d/70-hardening.conf.

    What a container may not set is only seen to be written down.
    """
    text = host.file("/etc/sysctl.d/70-hardening.conf").content_string
    wanted = dict(re.findall(r"^([\w.]+) = (\S+)$", text, flags=re.MULTILINE))
    assert wanted["kernel.kptr_restrict"] == "2"
    assert wanted["fs.suid_dumpable"] == "0"
    assert wanted["net.ipv4.conf.all.log_martians"] == "1"
    for name, value in wanted.items():
        for path in host.run(f"ls -d /proc/sys/{name.replace('.', '/')}").stdout.split():
            if host.run("test -w %s", path).rc == 0:
                assert host.file(path).content_string.strip() == value, path


def test_an_interface_that_comes_later_is_no_router_s(host: Host) -> None:
    """Break: systemctl disable sysctl-reapply-network; sed -i '/[*]/d' /etc/sysctl.d/70-*.conf.

    IPv6's settings for all interfaces are for none; a star is for each.
    """
    assert host.service("sysctl-reapply-network").is_enabled
    assert host.check_output("systemctl show -P Result sysctl-reapply-network") == "success"
    text = host.file("/etc/sysctl.d/70-hardening.conf").content_string
    assert "net.ipv6.conf.*.accept_redirects = 0" in text.splitlines()


def test_modules_that_nobody_needs_cannot_be_loaded(host: Host) -> None:
    """Break: sed -i /usb-storage/d /etc/modprobe.d/hardening.conf."""
    text = host.file("/etc/modprobe.d/hardening.conf").content_string
    for module in ("can", "cramfs", "usb-storage", "sctp", "rds"):
        assert f"install {module} /bin/false" in text.splitlines()
        assert f"blacklist {module}" in text.splitlines()


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm"])
def test_no_program_runs_where_everybody_may_write(host: Host, folder: str) -> None:
    """Break: mount -o remount,bind,exec /tmp; the same of /var/tmp and /dev/shm."""
    assert {"nodev", "nosuid", "noexec"} <= set(host.mount_point(folder).options)
    tried = host.run(f"cp /bin/true {folder}/.tried; {folder}/.tried")
    host.run(f"rm -f {folder}/.tried")
    assert tried.rc == 126
    assert "Permission denied" in tried.stderr


def test_what_everybody_may_write_to_is_so_after_the_next_boot(host: Host) -> None:
    """Break: systemctl disable tmp.mount var-tmp.mount; sed -i '/shm/d' /etc/fstab."""
    for unit in ("tmp.mount", "var-tmp.mount"):
        assert host.check_output("systemctl is-enabled %s", unit) == "enabled"
    assert re.search(r"^tmpfs /dev/shm .*noexec", host.file("/etc/fstab").content_string, re.M)


def test_a_process_that_dies_leaves_no_memory_on_the_disk(host: Host) -> None:
    """Break: rm /etc/security/limits.d/hardening.conf /etc/systemd/system.conf.d/hardening.conf."""
    assert host.check_output("su -c 'ulimit -H -c' root") == "0"
    assert host.check_output("systemctl show -P DefaultLimitCORE") == "0"


def test_root_is_no_exception_to_that(host: Host) -> None:
    """Break: sed -i /root/d /etc/security/limits.d/hardening.conf. The star there is not root.

    Or, on Debian 13: echo 'root hard core infinity' >/etc/security/limits.d/z.conf.
    """
    read = "cat /etc/security/limits.conf $(ls /etc/security/limits.d/*.conf)"
    lines = [line.split() for line in host.check_output(read).splitlines()]
    hard = [line for line in lines if line[1:3] == ["hard", "core"]]
    for who in ("*", "root"):
        assert [value for name, *_, value in hard if name == who] == ["0"]


def test_nobody_has_an_empty_password_and_root_has_none(host: Host) -> None:
    """Break: passwd -d root; sed -i 's/pam_unix.so/& nullok/' /etc/pam.d/common-auth."""
    accounts = [line.split(":") for line in host.file("/etc/shadow").content_string.splitlines()]
    assert [name for name, password, *_ in accounts if not password] == []
    assert dict(account[:2] for account in accounts)["root"].startswith(("!", "*"))
    assert "nullok" not in host.check_output("grep pam_unix /etc/pam.d/common-auth")


def test_wrong_passwords_are_counted_before_and_after_they_are_tried(host: Host) -> None:
    """Break: pam-auth-update --disable hardening-faillock hardening-faillock-first."""
    lines = host.check_output("grep -E '^auth' /etc/pam.d/common-auth").splitlines()
    modules = [next(word for word in line.split() if word.startswith("pam_")) for line in lines]
    assert modules[:3] == ["pam_faillock.so", "pam_unix.so", "pam_faillock.so"]
    assert "hist" in host.check_output("grep -E '^password' /etc/pam.d/common-password")


def test_nobody_becomes_another_user_with_su(host: Host) -> None:
    """Break: sed -i /pam_wheel/d /etc/pam.d/su; usermod -aG sugroup nobody."""
    wheel = "auth required pam_wheel.so use_uid group=sugroup"
    assert wheel in host.file("/etc/pam.d/su").content_string.splitlines()
    assert host.group("sugroup").members == []


def test_what_people_make_is_not_for_everybody(host: Host) -> None:
    """Break: sed -i s/^UMASK.*// /etc/login.defs; rm /etc/profile.d/hardening.sh."""
    assert host.check_output("bash -lc umask") == "0027"
    assert host.check_output("bash -ic umask 2>/dev/null") == "0027"
    assert "UMASK 027" in host.file("/etc/login.defs").content_string.splitlines()


def test_a_forgotten_shell_of_root_ends(host: Host) -> None:
    """Break: rm /etc/profile.d/hardening.sh; sed -i s/-xr/-x/ there; sed -i /^if/d there."""
    assert 0 < int(host.check_output("bash -lc 'echo $TMOUT'")) <= 900
    assert host.run("bash -lc 'TMOUT=0; true'").rc != 0
    assert not host.run("sh -lc true").stderr


def test_nobody_reads_in_another_s_home(host: Host) -> None:
    """Break: chmod 755 /home/admin; chmod 644 /root/.profile."""
    homes = "find /root /home/* -maxdepth 0"
    assert host.check_output(homes)
    assert not host.check_output(f"{homes} -perm /027")
    hidden = "find /root /home/* /etc/skel -maxdepth 1 -type f -name '.*'"
    assert host.check_output(hidden)
    assert not host.check_output(f"{hidden} -perm /037")


def test_whoever_logs_in_has_temporary_files_of_their_own(host: Host) -> None:
    """Break: apt-get remove libpam-tmpdir."""
    place = host.check_output("sudo -u nobody sh -c 'echo $TMPDIR'")
    assert place.startswith("/tmp/user/")
    assert host.file(place).mode == 0o700
    assert host.file(place).user == "nobody"


def test_only_those_who_read_logs_can_read_them(host: Host) -> None:
    """Break: chmod 644 /var/log/dpkg.log; rm /etc/tmpfiles.d/hardening.conf.

    Or: sed -i 's/create 640/create 644/' /etc/logrotate.d/dpkg.
    """
    assert not host.check_output("find /var/log -maxdepth 1 -type f -perm /027")
    assert "z /var/log/wtmp 0640" in host.check_output("systemd-tmpfiles --cat-config")
    assert host.run("grep -rE 'create 0?6(44|6)' /etc/logrotate.d").rc == 1


def test_a_password_is_made_hard_to_guess(host: Host) -> None:
    """Break: sed -i '/^SHA/d;s/^ENCRYPT.*/ENCRYPT_METHOD SHA512/' /etc/login.defs."""
    lines = host.file("/etc/login.defs").content_string.splitlines()
    assert "ENCRYPT_METHOD YESCRYPT" in lines
    assert "SHA_CRYPT_MIN_ROUNDS 65536" in lines


def test_no_program_differs_from_its_package(host: Host) -> None:
    """What is configured may. Break: echo >>/usr/bin/dig.

    The one exception is what PAM's stacks are made of: no empty passwords.
    """
    lines = host.check_output("dpkg --verify || true").splitlines()
    changed = [line.split() for line in lines if not line.startswith("missing")]
    assert changed
    assert [path for _, *kind, path in changed if "c" not in kind] == [
        "/usr/share/pam-configs/unix"
    ]


@pytest.mark.parametrize("page", ["/etc/issue", "/etc/issue.net", "/etc/motd"])
def test_strangers_are_not_told_what_runs_here(host: Host, page: str) -> None:
    """Break: echo 'Debian 13' >/etc/issue; the same of issue.net and motd."""
    text = host.file(page).content_string
    assert "Authorized" in text
    assert "prohibited" in text
    assert not re.search(r"debian|linux|\\[a-z]", text, flags=re.I)


def test_root_s_files_are_for_root(host: Host) -> None:
    """Break: chmod 644 /etc/ssh/sshd_config; chmod 755 /etc/cron.daily."""
    for path, most in (("/etc/ssh/sshd_config", 0o600), ("/etc/cron.daily", 0o700)):
        assert not host.file(path).mode & ~most, path


def test_a_console_opens_no_door(host: Host) -> None:
    """Break: systemctl unmask debug-shell.service ctrl-alt-del.target."""
    for unit in ("debug-shell.service", "ctrl-alt-del.target"):
        assert host.run("systemctl is-enabled %s", unit).stdout.strip() == "masked"


def test_nothing_on_the_host_can_ban_the_load_balancer(host: Host) -> None:
    """All requests come from its few addresses. Break: apt-get install fail2ban (or ufw)."""
    for package in ("fail2ban", "ufw", "iptables-persistent", "crowdsec"):
        assert not host.package(package).is_installed


@pytest.fixture(scope="module")
def audited(host: Host) -> Host:
    """A host with `hardening_audit`; others have none of its packages and units."""
    asked = "test -e /etc/audit/rules.d/70-hardening.rules || test -e /usr/local/sbin/integrity"
    if host.run(asked).rc:
        for package in ("aide", "auditd"):
            assert not host.package(package).is_installed
        assert not host.service("dailyaidecheck.timer").exists
        pytest.skip("hardening_audit is off here, and nothing of it is on the host")
    return host


@pytest.mark.parametrize(
    "rule",
    [
        "-F arch=b64 -F path=/etc/passwd -F perm=wa -F key=identity",
        "-F arch=b64 -F dir=/etc/sudoers.d -F perm=wa -F key=sudo",
        "-F arch=b64 -F dir=/etc/ssh -F perm=wa -F key=ssh",
        "-F arch=b64 -F dir=/etc/systemd -F perm=wa -F key=units",
        "-F arch=b64 -F dir=/etc/php -F perm=wa -F key=web",
        "-F arch=b64 -S init_module,finit_module,delete_module -F key=modules",
        "-F arch=b64 -S execve -F euid=0 -F auid>=1000 -F auid!=unset -F key=root",
    ],
)
def test_the_audit_trail_has_what_an_intruder_changes(audited: Host, rule: str) -> None:
    """What auditd loads. Break: rm /etc/audit/rules.d/70*; augenrules."""
    assert f"-a always,exit {rule}" in audited.file("/etc/audit/audit.rules").content_string


def test_the_audit_trail_is_kept_where_the_kernel_is_the_host_s(audited: Host) -> None:
    """Break: systemctl disable auditd; rm /etc/systemd/system/audit*.service.d/*.

    A container's trail is its machine's: there the unit is passed over, and has not failed.
    """
    assert audited.service("auditd").is_enabled
    shown = audited.check_output("systemctl show -P ActiveState -P ConditionResult auditd")
    if audited.run("systemd-detect-virt --container --quiet").rc == 0:
        assert shown.split() == ["inactive", "no"]
        assert "failed" not in audited.run("systemctl is-failed auditd audit-rules").stdout
    else:
        assert shown.split() == ["active", "yes"]
        assert "key=identity" in audited.check_output("auditctl -l")


def test_the_audit_trail_cannot_fill_the_disk_and_a_full_disk_stops_no_host(audited: Host) -> None:
    """Break: sed -i 's/ROTATE/KEEP_LOGS/;s/^max_log_file .*/max_log_file = 500/' /etc/audit/*.conf.

    Or: sed -i 's/SUSPEND/HALT/' there.
    """
    text = audited.file("/etc/audit/auditd.conf").content_string
    said = dict(re.findall(r"^(\w+) = (\S+)$", text, flags=re.M))
    assert said["max_log_file_action"] == "ROTATE"
    assert 8 <= int(said["max_log_file"]) * int(said["num_logs"]) <= 1024
    assert "HALT" not in said.values()


def test_only_those_who_read_logs_can_read_the_audit_trail(audited: Host) -> None:
    """Break: chmod 755 /var/log/audit; or log_group = root in /etc/audit/auditd.conf."""
    assert not audited.file("/var/log/audit").mode & 0o007
    assert "log_group = adm" in audited.file("/etc/audit/auditd.conf").content_string.splitlines()


def test_files_are_compared_every_day(audited: Host) -> None:
    """Break: systemctl disable --now dailyaidecheck.timer."""
    timer = audited.service("dailyaidecheck.timer")
    assert timer.is_enabled
    assert timer.is_running


def test_no_file_differs_from_the_image_s(audited: Host) -> None:
    """Break: echo >>/etc/hosts.allow; or rm /var/lib/aide/*."""
    said = audited.run("systemctl start dailyaidecheck.service")
    assert said.rc == 0, audited.check_output("journalctl -u dailyaidecheck -n 40 --no-pager")


@pytest.mark.parametrize(
    ("made_so", "told"),
    [
        ("mount -t tmpfs none /etc/logrotate.d", "/etc/logrotate.d/sudo"),
        ("mount --bind /bin/true /usr/local/sbin/integrity", "/usr/local/sbin/integrity"),
        ("mount --bind /bin/true /usr/bin/passwd", "Not as in their packages:\n??5?"),
    ],
)
def test_a_file_that_differs_is_told(audited: Host, made_so: str, told: str) -> None:
    """In a view of the files that nobody else has: the host stays as it is.

    Break: sed -i '/^.etc Ours/d;/^.usr.local/d' /etc/aide/aide.conf; integrity seal.

    Or: sed -i 's/dpkg --verify/true/' /usr/local/sbin/integrity.
    """
    check = "cp /usr/local/sbin/integrity /run/look; {}; sh /run/look check; echo status=$?"
    said = audited.check_output("unshare --mount sh -c %s", check.format(made_so))
    audited.run("rm -f /run/look")
    assert told in said
    assert "status=1" in said


def test_files_that_cannot_be_compared_are_no_good_news(audited: Host) -> None:
    """Break: take the line with `-le 7` out of /usr/local/sbin/integrity."""
    check = "mount -t tmpfs none /var/lib/aide; integrity check; echo status=$?"
    said = audited.check_output("unshare --mount sh -c %s", check)
    assert "status=2" in said
