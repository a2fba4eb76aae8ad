"""Run one PHP file in a PHP-FPM that serves, through the socket that nginx uses."""

import socket
import struct
from collections.abc import Iterator, Mapping

BEGIN, END, PARAMETERS, INPUT, OUTPUT = 1, 3, 4, 5, 6
HEADER = struct.Struct("!BBHHBx")  # version, kind, request, length, padding
RESPONDER = struct.pack("!HB5x", 1, 0)


def ask(path: str, script: str, values: Mapping[str, str], timeout: float) -> str:
    """What the script printed. Raises OSError when nobody answers within `timeout` seconds each
    time, and ValueError when PHP-FPM refuses to run it.
    """
    parameters = {
        "SCRIPT_FILENAME": script,
        "SCRIPT_NAME": script,
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.1",
        **values,
    }
    words = b"".join(_pair(name, value) for name, value in parameters.items())
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout)
        line.connect(path)
        line.sendall(_record(BEGIN, RESPONDER) + _record(PARAMETERS, words))
        line.sendall(_record(PARAMETERS, b"") + _record(INPUT, b""))
        answer = b"".join(_output(line)).decode(errors="replace")
    head, _, body = answer.partition("\r\n\r\n")
    if "Status:" in head or not body:
        raise ValueError(f"PHP-FPM at {path} does not run {script}")
    return body


def _record(kind: int, content: bytes) -> bytes:
    return HEADER.pack(1, kind, 1, len(content), 0) + content


def _pair(name: str, value: str) -> bytes:
    words = [name.encode(), value.encode()]
    return b"".join([struct.pack("!L", len(word) | 1 << 31) for word in words] + words)


def _output(line: socket.socket) -> "Iterator[bytes]":
    while True:
        _, kind, _, length, padding = HEADER.unpack(_exactly(line, HEADER.size))
        content = _exactly(line, length + padding)[:length]
        if kind == END:
            return
        if kind == OUTPUT:
            yield content


def _exactly(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = line.recv(size - len(got))
        if not more:
            raise ConnectionResetError("PHP-FPM closed the connection")
        got += more
    return got
