"""`/verify` waits for nothing: with the store locked and no hashing at all it answers as before."""

import asyncio
from pathlib import Path

import pytest

from tests.web.asked import locked
from tests.web.conftest import serving_web
from tests.web.gated import DIALECTS, GATE_POLICY, Gated, gate_people

pytestmark = pytest.mark.asyncio

OUTCOMES = (
    ("nobody", "/", 401),
    ("nobody", "/public/", 200),
    ("basic", "/", 401),
    ("garbage", "/", 401),
    ("foreign", "/", 401),
    ("expired", "/", 401),
    ("revoked", "/", 401),
    ("no token", "/", 401),
    ("two cookies", "/", 401),
    ("alice", "/", 200),
    ("alice", "/admin/", 403),
    ("root's cookie", "/admin/", 200),
)


async def _assert_outcomes(people: Gated) -> None:
    for dialect in DIALECTS:
        for who, target, status in OUTCOMES:
            async with asyncio.timeout(1):  # a reader of a locked store waits three
                answer = await people.ask(dialect, target, people.credentials[who])
            assert answer.status == status, (who, target)


async def test_a_locked_store_is_not_waited_for(tmp_path: Path) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        async with locked(web):
            await _assert_outcomes(people)


async def test_no_password_is_hashed(tmp_path: Path) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        await asyncio.to_thread(web.serving.services.passwords.close)
        await _assert_outcomes(people)
