from __future__ import annotations

import pytest

from bakehouse_lab.ec2.packet_filter import ANSWERS, Interface, Rule, Surroundings, render

AROUND = Surroundings(gateway="10.20.0.1", api_port=4570)
MEMBERS = {"sg-web": ["10.20.11.5", "10.20.12.5"], "sg-empty": []}
ANY = Rule("-1", peers=("0.0.0.0/0",))


def chain(text: str, name: str) -> list[str]:
    """The lines of one chain, without its head."""
    body = text.split(f"chain {name} {{\n")[1].split("  }\n")[0]
    return [line.strip() for line in body.splitlines()][1:]


def incoming(*rules: Rule) -> list[str]:
    text = render([Interface("10.20.11.7", rules, ())], MEMBERS, AROUND)
    return [line for line in chain(text, "incoming") if line.startswith("ip daddr 10.20.11.7")]


@pytest.mark.parametrize(
    ("why", "rule", "line"),
    [
        ("a port from anywhere", Rule("tcp", 80, 80, ("0.0.0.0/0",)), "tcp dport 80 accept"),
        (
            "ports from a range",
            Rule("tcp", 1024, 2048, ("10.20.0.0/16",)),
            "ip saddr { 10.20.0.0/16 } tcp dport 1024-2048 accept",
        ),
        (
            "one address",
            Rule("udp", 53, 53, ("10.20.0.9/32",)),
            "ip saddr { 10.20.0.9 } udp dport 53 accept",
        ),
        (
            "the members of a group",
            Rule("tcp", 3306, 3306, groups=("sg-web",)),
            "ip saddr { 10.20.11.5, 10.20.12.5 } tcp dport 3306 accept",
        ),
        ("everything from anywhere", ANY, "accept"),
        (
            "any ICMP",
            Rule("icmp", -1, -1, ("0.0.0.0/0",)),
            "meta l4proto icmp accept",
        ),
        (
            "one ICMP type",
            Rule("icmp", 8, -1, ("0.0.0.0/0",)),
            "icmp type 8 accept",
        ),
        (
            "one ICMP type and code",
            Rule("icmp", 3, 4, ("0.0.0.0/0",)),
            "icmp type 3 icmp code 4 accept",
        ),
        ("a protocol by number", Rule("50", peers=("0.0.0.0/0",)), "meta l4proto 50 accept"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_rule_lets_in(why: str, rule: Rule, line: str) -> None:
    assert incoming(rule) == [f"ip daddr 10.20.11.7 {line}"], why


@pytest.mark.parametrize(
    ("why", "rule"),
    [
        ("a group that nobody is in", Rule("tcp", 22, 22, groups=("sg-empty",))),
        ("a group that is gone", Rule("tcp", 22, 22, groups=("sg-gone",))),
        ("a range of IPv6, which the lab has not", Rule("tcp", 22, 22, ("::/0",))),
    ],
)
def test_a_rule_without_peers_lets_nobody_in(why: str, rule: Rule) -> None:
    assert incoming(rule) == [], why


def test_ranges_that_overlap_are_merged_because_nft_refuses_them() -> None:
    rule = Rule("tcp", 22, 22, ("10.20.0.0/16", "10.20.11.0/24"), ("sg-web",))
    assert incoming(rule) == ["ip daddr 10.20.11.7 ip saddr { 10.20.0.0/16 } tcp dport 22 accept"]


def test_a_range_may_be_written_with_bits_of_a_host() -> None:
    assert "ip saddr { 10.0.0.0/8 }" in incoming(Rule("tcp", 22, 22, ("10.20.0.1/8",)))[0]


def test_two_groups_with_the_same_rule_give_one_line() -> None:
    assert len(incoming(ANY, ANY)) == 1


def test_without_a_rule_nothing_new_comes_in_and_answers_still_do() -> None:
    text = render([Interface("10.20.11.7", (), (ANY,))], MEMBERS, AROUND)
    assert "hook input priority filter - 10; policy drop;" in text
    assert chain(text, "incoming") == [
        *ANSWERS,
        'iifname "lo" accept',
    ]


def test_without_an_egress_rule_only_metadata_names_and_the_api_are_reached() -> None:
    text = render([Interface("10.20.11.7", (ANY,), ())], MEMBERS, AROUND)
    assert "hook output priority filter - 10; policy drop;" in text
    assert chain(text, "outgoing") == [
        *ANSWERS,
        'oifname "lo" accept',
        "ip daddr 169.254.169.254 tcp dport 80 accept",
        "ip daddr 10.20.0.1 meta l4proto { tcp, udp } th dport 53 accept",
        "ip daddr 10.20.0.1 tcp dport 4570 accept",
    ]


def test_an_egress_rule_is_about_where_packets_go() -> None:
    rule = Rule("tcp", 443, 443, ("10.20.0.0/16",))
    text = render([Interface("10.20.11.7", (), (rule,))], MEMBERS, AROUND)
    assert "ip saddr 10.20.11.7 ip daddr { 10.20.0.0/16 } tcp dport 443 accept" in chain(
        text, "outgoing"
    )


def test_each_address_of_a_container_has_its_own_rules() -> None:
    one = Interface("10.20.1.4", (Rule("tcp", 80, 80, ("0.0.0.0/0",)),), ())
    two = Interface("10.20.2.4", (Rule("tcp", 443, 443, ("0.0.0.0/0",)),), ())
    lines = chain(render([one, two], MEMBERS, AROUND), "incoming")
    assert "ip daddr 10.20.1.4 tcp dport 80 accept" in lines
    assert "ip daddr 10.20.2.4 tcp dport 443 accept" in lines


def test_a_rule_set_replaces_the_one_before_in_one_transaction() -> None:
    lines = render([], MEMBERS, AROUND).splitlines()
    assert lines[:3] == [
        "table inet bakehouse_groups",
        "delete table inet bakehouse_groups",
        "table inet bakehouse_groups {",
    ]
