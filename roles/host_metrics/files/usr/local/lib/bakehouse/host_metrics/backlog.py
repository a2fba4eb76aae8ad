"""How many connections wait at a Unix socket until somebody accepts them.

PHP-FPM's own status says "listen queue: 0" for a Unix socket, however many wait (seen with 25):
it asks TCP alone. The kernel knows, and tells it to whoever asks its socket diagnosis (`ss -xl`).
"""

import contextlib
import socket
import struct
from collections.abc import Iterator

SOCK_DIAG, BY_FAMILY = 4, 20
REQUEST_DUMP = 0x301
LISTENING = 1 << 10
SHOW_NAME_AND_QUEUE = 0x11
NAME, QUEUE = 0, 4  # attributes of the answer
DONE, ERROR = 3, 2  # kinds of messages


def waiting() -> dict[str, int]:
    """For each listening Unix socket, by path, how many wait; empty when the kernel won't say."""
    with contextlib.suppress(OSError):
        return dict(_listening())
    return {}


def _listening() -> Iterator[tuple[str, int]]:
    question = struct.pack(
        "=BBHIIIII", socket.AF_UNIX, 0, 0, LISTENING, 0, SHOW_NAME_AND_QUEUE, 0, 0
    )
    head = struct.pack("=IHHII", 16 + len(question), BY_FAMILY, REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(head + question)
        while True:
            for kind, message in _messages(kernel.recv(1 << 16)):
                if kind in (DONE, ERROR):
                    return
                found = dict(_attributes(message[16:]))
                if NAME in found and QUEUE in found:
                    path = found[NAME].rstrip(b"\0").decode(errors="replace")
                    yield path, struct.unpack_from("=I", found[QUEUE])[0]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        size, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:size]
        data = data[_aligned(size) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        size, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:size]
        data = data[_aligned(size) :]


def _aligned(size: int) -> int:
    return (size + 3) & ~3
