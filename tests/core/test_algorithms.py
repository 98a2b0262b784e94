"""A key has one algorithm, which its type says: no token chooses another, and all three hold."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from sidecar.core.claims import TokenKind
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.keyring import Algorithm, KeyRing, Purpose
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import PURPOSES, VerifiedToken, is_pair, open_token, seal_token
from sidecar.core.verdict import Deny, Reason
from sidecar.core.verify import judge_token
from tests.core.forge import (
    ISSUER,
    NOW,
    Forgery,
    Workshop,
    generate,
    generate_key,
    make_claims,
    make_key,
)
from tests.core.forged_algorithms import CROSS_FORGERIES, ORDER, CrossForgery
from tests.core.forged_payloads import PAYLOADS
from tests.core.forged_spellings import SPELLINGS
from tests.core.properties import view_of

KINDS = pytest.mark.parametrize("kind", list(TokenKind), ids=lambda kind: kind.name.lower())
PAIRS = [
    pytest.param(alg, forgery, id=f"{alg.value}: {forgery.name}")
    for forgery in CROSS_FORGERIES
    for alg in sorted(forgery.algs)
]
OTHERS = sorted({Algorithm.ES256, Algorithm.EDDSA})


@pytest.fixture(scope="module")
def workshops() -> dict[Algorithm, Workshop]:
    return {
        alg: Workshop(
            token_key=make_key(generate(alg), Purpose.TOKEN),
            cookie_key=make_key(generate(alg), Purpose.COOKIE),
            foreign=generate(alg),
        )
        for alg in Algorithm
    }


@KINDS
@pytest.mark.parametrize("alg", Algorithm)
def test_what_a_key_of_any_algorithm_seals_opens_as_it_was(
    workshops: dict[Algorithm, Workshop], alg: Algorithm, kind: TokenKind
) -> None:
    shop = workshops[alg]
    key = shop.key(PURPOSES[kind])
    sealed = seal_token(make_claims(kind), kind, key)
    header = from_base64url(sealed.split(".")[0])
    assert header is not None
    assert json.loads(header) == {"alg": alg.value, "typ": kind.value, "kid": key.kid}
    assert shop.open(sealed, kind) == VerifiedToken(kind, key.kid, make_claims(kind))


@KINDS
@pytest.mark.parametrize("alg", Algorithm)
def test_the_tokens_that_forgeries_are_made_from_are_good(
    workshops: dict[Algorithm, Workshop], alg: Algorithm, kind: TokenKind
) -> None:
    shop = workshops[alg]
    assert isinstance(shop.open(shop.draft(kind).text(), kind), VerifiedToken)


@KINDS
@pytest.mark.parametrize(("alg", "forgery"), PAIRS)
def test_a_token_across_algorithms_is_refused_for_its_own_fault(
    workshops: dict[Algorithm, Workshop], kind: TokenKind, alg: Algorithm, forgery: CrossForgery
) -> None:
    shop = workshops[alg]
    assert shop.open(forgery.make(shop.draft(kind)), kind) == Deny(forgery.reason)


@pytest.mark.parametrize("alg", OTHERS)
@pytest.mark.parametrize("forgery", [*SPELLINGS, *PAYLOADS], ids=range(len(SPELLINGS + PAYLOADS)))
def test_no_algorithm_is_less_strict_about_spelling_and_claims(
    workshops: dict[Algorithm, Workshop], alg: Algorithm, forgery: Forgery
) -> None:
    shop = workshops[alg]
    forged = forgery.make(shop.draft(TokenKind.ACCESS))
    assert shop.open(forged, TokenKind.ACCESS) == Deny(forgery.reason)


@pytest.mark.parametrize(
    ("alg", "other"), [(one, other) for one in Algorithm for other in Algorithm if one is not other]
)
def test_in_a_ring_that_turns_to_another_algorithm_each_key_opens_its_own_alone(
    workshops: dict[Algorithm, Workshop], alg: Algorithm, other: Algorithm
) -> None:
    mine, theirs = workshops[alg], workshops[other]
    ring = KeyRing.of([mine.token_key, theirs.token_key])
    draft = mine.draft(TokenKind.ACCESS)
    assert isinstance(_open(draft.text(), ring), VerifiedToken)
    assert isinstance(_open(theirs.draft(TokenKind.ACCESS).text(), ring), VerifiedToken)
    to_theirs = draft.with_header(kid=theirs.token_key.kid)
    assert _open(to_theirs.text(), ring) == Deny(Reason.TOKEN_ALGORITHM)
    said_so = to_theirs.with_header(alg=other.value)
    assert _open(said_so.text(), ring) == Deny(Reason.BAD_SIGNATURE)


def _open(text: str, ring: KeyRing) -> VerifiedToken | Deny:
    return open_token(text, TokenKind.ACCESS, ring, issuer=ISSUER, audience=("api",))


def test_the_twin_of_a_signature_is_revoked_with_it(
    workshops: dict[Algorithm, Workshop],
) -> None:
    """Anybody can turn (r, s) of ES256 into (r, n - s), which is as good."""
    ring = KeyRing.of([workshops[Algorithm.ES256].token_key])
    text = workshops[Algorithm.ES256].draft(TokenKind.ACCESS).text()
    signed, _, signature = text.rpartition(".")
    octets = from_base64url(signature)
    assert octets is not None
    s = int.from_bytes(octets[32:])
    twin = f"{signed}.{to_base64url(octets[:32] + (ORDER - s).to_bytes(32))}"
    opened = _open(twin, ring)
    assert twin != text
    assert isinstance(opened, VerifiedToken)
    assert opened == _open(text, ring)
    assert judge_token(opened, ring, view_of(), NOW, 0) == opened
    view = view_of(Revocation(Level.TOKEN, opened.claims.jti, 0, NOW + 9999))
    assert judge_token(opened, ring, view, NOW, 0) == Deny(Reason.REVOKED_TOKEN)


@pytest.mark.parametrize("alg", Algorithm)
def test_a_key_pair_verifies_what_it_signs(alg: Algorithm) -> None:
    assert is_pair(generate(alg), alg)


@pytest.mark.parametrize("bit", [0, 1, 100, 2040])
def test_a_private_key_with_another_public_half_is_no_pair(bit: int) -> None:
    """Without its first bit the modulus is even, with which nothing can be computed at all."""
    good = generate_key()
    der = good.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    modulus = good.public_key().public_numbers().n
    other = der.replace(modulus.to_bytes(256), (modulus ^ (1 << bit)).to_bytes(256))
    private = load_der_private_key(other, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey)
    assert not is_pair(private, Algorithm.RS256)
