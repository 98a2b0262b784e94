"""What the gate does as time goes by: exact ends of an assertion, a view and a remembered token."""

from dataclasses import replace
from typing import Final

import pytest

from sidecar.clock import Now
from sidecar.core.claims import TokenKind
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.policy import Policy
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.token import VerifiedToken, open_token
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.errors import NoVerdict
from sidecar.gate import Gate, GateOptions
from sidecar.settings import WhenStale
from tests.core.forge import HOST, ISSUER, NOW, Workshop, generate_key, make_key

STALENESS: Final = 30


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    token_key = replace(make_key(generate_key(), Purpose.TOKEN), publish_until=NOW + 9999)
    return Workshop(token_key, make_key(generate_key(), Purpose.COOKIE), generate_key())


def _at(second: int, monotonic: float = 1000.0) -> Now:
    return Now(second, monotonic)


def _gate(workshop: Workshop, when_stale: WhenStale = WhenStale.DENY, ttl: int = 60) -> Gate:
    options = GateOptions(
        issuer=Issuer(ISSUER, ("api",)),
        clock_skew=10,
        max_staleness=STALENESS,
        when_stale=when_stale,
        assertion_ttl=ttl,
    )
    view = RevocationView()
    view.heard(1000.0)
    return Gate(options, workshop.ring, Policy({}), view)


def _opened(workshop: Workshop, gate: Gate, assertion: str) -> VerifiedToken:
    opened = open_token(
        assertion, TokenKind.ASSERTION, gate.ring, issuer=ISSUER, audience=(HOST, "b.example")
    )
    assert isinstance(opened, VerifiedToken)
    return opened


@pytest.mark.parametrize(("ttl", "half"), [(10, 5), (11, 5), (60, 30), (61, 30), (1800, 900)])
def test_an_assertion_is_used_again_for_half_its_life(
    workshop: Workshop, ttl: int, half: int
) -> None:
    gate, token = _gate(workshop, ttl=ttl), workshop.verified(exp=NOW + 2 * ttl)
    first = gate.seal_assertion(token, HOST, _at(NOW)).text
    assert gate.seal_assertion(token, HOST, _at(NOW + half - 1)).text == first
    second = gate.seal_assertion(token, HOST, _at(NOW + half)).text
    assert second != first
    one, two = (_opened(workshop, gate, each).claims for each in (first, second))
    assert (one.exp, two.exp) == (NOW + ttl, NOW + half + ttl)
    assert (two.iat, two.nbf) == (NOW + half, NOW + half)
    assert one.jti != two.jti
    assert gate.seal_assertion(token, HOST, _at(NOW + 2 * half - 1)).text == second


def test_a_clock_that_was_set_back_gets_an_assertion_that_is_good_now(workshop: Workshop) -> None:
    gate, token = _gate(workshop), workshop.verified()
    gate.seal_assertion(token, HOST, _at(NOW + 9))
    claims = _opened(workshop, gate, gate.seal_assertion(token, HOST, _at(NOW + 8)).text).claims
    assert (claims.iat, claims.nbf) == (NOW + 8, NOW + 8)


@pytest.mark.parametrize("left", [1, 29, 30, 31, 59, 60, 61])
def test_no_assertion_outlives_its_token(workshop: Workshop, left: int) -> None:
    gate, token = _gate(workshop), workshop.verified(exp=NOW + left)
    for second in range(NOW, NOW + left):
        claims = _opened(workshop, gate, gate.seal_assertion(token, HOST, _at(second)).text).claims
        assert second < claims.exp <= NOW + left


def test_no_assertion_is_handed_out_whose_key_is_published_no_more(workshop: Workshop) -> None:
    gate, token = _gate(workshop, ttl=600), workshop.verified(exp=NOW + 1200)
    first = gate.seal_assertion(token, HOST, _at(NOW)).text
    assert gate.seal_assertion(token, HOST, _at(NOW + 1)).text == first
    key = replace(workshop.token_key, sign_until=NOW + 20, publish_until=NOW + 30)
    gate.ring = KeyRing.of([key])
    second = gate.seal_assertion(token, HOST, _at(NOW + 1)).text
    assert gate.seal_assertion(token, HOST, _at(NOW + 29)).text == second  # upstreams still find it
    with pytest.raises(NoVerdict):
        gate.seal_assertion(token, HOST, _at(NOW + 30))
    gate.ring = KeyRing.of([make_key(generate_key(), Purpose.TOKEN)])
    assert gate.seal_assertion(token, HOST, _at(NOW + 2)).text not in {first, second}


def test_an_assertion_is_for_one_token_and_one_host(workshop: Workshop) -> None:
    gate, token = _gate(workshop), workshop.verified()
    other = replace(token, claims=token.claims._replace(jti="j-2", sub="u-2"))
    sealed = {
        (each.claims.sub, host): gate.seal_assertion(each, host, _at(NOW)).text
        for each in (token, other)
        for host in (HOST, "b.example")
    }
    assert len(set(sealed.values())) == 4
    for (sub, host), assertion in sealed.items():
        claims = _opened(workshop, gate, assertion).claims
        assert (claims.sub, claims.aud) == (sub, (host,))


