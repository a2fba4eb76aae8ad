import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse_lab.elb.render import (
    Balancer,
    Condition,
    Fixed,
    Forward,
    Group,
    Listener,
    Redirect,
    Rule,
    render,
)
from bakehouse_lab.elb.slots import Slot

WEB = Group("tg_web", 16)


def one(*rules: Rule, groups: tuple[Group, ...] = (WEB,)) -> Balancer:
    return Balancer((Listener(80, rules),), groups)


def forward(path: str = "") -> Rule:
    conditions = (Condition("path-pattern", (path,)),) if path else ()
    return Rule(conditions, Forward(((WEB.name, 1),)))


def test_the_first_rule_that_fits_wins_even_before_a_rule_of_another_kind() -> None:
    text = render(one(forward("/app/*"), Rule((), Fixed(404))), {})
    chosen = re.findall(r"set-var\(txn\.rule\) int\((\d)\) if (.*)", text)
    assert [number for number, _ in chosen] == ["0", "1"]
    assert all(condition.startswith("!{ var(txn.rule) -m found }") for _, condition in chosen)
    assert "return status 404 if { var(txn.rule) -m int 1 }" in text


def test_a_target_that_is_not_ready_is_not_served_after_a_reload_either() -> None:
    held = [
        Slot(1, "10.0.0.1", 80, "ready"),
        Slot(2, "10.0.0.2", 80, "drain"),
        Slot(3, "10.0.0.3", 80, "maint"),
    ]
    servers = re.findall(r"  server (s\d+) (\S+)(.*)", render(one(forward()), {WEB.name: held}))
    assert servers[:4] == [
        ("s1", "10.0.0.1:80", ""),
        ("s2", "10.0.0.2:80", " weight 0"),
        ("s3", "10.0.0.3:80", " disabled"),
        ("s4", "192.0.2.1:1", " disabled"),
    ]


def test_two_balancers_differ_in_their_digest_when_they_differ_in_a_rule() -> None:
    assert one(forward("/a")).digest != one(forward("/b")).digest
    assert one(forward("/a")).digest == one(forward("/a")).digest
    assert f"description {one(forward()).digest}" in render(one(forward()), {})


def test_nothing_is_retried_so_that_what_fails_on_aws_fails_here() -> None:
    assert "retries 0" in render(one(forward()), {})


def test_weights_of_nothing_send_requests_nowhere() -> None:
    text = render(one(Rule((), Forward(((WEB.name, 0),)))), {})
    assert f"use_backend {WEB.name}" not in text
    assert "default_backend nowhere" in text


haproxy = pytest.mark.skipif(not shutil.which("haproxy"), reason="needs haproxy on this machine")


def accepted(balancer: Balancer, folder: Path) -> str:
    path = folder / "haproxy.cfg"
    path.write_text(render(balancer, {}).replace("/run/balancer", str(folder)))
    done = subprocess.run(["haproxy", "-c", "-f", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stderr + done.stdout


@haproxy
def test_haproxy_takes_every_kind_of_rule_without_a_warning(tmp_path: Path) -> None:
    conditions = (
        Condition("path-pattern", ("/img/*.p?g", "/it's #%x*")),
        Condition("host-header", ("*.Example.com",)),
        Condition("http-request-method", ("POST", "PUT")),
        Condition("http-header", ("*Chrome*",), "User-Agent"),
        Condition("source-ip", ("10.0.0.0/8",)),
        Condition("query-string", ("version=v1*", "debug")),
    )
    actions = (
        Forward((("tg_a", 1), ("tg_b", 3))),
        Redirect("HTTPS", port="443", status=301),
        Redirect(path="/a b%/#{path}", query="x=1&#{query}"),
        Redirect(query=""),
        Fixed(404, "text/html", 'it\'s "100%"\n#here é'),
        Fixed(200),
    )
    rules = [Rule((condition,), action) for condition in conditions for action in actions]
    groups = (Group("tg_a", 16, least_outstanding=True), Group("tg_b", 32, sticky_seconds=60))
    assert "warning" not in accepted(one(*rules, groups=groups), tmp_path).lower()


@haproxy
def test_haproxy_takes_a_balancer_without_listeners(tmp_path: Path) -> None:
    accepted(Balancer((), ()), tmp_path)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_text_of_a_user_ends_a_line_or_opens_a_quote(path: str, body: str, host: str) -> None:
    plain = render(
        one(Rule((Condition("path-pattern", ("x",)),), Fixed(200, body="x")), Rule((), Redirect())),
        {},
    )
    wild = render(
        one(
            Rule((Condition("path-pattern", (path,)),), Fixed(200, body=f"x{body}")),
            Rule((), Redirect(host=host or "x")),
        ),
        {},
    )
    assert wild.isascii()
    assert wild.count("\n") == plain.count("\n")
    assert wild.count("'") == plain.count("'")
    assert '"' not in wild
