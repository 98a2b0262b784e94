"""Tokens and cookies as they are shown: opened once, and remembered by their whole text."""

from dataclasses import dataclass, field
from typing import Final

from sidecar.core.cache import BoundedCache
from sidecar.core.claims import TokenKind
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.token import VerifiedToken, open_token
from sidecar.core.verdict import Deny

# Twice over, and no more octets than that, by what an entry is estimated to take.
REMEMBERED: Final = 4096
REMEMBERED_OCTETS: Final = 16 << 20


@dataclass(slots=True)
class Credential:
    """What came with a request, unopened: an access token as `Bearer`, or our session cookie.

    `opened` is what was found in it: a note, for whoever shows the same again.
    """

    kind: TokenKind
    unverified: str
    opened: VerifiedToken | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Credential({self.kind.name})"


class Openings:
    """Opens what an issuer sealed. Only what opens is kept: forgeries push nothing out."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer.name
        self._audiences = {TokenKind.ACCESS: issuer.audience, TokenKind.SESSION: (issuer.name,)}
        self._kept: BoundedCache[str, VerifiedToken] = BoundedCache(
            REMEMBERED, REMEMBERED_OCTETS, lambda text, _: 3 * len(text) + 300
        )

    def find(self, credential: Credential) -> VerifiedToken | None:
        """Return what was opened lately, whether or not it is still good; nothing is verified."""
        opened = credential.opened or self._kept.get(credential.unverified)
        if opened is None or opened.kind is not credential.kind:
            return None
        credential.opened = opened
        return opened

    def open(
        self, credential: Credential, ring: KeyRing, now: int | None = None
    ) -> VerifiedToken | Deny:
        """Return what a key of `ring` sealed, whether or not it is still good.

        What is over by its own word at `now` (Unix seconds) may be refused unopened.
        """
        opened = self.find(credential)
        if opened is not None:
            return opened
        text, kind = credential.unverified, credential.kind
        audience = self._audiences[kind]
        fresh = open_token(text, kind, ring, issuer=self._issuer, audience=audience, now=now)
        if isinstance(fresh, VerifiedToken):
            self._kept.put(text, fresh)
            credential.opened = fresh
        return fresh

    def open_once(self, text: str, ring: KeyRing) -> VerifiedToken | Deny:
        """Return an access token that `ring` sealed, whomever it is for; it is not kept."""
        return open_token(text, TokenKind.ACCESS, ring, issuer=self._issuer, audience=None)
