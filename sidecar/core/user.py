"""A person, and what their names may be."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from sidecar.core.claims import LONGEST_ROLES, MOST_ROLES
from sidecar.core.text import is_plain_text

LONGEST_USERNAME: Final = 64  # characters, canonical
LONGEST_NAME: Final = 256
LONGEST_PASSWORD: Final = 1024  # characters, as typed: bounded before it is hashed
LONGEST_EMAIL: Final = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets

_ROLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@,;:<>()\[\]\\\"]{1,253}")
# Letters and marks that show nothing (Default_Ignorable_Code_Point, RFC 8264 section 9.13).
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_BIDI_REST: Final = frozenset({"EN", "ES", "CS", "ET", "ON", "BN", "NSM"})
_SPOKEN: Final = frozenset({"L", "M", "N"})  # letters, marks, numbers


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in. `id` is opaque and never given out again; dates are Unix seconds."""

    id: str
    username: str
    email: str | None
    name: str | None
    roles: tuple[str, ...]
    disabled: bool
    created_at: int
    updated_at: int


def canonical_username(text: str) -> str | None:
    """Return the one form in which a username is kept, compared and sent, or None where it is none.

    That form is the UsernameCaseMapped profile of RFC 8265 section 3.3: width-mapped, lower case
    and NFC; it holds letters, digits and visible ASCII only, and letters of one script. `:` and `,`
    are refused, since htpasswd and `Remote-Groups` split at them.
    """
    if len(text) > 4 * LONGEST_USERNAME:
        return None
    narrow = "".join(
        unicodedata.normalize("NFKC", c) if unicodedata.decomposition(c)[:6] in _WIDTHS else c
        for c in text
    )
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", narrow).casefold())
    if not 1 <= len(name) <= LONGEST_USERNAME or not is_plain_text(name) or _IGNORABLE.search(name):
        return None
    if not all(_is_identifier(c) for c in name) or len({_script(c) for c in name} - {""}) > 1:
        return None
    return name if _reads_one_way(name) else None


def is_role(text: str) -> bool:
    """Say whether `text` is a role's name."""
    return _ROLE.fullmatch(text) is not None


def roles_fit(roles: tuple[str, ...]) -> bool:
    """Say whether the roles together are short enough to travel with every request."""
    return len(roles) <= MOST_ROLES and sum(map(len, roles)) <= LONGEST_ROLES


def is_email(text: str) -> bool:
    """Say whether `text` has the form of an e-mail address; only mail that arrives proves more."""
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None and is_plain_text(text)


def is_name(text: str) -> bool:
    """Say whether `text` can be a person's full name."""
    return 0 < len(text) <= LONGEST_NAME and is_plain_text(text) and text.strip() == text


_WIDTHS: Final = frozenset({"<wide>", "<narro"})


def _is_identifier(character: str) -> bool:
    if character.isascii():
        return "!" <= character <= "~" and character not in ":,"
    # Letters and digits that have a compatibility form are look-alikes of others (RFC 8264 section
    # 9.17).
    plain = unicodedata.normalize("NFKC", character) == character
    return plain and unicodedata.category(character)[0] in _SPOKEN


def _script(character: str) -> str:
    """Return the script of a letter by its Unicode name; digits, marks and signs have none."""
    if not character.isalpha():
        return ""
    script = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
    return (
        "JAPANESE"
        if script in {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}
        else script
    )


def _reads_one_way(name: str) -> bool:
    """Judge by the Bidi Rule (RFC 5893 section 2), which RFC 8265 section 3.3.2 asks for."""
    kinds = [unicodedata.bidirectional(c) for c in name]
    if _RIGHT_TO_LEFT.isdisjoint(kinds):
        return True
    last = next((kind for kind in reversed(kinds) if kind != "NSM"), "")
    return (
        kinds[0] in {"R", "AL"}
        and set(kinds) <= _RIGHT_TO_LEFT | _BIDI_REST
        and last in {"R", "AL", "EN", "AN"}
        and not {"EN", "AN"} <= set(kinds)
    )
