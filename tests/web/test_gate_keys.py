"""A key that is revoked, as the gate sees it: nothing of it passes, and nothing is sealed by it."""

from dataclasses import replace
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from sidecar.clock import Now
from sidecar.core.claims import TokenKind
from sidecar.core.grant import Issuer
from sidecar.core.keyring import Algorithm, Key, KeyRing, Purpose
from sidecar.core.policy import Policy
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.token import VerifiedToken, seal_token
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.errors import NoVerdict
from sidecar.gate import RING_GOOD_FOR, Gate, GateOptions
from sidecar.settings import WhenStale
from tests.core.forge import (
    HOST,
    ISSUER,
    NOW,
    Workshop,
    generate,
    generate_key,
    make_claims,
    make_key,
)

AT: Final = Now(NOW, 1000.0)


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    token_key = make_key(generate_key(), Purpose.TOKEN)
    return Workshop(token_key, make_key(generate_key(), Purpose.COOKIE), generate_key())


@pytest.fixture
def gate(workshop: Workshop) -> Gate:
    options = GateOptions(
        issuer=Issuer(ISSUER, ("api",)),
        clock_skew=10,
        max_staleness=30,
        when_stale=WhenStale.DENY,
        assertion_ttl=60,
    )
    view = RevocationView()
    view.heard(AT.monotonic)
    return Gate(options, workshop.ring, Policy({}), view)


def revoke(gate: Gate, key: Key) -> None:
    gate.view.apply([Revocation(Level.KEY, key.kid, 0, NOW + 9999)])


def credential(workshop: Workshop, kind: TokenKind = TokenKind.ACCESS) -> Credential:
    return Credential(kind, workshop.draft(kind).text())


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize("warm", [False, True])
def test_what_it_sealed_is_refused_whether_or_not_it_was_opened_before(
    workshop: Workshop, gate: Gate, kind: TokenKind, warm: bool
) -> None:
    asked = credential(workshop, kind)
    if warm:
        assert isinstance(gate.find_bearer(asked, AT), VerifiedToken)
    revoke(gate, workshop.token_key if kind is TokenKind.ACCESS else workshop.cookie_key)
    assert gate.find_bearer(asked, AT) == Deny(Reason.KEY_REVOKED)
    (other,) = {TokenKind.ACCESS, TokenKind.SESSION} - {kind}
    assert isinstance(gate.find_bearer(credential(workshop, other), AT), VerifiedToken)


@pytest.mark.parametrize("by_feed", [True, False])
def test_who_shows_what_it_sealed_ends_and_renews_no_session(
    workshop: Workshop, gate: Gate, by_feed: bool
) -> None:
    """Whoever stole the key could otherwise log everybody out."""
    asked = credential(workshop)
    assert isinstance(gate.open_credential(asked), VerifiedToken)
    if by_feed:
        revoke(gate, workshop.token_key)
    else:
        gate.ring = KeyRing.of([replace(workshop.token_key, revoked=True), workshop.cookie_key])
    assert gate.open_credential(asked) == Deny(Reason.KEY_REVOKED)


def test_what_was_opened_before_its_files_went_can_still_be_logged_out(
    workshop: Workshop, gate: Gate
) -> None:
    asked = credential(workshop)
    assert isinstance(gate.open_credential(asked), VerifiedToken)
    gate.ring = KeyRing.of([workshop.cookie_key])
    assert isinstance(gate.open_credential(asked), VerifiedToken)


def test_no_assertion_that_it_sealed_is_handed_out(workshop: Workshop, gate: Gate) -> None:
    older = replace(make_key(generate_key(), Purpose.TOKEN), not_before=NOW - 1500)
    gate.ring = KeyRing.of([workshop.token_key, older])
    token = workshop.verified()
    kept = gate.seal_assertion(token, HOST, AT).text
    assert gate.seal_assertion(token, HOST, AT).text == kept
    revoke(gate, workshop.token_key)
    sealed = gate.seal_assertion(token, HOST, AT).text
    opened = jwt.decode(
        sealed, KeySet.import_key_set(key_set(gate.present_ring())), algorithms=["RS256"]
    )
    assert opened.header["kid"] == older.kid
    revoke(gate, older)
    with pytest.raises(NoVerdict, match="no key of the ring signs"):
        gate.seal_assertion(token, HOST, AT)


def key_set(ring: KeyRing) -> Any:
    """Return what is published, for a library with types of its own."""
    return ring.jwks(NOW)


def test_it_is_published_and_signs_no_more(workshop: Workshop, gate: Gate) -> None:
    assert [key["kid"] for key in key_set(gate.present_ring())["keys"]] == [workshop.token_key.kid]
    revoke(gate, workshop.token_key)
    assert key_set(gate.present_ring()) == {"keys": []}
    assert gate.present_ring().find_signing_key(Purpose.TOKEN, NOW) is None
    assert gate.present_ring().find_signing_key(Purpose.COOKIE, NOW) is not None


@pytest.mark.parametrize("left", [1, 30, 59, 60])
def test_no_assertion_outlives_the_key_that_sealed_it(
    workshop: Workshop, gate: Gate, left: int
) -> None:
    """A longer life that was set later than the key got its dates."""
    key = replace(workshop.token_key, sign_until=NOW + 1, publish_until=NOW + left)
    gate.ring = KeyRing.of([key])
    sealed = gate.seal_assertion(workshop.verified(), HOST, AT).text
    opened = jwt.decode(
        sealed, KeySet.import_key_set(key_set(gate.present_ring())), algorithms=["RS256"]
    )
    assert opened.claims["exp"] == NOW + left


# joserfc says of each use that RFC 9864 has another name for EdDSA; ours is that of RFC 8037.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", Algorithm)
def test_an_independent_library_verifies_by_the_key_set_what_each_algorithm_signs(
    alg: Algorithm,
) -> None:
    key = make_key(generate(alg), Purpose.TOKEN)
    sealed = seal_token(make_claims(), TokenKind.ACCESS, key)
    keys = KeySet.import_key_set(key_set(KeyRing.of([key])))
    opened = jwt.decode(sealed, keys, algorithms=[alg.value])
    assert opened.header == {"alg": alg.value, "typ": "at+jwt", "kid": key.kid}
    assert opened.claims["sub"] == "u-1"
    assert [each.thumbprint() for each in keys.keys] == [key.kid]


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize("ahead", [False, True])
def test_what_a_key_sealed_that_may_have_come_since_the_last_look_is_no_forgery(
    workshop: Workshop, gate: Gate, kind: TokenKind, ahead: bool
) -> None:
    asked = credential(workshop, kind)
    if ahead:  # as far as this process knows: another one may have brought it forward
        keys = (replace(each, not_before=NOW + 600) for each in workshop.ring.keys.values())
        gate.ring, reason = KeyRing.of(keys), Reason.KEY_NOT_YET
    else:
        gate.ring, reason = KeyRing.of([]), Reason.UNKNOWN_KEY
    gate.ring_read_at = AT.monotonic - RING_GOOD_FOR
    assert gate.find_bearer(asked, AT) == Deny(reason)
    later = Now(AT.unix, AT.monotonic + 0.001)
    with pytest.raises(NoVerdict, match="key directory"):
        gate.find_bearer(asked, later)
    if not ahead:
        text = credential(workshop).unverified
        assert gate.open_access(text, AT) == Deny(reason)
        with pytest.raises(NoVerdict, match="key directory"):
            gate.open_access(text, later)
    gate.ring_read_at = later.monotonic
    assert gate.find_bearer(asked, later) == Deny(reason)
