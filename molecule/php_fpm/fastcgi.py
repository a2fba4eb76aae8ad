"""Ask a PHP-FPM directly: `fastcgi.py SOCKET SCRIPT QUERY [TIMES]`; runs on the host.

Opens all connections before it reads the first answer, as a crowd does, and prints for each what it
said and after how many seconds, as JSON. An answer that was cut off is null.
"""

import json
import socket
import struct
import sys
import time

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name: str, value: str) -> bytes:
    return struct.pack("!II", len(name) | 1 << 31, len(value) | 1 << 31) + (name + value).encode()


def request(script: str, query: str) -> bytes:
    said = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_FILENAME": script,
        "SCRIPT_NAME": script if script.startswith("/p") or script == "/status" else "/index.php",
        "QUERY_STRING": query,
        "REQUEST_URI": f"/?{query}",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    pairs = b"".join(pair(name, value) for name, value in said.items())
    begin = record(BEGIN, struct.pack("!HB5x", 1, 0))
    return begin + record(PARAMS, pairs) + record(PARAMS, b"") + record(STDIN, b"")


def exactly(stream: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        more = stream.recv(length - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got


def answer(stream: socket.socket) -> str | None:
    """The body of the page; None when the connection ended before the page did."""
    page = b""
    try:
        # PHP-FPM's worker waits until we close, and takes no other request meanwhile.
        with stream:
            while True:
                _, kind, _, length, padding = struct.unpack("!BBHHBx", exactly(stream, 8))
                content = exactly(stream, length + padding)[:length]
                if kind == END:
                    return page.partition(b"\r\n\r\n")[2].decode()
                if kind == STDOUT:
                    page += content
    except ConnectionError:
        return None


def main(path: str, script: str, query: str, times: str = "1") -> None:
    began, crowd = time.monotonic(), []
    for _ in range(int(times)):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(60)
        stream.connect(path)
        stream.sendall(request(script, query))
        crowd.append(stream)
    print(json.dumps([[answer(stream), time.monotonic() - began] for stream in crowd]))


main(*sys.argv[1:])
