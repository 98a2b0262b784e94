"""People's tokens for their scripts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.audit import AuditEvent
from sidecar.core.personal import PersonalToken
from sidecar.core.user import User
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class OwnedToken:
    """A personal token and its owner as they are today; `epoch` is everyone's and the owner's."""

    token: PersonalToken
    token_hash: str = field(repr=False)
    owner: User
    epoch: tuple[int, int]


class ShownTokenStore(Protocol):
    """Whose a personal token is that somebody shows."""

    async def find_token(self, token_id: str) -> OwnedToken | None:
        """Return a token, whether or not it is still good, in one statement."""
        ...


class PersonalTokenStore(ShownTokenStore, Protocol):
    """Personal tokens, by their id."""

    async def add_token(
        self,
        token: PersonalToken,
        token_hash: str,
        event: AuditEvent,
        *,
        sid: str | None,
        epoch: tuple[int, int] | None,
    ) -> bool:
        """Keep a new token.

        False says that its owner is gone or disabled, that the session `sid` in which they asked
        for it has ended, or that either `epoch` in which it was sealed has moved; None: nobody's
        session. Raises TooManyTokens.
        """
        ...

    async def list_tokens(self, user_id: str | None, now: int) -> Sequence[OwnedToken]:
        """Return the tokens of a user that have not expired, the newest first; None: everybody's.

        Those of everybody stand by username.
        """
        ...

    async def remove_token(
        self, token_id: str, user_id: str | None, event: AuditEvent, *, forget_at: int
    ) -> tuple[Entry, ...]:
        """Remove a token of this user (None: whosever), and refuse all that was made of it.

        Owner and name are added to the event. Raises NotFound.
        """
        ...
