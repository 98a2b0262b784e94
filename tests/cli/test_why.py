"""`sidecar why`: the running service says why it refused, whichever of its processes did."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession, web

from tests.cli.running import Ran, sidecar
from tests.faults.workers import working
from tests.programs.process import READY_TIMEOUT
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio

UNKNOWN: Final = (
    "no refusal of this id is remembered: never-given: it was let in, or answered 503 (`no verdict`"
    " in the log); or it was no question at the gate (a login, a page): the log has it by this id;"
    " or this service has started again, or refused too many others since; or another machine's"
    " service answered, which is asked there"
)


async def _why(service: Service, *arguments: str) -> Ran:
    return await sidecar(service.directory, "why", *arguments, "--config", service.config)


def _question(target: str) -> dict[str, str]:
    return {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "app.example.com",
        "X-Forwarded-Uri": target,
        "X-Forwarded-For": "192.0.2.7",
    }


async def _ask(
    client: ClientSession, service: Service, target: str, request_id: str, token: str = ""
) -> int:
    headers = _question(target) | {"X-Request-Id": request_id}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with client.get(f"{service.url}/verify", headers=headers) as answer:
        return answer.status


async def _log_in(client: ClientSession, service: Service) -> str:
    body = {"username": "alice", "password": PASSWORD}
    async with client.post(f"{service.url}/login", json=body) as answer:
        token: str = (await answer.json())["access_token"]
        return token


def _assert_told(ran: Ran, *lines: str) -> None:
    """Fail unless one refusal is told by exactly these lines and its moment."""
    *told, moment = ran.out.splitlines()
    assert (ran.status, ran.err, tuple(told)) == (0, "", lines)
    assert moment.startswith("at: ")


async def test_it_says_reason_rule_and_what_would_have_let_it_in(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice", "--role", "staff")
    async with serving(service), ClientSession() as client:
        token = await _log_in(client, service)
        assert await _ask(client, service, "/admin/a%0bb?hush", "given/1+2=3", token) == 400
        assert await _ask(client, service, "/admin/%e2%80%aex?hush", "given/1+2=4", token) == 403
        assert await _ask(client, service, "/x", "given/1+2=4") == 401
        malformed = await _why(service, "given/1+2=3")
        both = await _why(service, "given/1+2=4")
        as_json = await _why(service, "given/1+2=4", "--json")
        unknown = await _why(service, "never-given")
    _assert_told(
        malformed,
        "deny: path_ambiguous",
        "needs: a spelling of the path that every server reads alike",
        "question: traefik, from 127.0.0.1",
        "which said: method GET, host app.example.com, target /admin/a%0bb",
    )
    lines = both.out.splitlines()
    assert (both.status, both.err) == (0, "")
    assert [line for line in lines if not line.startswith("at: ")] == [
        "deny: no_credential",
        "host: app.example.com",
        "rule: line 9, /**",
        "needs: somebody who is signed in",
        "asked: GET app.example.com/x from 192.0.2.7",
        "by: nobody who is known",
        "",
        "deny: role_missing",
        "host: app.example.com",
        "rule: line 5, /admin/**",
        "roles: admin: missing",
        "needs: one of the roles admin",
        "asked: GET app.example.com/admin/\\u202ex from 192.0.2.7",
        "by: alice",
    ]
    told: dict[str, Any] = json.loads(as_json.out)
    (earlier,) = told["earlier"]
    assert (told["reason"], earlier["reason"]) == ("no_credential", "role_missing")
    assert "hush" not in as_json.out
    assert (unknown.status, unknown.out, unknown.problems) == (1, "", [UNKNOWN])


async def test_a_gateway_that_is_set_up_wrongly_is_told_what_to_change(tmp_path: Path) -> None:
    service = make_service(tmp_path, {"gateway": {"trusted_proxies": ["192.0.2.1"]}})
    async with serving(service), ClientSession() as client:
        asked = _question("/x?hush")
        async with client.get(f"{service.url}/verify", headers=asked) as answer:
            assert answer.status == 403
        untrusted = await _why(service, answer.headers["X-Request-Id"])
    _assert_told(
        untrusted,
        "deny: untrusted_peer",
        (
            "needs: a gateway whose address is in gateway.trusted_proxies:"
            " this one asked from 127.0.0.1"
        ),
        "question: traefik, from 127.0.0.1",
        "which said: method GET, host app.example.com, target /x",
    )


async def test_a_question_in_another_dialect_is_told_which_headers_are_read(tmp_path: Path) -> None:
    service = make_service(tmp_path, {"gateway": {"dialect": "nginx"}})
    async with serving(service), ClientSession() as client:
        assert await _ask(client, service, "/x", "not-of-nginx") == 403
        ran = await _why(service, "not-of-nginx")
    _assert_told(
        ran,
        "deny: header_missing",
        (
            "needs: a question in the gateway's dialect (gateway.dialect, or /verify/NAME):"
            " that of nginx has X-Original-Method, X-Original-URL, each once"
        ),
        "question: nginx, from 127.0.0.1",
        "which said: neither method, host nor target",
    )


async def test_a_policy_that_has_changed_since_is_told(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    async with serving(service), ClientSession() as client:
        assert await _ask(client, service, "/x", "before-the-change") == 401
        (tmp_path / "policy.yaml").write_text(
            "hosts: {app.example.com: [{path: /**, allow: anyone}]}\n"
        )
        async with asyncio.timeout(READY_TIMEOUT):
            while await _ask(client, service, "/x", "meanwhile") != 200:
                pass
        ran = await _why(service, "before-the-change")
    lines = ran.out.splitlines()
    assert (ran.status, lines[2]) == (0, "rule: line 9, /**")
    assert lines[-2] == "changed: the policy no longer has that rule there"


async def test_every_worker_is_asked(tmp_path: Path) -> None:
    async with working(tmp_path) as workers, workers.connections() as (one, other):
        assert await _ask(one, workers.service, "/x", "of-the-first") == 401
        assert await _ask(other, workers.service, "/x", "-of-the-second") == 401
        assert await _ask(one, workers.service, "/x", "of-both-of-them") == 401
        assert await _ask(other, workers.service, "/y", "of-both-of-them") == 401
        for request_id, paths in (
            ("of-the-first", {"/x"}),
            ("-of-the-second", {"/x"}),
            ("of-both-of-them", {"/x", "/y"}),
        ):
            ran = await _why(workers.service, request_id, "--json")
            newest = json.loads(ran.out)
            assert {each["path"] for each in (newest, *newest["earlier"])} == paths
        unknown = await _why(workers.service, "never-given")
        assert (unknown.status, unknown.problems) == (1, [UNKNOWN])


@pytest.mark.parametrize("request_id", ["", "short", "x" * 129, "a b c d e f", "\u00e9" * 9])
async def test_what_is_no_id_is_a_wrong_call(tmp_path: Path, request_id: str) -> None:
    ran = await sidecar(tmp_path, "why", request_id)
    assert (ran.status, ran.out, ran.problems) == (
        2,
        "",
        ["sidecar why: ID must be the X-Request-Id of an answer (sidecar why --help)"],
    )


async def test_a_service_that_does_not_run_is_one_line(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    (line,) = (ran := await _why(service, "never-given")).problems
    assert ran.status == 1
    assert line == (
        f"{service.settings['server']['operations_listen']} (server.operations_listen):"
        " Connection refused: does the service run?"
    )


@asynccontextmanager
async def _foreign(service: Service, *answers: web.Response) -> AsyncIterator[None]:
    """Let another program answer at the address of the operations listener."""
    waiting = list(answers)

    async def answer(_request: web.BaseRequest) -> web.Response:
        return waiting.pop(0)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    host, _, port = service.settings["server"]["operations_listen"].rpartition(":")
    try:
        await web.TCPSite(runner, host, int(port)).start()
        yield
    finally:
        await runner.cleanup()


FOREIGN: Final[Sequence[tuple[int, str]]] = (
    (200, "welcome"),
    (200, "[]"),
    (200, '{"items": {}}'),
    (200, '{"items": [{}]}'),
    (200, '{"items": ["x"]}'),
    (200, "[" * 100_000),
    (404, "not here"),
    (404, '{"reason": "not_found"}'),
    (500, ""),
)


@pytest.mark.parametrize(("status", "body"), FOREIGN)
async def test_another_program_there_is_told_as_one(tmp_path: Path, status: int, body: str) -> None:
    service = make_service(tmp_path)
    health = web.json_response({"healthy": True, "workers": 1})
    async with _foreign(service, health, web.Response(status=status, text=body)):
        ran = await _why(service, "never-given")
    address = service.settings["server"]["operations_listen"]
    assert (ran.status, ran.problems) == (1, [f"{address}: another program answers there"])
