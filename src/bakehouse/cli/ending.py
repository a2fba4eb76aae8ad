"""How every command ends: 0 well, 1 with a sentence and the next command, 130 when interrupted."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130


def told(command: Callable[[], int]) -> int:
    """Run `command`; what goes wrong in a foreseen way becomes a sentence and a status.

    SIGTERM and SIGHUP end it like Ctrl-C, so that a command killed by a timer cleans up too.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return command()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except PermissionError as error:
        said = f"{error.filename or 'A file'} may not be written or read by user {os.getuid()}."
        print(f"{said}\n  next: sudo -E {' '.join(sys.argv)}", file=sys.stderr)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"The disk is full: {error}\n  next: df -h", file=sys.stderr)
    return 1
