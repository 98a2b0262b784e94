"""What a token may say: one table of claims, and the types that come out of it.

Every claim stands in `CLAIMS` exactly once, with its shape, its bound, the kinds of token that bear
it (RFC 7519 section 4.1, RFC 9068 section 2.2), and whether it is a person's alone. `parse_claims`
judges by that table; the marshmallow schema is made from it. A claim that is not in the table is
ignored (RFC 7519 section 4), so that two versions of the service can run side by side.

A token is about a person or about a program (RFC 9068 section 2.2: `sub` is the `client_id` then).
What has some of a person's claims and not the others is neither, and refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sidecar.core.text import is_plain_text
from sidecar.core.verdict import Deny, Reason

LATEST_DATE: Final = 253_402_300_799  # the end of the year 9999; beyond it RFC 3339 has no dates
LONGEST_ROLES: Final = 4096  # characters of all roles together: they travel in every header line
MOST_ROLES: Final = 256
DAY: Final = 86_400


class TokenKind(StrEnum):
    """The `typ` of each kind of token; none passes for another (RFC 8725 section 3.11)."""

    ACCESS = "at+jwt"
    SESSION = "session+jwt"
    ASSERTION = "assertion+jwt"


# Seconds from `iat` to `exp` that each kind may have. A browser forgets a cookie after 400 days.
LONGEST_LIFE: Final[Mapping[TokenKind, int]] = {
    TokenKind.ACCESS: DAY,
    TokenKind.SESSION: 400 * DAY,
    TokenKind.ASSERTION: 3600,
}


class Shape(StrEnum):
    """The forms that a claim's value can have."""

    TEXT = "text"
    DATE = "date"
    TEXTS = "texts"
    EPOCH = "epoch"
    AUDIENCE = "audience"


@dataclass(frozen=True, slots=True)
class Claim:
    """One row; `bound` is the most characters of a text (each in a list), or the largest number.

    `personal` is what a program never has; `required` is asked of who may have it.
    """

    name: str
    shape: Shape
    bound: int
    kinds: frozenset[TokenKind]
    required: bool = True
    empty: bool = False
    personal: bool = False


ALL: Final = frozenset(TokenKind)
GATE: Final = frozenset({TokenKind.ACCESS, TokenKind.SESSION})
OF_PROGRAMS: Final = frozenset({TokenKind.ACCESS, TokenKind.ASSERTION})  # a browser is a person's

# None of them is an object: core/token.py looks for `exp` as text, wherever it stands.
CLAIMS: Final = (
    Claim("iss", Shape.TEXT, 512, ALL),
    Claim("sub", Shape.TEXT, 64, ALL),
    Claim("aud", Shape.AUDIENCE, 512, ALL),
    Claim("exp", Shape.DATE, LATEST_DATE, ALL),
    Claim("iat", Shape.DATE, LATEST_DATE, ALL),
    Claim("nbf", Shape.DATE, LATEST_DATE, ALL),
    Claim("jti", Shape.TEXT, 64, ALL),
    Claim("sid", Shape.TEXT, 64, ALL, personal=True),
    Claim("epoch", Shape.EPOCH, 2**53 - 1, GATE),  # integers that every JSON reader keeps exact
    Claim("client_id", Shape.TEXT, 64, GATE),
    Claim("scope", Shape.TEXT, LONGEST_ROLES, ALL, empty=True),
    Claim("roles", Shape.TEXTS, 64, ALL, empty=True),
    Claim("preferred_username", Shape.TEXT, 256, ALL, personal=True),
    Claim("email", Shape.TEXT, 320, ALL, required=False, personal=True),
    Claim("name", Shape.TEXT, 256, ALL, required=False, personal=True),
    Claim("auth_time", Shape.DATE, LATEST_DATE, ALL, personal=True),
    Claim("amr", Shape.TEXTS, 32, ALL, personal=True),
)
PERSONAL: Final = frozenset(claim.name for claim in CLAIMS if claim.personal)
REQUIRED_OF_PEOPLE: Final = frozenset(
    each.name for each in CLAIMS if each.personal and each.required
)


class Claims(NamedTuple):
    """The claims of a token, each of the shape that `CLAIMS` gives; dates are Unix seconds.

    None is what the token does not have. A program has none of `sid`, `preferred_username`,
    `auth_time` and `amr`, a person all of them.
    """

    iss: str
    sub: str
    aud: tuple[str, ...]
    exp: int
    iat: int
    nbf: int
    jti: str
    sid: str | None = None
    epoch: tuple[int, int] = (0, 0)
    client_id: str = ""
    scope: str = ""
    roles: tuple[str, ...] = ()
    preferred_username: str | None = None
    email: str | None = None
    name: str | None = None
    auth_time: int | None = None
    amr: tuple[str, ...] | None = None

    @property
    def of_program(self) -> bool:
        """Whether they are about a program, whose `client_id` is `sub`."""
        return self.sid is None


