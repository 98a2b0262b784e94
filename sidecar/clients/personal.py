"""People's tokens for their scripts: given out once, listed, taken back."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sidecar.core.addresses import Network
from sidecar.core.audit import Action, AuditEvent, Author, Device
from sidecar.core.claims import LONGEST_LIFE, Claims, TokenKind
from sidecar.core.encoding import to_base64url
from sidecar.core.grant import find_scopes
from sidecar.core.personal import (
    ID_OCTETS,
    RANDOM_OCTETS,
    USUAL_TOKEN_LIFE,
    PersonalToken,
    hash_personal_token,
    is_token_id,
    open_personal_token,
    seal_personal_token,
)
from sidecar.core.user import User
from sidecar.core.verdict import Deny
from sidecar.errors import FieldsInvalid, NotFound
from sidecar.ports import Entry, OwnedToken, PersonalTokenStore

NOT_OWNED: Final = "is none of the owner's scopes"
NOT_HELD: Final = "is none of the scopes of the token that asks"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be; `expires_in` is seconds. Without networks it is good from anywhere."""

    name: str
    scopes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    expires_in: int = USUAL_TOKEN_LIFE


class PersonalTokens:
    """The personal tokens of this deployment; `publish` makes it hold that one was taken back."""

    def __init__(
        self,
        store: PersonalTokenStore,
        role_scopes: Mapping[str, Iterable[str]],
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        keep_after: int,
    ) -> None:
        self._store = store
        self._role_scopes = role_scopes
        self._publish = publish
        self._keep_after = keep_after

    async def add(
        self,
        new: NewToken,
        owner: User,
        author: Author,
        now: int,
        *,
        key: bytes,
        asking: Claims | None,
    ) -> tuple[PersonalToken, str] | None:
        """Give out a token, sealed by `key`; its text is returned here and never again.

        `asking` are the claims of the owner's token with which they ask; None: an operator does.
        None says that the owner is no more, or the session in which they ask. Raises FieldsInvalid
        for scopes that the owner or the token that asks does not have, and TooManyTokens.
        """
        owned = find_scopes(owner.roles, self._role_scopes)
        held = owned if asking is None else asking.scope.split()
        excess = [
            (f"/scopes/{index}", NOT_HELD if scope in owned else NOT_OWNED)
            for index, scope in enumerate(new.scopes)
            if scope not in owned or scope not in held
        ]
        if excess:
            raise FieldsInvalid(tuple(excess))
        id_octets = secrets.token_bytes(ID_OCTETS)
        text = seal_personal_token(key, id_octets, secrets.token_bytes(RANDOM_OCTETS))
        token = PersonalToken(
            id=to_base64url(id_octets),
            user_id=owner.id,
            name=new.name,
            scopes=tuple(sorted(set(new.scopes))),
            networks=new.networks,
            created_at=now,
            expires_at=now + new.expires_in,
        )
        details = {"user_id": owner.id, "name": new.name}
        event = AuditEvent(now, Action.TOKEN_ADDED, author.actor, token.id, author.device, details)
        sid, epoch = (None, None) if asking is None else (asking.sid, asking.epoch)
        kept = await self._store.add_token(
            token, hash_personal_token(text), event, sid=sid, epoch=epoch
        )
        return (token, text) if kept else None

    async def list(self, user_id: str | None, now: int) -> Sequence[OwnedToken]:
        """Return a user's tokens that have not expired, the newest first; None: everybody's."""
        return await self._store.list_tokens(user_id, now)

    async def remove_shown(self, text: str, device: Device, now: int, *, key: bytes) -> None:
        """Take back a token because somebody shows it, who may be nobody in particular.

        Nothing happens where there is none.
        """
        token_id = open_personal_token(key, text)
        owned = None if isinstance(token_id, Deny) else await self._store.find_token(token_id)
        if owned is None:
            return
        owner = owned.owner.id
        with suppress(NotFound):  # somebody else was first
            await self.remove(owned.token.id, owner, Author(owner, device), now)

    async def remove(self, token_id: str, user_id: str | None, author: Author, now: int) -> None:
        """Take back a token of this user (None: whosever), and all that it was exchanged for.

        Raises NotFound.
        """
        if not is_token_id(token_id):  # a store may refuse to look for any text
            raise NotFound(f"there is no personal token {token_id!r}")
        event = AuditEvent(now, Action.TOKEN_REMOVED, author.actor, token_id, author.device)
        # Longer than any access token, which another process may be sealing at this moment.
        forget_at = now + LONGEST_LIFE[TokenKind.ACCESS] + self._keep_after
        await self._publish(
            await self._store.remove_token(token_id, user_id, event, forget_at=forget_at)
        )
