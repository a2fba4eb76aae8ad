"""From moto's records to what haproxy has to be: hold the world's lock, nothing is changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse_lab.elb import backend as records
from bakehouse_lab.elb import health, slots
from bakehouse_lab.elb.health import Check
from bakehouse_lab.elb.render import (
    Action,
    Balancer,
    Condition,
    Fixed,
    Forward,
    Group,
    Listener,
    Redirect,
    Rule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse_lab.elb.backend import LabELBv2Backend


@dataclass(frozen=True, slots=True)
class Wanted:
    """One load balancer as it should be."""

    arn: str
    name: str
    dns_name: str
    cidr: str  # of its VPC
    ip: str
    balancer: Balancer
    targets: Mapping[str, list[slots.Target]]  # by name of the group in haproxy
    certificates: Mapping[str, bytes]  # by file name


def wanted(store: LabELBv2Backend, record: Any, ip: str) -> Wanted:
    """What a load balancer's record asks for."""
    groups = [
        store.target_groups[arn] for arn in records.used(record) if arn in store.target_groups
    ]
    targets = {name(group): _targets(store, group) for group in groups}
    certificates: dict[str, bytes] = {}
    balancer = Balancer(
        listeners=tuple(
            _listener(store, each, certificates)
            for each in sorted(record.listeners.values(), key=lambda each: int(each.port))
        ),
        groups=tuple(_group(group, targets[name(group)]) for group in groups),
        idle_seconds=int(record.attrs.get("idle_timeout.timeout_seconds", 60)),
        forwarded_for=record.attrs.get("routing.http.xff_header_processing.mode", "append"),
    )
    return Wanted(
        record.arn,
        record.name,
        record.dns_name,
        store.ec2_backend.get_vpc(record.vpc_id).cidr_block,
        ip,
        balancer,
        targets,
        certificates,
    )


def check(group: Any) -> Check:
    """How a target group wants its targets to be looked at."""
    port = group.health_check_port
    return Check(
        protocol=(group.health_check_protocol or "HTTP").upper(),
        port=None if port in (None, "traffic-port") else int(port),
        path=group.health_check_path or "/",
        matcher=(getattr(group, "matcher", None) or {}).get("HttpCode", "200"),
        interval=float(group.health_check_interval_seconds),
        timeout=float(group.health_check_timeout_seconds),
        healthy_threshold=int(group.healthy_threshold_count),
        unhealthy_threshold=int(group.unhealthy_threshold_count),
    )


def name(group: Any) -> str:
    """How haproxy calls a target group."""
    return f"tg_{group.name}"


def _targets(store: LabELBv2Backend, group: Any) -> list[slots.Target]:
    known = {name: store.known(group, name) for name in group.targets}
    places = {name: (store.address(name), each["Port"]) for name, each in group.targets.items()}
    for each in store.draining(group.arn):
        known[each["Id"]] = store.known(group, each["Id"])
        places[each["Id"]] = (each["Ip"], each["Port"])
    return [
        slots.Target(ip, int(port), mode)
        for name, mode in health.modes(known).items()
        if (ip := places[name][0]) and (port := places[name][1])
    ]


def _group(group: Any, targets: list[slots.Target]) -> Group:
    said = group.attributes
    sticky = str(said.get("stickiness.enabled")).lower() == "true"
    return Group(
        name(group),
        slots.needed(len(targets)),
        said.get("load_balancing.algorithm.type") == "least_outstanding_requests",
        int(said.get("stickiness.lb_cookie.duration_seconds", 86400)) if sticky else 0,
    )


def _listener(store: LabELBv2Backend, record: Any, certificates: dict[str, bytes]) -> Listener:
    own = [rule for rule in record.rules.values() if not rule.is_default]
    default = [rule for rule in record.rules.values() if rule.is_default]
    ordered = [*sorted(own, key=lambda rule: int(rule.priority)), *default]
    files = _certificates(store, record) if record.protocol == "HTTPS" else {}
    certificates.update(files)
    return Listener(
        int(record.port),
        tuple(rule for each in ordered if (rule := _rule(store, each))),
        tuple(files),
    )


def _rule(store: LabELBv2Backend, record: Any) -> Rule | None:
    conditions = tuple(_condition(each) for each in record.conditions or ())
    for action in record.actions:
        if done := _action(store, action):
            return Rule(conditions, done)
    return None


def _condition(said: Mapping[str, Any]) -> Condition:
    kind = said["Field"]
    config: dict[str, Any] = next(
        (value for key, value in said.items() if key.endswith("Config")), {}
    )
    values = config.get("Values") or said.get("Values") or []
    if kind == "query-string":
        pairs = (
            f"{each['Key']}={each['Value']}" if each.get("Key") else each["Value"]
            for each in values
        )
        return Condition(kind, tuple(pairs))
    # A header's name is a token; nothing else may get into haproxy's language.
    header = re.sub(r"[^A-Za-z0-9_-]", "", config.get("HttpHeaderName", ""))
    return Condition(kind, tuple(values), header)


def _action(store: LabELBv2Backend, action: Any) -> Action | None:
    match action.type:
        case "forward":
            groups = records.weights(action).items()
            known = [(store.target_groups.get(arn), weight) for arn, weight in groups]
            return Forward(tuple((name(group), weight) for group, weight in known if group))
        case "redirect":
            said = action.data["RedirectConfig"]
            parts = ("Protocol", "Host", "Port", "Path", "Query")
            given = {part.lower(): str(said[part]) for part in parts if part in said}
            return Redirect(**given, status=int(said["StatusCode"].removeprefix("HTTP_")))
        case "fixed-response":
            said = action.data["FixedResponseConfig"]
            return Fixed(
                int(said["StatusCode"]),
                said.get("ContentType") or "text/plain",
                said.get("MessageBody") or "",
            )
    return None


def _certificates(store: LabELBv2Backend, listener: Any) -> dict[str, bytes]:
    """Certificate, chain and key of each certificate of a listener, the default first."""
    from moto.acm.models import acm_backends

    acm = acm_backends[store.account_id][store.region_name]
    files = {}
    for arn in listener.certificates:
        bundle = acm.get_certificate(arn)
        pem = b"\n".join(part for part in (bundle.cert, bundle.chain, bundle.key) if part)
        # Named by its content: a certificate that was renewed is a reason to reload.
        files[f"{hashlib.sha256(pem).hexdigest()[:16]}.pem"] = pem
    return files
