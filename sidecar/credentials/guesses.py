"""How easily a password is guessed, as zxcvbn counts; a process of its own where others wait.

zxcvbn keeps 15 MB of words, and holds the interpreter for up to a second: what serves asks a
process that ends with its answer (docs/decisions/0015-common-passwords.md).
"""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sidecar.errors import Overloaded

# Powers of ten of guesses, as zxcvbn counts them (docs/decisions/0015-common-passwords.md).
LEAST_GUESSES: Final = 8
# Characters that zxcvbn looks at in one go, up to 0.1 s. It tries all readings of digits and signs
# as letters, which double with each of them: of 24 characters some take a second.
LONGEST_PIECE: Final = 16
LONGEST_TIME: Final = 10  # seconds of CPU, and for the answer; the dearest password takes one

# As in sources/policyprocess.py: what is imported is decided here, and nothing is written.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from sidecar.credentials.guesses import main; main()"
)
_FLAGS: Final = ("-I", "-S", "-B", "-c")
_PACKAGE: Final = Path(__file__).parents[2]


def is_hard_to_guess(password: str, names: Sequence[str]) -> bool:
    """Say whether any piece of a password is hard to guess: the whole is no easier than that.

    `names` are what it should not be made of.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 15 MB of words, where somebody sets a password

    # A random character is ten guesses there: eight of them, where so few are allowed, are 10**8.
    least = 10 ** min(LEAST_GUESSES, len(password) - 1)
    starts = range(0, len(password), LONGEST_PIECE)
    pieces = (password[start : start + LONGEST_PIECE] for start in starts)
    return any(zxcvbn(piece, names)["guesses"] >= least for piece in pieces)


def is_hard_to_guess_apart(password: str, names: Sequence[str]) -> bool:
    """Say so by a process of its own, which takes 0.2 s. Raises Overloaded where it has no answer.

    The password goes through a pipe: other people may see the arguments of a process.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - the interpreter itself, on our own text
            [sys.executable, *_FLAGS, _START, str(_PACKAGE), *filter(None, sys.path)],
            input=json.dumps([password, list(names)]).encode("ascii"),
            capture_output=True,
            timeout=LONGEST_TIME,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Overloaded(f"a new password could not be judged: {type(error).__name__}") from None
    if ended.returncode != 0 or ended.stdout not in {b"true", b"false"}:
        raise Overloaded(f"a new password could not be judged: status {ended.returncode}")
    return ended.stdout == b"true"


def main() -> None:
    """Answer what stands on standard input: [password, names] in JSON."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = LONGEST_TIME if hard == resource.RLIM_INFINITY else min(LONGEST_TIME, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
    password, names = json.load(sys.stdin.buffer)
    sys.stdout.write(json.dumps(is_hard_to_guess(password, names)))
