from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from bakehouse_lab.ports import Listener, command_line, listener


@pytest.fixture(params=["127.0.0.1", "::1"])
def open_port(request: pytest.FixtureRequest) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((request.param, 0))
        sock.listen()
        port: int = sock.getsockname()[1]
        yield port


def test_who_listens_is_named_with_its_number_and_command(open_port: int) -> None:
    found = listener(open_port)
    assert found is not None
    assert found.pid == os.getpid()
    assert str(found).endswith(f"(pid {os.getpid()})")


def test_nobody_listens_on_a_port_that_was_closed(open_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        closed: int = sock.getsockname()[1]
    assert listener(closed) is None


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            assert listener(client.getsockname()[1]) is None


def test_a_process_that_is_not_ours_to_see_is_said_to_be_anothers() -> None:
    assert str(Listener(80, None)) == "a process of another user"


def test_a_process_that_is_gone_has_no_command() -> None:
    assert command_line(2**22 + 1) == []
