"""The decision, step by step. Pure and synchronous: all that it needs is handed to it.

A later step may turn an allow into a refusal, never the reverse.
"""

from typing import NamedTuple, assert_never

from sidecar.core.access import Access, Asker, judge_access
from sidecar.core.claims import TokenKind
from sidecar.core.facts import RequestFacts
from sidecar.core.keyring import KeyRing, KeyState
from sidecar.core.origin import SAFE_METHODS, Site
from sidecar.core.policy import Policy, Posture, WhenStale
from sidecar.core.revocation import RevocationView
from sidecar.core.token import OVER, VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.errors import NoVerdict


class Unknown(NamedTuple):
    """A credential about which nothing can be told at this moment; `cause` is for the log."""

    cause: str


def judge_token(
    token: VerifiedToken, ring: KeyRing, view: RevocationView, now: int, clock_skew: int
) -> VerifiedToken | Deny:
    """Return an opened token if it is good at `now` (Unix seconds), else why not.

    `clock_skew` is how many seconds another replica's clock may be ahead; an end has no leeway.
    """
    # What was found lately holds as long as nothing has changed. Among very many revocations a look
    # goes to memory that no cache holds.
    if (
        token.good_by is ring
        and token.good_in is view.state
        and token.good_since <= now < token.good_until
    ):
        return token
    claims, kid = token.claims, token.kid
    # 1. The end (RFC 7519 section 4.1.4): refused on or after `exp`. Ahead of all but a key that is
    # missing, as in `open_token`: the reason must not depend on whether it was opened before.
    key = None if kid is None else ring.find(kid)
    if now >= claims.exp and (key is not None or kid is None):
        return Deny(Reason.EXPIRED)
    until = claims.exp
    # 2. The key as it stands in the present ring; what the store vouched for has none.
    if kid is not None:
        if view.revokes_key(kid):
            return Deny(Reason.KEY_REVOKED)
        if key is None:
            return Deny(Reason.UNKNOWN_KEY)
        state = key.state(now)
        match state:
            case KeyState.NEXT if now + clock_skew < key.not_before:
                return Deny(Reason.KEY_NOT_YET)
            case KeyState.NEXT | KeyState.ACTIVE | KeyState.RETIRING:
                pass
            case KeyState.RETIRED:
                return Deny(Reason.KEY_RETIRED)
            case KeyState.REVOKED:
                return Deny(Reason.KEY_REVOKED)
            case _:
                assert_never(state)
        until = min(until, key.next_change(now))
    # 3. The other dates (RFC 7519 sections 4.1.5 and 4.1.6).
    if max(claims.iat, claims.nbf, claims.auth_time or 0) > now + clock_skew:
        return Deny(Reason.NOT_YET_VALID)
    # 4. What has been taken away since.
    refusal = view.find_refusal(claims)
    if refusal is not None:
        return Deny(refusal)
    token.good_by, token.good_in = ring, view.state
    token.good_since, token.good_until = now, until
    return token


def decide(
    facts: RequestFacts,
    opened: VerifiedToken | Deny | Unknown | None,
    *,
    policy: Policy,
    ring: KeyRing,
    view: RevocationView,
    age: float | None,
    posture: Posture,
    now: int,
    clock_skew: int,
    narrowing: Access | None = None,
) -> Verdict:
    """Return the verdict about one request.

    `opened` is the credential that came with it: a token that opened, the reason why it did not,
    that this cannot be told, or None for nobody. `age` is how many seconds ago the view was last
    read, None before any reading; how old it may be the rule says, else `posture`. `narrowing` must
    let in too whom the rule lets in. Raises NoVerdict where only what is not known could tell.
    """
    # 1. The first rule that matches; none: nobody passes.
    rule = policy.match(facts)
    if isinstance(rule, Deny):
        return rule
    is_open = rule.access.open and narrowing is None

    # 2. The credential at this moment. Where that cannot be told, an open door stays open, to
    # nobody in particular. An old view says no more of a token that was refused unopened.
    stale = False
    if isinstance(opened, VerifiedToken) or opened is OVER:
        if age is not None and age <= (rule.max_staleness or posture.max_staleness):
            stale = age > posture.max_staleness  # which this rule may have, and no other
        elif is_open:
            opened = None
        elif age is None or (rule.when_stale or posture.when_stale) is WhenStale.DENY:
            raise NoVerdict("the view of the revocations is too old")
        else:
            stale = True
        if isinstance(opened, VerifiedToken):
            opened = judge_token(opened, ring, view, now, clock_skew)

    # 3. A browser sends its cookies along with whatever another site makes it ask (RFC 6265bis
    # section 8.8).
    if (
        isinstance(opened, VerifiedToken)
        and opened.kind is TokenKind.SESSION
        and _is_cross_site(facts, policy)
    ):
        return Deny(Reason.CROSS_SITE)

    # 4. Whom the rule lets in.
    if is_open:
        return Allow(opened if isinstance(opened, VerifiedToken) else None)
    match opened:
        case VerifiedToken():
            accesses = (rule.access,) if narrowing is None else (rule.access, narrowing)
            refusal = judge_access(accesses, Asker(opened.principal, facts.address, now))
            return Allow(opened, stale) if refusal is None else refusal
        case Deny():
            return opened
        case Unknown():
            raise NoVerdict(opened.cause)
        case None:
            return Deny(Reason.NO_CREDENTIAL)
        case _:
            assert_never(opened)


def _is_cross_site(facts: RequestFacts, policy: Policy) -> bool:
    """Say whether another site makes an unsafe request or opens a WebSocket: no cookie counts."""
    if facts.method in SAFE_METHODS and not facts.websocket:
        return False
    match facts.site:
        case Site.SAME_ORIGIN:
            return False
        case Site.SAME_SITE:
            return facts.origin_host is None or not policy.holds(facts.origin_host)
        case Site.CROSS_SITE:
            return True
        case _:
            assert_never(facts.site)
