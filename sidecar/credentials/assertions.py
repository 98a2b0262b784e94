"""The assertion: a short token by which an upstream is told who asks."""

from typing import NamedTuple

from sidecar.core.claims import TokenKind
from sidecar.core.grant import assertion_claims
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.revocation import RevocationView
from sidecar.core.token import VerifiedToken, seal_token
from sidecar.credentials.mint import make_jti
from sidecar.errors import NoVerdict


class SealedAssertion(NamedTuple):
    """An assertion, the ring and key that sealed it, and when it is handed out again."""

    ring: KeyRing
    kid: str
    since: int
    until: int
    text: str


def seal_assertion(
    token: VerifiedToken, host: str, ring: KeyRing, view: RevocationView, *, now: int, ttl: int
) -> SealedAssertion:
    """Return the assertion for the upstream at `host`; it may be handed out for half its life.

    It lives `ttl` seconds, but no longer than the token. Raises NoVerdict where no key of the ring
    signs at `now` (Unix seconds), or the view has taken it away.
    """
    key = ring.revoking(view.revokes_key).find_signing_key(Purpose.TOKEN, now)
    if key is None:
        raise NoVerdict("no key of the ring signs at this time")
    # Nothing outlives the key that sealed it, whatever the settings say by now.
    life = min(ttl, key.publish_until - now)
    claims = assertion_claims(token.claims, host, jti=make_jti(), now=now, ttl=life)
    sealed = seal_token(claims, TokenKind.ASSERTION, key)
    return SealedAssertion(ring, key.kid, now, min(now + ttl // 2, claims.exp), sealed)
