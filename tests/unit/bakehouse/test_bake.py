"""However a bake ends, nothing of it is left but a good image."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from bakehouse.baking.bake import NotVerified, Run, Stages, bake
from bakehouse.baking.listener import Listener
from bakehouse.baking.packer import BakeFailed, Event
from bakehouse.images.account import NotFitToServe
from bakehouse.images.image import QUARANTINED, STATE, Image
from bakehouse.images.leftovers import Leftovers, Whose
from bakehouse.images.record import Verification
from bakehouse.progress import Progress
from bakehouse.trouble import Trouble

WELL = Verification("2026-11-27", "staging-web", 90, 2, ("/ 200",), ("ids",), 21.5)


@dataclass
class PretendAccount:
    """An account in memory: what a bake makes on the way, and what is still there."""

    there: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    public: bool = False
    reachable: bool = True

    def harden(self, id: str) -> str:
        if self.public:
            raise NotFitToServe("The image came out public, and was taken away.")
        return ""

    def image(self, id: str) -> Image:
        return Image(id, "bakehouse-web-1", "2026-11-27", self.tags)

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        self.tags |= tags

    def leftovers(self, whose: Whose) -> Leftovers:
        if not self.reachable:
            raise Trouble("AWS does not answer.")
        half = set() if self.tags else {"ami-1"}
        return Leftovers(
            instances=tuple(self.there & {"i-1"}),
            images=tuple(self.there & half),
            key_pairs=tuple(self.there & {"bakehouse-run-1"}),
            security_groups=tuple(self.there & {"sg-1"}),
        )

    def remove(self, left: Leftovers, run: str) -> None:
        self.there -= set(str(left).split(", "))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("run-1", tmp_path, "bakehouse-web-1")


def quiet() -> tuple[Progress, io.StringIO]:
    said = io.StringIO()
    return Progress(Console(file=said, width=200)), said


def stages(
    account: PretendAccount,
    *made: str,
    end: BaseException | None = None,
    verify: Callable[[Image], Verification] | None = None,
) -> Stages:
    def build() -> str:
        account.there |= set(made)
        if end:
            raise end
        return "ami-1"

    def record(image: Image, how: Verification | None) -> None:
        account.mark(image, {STATE: "verified" if how else "unverified"})

    return Stages(build, verify, record)


def refuse(image: Image) -> Verification:
    raise NotVerified("A fresh host answers / with 500.\n  its console: ...")


def test_a_good_bake_leaves_its_image_and_nothing_else(run: Run) -> None:
    account = PretendAccount()
    todo = stages(account, "ami-1", "sg-1", "i-1", verify=lambda image: WELL)
    assert bake(run, account, todo, quiet()[0]) == "ami-1"
    assert (account.there, account.tags) == ({"ami-1"}, {STATE: "verified"})


def test_an_image_that_nobody_booted_does_not_say_that_it_was_verified(run: Run) -> None:
    account = PretendAccount()
    bake(run, account, stages(account, "ami-1"), quiet()[0])
    assert account.tags == {STATE: "unverified"}


@pytest.mark.parametrize("end", [KeyboardInterrupt(), BakeFailed("no such package")])
def test_a_bake_that_ends_badly_leaves_nothing(run: Run, end: BaseException) -> None:
    account = PretendAccount()
    todo = stages(account, "i-1", run.key_pair, "sg-1", "ami-1", end=end)
    with pytest.raises(type(end)):
        bake(run, account, todo, quiet()[0])
    assert account.there == set()


def test_an_image_that_does_not_pass_is_gone(run: Run) -> None:
    account = PretendAccount()
    with pytest.raises(NotVerified, match="answers / with 500"):
        bake(run, account, stages(account, "ami-1", "i-1", verify=refuse), quiet()[0])
    assert (account.there, account.tags) == (set(), {})


def test_an_image_that_does_not_pass_is_kept_and_marked_when_that_was_asked_for(run: Run) -> None:
    account = PretendAccount()
    todo = stages(account, "ami-1", "i-1", verify=refuse)
    with pytest.raises(NotVerified):
        bake(run, account, todo, quiet()[0], quarantine=True)
    assert account.there == {"ami-1"}
    assert account.tags == {
        STATE: QUARANTINED,
        "bakehouse:reason": "A fresh host answers / with 500.",
    }


def test_an_image_that_anyone_could_use_is_taken_away(run: Run) -> None:
    account = PretendAccount(public=True)
    with pytest.raises(NotFitToServe):
        bake(run, account, stages(account, "ami-1"), quiet()[0])
    assert account.there == set()


def test_what_belongs_to_others_is_not_touched(run: Run) -> None:
    account = PretendAccount(there={"i-other", "sg-other", "ami-other"})
    bake(run, account, stages(account, "ami-1"), quiet()[0])
    assert account.there == {"i-other", "sg-other", "ami-other", "ami-1"}


def test_an_account_out_of_reach_hides_neither_the_failure_nor_what_to_look_for(run: Run) -> None:
    account = PretendAccount(reachable=False)
    progress, said = quiet()
    with pytest.raises(BakeFailed, match="no such package"):
        bake(run, account, stages(account, end=BakeFailed("no such package")), progress)
    assert "bakehouse:run=run-1; next: scripts/image sweep" in said.getvalue()


def test_all_that_packer_says_is_kept_and_only_what_matters_is_told(run: Run) -> None:
    progress, said = quiet()
    hear = Listener(run, progress)
    hear(Event("ui", ("message", "    amazon-ebs.web: TASK [nginx : Install nginx] ****")))
    hear(Event("ui", ("message", "    amazon-ebs.web: ok: [default]")))
    hear(
        Event("ui", ("message", "    amazon-ebs.web: RUNNING HANDLER [nginx : Restart nginx] ***"))
    )
    assert "nginx : Install nginx\n" in said.getvalue()
    assert "nginx : Restart nginx\n" in said.getvalue()
    assert "ok: [default]" not in said.getvalue()
    assert "ok: [default]" in (run.folder / "packer.log").read_text()
