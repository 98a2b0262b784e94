"""Programs: they are added, changed and removed, given secrets, and prove by them who they are."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.client import (
    CLIENT_ID_OCTETS,
    SECRET_OCTETS,
    Client,
    hash_secret,
    is_client_id,
    is_client_name,
    is_secret_of,
    make_client_id,
    seal_client_secret,
)
from sidecar.errors import NotFound
from sidecar.ports import ClientAccount, ClientChange, ClientStore, Entry


@dataclass(frozen=True, slots=True)
class NewClient:
    """A program to be; without an `audience` its tokens are for that of this deployment."""

    name: str
    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] | None = None


class Programs:
    """The programs of this deployment; `publish` makes the revocations of a change hold."""

    def __init__(
        self,
        store: ClientStore,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        *,
        audience: tuple[str, ...],
        keep_after: int,
    ) -> None:
        self._store = store
        self._publish = publish
        self._audience = audience
        self._keep_after = keep_after

    async def authenticate(
        self, client_id: str, secret: str, *, key: bytes
    ) -> ClientAccount | None:
        """Return the program that this is a valid secret of.

        What `key` did not seal as a secret of it costs no read.
        """
        if not is_client_id(client_id) or not is_secret_of(key, client_id, secret):
            return None
        account = await self._store.find_client(client_id)
        if account is None:
            return None
        shown = hash_secret(secret)
        good = [hmac.compare_digest(shown, each) for each in account.secret_hashes]
        return account if any(good) else None

    async def add(self, new: NewClient, by: Author, now: int, *, key: bytes) -> tuple[Client, str]:
        """Add a program; return it with its secret, sealed by `key`. Raises NameTaken."""
        client = Client(
            client_id=make_client_id(secrets.token_bytes(CLIENT_ID_OCTETS)),
            name=new.name,
            scopes=new.scopes,
            audience=self._audience if new.audience is None else new.audience,
            epoch=0,
            created_at=now,
            updated_at=now,
        )
        secret = _make_secret(key, client.client_id)
        details = {"name": client.name, "scopes": client.scopes, "audience": client.audience}
        event = _make_event(Action.CLIENT_ADDED, client.client_id, by, now, **details)
        await self._store.add_client(client, hash_secret(secret), event)
        return client, secret

    async def read(self, after: str, limit: int) -> Sequence[Client]:
        """Return the first `limit` programs by name that come behind the name `after`."""
        return await self._store.read_clients(after, limit)

    async def find_id(self, reference: str) -> str:
        """Return the `client_id` of the program of this name or `client_id`. Raises NotFound."""
        found = reference if is_client_id(reference) else None
        if is_client_name(reference):
            found = await self._store.find_client_id(reference)
        if found is None:
            raise NotFound(f"there is no program {reference!r}")
        return found

    async def show(self, client_id: str) -> Client:
        """Return one program. Raises NotFound."""
        account = await self._store.find_client(client_id)
        if account is None:
            raise NotFound(f"there is no program {client_id!r}")
        return account.client

    async def change(
        self, client_id: str, change: ClientChange, by: Author, now: int, *, seen: int | None
    ) -> Client:
        """Change a program, whose older tokens are refused from then on.

        `seen` is the epoch of what the caller has read, None where any will do. Raises NotFound,
        NameTaken, VersionMismatch.
        """
        wanted = {name: value for name, value in asdict(change).items() if value is not None}
        event = _make_event(Action.CLIENT_CHANGED, client_id, by, now, **wanted)
        client, entries = await self._store.change_client(
            client_id, change, event, seen=seen, keep_after=self._keep_after
        )
        await self._publish(entries)
        return client

    async def rotate(
        self, client_id: str, by: Author, now: int, *, key: bytes, drop_previous: bool
    ) -> str:
        """Return another secret, sealed by `key`; the one before is valid until the next turn.

        With `drop_previous` it is not, and neither is any token that was given so far. Raises
        NotFound.
        """
        secret = _make_secret(key, client_id)
        event = _make_event(Action.CLIENT_ROTATED, client_id, by, now, drop_previous=drop_previous)
        entries = await self._store.rotate_secret(
            client_id,
            hash_secret(secret),
            event,
            drop_previous=drop_previous,
            keep_after=self._keep_after,
        )
        await self._publish(entries)
        return secret

    async def remove(self, client_id: str, by: Author, now: int, *, seen: int | None) -> None:
        """Remove a program; nothing that it was given is accepted from then on.

        `seen` is as for `change`. Raises NotFound, VersionMismatch.
        """
        event = _make_event(Action.CLIENT_REMOVED, client_id, by, now)
        entries = await self._store.remove_client(
            client_id, event, seen=seen, keep_after=self._keep_after
        )
        await self._publish(entries)


def _make_secret(key: bytes, client_id: str) -> str:
    return seal_client_secret(key, client_id, secrets.token_bytes(SECRET_OCTETS))


def _make_event(
    action: Action, client_id: str, by: Author, now: int, **details: object
) -> AuditEvent:
    return AuditEvent(now, action, by.actor, client_id, by.device, details)
