"""Personal tokens: texts of nobody's making, and what one stands for."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.claims import TokenKind, claims_members, parse_claims
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.grant import Issuer, is_of_login
from sidecar.core.personal import (
    ID_OCTETS,
    LONGEST_PERSONAL_TOKEN,
    PREFIX,
    RANDOM_OCTETS,
    PersonalToken,
    ShownToken,
    hash_personal_token,
    is_token_id,
    is_token_name,
    open_personal_token,
    personal_claims,
    seal_personal_token,
    stand_in,
)
from sidecar.core.session import seal_refresh_token
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason
from sidecar.core.verify import Unknown
from tests.core.forge import NOW, make_claims, make_program_claims
from tests.core.properties import ANY_TEXT, THOROUGH

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
ID, RANDOM = bytes(range(ID_OCTETS)), bytes(range(100, 100 + RANDOM_OCTETS))
TEXT = seal_personal_token(KEY, ID, RANDOM)
OFFICE, HOME = ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")
OWNER = User(
    id="u-1",
    username="alice",
    email=None,
    name="Alice",
    roles=("ops", "staff"),
    disabled=False,
    created_at=0,
    updated_at=0,
)
TOKEN = PersonalToken(
    id=to_base64url(ID),
    user_id="u-1",
    name="backup",
    scopes=("orders:read", "reports"),
    networks=(),
    created_at=NOW - 1000,
    expires_at=NOW + 1000,
)
ISSUER = Issuer(
    "https://auth.example.com", ("api",), {"staff": ["orders:read", "orders:write"], "ops": ["x"]}
)
STAND_IN = stand_in(personal_claims(ISSUER, TOKEN, OWNER, (1, 2), jti="j", now=NOW, ttl=300))


def test_a_token_has_the_prefix_and_a_fixed_length() -> None:
    assert TEXT.startswith("sidecar_pat_")
    assert len(TEXT) == LONGEST_PERSONAL_TOKEN == 76
    assert TEXT.removeprefix(PREFIX).replace("-", "a").replace("_", "a").isalnum()


@given(st.binary(min_size=12, max_size=12), st.binary(min_size=20, max_size=20))
def test_a_token_opens_to_the_id_that_was_sealed(id_octets: bytes, random_octets: bytes) -> None:
    text = seal_personal_token(KEY, id_octets, random_octets)
    assert open_personal_token(KEY, text) == to_base64url(id_octets)
    assert open_personal_token(OTHER_KEY, text) == Deny(Reason.BAD_SIGNATURE)


@pytest.mark.parametrize(("id_length", "random_length"), [(11, 20), (13, 20), (12, 19), (11, 21)])
def test_other_lengths_are_not_sealed(id_length: int, random_length: int) -> None:
    with pytest.raises(ValueError, match="octets"):
        seal_personal_token(KEY, bytes(id_length), bytes(random_length))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.TOKEN_MALFORMED),
        (PREFIX, Reason.TOKEN_MALFORMED),
        (TEXT.removeprefix(PREFIX), Reason.TOKEN_MALFORMED),
        (TEXT[:-1], Reason.TOKEN_MALFORMED),
        (TEXT[:-4], Reason.TOKEN_MALFORMED),
        (TEXT[:-1] + "=", Reason.TOKEN_MALFORMED),
        (TEXT[:-1] + "é", Reason.TOKEN_MALFORMED),
        (TEXT[:-1] + "\n", Reason.TOKEN_MALFORMED),
        (TEXT.replace("sidecar", "Sidecar"), Reason.TOKEN_MALFORMED),
        (" " + TEXT[:-1], Reason.TOKEN_MALFORMED),
        (TEXT + "A", Reason.TOKEN_TOO_LONG),
        (TEXT + " ", Reason.TOKEN_TOO_LONG),
        (TEXT * 1000, Reason.TOKEN_TOO_LONG),
        (PREFIX + "A" * 64, Reason.BAD_SIGNATURE),
        (seal_refresh_token(KEY, to_base64url(bytes(16)), 0), Reason.TOKEN_MALFORMED),
    ],
)
def test_what_is_none_of_ours_is_refused(text: str, reason: Reason) -> None:
    assert open_personal_token(KEY, text) == Deny(reason)


@given(st.integers(0, 47), st.integers(1, 255))
def test_a_changed_octet_is_a_forgery(index: int, change: int) -> None:
    octets = bytearray(from_base64url(TEXT.removeprefix(PREFIX)) or b"")
    octets[index] ^= change
    forged = PREFIX + to_base64url(bytes(octets))
    assert open_personal_token(KEY, forged) == Deny(Reason.BAD_SIGNATURE)


@given(ANY_TEXT)
@THOROUGH
def test_any_text_is_refused_and_raises_nothing(text: str) -> None:
    assert isinstance(open_personal_token(KEY, PREFIX + text), Deny)


def test_what_the_store_keeps_opens_nothing() -> None:
    kept = hash_personal_token(TEXT)
    assert len(kept) == 64
    assert hash_personal_token(seal_personal_token(KEY, ID, RANDOM[::-1])) != kept
    assert isinstance(open_personal_token(KEY, kept), Deny)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("backup of the photos", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        (" ", False),
        (" a", False),
        ("a ", False),
        ("a\nb", False),
        ("a\u202eb", False),
        ("\ud800", False),
    ],
)
def test_names_are_plain_text(name: str, good: bool) -> None:
    assert is_token_name(name) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (TOKEN.id, True),
        ("-" * 16, True),
        ("", False),
        ("A" * 15, False),
        ("A" * 17, False),
        ("A" * 20, False),
        ("A" * 15 + "=", False),
        ("A" * 15 + "\0", False),
        ("A" * 15 + "é", False),
        ("A" * 1000, False),
    ],
)
def test_an_id_is_twelve_octets(text: str, good: bool) -> None:
    assert is_token_id(text) is good


def test_it_stands_for_its_owner_with_the_rights_of_today() -> None:
    claims = STAND_IN.claims
    assert (claims.sub, claims.preferred_username, claims.name) == ("u-1", "alice", "Alice")
    assert claims.roles == ("ops", "staff")
    assert (claims.sid, claims.epoch) == (TOKEN.id, (1, 2))
    assert (claims.amr, claims.auth_time) == (("pat",), 0)
    assert (claims.iat, claims.nbf, claims.exp) == (NOW, NOW, NOW + 300)
    assert parse_claims(claims_members(claims, TokenKind.ACCESS), TokenKind.ACCESS) == claims


def test_nobody_logged_in_for_it() -> None:
    assert not is_of_login(STAND_IN.claims)
    assert not is_of_login(make_program_claims())
    assert is_of_login(make_claims())


@pytest.mark.parametrize(
    ("scopes", "roles", "scope"),
    [
        (("orders:read",), ("staff",), "orders:read"),
        (("orders:write", "orders:read"), ("staff",), "orders:read orders:write"),
        (("orders:read", "x"), ("staff",), "orders:read"),
        (("orders:read",), ("ops",), ""),
        (("orders:read",), (), ""),
        (("orders:read",), ("removed",), ""),
        ((), ("staff", "ops"), ""),
        (("orders", "orders:read:all", "Orders:read"), ("staff",), ""),
    ],
)
def test_it_never_has_more_scopes_than_its_owner(
    scopes: tuple[str, ...], roles: tuple[str, ...], scope: str
) -> None:
    token, owner = replace(TOKEN, scopes=scopes), replace(OWNER, roles=roles)
    claims = personal_claims(ISSUER, token, owner, (0, 0), jti="j", now=NOW, ttl=300)
    assert claims.scope == scope
    assert claims.roles == roles


@pytest.mark.parametrize(("left", "end"), [(301, 300), (300, 300), (299, 299), (1, 1)])
def test_it_ends_with_the_token(left: int, end: int) -> None:
    token = replace(TOKEN, expires_at=NOW + left)
    claims = personal_claims(ISSUER, token, OWNER, (0, 0), jti="j", now=NOW, ttl=300)
    assert claims.exp == NOW + end


@pytest.mark.parametrize(
    ("networks", "address", "good"),
    [
        ((), None, True),
        ((), "192.0.2.1", True),
        ((OFFICE,), "10.1.255.255", True),
        ((OFFICE,), "10.2.0.0", False),
        ((OFFICE,), "2001:db8::1", False),
        ((OFFICE,), None, False),
        ((OFFICE, HOME), "2001:db8::1", True),
        ((OFFICE, HOME), "2001:db9::1", False),
        ((ip_network("10.1.0.1"),), "10.1.0.1", True),
        ((ip_network("10.1.0.1"),), "10.1.0.2", False),
    ],
)
def test_it_is_good_within_its_networks_alone(
    networks: tuple[object, ...], address: str | None, good: bool
) -> None:
    shown = ShownToken(STAND_IN, STAND_IN, networks)  # type: ignore[arg-type]  # rows differ
    there = shown.at(None if address is None else ip_address(address))
    assert there.opened == (STAND_IN if good else Deny(Reason.NETWORK_NOT_ALLOWED))
    assert there.token == STAND_IN


def test_what_is_refused_anyway_is_refused_for_that() -> None:
    for opened in (Deny(Reason.EXPIRED), Unknown("away")):
        assert ShownToken(opened, STAND_IN, (OFFICE,)).at(None).opened == opened
