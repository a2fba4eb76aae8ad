"""When the meter looks, and what it then takes as new."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bakehouse_lab.elb import meter
from bakehouse_lab.elb.traffic import Passed


def answer(requests: int) -> str:
    """What the worker with pid 7 says of its only server."""
    header = "# pxname,svname,stot,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,rtime,"
    return f"Pid: 7\n\n{header}\ntg_a,s1,{requests},{requests},0,0,0,20,\n"


def looked(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[int]:
    """The requests that each look but the first tells of."""
    told = []

    def tell(self: meter.Meter, record: Any, passed: dict[str, Passed]) -> None:
        told.append(sum(each.requests for each in passed.values()))

    monkeypatch.setattr(meter.Meter, "_tell", tell)
    monkeypatch.setattr(meter, "SECONDS", 0.0)
    said = iter([[each] for each in answers])
    balancer = (SimpleNamespace(arn="front"), SimpleNamespace(counters=lambda: next(said)))
    lab = SimpleNamespace(world=SimpleNamespace(lock=threading.Lock()))
    one = meter.Meter(cast("Any", lab), cast("Any", SimpleNamespace(running=lambda: [balancer])))
    for _ in answers:
        one.step()
    return told


def test_what_went_through_before_the_first_look_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looked(monkeypatch, answer(100), answer(130)) == [30]


def test_a_worker_that_once_did_not_answer_is_not_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looked(monkeypatch, answer(100), "", answer(130)) == [0, 30]
