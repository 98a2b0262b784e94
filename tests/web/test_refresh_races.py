"""A refresh that others overtake: the same successor, or no answer for now, never two."""

from collections.abc import Sequence

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import AuditEvent, Device
from sidecar.core.grant import Issuer
from sidecar.core.session import Session
from sidecar.credentials.factors import FactorKeys
from sidecar.credentials.mint import Lifetimes, Mint, TokenGrant
from sidecar.errors import StoreUnavailable
from sidecar.login import Attempt, Login
from sidecar.ports import Account, SessionBound, SessionStore
from sidecar.rotation import RefreshOptions, Rotation
from sidecar.web.context import CONTEXT
from tests.programs.service import PASSWORD
from tests.web.asked import read_trail
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

KEY = b"k" * 32
HERE, THERE = Device("192.0.2.1", "here/1"), Device("192.0.2.2", "there/1")


class Overtaken:
    """A store at which somebody else is always faster; `turns` is how often that one turns.

    `there` is from where that one does; None: from where the overtaken one does.
    """

    def __init__(self, store: SessionStore, turns: int, there: Device | None = None) -> None:
        self._store = store
        self._turns = turns
        self._there = there

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Look in the real one."""
        return await self._store.find_session(sid)

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int, device: Device
    ) -> bool:
        """Let the other one turn first."""
        if self._turns:
            self._turns -= 1
            await self._store.rotate_session(
                sid,
                generation,
                rotated_at=rotated_at,
                tokens_until=tokens_until,
                device=self._there or device,
            )
        return False

    async def list_sessions(self, user_id: str, *, now: int, refresh_ttl: int) -> Sequence[Session]:
        """List those of the real one."""
        return await self._store.list_sessions(user_id, now=now, refresh_ttl=refresh_ttl)

    async def note_replay(self, event: AuditEvent) -> None:
        """Write to the real one."""
        await self._store.note_replay(event)


def rotating(web: Web, store: SessionStore) -> tuple[Login, Rotation]:
    """Return logins and refreshes on a store of their own choice."""
    services = web.serving.services
    mint = Mint(
        Issuer("https://auth.example.com", ("api",)),
        Lifetimes(600, 3600, 7200, 600, 600),
        KEY,
        lambda: web.serving.gate.ring,
    )
    options = RefreshOptions(KEY, 30)
    bound = SessionBound(most=100, refresh_ttl=3600, keep_after=60)
    login = Login(
        services.store.sessions,
        services.passwords,
        web.runner.app[CONTEXT].throttle,
        mint,
        bound,
        services.revocations.publish,
        FactorKeys(KEY, KEY),
        KEY,
        services.view.find_least_epoch,
    )
    return login, Rotation(store, mint, options, services.revocations.end_session)


async def test_who_is_overtaken_gets_the_successor_of_the_other(served: Web) -> None:
    await served.add_user()
    real = served.serving.services.store.sessions
    login, overtaken = rotating(served, Overtaken(real, 1))
    now = read_clock().unix
    begun = await login.log_in_bearer(Attempt("alice", PASSWORD, HERE), now)
    assert isinstance(begun, tuple)
    token = begun[1].refresh_token
    mine = await overtaken.refresh(token, now, HERE)
    others = await rotating(served, real)[1].refresh(token, now, HERE)
    assert isinstance(mine, TokenGrant)
    assert isinstance(others, TokenGrant)
    assert mine.refresh_token == others.refresh_token != token
    assert overtaken.replays_elsewhere == 0


async def test_who_is_overtaken_from_elsewhere_is_noted(served: Web) -> None:
    await served.add_user()
    store = served.serving.services.store
    login, overtaken = rotating(served, Overtaken(store.sessions, 1, THERE))
    now = read_clock().unix
    begun = await login.log_in_bearer(Attempt("alice", PASSWORD, HERE), now)
    assert isinstance(begun, tuple)
    assert isinstance(await overtaken.refresh(begun[1].refresh_token, now, HERE), TokenGrant)
    assert overtaken.replays_elsewhere == 1
    (record,) = await read_trail(served)
    assert (record.device, record.details["last_address"]) == (HERE, THERE.address)


async def test_who_is_overtaken_again_and_again_is_told_to_come_back(served: Web) -> None:
    await served.add_user()
    real = served.serving.services.store.sessions
    login, overtaken = rotating(served, Overtaken(real, 0))
    now = read_clock().unix
    begun = await login.log_in_bearer(Attempt("alice", PASSWORD, HERE), now)
    assert isinstance(begun, tuple)
    token = begun[1].refresh_token
    with pytest.raises(StoreUnavailable):
        await overtaken.refresh(token, now, HERE)
    assert isinstance(await rotating(served, real)[1].refresh(token, now, HERE), TokenGrant)
