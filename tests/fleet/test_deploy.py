"""A release for a fleet that serves, and the way back, with visitors."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fleet.visitors import Visitors

from bakehouse_lab import demo

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

ROOT = Path(__file__).parents[2]
LOADS = 20


@pytest.fixture
def archive(converged: RunningLab, tmp_path: Path) -> Path:
    """The sample application with one file more: another release."""
    changed = tmp_path / "sample_app"
    shutil.copytree(ROOT / "sample_app", changed)
    (changed / "public" / "humans.txt").write_text("The second release.\n")
    packed = converged.run("scripts/package", str(changed), "--into", str(tmp_path))
    return Path(packed.stdout.strip())


def releases(lab: RunningLab) -> set[str]:
    """The releases that answer."""
    return {demo.read(lab.page()).release for _ in range(LOADS)}


def test_a_deploy_and_a_rollback_lose_no_request_and_then_only_one_release_answers(
    converged: RunningLab, archive: Path
) -> None:
    before = releases(converged)
    with Visitors(converged.url, pause=0.6) as they:
        deploy = ("ansible/playbooks/deploy.yml", "-e", f"laravel_app_release_archive={archive}")
        converged.run("ansible-playbook", *deploy)
        after = releases(converged)
        converged.run("ansible-playbook", "ansible/playbooks/rollback.yml")
    assert {visit.status for visit in they.got} == {200}
    assert len(they.got) > LOADS
    assert after != before
    assert after == {archive.name.removesuffix(".tar.gz")}
    assert releases(converged) == before
