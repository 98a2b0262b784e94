"""Who shows a personal token: asked of the store once, and kept for a while.

What fails the MAC is refused at once. What the store said holds until rights are taken away, which
the view of the revocations tells, and is read again then: a changed role logs nobody out. A dead
token is remembered too, so that whoever holds one causes no read for each request.
"""

import asyncio
import hmac
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from sidecar.clock import Now
from sidecar.core.cache import BoundedCache
from sidecar.core.grant import Issuer
from sidecar.core.personal import (
    ShownToken,
    hash_personal_token,
    open_personal_token,
    personal_claims,
    stand_in,
)
from sidecar.core.revocation import RevocationView
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.mint import make_jti
from sidecar.errors import Overloaded, StoreUnavailable
from sidecar.ports import OwnedToken, ShownTokenStore

REMEMBERED: Final = 4096  # tokens of a generation; about 2 kB each
PRINCIPAL_TTL: Final = 300  # seconds that a principal lives which the store vouched for
KEPT_FOR: Final = 240  # seconds; the rest is the least life of an assertion that is made of it
DEAD_FOR: Final = 5.0  # seconds for which a refusal is not asked about again
AT_ONCE: Final = 2  # reads of the store: logins and refreshes have the other connections
MOST_WAITING: Final = 256  # different tokens
DEADLINE: Final = 2.0  # seconds for a gateway that waits for an answer
ATTEMPTS: Final = 3  # of reading a row whose rights are being changed
# What a change of rights refuses, and a token of the rights of today is not refused for.
CHANGED: Final = frozenset({Reason.REVOKED_USER, Reason.REVOKED_EVERYONE})


class _Told(NamedTuple):
    """What the store said; a refusal holds until this monotonic second."""

    shown: ShownToken
    until: float


class ShownTokens:
    """Finds out whose a personal token is; `key` sealed it."""

    def __init__(
        self,
        store: ShownTokenStore,
        view: RevocationView,
        issuer: Issuer,
        key: bytes,
        clock: Callable[[], Now],
    ) -> None:
        self._store = store
        self._view = view
        self._issuer = issuer
        self._key = key
        self._clock = clock
        self._told: BoundedCache[str, _Told] = BoundedCache(REMEMBERED)
        self._reading: dict[str, asyncio.Task[ShownToken]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def find(self, text: str, now: Now) -> ShownToken | None:
        """Return what this process knows of a token; None: the store has to be asked."""
        told = self._told.get(text)
        if told is not None and self._stands(told, now):
            return told.shown
        opened = open_personal_token(self._key, text)
        return ShownToken(opened) if isinstance(opened, Deny) else None

    async def read(self, text: str) -> ShownToken:
        """Ask the store about a token, once for all who show it until it has answered.

        Raises StoreUnavailable, Overloaded.
        """
        reading = self._reading.get(text)
        if reading is None:
            if len(self._reading) >= MOST_WAITING:
                raise Overloaded("too many personal tokens are being looked up")
            reading = asyncio.create_task(self._read(text), name="a personal token")
            self._reading[text] = reading
            reading.add_done_callback(partial(self._end_reading, text))
        try:
            # What others wait for too is not given up by who can wait no longer.
            async with asyncio.timeout(DEADLINE):
                return await asyncio.shield(reading)
        except TimeoutError:
            raise StoreUnavailable("the store did not tell of a personal token in time") from None

    async def show(self, text: str, now: Now) -> ShownToken:
        """Return what a token is worth, asking the store where need be.

        Raises StoreUnavailable, Overloaded.
        """
        return self.find(text, now) or await self.read(text)

    def _stands(self, told: _Told, now: Now) -> bool:
        opened = told.shown.opened
        if not isinstance(opened, VerifiedToken):
            return now.monotonic < told.until
        claims = opened.claims
        lasts = claims.iat <= now.unix < min(claims.iat + KEPT_FOR, claims.exp)
        return lasts and self._find_change(told.shown) is None

    def _end_reading(self, text: str, reading: asyncio.Task[ShownToken]) -> None:
        del self._reading[text]
        if not reading.cancelled():
            reading.exception()  # nobody may be waiting any more

    async def _read(self, text: str) -> ShownToken:
        token_id = open_personal_token(self._key, text)
        if isinstance(token_id, Deny):
            return ShownToken(token_id)
        async with self._turns:
            shown = ShownToken(Deny(Reason.REVOKED_USER))
            for _ in range(ATTEMPTS):
                owned = await self._store.find_token(token_id)
                now = self._clock()  # whoever asked first may have waited for long
                shown = self._judge(text, owned, now)
                refusal = self._find_change(shown)
                if refusal is None:
                    break
                # The rights changed while they were read; or the store is older than the view.
                shown = shown._replace(opened=Deny(refusal))
        self._told.put(text, _Told(shown, self._clock().monotonic + DEAD_FOR))
        return shown

    def _find_change(self, shown: ShownToken) -> Reason | None:
        """Return for which change of rights a token has to be read again, None for none."""
        if not isinstance(shown.opened, VerifiedToken):
            return None
        refusal = self._view.find_refusal(shown.opened.claims)
        return refusal if refusal in CHANGED else None

    def _judge(self, text: str, owned: OwnedToken | None, now: Now) -> ShownToken:
        """Return what a token is worth by what the store holds."""
        if owned is None or not hmac.compare_digest(owned.token_hash, hash_personal_token(text)):
            return ShownToken(Deny(Reason.REVOKED_TOKEN))
        token = stand_in(
            personal_claims(
                self._issuer,
                owned.token,
                owned.owner,
                owned.epoch,
                jti=make_jti(),
                now=now.unix,
                ttl=PRINCIPAL_TTL,
            )
        )
        if owned.owner.disabled:
            return ShownToken(Deny(Reason.REVOKED_USER), token)
        if now.unix >= owned.token.expires_at:
            return ShownToken(Deny(Reason.EXPIRED), token)
        personal = owned.token
        return ShownToken(token, token, personal.networks, personal.created_at, personal.expires_at)
