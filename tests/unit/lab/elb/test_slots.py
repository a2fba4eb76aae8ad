from hypothesis import given
from hypothesis import strategies as st

from bakehouse_lab.elb import slots
from bakehouse_lab.elb.slots import Slot, Target

EMPTY = [Slot(number, "192.0.2.1", 1, "maint") for number in range(1, 5)]
A, B = Target("10.0.0.1", 80, "ready"), Target("10.0.0.2", 80, "ready")

# What haproxy 2.6 and 3.0 print; the columns after srv_uweight are left out but for the port.
STATE = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_port
3 tg_a 1 s1 10.0.0.1 2 0 1 1 80
3 tg_a 2 s2 10.0.0.2 2 8 1 1 80
3 tg_a 3 s3 192.0.2.1 0 5 1 1 1
3 tg_a 4 s4 10.0.0.4 2 0 0 1 8080
4 tg_b 1 s1 10.0.0.1 0 1 1 1 80

"""  # noqa: E501 (haproxy's own line)


def applied(have: list[Slot], told: list[str]) -> list[Slot]:
    """What the slots are after haproxy has done what it was told."""
    now = {slot.number: slot for slot in have}
    for line in told:
        _, _, server, *rest = line.split()
        number = int(server.split("/s")[1])
        old = now[number]
        match rest:
            case ["addr", ip, "port", port]:
                now[number] = Slot(number, ip, int(port), old.mode)
            case ["state", mode]:
                now[number] = Slot(number, old.ip, old.port, mode)
    return list(now.values())


def test_haproxy_says_what_its_slots_hold() -> None:
    found = slots.read(STATE)
    assert [slot.mode for slot in found["tg_a"]] == ["ready", "drain", "maint", "drain"]
    assert found["tg_b"] == [Slot(1, "10.0.0.1", 80, "maint")]


def test_a_new_target_takes_a_free_slot_and_others_keep_theirs() -> None:
    have = [Slot(1, "10.0.0.2", 80, "ready"), *EMPTY[1:]]
    want = slots.assign(have, [A, B])
    assert want[:2] == [
        Slot(1, "10.0.0.2", 80, "ready"),
        Slot(2, "10.0.0.1", 80, "ready"),
    ]


def test_a_target_that_is_gone_leaves_its_slot_without_a_new_address() -> None:
    have = [Slot(1, "10.0.0.2", 80, "drain"), *EMPTY[1:]]
    told = list(slots.commands("tg", have, slots.assign(have, [])))
    assert told == ["set server tg/s1 state maint"]


def test_an_address_changes_only_while_the_slot_is_out_of_use() -> None:
    told = list(slots.commands("tg", EMPTY, slots.assign(EMPTY, [A])))
    assert told == [
        "set server tg/s1 state maint",
        "set server tg/s1 addr 10.0.0.1 port 80",
        "set server tg/s1 weight 100%",
        "set server tg/s1 state ready",
    ]


def test_nothing_is_said_when_nothing_changed() -> None:
    have = slots.assign(EMPTY, [A, B])
    assert list(slots.commands("tg", have, slots.assign(have, [B, A]))) == []


targets = st.lists(
    st.builds(
        Target,
        st.sampled_from([f"10.0.0.{n}" for n in range(1, 7)]),
        st.just(80),
        st.sampled_from(["ready", "drain", "maint"]),
    ),
    max_size=4,
    unique_by=lambda target: target.ip,
)


@given(st.lists(targets, max_size=6))
def test_after_any_changes_each_wanted_target_is_in_one_slot_as_wanted(
    history: list[list[Target]],
) -> None:
    have = list(EMPTY)
    for wanted in history:
        have = applied(have, list(slots.commands("tg", have, slots.assign(have, wanted))))
        served = sorted((s.ip, s.port, s.mode) for s in have if s.mode != "maint")
        assert served == sorted((t.ip, t.port, t.mode) for t in wanted if t.mode != "maint")
