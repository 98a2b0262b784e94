"""A refresh that others overtake: the same successor, or no answer for now, never two."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.grant import Issuer
from sidecar.core.session import Session
from sidecar.credentials.mint import Lifetimes, Mint, TokenGrant
from sidecar.errors import StoreUnavailable
from sidecar.login import Login
from sidecar.ports import Account, SessionStore
from sidecar.rotation import RefreshOptions, Rotation
from tests.programs.service import PASSWORD
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

KEY = b"k" * 32


class Overtaken:
    """A store at which somebody else is always faster; `turns` is how often that one turns."""

    def __init__(self, store: SessionStore, turns: int) -> None:
        self._store = store
        self._turns = turns

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Look in the real one."""
        return await self._store.find_session(sid)

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int
    ) -> bool:
        """Let the other one turn first."""
        if self._turns:
            self._turns -= 1
            await self._store.rotate_session(
                sid, generation, rotated_at=rotated_at, tokens_until=tokens_until
            )
        return False


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
    login = Login(services.store.sessions, services.passwords, mint)
    return login, Rotation(store, mint, options, services.revocations.end_session)


async def test_who_is_overtaken_gets_the_successor_of_the_other(served: Web) -> None:
    await served.add_user()
    real = served.serving.services.store.sessions
    login, overtaken = rotating(served, Overtaken(real, 1))
    now = read_clock().unix
    begun = await login.log_in_bearer("alice", PASSWORD, now)
    assert isinstance(begun, tuple)
    token = begun[1].refresh_token
    mine = await overtaken.refresh(token, now)
    others = await rotating(served, real)[1].refresh(token, now)
    assert isinstance(mine, TokenGrant)
    assert isinstance(others, TokenGrant)
    assert mine.refresh_token == others.refresh_token != token


async def test_who_is_overtaken_again_and_again_is_told_to_come_back(served: Web) -> None:
    await served.add_user()
    real = served.serving.services.store.sessions
    login, overtaken = rotating(served, Overtaken(real, 0))
    now = read_clock().unix
    begun = await login.log_in_bearer("alice", PASSWORD, now)
    assert isinstance(begun, tuple)
    with pytest.raises(StoreUnavailable):
        await overtaken.refresh(begun[1].refresh_token, now)
    assert isinstance(
        await rotating(served, real)[1].refresh(begun[1].refresh_token, now), TokenGrant
    )
