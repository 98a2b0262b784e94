"""Which new passwords are refused (NIST SP 800-63B section 3.1.1.2, OWASP ASVS 6.2).

Nothing is asked of their composition. What is already somebody's password is never judged.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sidecar.core.user import LONGEST_NEW_PASSWORD
from sidecar.credentials.guesses import is_hard_to_guess
from sidecar.schemas.values import has_controls

LEAST_BESIDE_NAMES: Final = 8  # characters beside one's own names, as NIST lets none be shorter
SHORTEST_NAME: Final = 4  # characters of a name that counts: "al" is in too many words

# Says whether a password that is made of these names is hard to guess all the same.
IsHard = Callable[[str, Sequence[str]], bool]

_PARTS: Final = re.compile(r"[\W_]+")


class PasswordFault(StrEnum):
    """Why a password cannot become somebody's."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    CONTROL = "control"
    COMMON = "common"
    OWN_NAME = "own_name"


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a new password must be here: of at least `least` characters, and none of the names.

    `public_url` names this service.
    """

    least: int
    public_url: str

    def judge(
        self, password: str, *names: str | None, is_hard: IsHard = is_hard_to_guess
    ) -> PasswordFault | None:
        """Return what is wrong with a new password of somebody of these names, None if nothing.

        `names` are the username, full name and e-mail address. It takes up to a second: a process
        that serves calls PasswordHasher.judge.
        """
        known = list_names(*names, public_url=self.public_url)
        return judge_password(password, least=self.least, names=known, is_hard=is_hard)

    def explain(self, fault: PasswordFault) -> str:
        """Return what a password must be, as a sentence that "the password" begins."""
        match fault:
            case PasswordFault.TOO_SHORT | PasswordFault.TOO_LONG:
                return f"must have {self.least} to {LONGEST_NEW_PASSWORD} characters"
            case PasswordFault.CONTROL:
                return "must not have control characters"
            case PasswordFault.COMMON:
                return "is too easy to guess: it is common, or follows a pattern"
            case PasswordFault.OWN_NAME:
                return "is little more than a name of the account or of this service"


def list_names(*texts: str | None, public_url: str) -> tuple[str, ...]:
    """Return the names that a password must not be made of, folded; the longest first.

    `texts` are a user's username, full name and e-mail address; each counts, and each part of it.
    """
    host = public_url.partition("://")[2].partition("/")[0].partition(":")[0]
    whole = [text.casefold() for text in (*texts, host, "sidecar") if text]
    parts = {part for text in whole for part in (text, *_PARTS.split(text))}
    long_enough = (part for part in parts if len(part) >= SHORTEST_NAME)
    return tuple(sorted(long_enough, key=lambda name: (-len(name), name)))


def judge_password(
    password: str, *, least: int, names: Iterable[str], is_hard: IsHard = is_hard_to_guess
) -> PasswordFault | None:
    """Return what is wrong with a new password of at least `least` characters, None if nothing.

    `names` are those of `list_names`; `is_hard` says whether a password is hard to guess.
    """
    if len(password) < least:
        return PasswordFault.TOO_SHORT
    if len(password) > LONGEST_NEW_PASSWORD:
        return PasswordFault.TOO_LONG
    if has_controls(password):
        return PasswordFault.CONTROL
    known = tuple(names)
    if _count_beside(password.casefold(), known) < LEAST_BESIDE_NAMES:
        return PasswordFault.OWN_NAME
    return None if is_hard(password, known) else PasswordFault.COMMON


def _count_beside(password: str, names: tuple[str, ...]) -> int:
    for name in names:
        password = password.replace(name, "")
    return len(password)