def _is_text(value: object, claim: Claim) -> bool:
    return (
        type(value) is str
        and (claim.empty or value != "")
        and len(value) <= claim.bound
        and _is_plain(value)
    )


def _is_plain(value: str) -> bool:
    """Say the same as `is_plain_text`; nearly all texts are ASCII, where it takes no search."""
    return (value.isascii() and value.isprintable()) or is_plain_text(value)


def _is_date(value: object, claim: Claim) -> bool:
    return type(value) is int and 0 <= value <= claim.bound


def _is_texts(value: object, claim: Claim) -> bool:
    if type(value) is not list or not (claim.empty or value) or len(value) > MOST_ROLES:
        return False
    for item in value:
        if type(item) is not str or not 0 < len(item) <= claim.bound or not _is_plain(item):
            return False
    return sum(map(len, value)) <= LONGEST_ROLES


def _is_epoch(value: object, claim: Claim) -> bool:
    return (
        type(value) is list
        and len(value) == 2  # noqa: PLR2004 - everyone's and the user's
        and _is_date(value[0], claim)
        and _is_date(value[1], claim)
    )


def _is_audience(value: object, claim: Claim) -> bool:
    return _is_text(value, claim) or (
        type(value) is list and value != [] and _is_texts(value, claim)
    )


SHAPES: Final[Mapping[Shape, Callable[[object, Claim], bool]]] = {
    Shape.TEXT: _is_text,
    Shape.DATE: _is_date,
    Shape.TEXTS: _is_texts,
    Shape.EPOCH: _is_epoch,
    Shape.AUDIENCE: _is_audience,
}


def is_one_holders(members: Mapping[str, object], kind: TokenKind) -> bool:
    """Say whether claims, each of which is right by itself, are those of one person or program."""
    program = PERSONAL.isdisjoint(members)
    if kind in GATE and program is not (members["sub"] == members["client_id"]):
        return False
    return kind in OF_PROGRAMS if program else members.keys() >= REQUIRED_OF_PEOPLE


def parse_claims(members: Mapping[str, object], kind: TokenKind) -> Claims | Deny:
    """Return the claims of a token of this kind, or why `members` are not such claims."""
    if not _FOREIGN[kind].isdisjoint(members):
        return Deny(Reason.CLAIMS_INVALID)
    values: dict[str, object] = {}
    for name, fits, claim, needed in _ROWS[kind]:
        value = members.get(name, _ABSENT)
        if value is _ABSENT:
            if needed:
                return Deny(Reason.CLAIMS_INVALID)
        elif not fits(value, claim):
            return Deny(Reason.CLAIMS_INVALID)
        else:
            values[name] = tuple(value) if type(value) is list else value
    if type(values["aud"]) is str:
        values["aud"] = (values["aud"],)
    if not is_one_holders(values, kind):
        return Deny(Reason.CLAIMS_INVALID)
    return judge_life(Claims(**values), kind)  # type: ignore[arg-type]  # the table judged each


def judge_life(claims: Claims, kind: TokenKind) -> Claims | Deny:
    """Return claims whose dates fit together."""
    if not claims.iat < claims.exp <= claims.iat + LONGEST_LIFE[kind] or claims.nbf >= claims.exp:
        return Deny(Reason.LIFETIME)
    return claims


def claims_members(claims: Claims, kind: TokenKind) -> dict[str, object]:
    """Return the JSON members of these claims for a token of this kind; what is `None` is left out.

    `aud` is a list, but in an assertion, which is for one host, a text.
    """
    members: dict[str, object] = {}
    for claim in CLAIMS:
        value = getattr(claims, claim.name)
        if kind in claim.kinds and value is not None:
            members[claim.name] = list(value) if type(value) is tuple else value
    if kind is TokenKind.ASSERTION:
        members["aud"] = claims.aud[0]
    return members


_ABSENT: Final = object()
# The table once more, by kind: what one may bear, with how it is judged and whether all must have
# it; and what it must not bear.
_ROWS: Final = {
    kind: tuple(
        (each.name, SHAPES[each.shape], each, each.required and not each.personal)
        for each in CLAIMS
        if kind in each.kinds
    )
    for kind in TokenKind
}
_FOREIGN: Final = {
    kind: frozenset(each.name for each in CLAIMS if kind not in each.kinds) for kind in TokenKind
}
