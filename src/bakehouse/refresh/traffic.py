"""What a load balancer counted for target groups, from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bakehouse.aws import told
from bakehouse.refresh.canary import Traffic
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.aws import Account

# What is asked of CloudWatch, by our names.
COUNTS = {
    "requests": ("RequestCount", "Sum"),
    "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
    "latency": ("TargetResponseTime", "Average"),
}
MINUTE = 60


def traffic(account: Account, targets: Sequence[str], since: float, until: float) -> Traffic | None:
    """All that the target groups answered between two times (seconds since 1970).

    None where CloudWatch has no figures, or may not be asked: that is no reason to stop.
    """
    try:
        found = [one for arn in targets if (one := _of(account, arn, since, until))]
    except Trouble:
        return None
    return sum_of(found) if found else None


def sum_of(parts: Sequence[Traffic]) -> Traffic:
    """Of several target groups; the latency is the mean of all requests.

    >>> sum_of([Traffic(100, 1, 0.1), Traffic(300, 0, 0.5)])
    Traffic(requests=400, errors=1, latency=0.4)
    """
    requests = sum(part.requests for part in parts)
    seconds = sum(part.requests * part.latency for part in parts)
    return Traffic(requests, sum(part.errors for part in parts), round(seconds / requests, 6))


def _of(account: Account, arn: str, since: float, until: float) -> Traffic | None:
    with told():
        (group,) = account.elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    values: dict[str, list[float]] = {name: [] for name in COUNTS}
    for balancer in group.get("LoadBalancerArns", []):
        queries = [_query(name, arn, balancer) for name in COUNTS]
        with told():
            answer = account.cloudwatch.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(since, UTC),
                EndTime=datetime.fromtimestamp(until, UTC),
            )
        for one in answer["MetricDataResults"]:
            values[one["Id"]] += one["Values"]
    return counted(values["requests"], values["errors"], values["latency"])


def counted(
    requests: Sequence[float], errors: Sequence[float], latency: Sequence[float]
) -> Traffic | None:
    """Of what CloudWatch has for each minute; a balancer that saw no error says nothing of it.

    >>> counted([60, 40], [], [0.1, 0.3])
    Traffic(requests=100, errors=0, latency=0.2)
    >>> counted([], [], []) is None
    True
    """
    if not sum(requests):
        return None
    mean = sum(latency) / len(latency) if latency else 0.0
    return Traffic(sum(requests), sum(errors), round(mean, 6))


def _query(name: str, target_group: str, balancer: str) -> dict[str, Any]:
    metric, statistic = COUNTS[name]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "TargetGroup", "Value": target_group.rpartition(":")[2]},
                    {"Name": "LoadBalancer", "Value": balancer.partition(":loadbalancer/")[2]},
                ],
            },
            "Period": MINUTE,
            "Stat": statistic,
        },
    }
