"""A key's state follows from its dates; the ring signs with the newest active key."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.keyring import Key, KeyRing, KeyState, Purpose, thumbprint
from tests.core.forge import Workshop, base64url
from tests.core.properties import QUICK


def _key(
    workshop: Workshop, kid: str, begin: int, purpose: Purpose = Purpose.TOKEN, *, span: int = 100
) -> Key:
    return replace(
        workshop.token_key,
        kid=kid,
        purpose=purpose,
        not_before=begin,
        sign_until=begin + span,
        publish_until=begin + 2 * span,
    )


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (-1, KeyState.NEXT),
        (0, KeyState.NEXT),
        (999, KeyState.NEXT),
        (1000, KeyState.ACTIVE),
        (1099, KeyState.ACTIVE),
        (1100, KeyState.RETIRING),
        (1199, KeyState.RETIRING),
        (1200, KeyState.RETIRED),
        (10**12, KeyState.RETIRED),
    ],
)
def test_each_date_is_the_first_second_of_the_next_state(
    workshop: Workshop, now: int, state: KeyState
) -> None:
    assert _key(workshop, "a", 1000).state(now) is state


@QUICK
@given(moments=st.lists(st.integers(900, 1300), min_size=2))
def test_a_key_never_goes_back_to_an_earlier_state(workshop: Workshop, moments: list[int]) -> None:
    key = _key(workshop, "a", 1000)
    states = [list(KeyState).index(key.state(now)) for now in sorted(moments)]
    assert states == sorted(states)


@pytest.mark.parametrize(
    ("now", "kid"),
    [
        (999, None),
        (1000, "old"),
        (1049, "old"),
        (1050, "new"),
        (1099, "new"),
        (1100, "new"),
        (1149, "new"),
        (1150, None),
    ],
)
def test_the_key_that_became_active_last_signs(
    workshop: Workshop, now: int, kid: str | None
) -> None:
    ring = KeyRing.of(
        [
            _key(workshop, "new", 1050),
            _key(workshop, "old", 1000),
            _key(workshop, "cookie", 1000, Purpose.COOKIE, span=500),
            replace(_key(workshop, "public half", 1000, span=500), private=None),
        ]
    )
    signer = ring.find_signing_key(Purpose.TOKEN, now)
    assert (signer.kid if signer else None) == kid


def test_two_keys_of_one_second_sign_by_name_whatever_the_order(workshop: Workshop) -> None:
    keys = [_key(workshop, "a", 1000), _key(workshop, "b", 1000)]
    for ring in (KeyRing.of(keys), KeyRing.of(reversed(keys))):
        signer = ring.find_signing_key(Purpose.TOKEN, 1000)
        assert signer is not None
        assert signer.kid == "b"


def test_an_empty_ring_signs_nothing_and_publishes_nothing() -> None:
    ring = KeyRing.of([])
    assert ring.find_signing_key(Purpose.TOKEN, 0) is None
    assert ring.find_signing_key(Purpose.COOKIE, 0) is None
    assert ring.find("") is None
    assert ring.jwks(0) == {"keys": []}


@pytest.mark.parametrize("kid", ["", "A", "a ", "b", "a\0"])
def test_no_other_kid_finds_a_key(workshop: Workshop, kid: str) -> None:
    assert KeyRing.of([_key(workshop, "a", 0)]).find(kid) is None


@pytest.mark.parametrize(
    ("now", "published"),
    [
        (0, ["old", "new"]),
        (1000, ["old", "new"]),
        (1199, ["old", "new"]),
        (1200, ["new"]),
        (1249, ["new"]),
        (1250, []),
    ],
)
def test_token_keys_are_published_from_before_they_sign_until_they_retire(
    workshop: Workshop, now: int, published: list[str]
) -> None:
    ring = KeyRing.of(
        [
            _key(workshop, "new", 1050),
            _key(workshop, "cookie", 1000, Purpose.COOKIE),
            _key(workshop, "old", 1000),
        ]
    )
    assert [key["kid"] for key in ring.jwks(now)["keys"]] == published


def test_a_published_key_is_the_public_half_and_no_more(workshop: Workshop) -> None:
    key = workshop.token_key
    numbers = key.public.public_numbers()
    assert KeyRing.of([key]).jwks(key.not_before) == {
        "keys": [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": key.kid,
                "e": "AQAB",
                "n": base64url(numbers.n.to_bytes(256, "big")),
            }
        ]
    }


def test_the_thumbprint_is_that_of_rfc_7638(workshop: Workshop) -> None:
    public = workshop.foreign.public_key()
    modulus = base64url(public.public_numbers().n.to_bytes(256, "big"))
    document = json.dumps({"e": "AQAB", "kty": "RSA", "n": modulus}, separators=(",", ":"))
    assert thumbprint(public) == base64url(hashlib.sha256(document.encode()).digest())


def test_the_thumbprint_of_the_example_in_rfc_7638_section_3_1() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64.urlsafe_b64decode(modulus + "=="), "big")
    public = RSAPublicNumbers(65537, number).public_key()
    assert thumbprint(public) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_private_key_is_never_shown(workshop: Workshop) -> None:
    assert isinstance(workshop.token_key.private, RSAPrivateKey)
    assert "rsa.RSAPrivateKey" not in repr(workshop.token_key)
