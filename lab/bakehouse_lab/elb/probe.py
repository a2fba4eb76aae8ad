"""One look at a target, from inside the load balancer's network.

Security groups must see the balancer's address, so the socket is made in its network namespace:
a thread enters it, connects, and comes back.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl

from bakehouse_lab.elb.health import PASSED, REFUSED, TIMED_OUT, Check, Outcome, answered
from bakehouse_lab.netns import inside


def look(ip: str, port: int, check: Check, netns: str | None = None) -> Outcome:
    """Ask the target as an ALB does; `port` is the one that takes its traffic.

    Never raises for what a target may do; takes `check.timeout` seconds at most for each of
    connecting and answering.
    """
    port = check.port or port
    try:
        with inside(netns) if netns else contextlib.nullcontext():
            connection = socket.create_connection((ip, port), check.timeout)
        with connection:
            if check.protocol not in ("HTTP", "HTTPS"):
                return PASSED
            return answered(_status(connection, ip, port, check), check.matcher)
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException):
        return REFUSED


def _status(connection: socket.socket, ip: str, port: int, check: Check) -> int:
    if check.protocol == "HTTPS":
        # An ALB does not verify the certificates of its targets.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    asking = http.client.HTTPConnection(ip, port, timeout=check.timeout)
    asking.sock = connection
    asking.request(
        "GET",
        check.path,
        headers={
            "Host": f"{ip}:{port}",
            "Connection": "close",
            "User-Agent": "ELB-HealthChecker/2.0",
            "Accept-Encoding": "gzip, compressed",
        },
    )
    return asking.getresponse().status
