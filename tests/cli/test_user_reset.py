"""`sidecar user reset`: a one-time link for somebody who cannot log in."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from sidecar.app.services import open_services
from sidecar.core.audit import Action, AuditEvent, AuditQuery
from sidecar.ports import Factor
from sidecar.settings import load_settings
from tests.cli.running import add_user, sidecar

pytestmark = pytest.mark.asyncio


async def test_a_link_is_printed_once_and_told_in_the_trail(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    environ = {"SIDECAR_SERVER__PUBLIC_URL": "https://app.example.com/auth"}
    ran = await sidecar(tmp_path, "user", "reset", "Alice", environ=environ)
    assert ran.status == 0
    head, _, token = ran.out.removesuffix("\n").partition("?token=")
    assert (head, len(token)) == ("https://app.example.com/auth/reset", 43)
    assert ran.err.startswith("it holds once, and until 20")
    trail = await sidecar(tmp_path, "audit", "--json")
    rows = json.loads(trail.out)
    assert (rows[0]["action"], rows[0]["actor"]) == ("reset.made", "operator")
    assert token not in trail.out


async def test_json_says_until_when_it_holds(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    ran = await sidecar(
        *(tmp_path, "user", "reset", "alice", "--json"),
        environ={"SIDECAR_ACCOUNTS__RESET_TTL": "5m"},
    )
    told = json.loads(ran.out)
    assert list(told) == ["reset_url", "expires_at"]
    shown = json.loads((await sidecar(tmp_path, "audit", "--json")).out)[0]
    assert shown["details"]["expires_at"] - 300 <= _seconds(shown["at"]) + 1


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


async def test_the_second_factor_stays_unless_it_is_named(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    (tmp_path / "sidecar.yaml").touch()
    settings = load_settings(tmp_path / "sidecar.yaml", environ={}, flags={})
    async with open_services(settings) as services:
        factors, user_id = services.store.factors, (await services.accounts.show("alice")).id
        factor = Factor("a-factor", user_id, "sealed", 0, 1)
        await factors.add_pending(factor)
        enabled = AuditEvent(1, Action.OTP_ENABLED, user_id, user_id)
        assert await factors.confirm_factor(factor, 1, ["hash"], enabled)
        plain = await sidecar(tmp_path, "user", "reset", "alice")
        assert (plain.status, len(plain.problems)) == (0, 1)
        assert await factors.has_factor(user_id)
        named = await sidecar(tmp_path, "user", "reset", "alice", "--second-factor")
        assert (named.status, named.problems[0]) == (0, "took their second factor away")
        assert not await factors.has_factor(user_id)
        told = [row.action for row in await services.store.audit.read_events(AuditQuery(2))]
        assert told == ["reset.made", "otp.disabled"]
        again = await sidecar(tmp_path, "user", "reset", "alice", "--second-factor", "--json")
        assert (again.status, again.problems) == (0, ["they had no second factor"])
        assert list(json.loads(again.out)) == ["reset_url", "expires_at"]


@pytest.mark.parametrize("name", ["nobody", "a b\n", ""])
async def test_nobody_gets_no_link(tmp_path: Path, name: str) -> None:
    await add_user(tmp_path, "alice")
    ran = await sidecar(tmp_path, "user", "reset", name)
    assert (ran.status, ran.out) == (1, "")
    assert ran.problems == [f"there is no user {name!r}"]


async def test_somebody_disabled_gets_no_link(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    await sidecar(tmp_path, "user", "disable", "alice")
    ran = await sidecar(tmp_path, "user", "reset", "alice")
    assert (ran.status, ran.out) == (1, "")
    no_link = "the user is disabled, and no link would let them log in"
    assert ran.problems == [f"no link is made: {no_link}"]
    both = await sidecar(tmp_path, "user", "reset", "alice", "--second-factor")
    assert (both.status, both.out) == (1, "")
    assert both.problems == ["they had no second factor", f"no link is made: {no_link}"]
