from typing import Any

from bakehouse_lab.elb import traffic
from bakehouse_lab.elb.traffic import Passed, Row

# What haproxy 2.6 and 3.0 print, without the columns that nobody reads.
HEADER = "# pxname,svname,scur,stot,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,rtime,"
STAT = f"""\
Name: HAProxy
Pid: 7
Start_time_sec: 1795855736

{HEADER}
tg_a,s1,0,100,0,90,0,8,2,20,
tg_a,s2,0,50,0,50,0,0,0,200,
tg_a,s3,0,0,0,0,0,0,0,0,
tg_a,BACKEND,1,153,0,140,0,8,5,80,
nowhere,BACKEND,0,4,0,0,0,0,4,,

"""

WORKER = "Pid: 7 Start_time_sec: 1795855736"


def row(requests: int, good: int, bad: int = 0, latency: float = 0.0) -> Row:
    return Row(requests, (good, 0, 0, bad), latency)


def told(data: list[dict[str, Any]], *of: str) -> dict[str, float]:
    """The values by name, of those whose dimensions have these values."""
    return {
        each["MetricName"]: each["Value"]
        for each in data
        if [one["Value"] for one in each["Dimensions"]] == list(of)
    }


def test_haproxy_says_what_each_server_and_backend_answered() -> None:
    found = traffic.read([STAT])
    assert found[WORKER, "tg_a", "s1"] == Row(100, (90, 0, 8, 2), 0.02)
    assert found[WORKER, "nowhere", traffic.WHOLE] == row(4, 0, 4)


def test_nothing_is_read_when_haproxy_does_not_answer() -> None:
    assert traffic.read([""]) == {}


def test_what_targets_answered_is_told_from_what_the_balancer_did_itself() -> None:
    found = traffic.between({}, traffic.read([STAT]))
    assert found["tg_a"] == Passed(150, (140, 0, 8, 2), 3, 100 * 0.02 + 50 * 0.2)
    assert found["nowhere"] == Passed(own_errors=4)


def test_only_what_is_new_since_the_last_look_counts() -> None:
    server, whole = ("7", "tg_a", "s1"), ("7", "tg_a", traffic.WHOLE)
    before = {server: row(100, 98, 2), whole: row(100, 98, 2)}
    now = {server: row(130, 120, 10, 0.5), whole: row(130, 120, 10)}
    assert traffic.between(before, now) == {"tg_a": Passed(30, (22, 0, 0, 8), 0, 15.0)}


def test_after_a_reload_another_worker_counts_from_nought() -> None:
    """Also when it has counted more than the one before it, whose last word counts as well."""
    old, new = ("7", "tg_a", "s1"), ("9", "tg_a", "s1")
    before, now = {old: row(10, 10)}, {old: row(12, 12), new: row(15, 15)}
    assert traffic.between(before, now)["tg_a"].requests == 2 + 15


def test_of_two_answers_of_a_worker_the_later_counts() -> None:
    later = STAT.replace("s1,0,100,", "s1,0,101,")
    assert traffic.read([STAT, later])[WORKER, "tg_a", "s1"].requests == 101


def test_cloudwatch_hears_of_the_balancer_and_of_each_group() -> None:
    passed = {
        "targetgroup/a/1": Passed(100, (80, 0, 0, 20), 0, 10.0),
        "": Passed(own_errors=3),
    }
    data = traffic.metrics("app/front/9", passed, {"targetgroup/a/1": (2, 1)})
    assert told(data, "app/front/9") == {
        "RequestCount": 100,
        "TargetResponseTime": 0.1,
        "HTTPCode_Target_2XX_Count": 80,
        "HTTPCode_Target_5XX_Count": 20,
        "HTTPCode_ELB_5XX_Count": 3,
    }
    assert told(data, "targetgroup/a/1", "app/front/9") == {
        "RequestCount": 100,
        "TargetResponseTime": 0.1,
        "HTTPCode_Target_2XX_Count": 80,
        "HTTPCode_Target_5XX_Count": 20,
        "HealthyHostCount": 2,
        "UnHealthyHostCount": 1,
    }
    assert {len(each["Dimensions"]) for each in data} == {1, 2}


def test_nothing_is_told_of_what_did_not_happen() -> None:
    assert traffic.metrics("app/front/9", {"targetgroup/a/1": Passed()}, {"x": (0, 0)}) == []
