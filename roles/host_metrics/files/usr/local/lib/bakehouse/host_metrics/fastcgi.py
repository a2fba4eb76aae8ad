"""One question to a FastCGI server over its Unix socket: what PHP-FPM's listeners speak."""

import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER = struct.pack("!HB5x", 1, 0)  # and close the connection afterwards


class Silent(Exception):
    """Nobody answered, or not in time; the message says which."""


def ask(path: Path, params: Mapping[str, str], seconds: float) -> bytes:
    """What the server answers, without its headers.

    `seconds` is the longest that each step may take. Raises Silent.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            line.connect(str(path))
            line.sendall(b"".join(_question({"REQUEST_METHOD": "GET", **params})))
            with line.makefile("rb") as answer:
                said = b"".join(_answer(answer))
    except TimeoutError as late:
        raise Silent(f"no answer in {seconds:g} s") from late
    except OSError as error:
        raise Silent(f"{path}: {error.strerror or error}") from error
    return said.partition(b"\r\n\r\n")[2]


def _question(params: Mapping[str, str]) -> Iterator[bytes]:
    pairs = b"".join(map(_pair, params.items()))
    for kind, content in ((BEGIN, RESPONDER), (PARAMS, pairs), (PARAMS, b""), (STDIN, b"")):
        yield struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def _pair(item: tuple[str, str]) -> bytes:
    name, value = (word.encode() for word in item)
    return _length(name) + _length(value) + name + value


def _length(word: bytes) -> bytes:
    """One byte, or four with the first bit set.

    >>> _length(b"x" * 127), _length(b"x" * 128)
    (b'\\x7f', b'\\x80\\x00\\x00\\x80')
    """
    return bytes([len(word)]) if len(word) < 128 else struct.pack("!I", len(word) | 1 << 31)


def _answer(stream: BinaryIO) -> Iterator[bytes]:
    """The pieces of the answer; what the server complains about is in its own log."""
    while head := stream.read(8):
        _, kind, _, size, padding, _ = struct.unpack("!BBHHBB", head)
        content = stream.read(size + padding)[:size]
        if kind == STDOUT:
            yield content
        elif kind == END:
            return
