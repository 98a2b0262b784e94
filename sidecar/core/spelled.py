"""Claims as `seal_token` spells them, read in one match: a third of what reading any JSON takes.

Nearly all that keys of ours have signed is a person's and spelled so. What is not, has long lists
or breaks a bound of `CLAIMS`, says nothing here: it is read as JSON and judged claim by claim
(core/token.py, `parse_claims`), which finds the same in what is read here.
"""

import re
from functools import lru_cache
from typing import Final

from sidecar.core.claims import CLAIMS, GATE, Claim, Claims, Shape

REMEMBERED: Final = 256  # lists
LONGEST_REMEMBERED: Final = 1024  # characters of such a list: long ones fill no memory

_CHARACTER: Final = r"[ !#-\[\]-~]"  # visible ASCII that JSON does not escape


def _spell(claim: Claim) -> str:
    """Return what matches one member of people's claims, whose value is its only group."""
    # As many digits as no number has that is too large.
    integer = rf"(?:0|[1-9][0-9]{{0,{len(str(claim.bound)) - 2}}})"
    text = rf"{_CHARACTER}{{1,{claim.bound}}}"
    texts = rf'"{text}"(?:,"{text}")*'
    value = {
        Shape.TEXT: rf'"({_CHARACTER}{{{0 if claim.empty else 1},{claim.bound}}})"',
        Shape.DATE: rf"({integer})",
        Shape.TEXTS: rf"\[({texts}){'?' if claim.empty else ''}\]",
        Shape.AUDIENCE: rf"\[({texts})\]",
        Shape.EPOCH: rf"\[({integer},{integer})\]",
    }[claim.shape]
    member = rf',"{claim.name}":{value}'
    return member if claim.required else f"(?:{member})?"


_MEMBERS: Final = "".join(_spell(claim) for claim in CLAIMS if claim.kinds >= GATE)
_SPELLING: Final = re.compile(rf"\{{{_MEMBERS.removeprefix(',')}\}}")


def read_spelled(payload: bytes) -> Claims | None:
    """Return the claims of a person's access token or session cookie; None says nothing.

    Its dates may not fit together. Raises nothing, whatever the octets are.
    """
    found = _SPELLING.fullmatch(payload.decode("latin-1"))
    if found is None:
        return None
    # Each group is one claim, in the order of the table and of `Claims`.
    iss, sub, aud, exp, iat, nbf, jti, sid, epoch, client_id, scope, roles, *person = found.groups()
    username, email, name, auth_time, amr = person
    if max(len(aud), len(roles or ""), len(amr)) > LONGEST_REMEMBERED or sub == client_id:
        return None
    return Claims(
        iss,
        sub,
        _split(aud),
        int(exp),
        int(iat),
        int(nbf),
        jti,
        sid,
        _split_epoch(epoch),
        client_id,
        scope,
        _split(roles or ""),
        username,
        email,
        name,
        int(auth_time),
        _split(amr),
    )


@lru_cache(maxsize=REMEMBERED)
def _split(texts: str) -> tuple[str, ...]:
    """Return one list for all who have the same. Only what a key of ours has signed comes here."""
    return tuple(texts[1:-1].split('","')) if texts else ()


@lru_cache(maxsize=REMEMBERED)
def _split_epoch(epoch: str) -> tuple[int, int]:
    everyone, _, user = epoch.partition(",")
    return int(everyone), int(user)
