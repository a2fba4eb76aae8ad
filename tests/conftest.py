"""What all tests stand on."""

from __future__ import annotations

import signal

# A run that a shell started in the background ignores SIGINT, and so would every command that the
# tests start and interrupt (and the test would wait for ever).
signal.signal(signal.SIGINT, signal.default_int_handler)
