"""`sidecar` by clocks that a test moves while it runs: `shifted.py FILE COMMAND…`.

FILE holds two numbers of eight octets: by how many seconds the wall clock is ahead, and for how
many the machine has slept, which the steady clock counts too. Nothing but the clocks is other than
in production, and that a sweep comes several times a second.
"""

import mmap
import struct
import sys
from pathlib import Path
from typing import Final

from sidecar import clock
from sidecar.app import sweep
from sidecar.cli import main

SHIFTS: Final = struct.Struct("=qq")
OFTEN: Final = 0.25  # seconds


class Shifts:
    """The file, as the test holds it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set()

    def set(self, *, ahead: int = 0, slept: int = 0) -> None:
        """Move the clocks of whoever reads this file."""
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(SHIFTS.pack(ahead, slept))


def shift_clocks(file: Path) -> None:
    """Move the clocks of this process by what stands in the file, from here on."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), SHIFTS.size, prot=mmap.PROT_READ)
    read_wall, read_steady = vars(clock)["time"], vars(clock)["clock_gettime"]

    def read_shifted_wall() -> float:
        ahead, slept = SHIFTS.unpack(shared)
        return float(read_wall() + ahead + slept)

    def read_shifted_steady(which: int) -> float:
        return float(read_steady(which) + SHIFTS.unpack(shared)[1])

    vars(clock).update(time=read_shifted_wall, clock_gettime=read_shifted_steady)


if __name__ == "__main__":
    shift_clocks(Path(sys.argv[1]))
    # A use is written down, and known to be, within a second.
    sweep.SWEEP_PERIOD = sweep.FLUSH_PERIOD = OFTEN  # type: ignore[misc]  # Final: once a minute
    sweep.FLUSH_MARGIN = 1  # type: ignore[misc]
    sys.argv[1:] = sys.argv[2:]
    main()
