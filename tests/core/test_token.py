"""What is sealed opens as it was; everything else is a refusal, never an exception."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.claims import MOST_ROLES, Claims, TokenKind
from sidecar.core.encoding import from_base64url
from sidecar.core.grant import OWN_CLIENT
from sidecar.core.token import PURPOSES, VerifiedToken, seal_token
from sidecar.core.verdict import Deny, Reason
from tests.core.forge import Workshop, base64url, make_claims, to_json
from tests.core.properties import ANY_TEXT, QUICK, THOROUGH

KINDS = pytest.mark.parametrize("kind", list(TokenKind), ids=lambda kind: kind.name.lower())
PLAIN = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60)
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@KINDS
def test_what_is_sealed_opens_as_it_was(workshop: Workshop, kind: TokenKind) -> None:
    key = workshop.key(PURPOSES[kind])
    sealed = seal_token(make_claims(kind), kind, key)
    assert workshop.open(sealed, kind) == VerifiedToken(kind, key.kid, make_claims(kind))


@KINDS
def test_what_a_user_lacks_is_left_out(workshop: Workshop, kind: TokenKind) -> None:
    claims = make_claims(kind)._replace(email=None, name=None)
    sealed = seal_token(claims, kind, workshop.key(PURPOSES[kind]))
    payload = from_base64url(sealed.split(".")[1])
    assert payload is not None
    assert not {"email", "name"} & json.loads(payload).keys()
    opened = workshop.open(sealed, kind)
    assert isinstance(opened, VerifiedToken)
    assert (opened.claims.email, opened.claims.name) == (None, None)


@KINDS
def test_the_header_says_algorithm_type_and_key_and_nothing_else(
    workshop: Workshop, kind: TokenKind
) -> None:
    key = workshop.key(PURPOSES[kind])
    header = from_base64url(seal_token(make_claims(kind), kind, key).split(".")[0])
    assert header is not None
    assert json.loads(header) == {"alg": "RS256", "typ": kind.value, "kid": key.kid}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TokenKind.ACCESS, ["api"]),
        (TokenKind.SESSION, ["https://auth.example.com"]),
        (TokenKind.ASSERTION, "app.example.com"),
    ],
)
def test_the_audience_is_a_list_and_in_an_assertion_the_bare_host(
    workshop: Workshop, kind: TokenKind, expected: object
) -> None:
    sealed = seal_token(make_claims(kind), kind, workshop.key(PURPOSES[kind]))
    payload = from_base64url(sealed.split(".")[1])
    assert payload is not None
    assert json.loads(payload)["aud"] == expected


@KINDS
def test_a_key_of_the_other_purpose_does_not_seal(workshop: Workshop, kind: TokenKind) -> None:
    key = workshop.draft(kind).other_purpose
    with pytest.raises(ValueError, match="does not seal"):
        seal_token(make_claims(kind), kind, key)


@KINDS
def test_a_public_half_does_not_seal(workshop: Workshop, kind: TokenKind) -> None:
    key = replace(workshop.key(PURPOSES[kind]), private=None)
    with pytest.raises(ValueError, match="does not seal"):
        seal_token(make_claims(kind), kind, key)


def test_a_public_half_opens(workshop: Workshop) -> None:
    text = workshop.draft(TokenKind.ACCESS).text()
    shop = replace(workshop, token_key=replace(workshop.token_key, private=None))
    assert isinstance(shop.open(text, TokenKind.ACCESS), VerifiedToken)


@pytest.mark.parametrize(
    "aud", ["api", ["api"], ["other", "api"], ["api", "other"], ["api"] * MOST_ROLES]
)
def test_one_of_our_audiences_is_enough(workshop: Workshop, aud: object) -> None:
    text = workshop.draft(TokenKind.ACCESS).with_members(aud=aud).text()
    assert isinstance(workshop.open(text, TokenKind.ACCESS), VerifiedToken)


def test_a_claim_that_nobody_knows_changes_nothing(workshop: Workshop) -> None:
    draft = workshop.draft(TokenKind.ACCESS)
    extended = draft.with_members(extra={"deep": [1, None]}, admin=True).text()
    assert workshop.open(extended, TokenKind.ACCESS) == workshop.open(
        draft.text(), TokenKind.ACCESS
    )


def test_the_largest_user_gets_a_token_that_opens(workshop: Workshop) -> None:
    roles = tuple(f"{number:0>16}" for number in range(MOST_ROLES))
    claims = make_claims()._replace(
        roles=roles,
        name="\U00020000" * 256,
        email="\u00e9" * 64 + "@" + "\u00e9" * 189,
        preferred_username="\U00020000" * 64,
    )
    opened = workshop.open(
        seal_token(claims, TokenKind.ACCESS, workshop.token_key), TokenKind.ACCESS
    )
    assert isinstance(opened, VerifiedToken)
    assert opened.claims == claims


@QUICK
@given(
    sub=PLAIN.filter(lambda sub: sub != OWN_CLIENT),  # else it is a program's
    name=PLAIN,
    roles=st.lists(PLAIN, max_size=5),
    epochs=st.integers(0, 2**53 - 1),
)
def test_any_plain_claims_come_back_as_they_were(
    workshop: Workshop, sub: str, name: str, roles: list[str], epochs: int
) -> None:
    claims = make_claims()._replace(sub=sub, name=name, roles=tuple(roles), epoch=(epochs, 0))
    opened = workshop.open(
        seal_token(claims, TokenKind.ACCESS, workshop.token_key), TokenKind.ACCESS
    )
    assert isinstance(opened, VerifiedToken)
    assert opened.claims == claims


@THOROUGH
@given(text=ANY_TEXT, kind=st.sampled_from(TokenKind))
@example(text="\ud800.\ud800.\ud800", kind=TokenKind.ACCESS)
@example(text="\u0661.\u0661.\u0661", kind=TokenKind.ACCESS)
def test_any_text_as_a_token_is_refused(workshop: Workshop, text: str, kind: TokenKind) -> None:
    assert isinstance(workshop.open(text, kind), Deny)


@THOROUGH
@given(
    parts=st.tuples(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80)),
    kind=st.sampled_from(TokenKind),
)
def test_any_octets_in_three_parts_are_refused(
    workshop: Workshop, parts: tuple[bytes, bytes, bytes], kind: TokenKind
) -> None:
    assert isinstance(workshop.open(".".join(map(base64url, parts)), kind), Deny)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@THOROUGH
@given(
    name=st.sampled_from(sorted({*Claims._fields} - {"email", "name"})), value=JSON,
    kind=st.sampled_from(TokenKind),
)  # fmt: skip
def test_any_json_as_any_claim_gives_an_answer(
    workshop: Workshop, name: str, value: object, kind: TokenKind
) -> None:
    opened = workshop.open(workshop.draft(kind).with_members(**{name: value}).text(), kind)
    assert isinstance(opened, VerifiedToken | Deny)


@THOROUGH
@given(name=st.sampled_from(["alg", "typ", "kid"]), value=JSON, kind=st.sampled_from(TokenKind))
def test_any_other_json_as_a_header_member_is_refused(
    workshop: Workshop, name: str, value: object, kind: TokenKind
) -> None:
    draft = workshop.draft(kind)
    if value != draft.header[name]:
        assert isinstance(workshop.open(draft.with_header(**{name: value}).text(), kind), Deny)


@THOROUGH
@given(data=st.data(), kind=st.sampled_from(TokenKind))
def test_a_good_token_with_one_character_changed_is_refused(
    workshop: Workshop, data: st.DataObject, kind: TokenKind
) -> None:
    good = workshop.draft(kind).text()
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from(BASE64URL + ".=+/ ") | st.characters())
    if other != good[place]:
        forged = good[:place] + other + good[place + 1 :]
        assert isinstance(workshop.open(forged, kind), Deny)


@QUICK
@given(data=st.data())
def test_a_good_token_with_one_character_more_or_less_is_refused(
    workshop: Workshop, data: st.DataObject
) -> None:
    good = workshop.draft(TokenKind.ACCESS).text()
    place = data.draw(st.integers(0, len(good)))
    other = data.draw(st.sampled_from(["", *BASE64URL, ".", "="]))
    forged = good[:place] + other + good[place + (not other) :]
    if forged != good:
        assert isinstance(workshop.open(forged, TokenKind.ACCESS), Deny)


def test_opening_does_not_depend_on_the_time(workshop: Workshop) -> None:
    dates = {"iat": 10, "nbf": 10, "auth_time": 10, "exp": 20}
    long_over = workshop.draft(TokenKind.ACCESS).with_members(**dates).text()
    assert isinstance(workshop.open(long_over, TokenKind.ACCESS), VerifiedToken)


def test_the_first_fault_is_the_one_that_is_named(workshop: Workshop) -> None:
    draft = workshop.draft(TokenKind.ACCESS)
    both = draft.with_members(iss="https://evil.example", aud="other")
    assert workshop.open(both.text(), TokenKind.ACCESS) == Deny(Reason.ISSUER)
    assert workshop.open(both.with_header(alg="none").text(), TokenKind.ACCESS) == Deny(
        Reason.TOKEN_ALGORITHM
    )


@pytest.mark.parametrize(
    "payload", [b"{}", b"[" * 5000, b"\xff", b'{"iss":"https://evil.example"}']
)
def test_claims_that_no_key_of_ours_signed_are_not_even_parsed(
    workshop: Workshop, payload: bytes
) -> None:
    draft = workshop.draft(TokenKind.ACCESS)
    text = draft.signed(to_json(draft.header), payload)
    assert workshop.open(text, TokenKind.ACCESS) != Deny(Reason.BAD_SIGNATURE)
    forged = f"{text.rpartition('.')[0]}.{base64url(bytes(256))}"
    assert workshop.open(forged, TokenKind.ACCESS) == Deny(Reason.BAD_SIGNATURE)
