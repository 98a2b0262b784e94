"""Hashes that were brought along are good for one login, which replaces them."""

import sys
from dataclasses import replace

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.user import User
from sidecar.ports import Newcomer
from tests.credentials.known import HTPASSWD, KNOWN, WERKZEUG
from tests.web.asked import Asked, ask, is_let_in
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

NOW = 1_800_000_000
ALICE = User("id-of-alice", "alice", None, None, (), False, NOW, NOW)


async def bring(web: Web, encoded: str, user: User = ALICE) -> None:
    """Add somebody with a hash of another program."""
    imports, now, by = web.serving.services.store.imports, read_clock().unix, Author(OPERATOR)
    await imports.add_newcomers([Newcomer(user, encoded, known=True)], "jsonl", by, now)


async def log_in(web: Web, password: str) -> Asked:
    return await ask(web, "POST", "/login", {}, {"username": "alice", "password": password})


async def hash_of(web: Web) -> str:
    account = await web.serving.services.store.sessions.find_account("alice")
    assert account is not None
    return account.password_hash


@pytest.mark.parametrize("kind", ["bcrypt 2y, htpasswd", "scrypt, Werkzeug", "argon2id, Authelia"])
async def test_the_first_login_replaces_a_hash_and_ends_nothing(served: Web, kind: str) -> None:
    password, encoded = KNOWN[kind]
    await bring(served, encoded)
    (await log_in(served, password + "!")).assert_problem(401, "invalid_credentials")
    assert await hash_of(served) == encoded
    first = await log_in(served, password)
    assert first.status == 200
    renewed = await hash_of(served)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await log_in(served, password)).status == 200
    assert await hash_of(served) == renewed
    assert await is_let_in(served, first.json["access_token"])
    (await log_in(served, password + "!")).assert_problem(401, "invalid_credentials")


async def test_a_disabled_user_keeps_the_hash_they_came_with(served: Web) -> None:
    await bring(served, WERKZEUG, replace(ALICE, disabled=True))
    (await log_in(served, "correct horse")).assert_problem(401, "invalid_credentials")
    assert await hash_of(served) == WERKZEUG


async def test_a_bcrypt_hash_stays_where_the_end_of_a_password_is_not_proven(served: Web) -> None:
    import bcrypt

    encoded = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    await bring(served, encoded)
    assert (await log_in(served, "x" * 80)).status == 200
    assert await hash_of(served) == encoded
    assert (await log_in(served, "x" * 72)).status == 200
    assert await hash_of(served) != encoded


@pytest.mark.parametrize("encoded", ["$argon2id$not-a-hash", "", "$apr1$salt$hash", "U*U"])
async def test_a_hash_that_nobody_can_check_lets_nobody_in_and_is_told(
    served: Web, caplog: pytest.LogCaptureFixture, encoded: str
) -> None:
    await bring(served, encoded)
    (await log_in(served, "U*U")).assert_problem(401, "invalid_credentials")
    told = [each for each in caplog.records if each.name == "sidecar.credentials"]
    assert [each.levelname for each in told] == ["ERROR"]
    assert "U*U" not in told[0].getMessage()


async def test_without_its_extra_bcrypt_lets_nobody_in_and_is_told(
    served: Web, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(served, HTPASSWD)
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    (await log_in(served, "U*U")).assert_problem(401, "invalid_credentials")
    assert await hash_of(served) == HTPASSWD
    (line,) = [each for each in caplog.records if each.name == "sidecar.credentials"]
    assert "sidecar-auth[bcrypt]" in line.getMessage()
