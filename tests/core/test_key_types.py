"""The types of keys: how each signs, and its thumbprint and members as the RFCs have them."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    RSAPublicNumbers,
)

from sidecar.core.keyring import (
    Algorithm,
    Key,
    KeyRing,
    Purpose,
    find_algorithm,
    thumbprint,
)
from tests.core.forge import Workshop, base64url, generate, make_key


def test_a_published_key_is_the_public_half_and_no_more(workshop: Workshop) -> None:
    key = workshop.token_key
    assert isinstance(key.public, RSAPublicKey)
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
    assert isinstance(public, RSAPublicKey)
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


@pytest.mark.parametrize(
    ("private", "alg"),
    [
        (rsa.generate_private_key(65_537, 2048), Algorithm.RS256),
        (ec.generate_private_key(ec.SECP256R1()), Algorithm.ES256),
        (ed25519.Ed25519PrivateKey.generate(), Algorithm.EDDSA),
        (rsa.generate_private_key(65_537, 1024), None),  # noqa: S505 - which is the point
        (rsa.generate_private_key(65_537, 2040), None),  # noqa: S505 - as above
        (ec.generate_private_key(ec.SECP384R1()), None),
        (ec.generate_private_key(ec.SECP521R1()), None),
        (ec.generate_private_key(ec.SECP256K1()), None),
        (ed448.Ed448PrivateKey.generate(), None),
        (x25519.X25519PrivateKey.generate(), None),
        (dsa.generate_private_key(2048), None),
    ],
)
def test_the_type_of_a_key_says_how_it_signs(private: RSAPrivateKey, alg: Algorithm | None) -> None:
    assert find_algorithm(private.public_key()) is alg
    if alg is None:
        with pytest.raises(ValueError, match="key a has no algorithm"):
            Key("a", Purpose.TOKEN, private.public_key(), private, 0, 1, 2)
    else:
        assert make_key(private, Purpose.TOKEN).alg is alg


@pytest.mark.parametrize("bits", [8192, 8193])
def test_the_largest_rsa_key_is_taken_and_no_larger(bits: int) -> None:
    public = RSAPublicNumbers(65_537, (1 << bits) - 1).public_key()
    assert find_algorithm(public) is (Algorithm.RS256 if bits == 8192 else None)


# RFC 7638 has no example of these; RFC 8037 appendix A.3 has one of Ed25519.
def test_the_thumbprint_of_the_example_in_rfc_8037_appendix_a_3() -> None:
    octets = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    public = ed25519.Ed25519PublicKey.from_public_bytes(octets)
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_point_is_published_with_all_the_octets_of_its_coordinates() -> None:
    """Leading zeros too (RFC 7518 section 6.2.1.2), or another library finds another kid."""
    private = next(
        private
        for private in (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 4096))
        if private.public_key().public_numbers().x >> 248 == 0
    )
    numbers = private.public_key().public_numbers()
    (shown,) = KeyRing.of([make_key(private, Purpose.TOKEN, 0)]).jwks(0)["keys"]
    x, y = (base64url(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    assert shown == {**members, "use": "sig", "alg": "ES256", "kid": base64url(digest)}


def test_an_ed25519_key_is_published_as_rfc_8037_section_2_has_it() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    key = make_key(private, Purpose.TOKEN, 0)
    (shown,) = KeyRing.of([key]).jwks(0)["keys"]
    x = base64url(private.public_key().public_bytes_raw())
    assert shown == {
        "crv": "Ed25519", "kty": "OKP", "x": x, "use": "sig", "alg": "EdDSA", "kid": key.kid,
    }  # fmt: skip


@pytest.mark.parametrize("alg", Algorithm)
def test_no_private_member_is_ever_published(alg: Algorithm) -> None:
    (shown,) = KeyRing.of([make_key(generate(alg), Purpose.TOKEN, 0)]).jwks(0)["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} & shown.keys()
