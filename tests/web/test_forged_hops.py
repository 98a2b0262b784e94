"""What a client puts before its own address in `X-Forwarded-For` hides nothing of it."""

import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, UnixConnector, web

from sidecar.core.addresses import MOST_HOPS
from sidecar.core.audit import Action
from sidecar.core.throttle import ADDRESS
from tests.programs.service import PASSWORD
from tests.web.asked import Asked, ask, bearer, change, read_trail
from tests.web.conftest import Web, in_one_task, serving_web
from tests.web.test_login_throttle import until_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORGED = {
    "addresses": ", ".join(["1.1.1.1"] * MOST_HOPS),
    "more addresses": ", ".join(["1.1.1.1"] * (4 * MOST_HOPS)),
    "trusted hops": ", ".join(["127.0.0.1"] * MOST_HOPS),
    "what is none": ", ".join(["unknown", "", "1.1.1.1:80", "x" * 50] * MOST_HOPS),
    "commas": "," * MOST_HOPS,
}
PEER = "127.0.0.1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guessed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service with alice."""
    async with in_one_task(serving_web(tmp_path_factory.mktemp("forged"))) as running:
        await running.add_user()
        yield running


async def guess(web: Web, name: str, hops: str) -> Asked:
    members = {"username": name, "password": "not the passphrase"}
    return await ask(web, "POST", "/login", {"X-Forwarded-For": hops}, members)


async def wear_out(web: Web, address: str) -> None:
    """Let so much have come from an address that counts there that the next one has to wait."""
    statement = "UPDATE throttle SET count = 99 WHERE key = ?"
    await change(web, statement, f"address:{address}")


async def test_thirty_guesses_at_as_many_names_are_all_that_one_address_has(guessed: Web) -> None:
    names = (f"any{number}" for number in count())
    hops = f"{FORGED['addresses']}, 198.51.100.1"
    await until_refused(lambda: guess(guessed, next(names), hops), ADDRESS.free)


@pytest.mark.parametrize(("number", "how"), list(enumerate(FORGED)))
async def test_forged_hops_count_as_an_honest_header_does(
    guessed: Web, number: int, how: str
) -> None:
    address = f"198.51.100.{10 + number}"
    assert (await guess(guessed, how, f"{FORGED[how]}, {address}")).status == 401
    await wear_out(guessed, address)
    for name, hops in {"honest": address, how: f"{FORGED[how]}, {address}"}.items():
        answer = await guess(guessed, f"{how}, {name}", hops)
        answer.assert_problem(429, "too_many_attempts")


@pytest.mark.parametrize("how", FORGED)
async def test_the_address_is_what_sessions_and_the_trail_show(guessed: Web, how: str) -> None:
    hops = {"X-Forwarded-For": f"{FORGED[how]}, 203.0.113.9, {PEER}"}
    members = {"username": "alice", "password": PASSWORD}
    tokens = (await ask(guessed, "POST", "/login", hops, members)).json
    headers = {**bearer(tokens["access_token"]), **hops}
    (session,) = [
        each for each in (await ask(guessed, "GET", "/me/sessions", headers)).json["items"]
        if each["current"]
    ]  # fmt: skip
    assert session["address"] == "203.0.113.9"
    await ask(guessed, "DELETE", f"/me/sessions/{session['sid']}", headers)
    record = (await read_trail(guessed))[0]
    assert (record.action, record.device.address) == (Action.SESSION_ENDED, "203.0.113.9")


@pytest.mark.parametrize("hops", ["unknown", "198.51.100.90:4711", "198.51.100.91, unix:"])
async def test_where_a_proxy_says_what_is_no_address_its_own_counts(
    guessed: Web, hops: str
) -> None:
    assert (await guess(guessed, f"malformed {hops[:7]}", hops)).status == 401
    await wear_out(guessed, PEER)
    (await guess(guessed, "another", hops)).assert_problem(429, "too_many_attempts")
    honest = await guess(guessed, "honest", "198.51.100.92")
    assert honest.status == 401
    await change(guessed, "DELETE FROM throttle WHERE key = ?", f"address:{PEER}")


async def test_behind_a_unix_socket_that_is_this_machines(guessed: Web, tmp_path: Path) -> None:
    path = str(tmp_path / "public")
    await web.UnixSite(guessed.runner, path).start()
    async with ClientSession(connector=UnixConnector(path)) as session:
        statuses = []
        for name in ("one", "two"):
            body = json.dumps({"username": f"socket {name}", "password": "wrong"})
            headers = {"X-Forwarded-For": "unknown", "Content-Type": "application/json"}
            async with session.post("http://x/login", data=body, headers=headers) as answer:
                statuses.append(answer.status)
            await wear_out(guessed, PEER)
    await change(guessed, "DELETE FROM throttle WHERE key = ?", f"address:{PEER}")
    assert statuses == [401, 429]
