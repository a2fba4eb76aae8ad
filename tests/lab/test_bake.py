"""A bake that is stopped, or that cannot begin, leaves the account as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(900)

# Words of a bake's progress, and what makes that moment come soon: tags that no task has, for the
# one after the whole playbook.
MOMENTS = [
    ("Creating temporary keypair", {}),
    ("Launching a source AWS instance", {}),
    ("Waiting for SSH", {}),
    ("Install what every host has", {}),
    ("Waiting for AMI to become ready", {"ANSIBLE_RUN_TAGS": "none-has-it"}),
]


def things(lab: RunningLab) -> dict[str, set[str]]:
    """All that a bake makes on the way, by kind."""
    ec2: Any = lab.client("ec2")
    alive = [
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    ]
    instances = [
        instance["InstanceId"]
        for page in ec2.describe_instances(Filters=alive)["Reservations"]
        for instance in page["Instances"]
    ]
    return {
        "instances": set(instances),
        "key pairs": {pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]},
        "groups": {one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]},
        "images": {one["ImageId"] for one in ec2.describe_images(Owners=["self"])["Images"]},
        "snapshots": {
            one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        },
    }


# What befalls a build host before its first package, as a shell command there; and what is said.
SPOILT = {
    "no mirror answers": (
        "echo 'Acquire::http::Proxy \"http://127.0.0.1:9\";' >/etc/apt/apt.conf.d/99spoilt",
        "No package mirror answered the build host",
    ),
    "its disk is full": (
        "mount -t tmpfs -o size=1m none /var/cache/apt/archives",
        "The build host's disk is full",
    ),
}


def disturbed_at(
    lab: RunningLab, moment: str, disturb: Callable[[int], object], soon: Mapping[str, str]
) -> tuple[int, str]:
    """Begin a bake, `disturb` it (by its pid) when it says `moment`; its status and all it said."""
    bake = lab.begin("scripts/bake", "--force", **soon)
    assert bake.stderr is not None
    said = []
    for line in bake.stderr:
        said.append(line)
        if moment in line:
            disturb(bake.pid)
            break
    said += bake.stderr.readlines()
    return bake.wait(120), "".join(said)


def interrupt(bake: int) -> None:
    os.kill(bake, signal.SIGINT)


@pytest.mark.parametrize(("moment", "soon"), MOMENTS, ids=[moment for moment, _ in MOMENTS])
def test_an_interrupt_at_any_moment_leaves_the_account_as_it_was(
    lab: RunningLab, moment: str, soon: Mapping[str, str]
) -> None:
    before = things(lab)
    status, said = disturbed_at(lab, moment, interrupt, soon)
    assert moment in said
    assert status == 130, said
    assert things(lab) == before


@pytest.mark.parametrize("case", SPOILT)
def test_a_build_host_that_lacks_something_is_told_of_and_leaves_nothing(
    lab: RunningLab, case: str
) -> None:
    before = things(lab)
    spoil, told = SPOILT[case]

    def disturb(_: int) -> None:
        (builder,) = things(lab)["instances"] - before["instances"]
        lab.run("podman", "exec", f"{lab.settings.prefix}-{builder}", "sh", "-c", spoil)

    status, said = disturbed_at(lab, "Connected to SSH", disturb, {})
    assert status == 1, said
    assert told in said
    assert "Install what every host has" in said.split(told)[0]
    assert things(lab) == before


@pytest.mark.parametrize(
    ("case", "words", "change", "told"),
    [
        ("no packer", [], {"PATH": "/usr/bin/nowhere:/bin/nowhere"}, "apt-get install packer"),
        ("a wrong image", ["--base", "ami-0123456789abcdef0"], {}, "no base image ami-0123456789"),
        ("no AWS", [], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS does not answer"),
        ("no such release", ["--release", "nowhere.tar.gz"], {}, "no release nowhere.tar.gz"),
        ("no such inventory", ["--inventory", "inventories/stagin"], {}, "ls "),
    ],
)
def test_a_bake_that_cannot_begin_says_why_and_makes_nothing(
    lab: RunningLab, case: str, words: list[str], change: Mapping[str, str], told: str
) -> None:
    before = things(lab)
    done = subprocess.run(
        [".venv/bin/python", "scripts/bake", *words],
        env={**lab.environment, **change},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, case
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert things(lab) == before
