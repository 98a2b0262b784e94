"""The text of the policy's file: of a regular file alone, bounded, and UTF-8."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import LARGEST_POLICY

# A pipe or a device would keep us waiting for who writes to it; a terminal would become ours.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


def open_file(path: Path) -> BinaryIO | None:
    """Open a regular file without waiting, None where there is none. Raises DocumentInvalid."""
    try:
        number = os.open(path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        told = "is no file" if error.errno == errno.ENXIO else error.strerror  # a socket
        raise DocumentInvalid((f"{path}: {told}",)) from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise DocumentInvalid((f"{path}: is no file",))
    return os.fdopen(number, "rb")


def read_text(file: BinaryIO, name: str) -> str:
    """Return the text of the file `name`. Raises DocumentInvalid."""
    try:
        octets = file.read(LARGEST_POLICY + 1) or b""  # None: one of the kernel's, which waits
    except OSError as error:
        raise DocumentInvalid((f"{name}: {error.strerror}",)) from None
    if len(octets) > LARGEST_POLICY:  # what was cut off must not be missed
        raise DocumentInvalid((f"{name}: is larger than {LARGEST_POLICY} octets",))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise DocumentInvalid((f"{name}:{line}: is not UTF-8",)) from None
