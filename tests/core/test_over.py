"""A token that is over by its own word is refused unopened, where its end matters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.claims import TokenKind
from sidecar.core.grant import Issuer
from sidecar.core.token import PURPOSES, VerifiedToken, open_token, seal_token
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential, Openings
from tests.core.forge import AUDIENCES, ISSUER, NOW, Workshop, make_claims, to_json
from tests.core.properties import QUICK

OVER = Deny(Reason.EXPIRED)
# As if somebody's name were the end of a token.
NAMES = st.sampled_from(
    ['"exp":1,', '","exp":1,"x":"', "exp", '\\"exp":1}', ' "exp" : 1 ']
) | st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60)


def _open(workshop: Workshop, text: str, now: int | None, kind: TokenKind) -> VerifiedToken | Deny:
    audience = AUDIENCES[kind]
    return open_token(text, kind, workshop.ring, issuer=ISSUER, audience=audience, now=now)


@QUICK
@given(
    kind=st.sampled_from(TokenKind),
    name=NAMES,
    now=st.integers(NOW - 1000, NOW + 1000) | st.integers(0, 2**40),
)
@example(kind=TokenKind.ACCESS, name="x", now=NOW + 599)
@example(kind=TokenKind.ACCESS, name="x", now=NOW + 600)
def test_what_we_sealed_is_over_from_its_end_on_whatever_it_says(
    workshop: Workshop, kind: TokenKind, name: str, now: int
) -> None:
    claims = make_claims(kind)._replace(name=name[:60] or None, roles=("exp",))
    text = seal_token(claims, kind, workshop.key(PURPOSES[kind]))
    opened = workshop.open(text, kind)
    assert isinstance(opened, VerifiedToken)
    assert _open(workshop, text, now, kind) == (OVER if now >= claims.exp else opened)


def test_its_end_is_looked_at_ahead_of_the_signature_and_behind_the_key(
    workshop: Workshop,
) -> None:
    kind = TokenKind.ACCESS
    forged = workshop.draft(kind).text()[:-4] + "AAAA"
    assert _open(workshop, forged, NOW + 600, kind) == OVER
    assert _open(workshop, forged, NOW + 599, kind) == Deny(Reason.BAD_SIGNATURE)
    assert _open(workshop, forged, None, kind) == Deny(Reason.BAD_SIGNATURE)
    lost = workshop.draft(kind).with_header(kid="lost").text()
    assert _open(workshop, lost, NOW + 600, kind) == Deny(Reason.UNKNOWN_KEY)
    other = workshop.draft(TokenKind.SESSION).text()
    assert _open(workshop, other, NOW + 99_999_999, kind) == Deny(Reason.TOKEN_TYPE)


@pytest.mark.parametrize("end", [True, None, "1", 1.5, -1, 10**16])
def test_an_end_that_is_none_is_for_those_who_read_the_claims(
    workshop: Workshop, end: object
) -> None:
    text = workshop.draft(TokenKind.ACCESS).with_members(exp=end).text()
    assert _open(workshop, text, NOW, TokenKind.ACCESS) == Deny(Reason.CLAIMS_INVALID)


def test_an_end_that_is_spelled_in_another_way_is_not_found_there(
    workshop: Workshop,
) -> None:
    draft = workshop.draft(TokenKind.ACCESS)
    spaced = to_json(draft.members).replace(b'"exp":', b'"exp": ')
    text = draft.signed(to_json(draft.header), spaced)
    opened = _open(workshop, text, NOW + 600, TokenKind.ACCESS)
    assert isinstance(opened, VerifiedToken)


def test_what_is_over_is_not_kept(workshop: Workshop) -> None:
    openings = Openings(Issuer(ISSUER, ("api",)))
    text = workshop.draft(TokenKind.ACCESS).text()
    assert openings.open(Credential(TokenKind.ACCESS, text), workshop.ring, NOW + 600) == OVER
    assert openings.find(Credential(TokenKind.ACCESS, text)) is None
    assert isinstance(
        openings.open(Credential(TokenKind.ACCESS, text), workshop.ring, NOW + 599), VerifiedToken
    )
    assert openings.find(Credential(TokenKind.ACCESS, text)) is not None
