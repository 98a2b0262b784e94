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
LONGEST_NEW_PASSWORD: Final = 256  # characters; older ones may be longer
LONGEST_EMAIL: Final = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets

_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
_ROLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@,;:<>()\[\]\\\"]{1,253}")
# Letters and marks that show nothing (Default_Ignorable_Code_Point, RFC 8264 section 9.13).
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_BIDI_REST: Final = frozenset({"EN", "ES", "CS", "ET", "ON", "BN", "NSM"})
# Controls and formats show nothing, and private characters not the same to everybody.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs"})
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


def fold_text(text: str) -> str:
    """Return text as it is searched, whatever its case, width or composition (Unicode, D146)."""
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def is_user_id(text: str) -> bool:
    """Say whether `text` can be the `id` of a user."""
    return _ID.fullmatch(text) is not None


def is_role(text: str) -> bool:
    """Say whether `text` is a role's name."""
    return _ROLE.fullmatch(text) is not None


def roles_fit(roles: tuple[str, ...]) -> bool:
    """Say whether the roles together are short enough to travel with every request."""
    return len(roles) <= MOST_ROLES and sum(map(len, roles)) <= LONGEST_ROLES


def canonical_email(text: str) -> str | None:
    """Return an e-mail address in NFC, None for what has not the form of one.

    Only mail that arrives proves more. Case stays: what stands before the `@` may depend on it.
    """
    email = _compose(text, LONGEST_EMAIL)
    if email is None or _EMAIL.fullmatch(email) is None or _IGNORABLE.search(email):
        return None
    return email


def canonical_name(text: str) -> str | None:
    """Return a person's full name in NFC, None for what shows none: it has a letter or digit."""
    name = _compose(text, LONGEST_NAME)
    if name is None or name != name.strip() or unicodedata.category(name[:1] or " ")[0] == "M":
        return None
    shown = _IGNORABLE.sub("", name)
    return name if any(unicodedata.category(c)[0] in {"L", "N"} for c in shown) else None


def _compose(text: str, longest: int) -> str | None:
    """Return text in NFC of at most so many characters, none of which is there unseen."""
    if len(text) > longest:
        return None
    composed = unicodedata.normalize("NFC", text)
    seen = is_plain_text(composed) and not any(unicodedata.category(c) in _UNSEEN for c in composed)
    return composed if seen and len(composed) <= longest else None


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
