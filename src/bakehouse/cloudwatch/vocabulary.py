"""The words that the agent knows (version 1.300071): sections, measurements, codes, placeholders.

Facts from its source (translator/translate/metrics/config/registered_metrics.go and the rules
beside it) and from CloudWatch's API; nothing here decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS = ("agent", "logs", "metrics", "opentelemetry", "traces")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _limits(text: str) -> str:
    """Each resource limit of a process, soft and hard."""
    return " ".join(f"rlimit_{name}_{kind}" for name in text.split() for kind in ("hard", "soft"))


# What each collector measures on Linux, without the collector's name before it.
MEASUREMENTS: Mapping[str, frozenset[str]] = {
    "cpu": _words(
        "time_active time_guest time_guest_nice time_idle time_iowait time_irq time_nice"
        " time_softirq time_steal time_system time_user usage_active usage_guest usage_guest_nice"
        " usage_idle usage_iowait usage_irq usage_nice usage_softirq usage_steal usage_system"
        " usage_user"
    ),
    "disk": _words("free inodes_free inodes_total inodes_used total used used_percent"),
    "diskio": _words(
        "iops_in_progress io_time reads read_bytes read_time writes write_bytes write_time"
        " ebs_total_read_ops ebs_total_write_ops ebs_total_read_bytes ebs_total_write_bytes"
        " ebs_total_read_time ebs_total_write_time ebs_volume_performance_exceeded_iops"
        " ebs_volume_performance_exceeded_tp ebs_ec2_instance_performance_exceeded_iops"
        " ebs_ec2_instance_performance_exceeded_tp ebs_volume_queue_length"
        " instance_store_total_read_ops instance_store_total_write_ops"
        " instance_store_total_read_bytes instance_store_total_write_bytes"
        " instance_store_total_read_time instance_store_total_write_time"
        " instance_store_performance_exceeded_iops instance_store_performance_exceeded_tp"
        " instance_store_volume_queue_length"
    ),
    "mem": _words(
        "active available available_percent buffered cached free inactive shared total used"
        " used_percent"
    ),
    "net": _words(
        "bytes_sent bytes_recv drop_in drop_out err_in err_out packets_sent packets_recv"
    ),
    "netstat": _words(
        "tcp_close tcp_close_wait tcp_closing tcp_established tcp_fin_wait1 tcp_fin_wait2"
        " tcp_last_ack tcp_listen tcp_none tcp_syn_sent tcp_syn_recv tcp_time_wait udp_socket"
    ),
    "processes": _words(
        "blocked dead idle paging running sleeping stopped total total_threads wait zombies"
    ),
    "procstat": _words(
        "cpu_time cpu_time_guest cpu_time_guest_nice cpu_time_idle cpu_time_iowait cpu_time_irq"
        " cpu_time_nice cpu_time_soft_irq cpu_time_steal cpu_time_stolen cpu_time_system"
        " cpu_time_user cpu_usage involuntary_context_switches memory_data memory_locked"
        " memory_rss memory_stack memory_swap memory_vms nice_priority num_fds num_threads pid"
        " pid_count read_bytes read_count realtime_priority signals_pending"
        " voluntary_context_switches write_bytes write_count "
        + _limits(
            "cpu_time file_locks memory_data memory_locked memory_rss memory_stack memory_vms"
            " nice_priority num_fds realtime_priority signals_pending"
        )
    ),
    "swap": _words("free used used_percent"),
}

# Collectors whose words are not listed here: what others send them, or hardware no web host has.
UNLISTED = _words("collectd efa ethtool jmx nvidia_gpu nvidia_smi otlp prometheus statsd")

# What ${aws:...} may stand for in metrics.append_dimensions.
DIMENSIONS = ("AutoScalingGroupName", "ImageId", "InstanceId", "InstanceType")

# By what procstat finds its processes.
SELECTORS = ("exe", "pattern", "pid_file")

PLACEHOLDERS = (
    "instance_id",
    "hostname",
    "local_hostname",
    "ip_address",
    "aws_region",
    "date",
    "account_id",
)

# The spans for which CloudWatch keeps logs, days. -1, for ever, is left out on purpose.
RETENTION = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096),
    *(1827, 2192, 2557, 2922, 3288, 3653),
)

PRIORITIES = (
    *("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"),
    *"01234567",
)

TIMESTAMP_CODE = re.compile(r"%(?:-[mdIMSH]|[BbmAadHIMSYypZzf])")
LOG_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,512}")
LOG_STREAM = re.compile(r"[^:*]{1,512}")
