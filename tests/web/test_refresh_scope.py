"""A refresh for less than the session is worth (RFC 6749 section 6)."""

from pathlib import Path

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import Device
from sidecar.credentials.mint import TokenGrant
from sidecar.rotation import RefusedRefresh, Rotation
from sidecar.web.context import CONTEXT
from tests.web.asked import change, claims_of
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

ROLE_SCOPES = {"tokens": {"role_scopes": {"staff": ["orders:read", "orders:write"]}}}
HERE = Device("192.0.2.1", "desk/1")


def rotation_of(web: Web) -> Rotation:
    return web.runner.app[CONTEXT].rotation


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        (None, "orders:read orders:write"),
        (("orders:read",), "orders:read"),
        (("orders:write", "orders:read"), "orders:read orders:write"),
    ],
)
async def test_a_scope_narrows_the_access_token_and_not_the_session(
    tmp_path: Path, scope: tuple[str, ...] | None, given: str
) -> None:
    async with serving_web(tmp_path, ROLE_SCOPES) as web:
        await web.add_user("alice", "staff")
        token, now = (await web.log_in())["refresh_token"], read_clock().unix
        successors = set()
        for _ in range(2):  # the second is a replay
            grant = await rotation_of(web).refresh(token, now, HERE, scope)
            assert isinstance(grant, TokenGrant)
            assert set(grant.scope.split()) == set(given.split())
            assert claims_of(grant.access_token)["scope"] == grant.scope
            successors.add(grant.refresh_token)
        (successor,) = successors
        after = await rotation_of(web).refresh(successor, now, HERE)
        assert isinstance(after, TokenGrant)
        assert after.scope == "orders:read orders:write"


@pytest.mark.parametrize("scope", [("admin",), ("orders:read", "admin"), ("ORDERS:READ",), ("",)])
async def test_a_scope_beyond_the_session_is_refused_and_spends_nothing(
    tmp_path: Path, scope: tuple[str, ...]
) -> None:
    async with serving_web(tmp_path, ROLE_SCOPES) as web:
        await web.add_user("alice", "staff")
        token, now = (await web.log_in())["refresh_token"], read_clock().unix
        refused = await rotation_of(web).refresh(token, now, HERE, scope)
        assert isinstance(refused, RefusedRefresh)
        assert refused.of_scope
        grant = await rotation_of(web).refresh(token, now, HERE)
        assert isinstance(grant, TokenGrant)
        await change(web, "DELETE FROM sessions")
        gone = await rotation_of(web).refresh(token, now, HERE, scope)
        assert isinstance(gone, RefusedRefresh)
        assert not gone.of_scope
