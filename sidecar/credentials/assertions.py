"""The assertion: a short token by which an upstream is told who asks."""

from typing import Final, NamedTuple

from sidecar.core.cache import BoundedCache
from sidecar.core.claims import TokenKind
from sidecar.core.grant import assertion_claims
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.revocation import RevocationView
from sidecar.core.token import VerifiedToken, seal_token
from sidecar.credentials.mint import make_jti
from sidecar.errors import NoVerdict

# Twice over, and no more octets than that, by what an entry is estimated to take.
REMEMBERED: Final = 4096
REMEMBERED_OCTETS: Final = 8 << 20


class SealedAssertion(NamedTuple):
    """An assertion, the ring and key that sealed it, and when it is handed out again."""

    ring: KeyRing
    kid: str
    since: int
    until: int
    text: str


class Assertions:
    """Seals assertions that live `ttl` seconds, and hands each out for half of its life."""

    def __init__(self, ttl: int) -> None:
        self._ttl = ttl
        self._kept: BoundedCache[tuple[str, str], SealedAssertion] = BoundedCache(
            REMEMBERED, REMEMBERED_OCTETS, lambda _, sealed: len(sealed.text) + 500
        )

    def find(
        self, token: VerifiedToken, host: str, ring: KeyRing, view: RevocationView, now: int
    ) -> SealedAssertion | None:
        """Return the one for `host` that may be handed out once more at `now` (Unix seconds)."""
        kept = self._kept.get((token.claims.jti, host))
        # From its own second on: a clock that was set back must not hand out what begins later. And
        # by the same ring: another may lack the key, and nobody would find it any more.
        if (
            kept is not None
            and kept.since <= now < kept.until
            and kept.ring is ring
            and not view.revokes_key(kept.kid)
        ):
            return kept
        return None

    def seal(
        self, token: VerifiedToken, host: str, ring: KeyRing, view: RevocationView, now: int
    ) -> SealedAssertion:
        """Return the one for `host`, which is sealed where none can be handed out.

        Raises what `seal_assertion` does.
        """
        kept = self.find(token, host, ring, view, now)
        if kept is None:
            kept = seal_assertion(token, host, ring, view, now=now, ttl=self._ttl)
            self._kept.put((token.claims.jti, host), kept)
        return kept


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
