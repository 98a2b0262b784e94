"""Programs: what they are called, what proves them, and what of theirs a token is given."""

import re
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.claims import Claims, TokenKind, claims_members, parse_claims
from sidecar.core.client import (
    CLIENT_ID_OCTETS,
    LONGEST_CLIENT_NAME,
    SECRET_OCTETS,
    Client,
    audience_fits,
    hash_secret,
    is_client_id,
    is_client_name,
    is_secret_of,
    make_client_id,
    narrow_audience,
    scopes_fit,
    seal_client_secret,
)
from sidecar.core.grant import Issuer, narrow_scopes, program_claims
from sidecar.core.user import canonical_username
from tests.core.forge import ISSUER, NOW, make_program_claims

CLIENT = Client("App-" + "a" * 22, "reports", ("a", "b"), ("api", "files", "x"), 5, NOW, NOW)
ID = CLIENT.client_id
BASE64URL = f"{ascii_letters}{digits}-_"
OTHER_ID = "App-" + "b" * 22
KEY = b"k" * 32
SECRET = seal_client_secret(KEY, ID, bytes(SECRET_OCTETS))


@given(st.binary(min_size=CLIENT_ID_OCTETS, max_size=CLIENT_ID_OCTETS))
def test_a_client_id_is_no_username(octets: bytes) -> None:
    client_id = make_client_id(octets)
    assert is_client_id(client_id)
    assert canonical_username(client_id) != client_id


@given(st.binary(min_size=SECRET_OCTETS, max_size=SECRET_OCTETS))
def test_a_secret_is_recognised_as_that_of_one_program_and_kept_as_a_hash(octets: bytes) -> None:
    secret = seal_client_secret(KEY, ID, octets)
    assert is_secret_of(KEY, ID, secret)
    assert not is_secret_of(KEY, OTHER_ID, secret)
    assert not is_secret_of(b"o" * 32, ID, secret)
    # Nothing in it has to be escaped in a form, in Basic or in a shell.
    assert re.fullmatch("[A-Za-z0-9_-]+", secret)
    assert re.fullmatch("[0-9a-f]{64}", hash_secret(secret))
    assert hash_secret(secret) != hash_secret(secret[:-1])


@pytest.mark.parametrize(
    "text",
    [
        *("", "sidecar", "app-" + "a" * 22, "App_" + "a" * 22, "App-", ID[:-1], f"{ID}a"),
        *(f" {ID}", f"{ID} ", f"{ID}\n", ID[:-1] + "=", ID[:-1] + "\u0430", ID[:-1] + "\uff41"),
    ],
)
def test_what_is_no_client_id(text: str) -> None:
    assert not is_client_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "sidecar_secret_", "A" * 54, SECRET[:-1], f"{SECRET}A", f"{SECRET}\n", f" {SECRET}"),
        *("sidecar_secret_" + "A" * 54, SECRET[15:], SECRET.replace("A", "B", 1), f"{SECRET}=="),
        *(SECRET.upper(), SECRET[:-1] + "=", SECRET[:-1] + "+", SECRET.replace("secret", "pat")),
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert not is_secret_of(KEY, ID, text)


@given(st.integers(len("sidecar_secret_"), len(SECRET) - 1), st.sampled_from(BASE64URL))
def test_a_secret_has_one_spelling(place: int, character: str) -> None:
    """Another text of it would be hashed to something else, at the price of a read."""
    other = SECRET[:place] + character + SECRET[place + 1 :]
    assert is_secret_of(KEY, ID, other) is (other == SECRET)


@pytest.mark.parametrize(
    "name", ["r", "reports", "Reports of the Night", "\u00c9lise", "a" * LONGEST_CLIENT_NAME, "a:b"]
)
def test_what_a_program_may_be_called(name: str) -> None:
    assert is_client_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " a", "a ", "a\n", "a\x00b", "a\x7f", "a\u202eb", "a\ud800", "\ufeffa"),
        *("a" * (LONGEST_CLIENT_NAME + 1), ID),
    ],
)
def test_what_no_program_may_be_called(name: str) -> None:
    assert not is_client_name(name)


@pytest.mark.parametrize(
    ("scopes", "fit"),
    [
        ((), True),
        (("a",) * 2048, True),  # 4095 characters with the spaces between them
        (("a",) * 2047 + ("ab",), True),
        (("a",) * 2047 + ("abc",), False),
    ],
)
def test_scopes_are_bounded_together(scopes: tuple[str, ...], *, fit: bool) -> None:
    assert scopes_fit(scopes) is fit


@pytest.mark.parametrize(
    ("audience", "fits"),
    [
        (("api",), True),
        (tuple(map(str, range(256))), True),
        (tuple(str(n) * 512 for n in range(8)), True),
        ((), False),
        (("api", "api"), False),
        (tuple(map(str, range(257))), False),
        (("a", *(str(n) * 512 for n in range(8))), False),
    ],
)
def test_an_audience_is_somebody_and_bounded(audience: tuple[str, ...], *, fits: bool) -> None:
    assert audience_fits(audience) is fits


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, ("a", "b")),
        ("a", ("a",)),
        ("b a", ("a", "b")),
        ("a a", ("a",)),
        ("a b c", None),
        ("c", None),
        ("A", None),
        ("", None),
        (" a", None),
        ("a  b", None),
        ("a,b", None),
        ("a\tb", None),
    ],
)
def test_scopes_are_narrowed_and_never_widened(
    asked: str | None, given: tuple[str, ...] | None
) -> None:
    assert narrow_scopes(CLIENT.scopes, asked) == given


@given(st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd"), min_size=1))
def test_nobody_is_given_a_scope_that_they_do_not_have(held: set[str], asked: set[str]) -> None:
    narrowed = narrow_scopes(tuple(sorted(held)), " ".join(asked))
    assert narrowed == (tuple(sorted(asked)) if asked <= held else None)


@pytest.mark.parametrize(
    ("resources", "audience"),
    [
        ((), ("api", "files", "x")),
        (("files",), ("files",)),
        (("x", "api"), ("api", "x")),  # in the order of the client's
        (("api", "api"), ("api",)),
        (("other",), None),
        (("api", "other"), None),
        (("API",), None),
        (("api ",), None),
        (("api files",), None),
    ],
)
def test_a_token_is_for_the_resources_that_are_named(
    resources: tuple[str, ...], audience: tuple[str, ...] | None
) -> None:
    assert narrow_audience(CLIENT, resources) == audience


def test_a_program_gets_claims_of_its_own_and_none_of_a_person() -> None:
    claims = program_claims(
        Issuer(ISSUER, ("other",)),
        CLIENT,
        (3, 5),
        scopes=("a", "b"),
        audience=("api", "x"),
        jti="j-2",
        now=NOW,
        ttl=60,
    )
    wanted = make_program_claims()._replace(
        sub=ID,
        client_id=ID,
        aud=("api", "x"),
        exp=NOW + 60,
        scope="a b",
    )
    assert claims == wanted
    parsed = parse_claims(claims_members(claims, TokenKind.ACCESS), TokenKind.ACCESS)
    assert isinstance(parsed, Claims)
    assert parsed == claims
    assert parsed.of_program
