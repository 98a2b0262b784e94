"""The process that parses a changed policy, while the one that serves goes on.

It reads the file from standard input and writes frames to standard output: first what is wrong;
where that is nothing, the rules of each host, a few at a time, then None. What it writes counts
only where it ends with status 0.
"""

import gc
import pickle
import resource
import signal
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from sidecar.sources.policytext import read_text

FRAME: Final = 16  # rules; one frame is taken over without a pause
LONGEST_TIME: Final = 30  # seconds of CPU; 10 000 rules take one
LARGEST_MEMORY: Final = 1 << 30  # octets of address space; 10 000 rules take a tenth
OUT_OF_MEMORY: Final = 12  # the status that it ends with where that is too little (as ENOMEM)


def main(name: str) -> None:
    """Parse the policy on standard input, which the file `name` holds."""
    # Who started this is gone, or interrupted: so is the question.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _limit(resource.RLIMIT_CPU, LONGEST_TIME)
    _limit(resource.RLIMIT_AS, LARGEST_MEMORY)
    gc.disable()  # it ends before there is garbage worth a look
    try:
        write_frames(sys.stdin.buffer, name, sys.stdout.buffer)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def write_frames(file: BinaryIO, name: str, out: BinaryIO) -> None:
    """Write the frames of the policy in the file `name`."""
    try:
        hosts = parse_rules(read_text(file, name), name)
    except DocumentInvalid as error:
        pickle.dump(error.problems, out)
        return
    pickle.dump((), out)
    for host, rules in hosts.items():
        for begin in range(0, len(rules), FRAME):
            pickle.dump((host, rules[begin : begin + FRAME]), out)
    pickle.dump(None, out)


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    with suppress(ValueError):  # a lower one stands, or the platform has none
        resource.setrlimit(which, (most, hard))