def test_an_assertion_is_sealed_by_the_key_that_signs_now(workshop: Workshop) -> None:
    gate, token = _gate(workshop), workshop.verified()
    following = make_key(generate_key(), Purpose.TOKEN, begin=NOW + 40)
    gate.ring = KeyRing.of([*workshop.ring.keys.values(), following])
    for second, key in ((NOW, workshop.token_key), (NOW + 40, following)):
        assertion = gate.seal_assertion(token, HOST, _at(second)).text
        assert _opened(workshop, gate, assertion).kid == key.kid


@pytest.mark.parametrize("second", [NOW - 1001, NOW + 1000])
def test_without_a_key_that_signs_there_is_no_assertion(workshop: Workshop, second: int) -> None:
    with pytest.raises(NoVerdict):
        _gate(workshop).seal_assertion(workshop.verified(exp=NOW + 5000), HOST, _at(second))


@pytest.mark.parametrize("when_stale", WhenStale)
@pytest.mark.parametrize(("age", "fresh"), [(0, True), (30, True), (30.001, False), (1e9, False)])
def test_a_view_is_too_old_after_its_last_moment(
    workshop: Workshop, when_stale: WhenStale, age: float, *, fresh: bool
) -> None:
    gate = _gate(workshop, when_stale)
    credential = Credential(TokenKind.ACCESS, workshop.draft(TokenKind.ACCESS).text())
    now = _at(NOW, 1000.0 + age)
    told = fresh or when_stale is WhenStale.ALLOW
    assert gate.can_decide(now) is told
    if told:
        assert isinstance(gate.find_bearer(credential, now), VerifiedToken)
    else:
        with pytest.raises(NoVerdict):
            gate.find_bearer(credential, now)
    assert gate.stale_allows == int(told and not fresh)


@pytest.mark.parametrize("when_stale", WhenStale)
def test_a_view_that_was_never_read_tells_nothing(
    workshop: Workshop, when_stale: WhenStale
) -> None:
    gate = _gate(workshop, when_stale)
    gate.view = RevocationView()
    assert gate.view_age(_at(NOW)) is None
    assert not gate.can_decide(_at(NOW))
    credential = Credential(TokenKind.ACCESS, workshop.draft(TokenKind.ACCESS).text())
    with pytest.raises(NoVerdict):
        gate.find_bearer(credential, _at(NOW))
    forged = Credential(TokenKind.ACCESS, "forged")
    assert gate.find_bearer(forged, _at(NOW)) == Deny(Reason.TOKEN_MALFORMED)


def test_a_monotonic_clock_of_an_older_reading_makes_no_age_below_nothing(
    workshop: Workshop,
) -> None:
    assert _gate(workshop).view_age(_at(NOW, 999.0)) == 0.0


def test_a_token_that_was_opened_is_judged_anew_each_time(workshop: Workshop) -> None:
    gate = _gate(workshop)
    credential = Credential(TokenKind.ACCESS, workshop.draft(TokenKind.ACCESS).text())

    def judge(second: int) -> Reason | None:
        judged = gate.find_bearer(credential, _at(second))
        return judged.reason if isinstance(judged, Deny) else None

    assert judge(NOW) is None
    assert judge(NOW + 599) is None
    assert judge(NOW + 600) is Reason.EXPIRED
    assert judge(NOW - 11) is Reason.NOT_YET_VALID
    gate.view.apply([Revocation(Level.TOKEN, "j-1", 0, NOW + 600)])
    assert judge(NOW) is Reason.REVOKED_TOKEN
    gate.ring = KeyRing.of([workshop.cookie_key])
    assert judge(NOW) is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("warm", [False, True], ids=["new", "opened before"])
def test_it_makes_no_difference_whether_it_was_opened_before(
    workshop: Workshop, warm: bool
) -> None:
    """By keys of every state, and by a view of any age."""
    for key in (
        workshop.token_key,
        replace(workshop.token_key, revoked=True),
        replace(workshop.token_key, sign_until=NOW, publish_until=NOW + 1),
        None,
    ):
        gate = _gate(workshop)
        text = workshop.draft(TokenKind.ACCESS).text()
        shown = Credential(TokenKind.ACCESS, text)
        if warm:
            assert isinstance(gate.find_bearer(shown, _at(NOW)), VerifiedToken)
        gate.ring = KeyRing.of([] if key is None else [key])
        reason = Reason.UNKNOWN_KEY if key is None else Reason.EXPIRED
        assert gate.find_bearer(shown, _at(NOW + 600)) == Deny(reason)
        gate.ring = workshop.ring
        with pytest.raises(NoVerdict):
            gate.find_bearer(shown, _at(NOW + 600, 1000.0 + STALENESS + 1))


def test_no_credential_shows_itself() -> None:
    assert "the-token" not in repr(Credential(TokenKind.ACCESS, "the-token"))
