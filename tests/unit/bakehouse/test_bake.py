"""However a bake ends, nothing of it is left but a good image."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from bakehouse.bake import Listener, Run, bake
from bakehouse.images import Leftovers, NotFitToServe
from bakehouse.packer import BakeFailed, Event
from bakehouse.progress import Progress
from bakehouse.trouble import Trouble


@dataclass
class PretendAccount:
    """An account in memory: what a bake makes on the way, and what is still there."""

    there: set[str] = field(default_factory=set)
    public: bool = False
    reachable: bool = True

    def harden(self, id: str) -> str:
        if self.public:
            raise NotFitToServe("The image came out public, and was taken away.")
        return ""

    def leftovers(self, run: str, key_pair: str, groups: set[str]) -> Leftovers:
        if not self.reachable:
            raise Trouble("AWS does not answer.")
        return Leftovers(
            instances=tuple(self.there & {"i-1"}),
            key_pairs=tuple(self.there & {key_pair}),
            security_groups=tuple(self.there & groups),
        )

    def half_made(self, run: str, name: str) -> Leftovers:
        return Leftovers(images=tuple(self.there & {"ami-1"}))

    def remove(self, left: Leftovers) -> None:
        self.there -= set(str(left).split(", "))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("run-1", tmp_path, "bakehouse-web-1")


def quiet() -> tuple[Progress, io.StringIO]:
    said = io.StringIO()
    return Progress(Console(file=said, width=200)), said


def build(
    account: PretendAccount, run: Run, *made: str, end: BaseException | None = None
) -> Callable[[], str]:
    def begin() -> str:
        run.groups.add("packer_1")
        account.there |= set(made)
        if end:
            raise end
        return "ami-1"

    return begin


def test_a_good_bake_leaves_its_image_and_nothing_else(run: Run) -> None:
    account = PretendAccount()
    builds = build(account, run, "ami-1", "packer_1")
    assert bake(run, account, builds, quiet()[0]) == "ami-1"
    assert account.there == {"ami-1"}


@pytest.mark.parametrize("end", [KeyboardInterrupt(), BakeFailed("no such package")])
def test_a_bake_that_ends_badly_leaves_nothing(run: Run, end: BaseException) -> None:
    account = PretendAccount()
    builds = build(account, run, "i-1", run.key_pair, "packer_1", "ami-1", end=end)
    with pytest.raises(type(end)):
        bake(run, account, builds, quiet()[0])
    assert account.there == set()


def test_an_image_that_anyone_could_use_is_taken_away(run: Run) -> None:
    account = PretendAccount(public=True)
    with pytest.raises(NotFitToServe):
        bake(run, account, build(account, run, "ami-1"), quiet()[0])
    assert account.there == set()


def test_what_belongs_to_others_is_not_touched(run: Run) -> None:
    account = PretendAccount(there={"i-other", "sg-other", "ami-other"})
    bake(run, account, build(account, run, "ami-1"), quiet()[0])
    assert account.there == {"i-other", "sg-other", "ami-other", "ami-1"}


def test_an_account_out_of_reach_hides_neither_the_failure_nor_what_to_look_for(run: Run) -> None:
    account = PretendAccount(reachable=False)
    progress, said = quiet()
    with pytest.raises(BakeFailed, match="no such package"):
        bake(run, account, build(account, run, end=BakeFailed("no such package")), progress)
    assert "bakehouse:run=run-1" in said.getvalue()


def test_the_temporary_security_group_is_known_from_what_packer_says(run: Run) -> None:
    hear = Listener(run, quiet()[0])
    line = "==> amazon-ebs.web: Creating temporary security group for this instance: packer_abc"
    hear(Event("ui", ("say", line)))
    assert run.groups == {"packer_abc"}


def test_all_that_packer_says_is_kept_and_only_what_matters_is_told(run: Run) -> None:
    progress, said = quiet()
    hear = Listener(run, progress)
    hear(Event("ui", ("message", "    amazon-ebs.web: TASK [nginx : Install nginx] ****")))
    hear(Event("ui", ("message", "    amazon-ebs.web: ok: [default]")))
    assert "nginx : Install nginx\n" in said.getvalue()
    assert "ok: [default]" not in said.getvalue()
    assert "ok: [default]" in (run.folder / "packer.log").read_text()
