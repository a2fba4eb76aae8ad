"""The demo believes the page and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bakehouse_lab.demo import Chain, Host, NotShown, Page, read, summary, visit

HOSTS = [
    Host("i-a", "10.20.11.4", "us-east-1a", "ami-1", "healthy"),
    Host("i-b", "10.20.12.4", "us-east-1b", "ami-1", "healthy"),
]
CHAIN = Chain(
    url="http://127.0.0.1:8080",
    image={"id": "ami-1", "name": "bakehouse-web", "bakehouse:commit": "c0ffee" * 6},
    hosts=HOSTS,
    database="staging-db  mysql at db.example:3306",
    cache="staging-redis  Redis, TLS, at redis.example:6379",
    secret="staging/app",
)


def html(instance: str = "i-a", row: int = 7) -> str:
    return (
        f'<h1>Fresh from <code>x</code></h1><dd id="instance">{instance}</dd>\n'
        '<dd id="image">ami-1</dd><dd id="zone">us-east-1a</dd><dd id="release">r1</dd>'
        f'<dd id="row"> {row} </dd><dd id="counter">3</dd><dd>9</dd><p id="row">no</p>'
    )


def served_by(*instances: str) -> Callable[[], str]:
    answers: Iterator[str] = (html(each, row) for row, each in enumerate(instances, 1))
    return lambda: next(answers)


def test_the_page_tells_who_served_it_and_what_it_wrote() -> None:
    assert read(html()) == Page("i-a", "ami-1", "us-east-1a", "r1", "7", "3")


@pytest.mark.parametrize("gone", ["instance", "image", "zone", "release", "row", "counter"])
def test_a_page_without_one_of_its_facts_is_not_believed(gone: str) -> None:
    with pytest.raises(NotShown, match=gone):
        read(html().replace(f'<dd id="{gone}">', "<dd>"))


def test_a_page_with_an_empty_fact_is_not_believed() -> None:
    with pytest.raises(NotShown, match="instance"):
        read(html(instance=" "))


def test_reloads_go_on_until_two_instances_have_served() -> None:
    pages = visit(served_by("i-a", "i-a", "i-b", "i-c"), hosts=2)
    assert [(page.instance, page.row) for page in pages] == [("i-a", "1"), ("i-b", "3")]


def test_a_page_that_always_comes_from_one_instance_is_a_failure() -> None:
    with pytest.raises(NotShown, match=r"3 loads.*1 instance.*i-a.*wanted 2"):
        visit(served_by("i-a", "i-a", "i-a", "i-b"), hosts=2, tries=3)


def test_the_summary_shows_the_newest_row_and_the_time_of_each_step() -> None:
    pages = [read(html(row=9)), read(html(row=10))]
    said = summary(CHAIN, pages, [("Set up", 2.0), ("Bake", 60.0)])
    assert "wrote row 10 " in said
    assert "2.0 s  Set up" in said and "1 min 02 s" in said


def test_the_summary_names_each_host_and_a_command_that_logs_in_to_one() -> None:
    said = summary(CHAIN, [read(html())], [])
    assert all(f"{h.id}  {h.ip}  {h.zone}  healthy" in said for h in HOSTS)
    assert "scripts/lab ssh i-a" in said


def test_an_image_of_changed_files_says_so() -> None:
    dirty = dict(CHAIN.image) | {"bakehouse:dirty": "true"}
    chain = Chain(CHAIN.url, dirty, HOSTS, CHAIN.database, CHAIN.cache, CHAIN.secret)
    assert "and changes to it" in summary(chain, [read(html())], [])
    assert "and changes to it" not in summary(CHAIN, [read(html())], [])
