"""The operations listener: whether it lives, whether it can decide, and what it counts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, UnixConnector

from sidecar.clock import read_clock
from sidecar.core.revocation import RevocationView
from sidecar.sources.watch import PERIOD
from tests.programs.service import PASSWORD
from tests.web.asked import Asked, ask, bearer, locked, log_in
from tests.web.conftest import Web, in_one_task, serving_web

pytestmark = pytest.mark.asyncio

STALE = 30  # seconds, revocation.max_staleness


async def operate(web: Web, path: str, method: str = "GET") -> Asked:
    """Ask the operations listener."""
    async with (
        ClientSession(connector=UnixConnector(str(web.operations))) as session,
        session.request(method, f"http://operations{path}") as answer,
    ):
        return Asked(answer.status, answer.headers, await answer.read())


async def await_degraded(web: Web, *names: str) -> Asked:
    """Wait until readiness names exactly these as degraded."""
    async with asyncio.timeout(10 * PERIOD):
        while True:
            answer = await operate(web, "/readyz")
            if answer.json["degraded"] == list(names):
                return answer
            await asyncio.sleep(0.02)


def view_read(ago: float) -> RevocationView:
    """Return a view that no feed reads; the last read was so many seconds ago."""
    view = RevocationView()
    view.heard(read_clock().monotonic - ago)
    return view


@pytest_asyncio.fixture
async def lenient(tmp_path: Path) -> AsyncIterator[Web]:
    """Run a service that decides by an old view."""
    settings = {"revocation": {"when_stale": "allow"}}
    async with in_one_task(serving_web(tmp_path, settings)) as running:
        yield running


async def test_it_lives(served: Web) -> None:
    answer = await operate(served, "/healthz")
    assert (answer.status, answer.json) == (200, {"healthy": True, "workers": 1})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"] == "sidecar"


async def test_it_is_ready_and_nothing_is_degraded(served: Web) -> None:
    answer = await operate(served, "/readyz")
    revocations = answer.json["revocations"]
    expected = {"ready": True, "degraded": [], "revocations": revocations}
    assert (answer.status, answer.json) == (200, expected)
    assert 0 <= revocations["age"] < STALE
    assert revocations["stale"] is False


async def test_while_it_drains_it_is_not_ready_but_lives(served: Web) -> None:
    served.serving.draining = True
    answer = await operate(served, "/readyz")
    assert (answer.status, answer.json["ready"]) == (503, False)
    assert (await operate(served, "/healthz")).status == 200


@pytest.mark.parametrize(
    ("ago", "status"), [(None, 503), (STALE + 3600, 503), (STALE + 1, 503), (STALE - 15, 200)]
)
async def test_it_is_ready_while_the_gate_can_decide(
    served: Web, ago: float | None, status: int
) -> None:
    served.serving.gate.view = RevocationView() if ago is None else view_read(ago)
    answer = await operate(served, "/readyz")
    assert (answer.status, answer.json["ready"]) == (status, status == 200)
    revocations = answer.json["revocations"]
    assert revocations["stale"] is (status == 503)
    if ago is None:
        assert revocations["age"] is None
    else:
        assert ago <= revocations["age"] < ago + 5


async def test_an_old_view_that_may_decide_is_ready_but_none_is_not(lenient: Web) -> None:
    lenient.serving.gate.view = view_read(STALE + 3600)
    answer = await operate(lenient, "/readyz")
    assert (answer.status, answer.json["revocations"]["stale"]) == (200, True)
    lenient.serving.gate.view = RevocationView()
    assert (await operate(lenient, "/readyz")).status == 503


async def test_a_database_that_is_away_degrades_and_comes_back(served: Web) -> None:
    async with locked(served):
        answer = await await_degraded(served, "sql")
        assert (answer.status, answer.json["ready"]) == (200, True)
    await await_degraded(served)


async def test_a_broken_policy_file_degrades_until_it_is_right_again(served: Web) -> None:
    file = served.directory / "policy.yaml"
    good = file.read_text()
    file.write_text("hosts: [")
    assert (await await_degraded(served, "policy")).status == 200
    file.write_text(good)
    await await_degraded(served)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_is_get_without_a_body(served: Web, path: str) -> None:
    answer = await operate(served, path, "HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_nobody_sees_it_on_the_public_listener(served: Web, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert (await ask(served, method, path)).status == 404


@pytest.mark.parametrize("path", ["/login", "/verify", "/me", "/.well-known/jwks.json", "/"])
async def test_the_public_endpoints_are_not_here(served: Web, path: str) -> None:
    (await operate(served, path)).assert_problem(404, "not_found")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_another_method_is_told_which_there_are(served: Web, path: str) -> None:
    answer = await operate(served, path, "POST")
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_the_metrics_have_their_fixed_names(served: Web) -> None:
    answer = await operate(served, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    types = dict(
        line.split()[2:4] for line in answer.text.splitlines() if line.startswith("# TYPE")
    )
    assert types["sidecar_decisions_total"] == "counter"
    assert types["sidecar_revocation_view_age_seconds"] == "gauge"
    assert types["sidecar_revocation_propagation_seconds"] == "histogram"
    (age,) = [
        float(line.split()[1])
        for line in answer.text.splitlines()
        if line.startswith("sidecar_revocation_view_age_seconds ")
    ]
    assert 0 <= age < STALE


async def test_every_decision_is_counted_by_its_reason(served: Web) -> None:
    await served.add_user()
    token = (await served.log_in())["access_token"]
    question = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "app.example.com",
        "X-Forwarded-Uri": "/",
    }
    for headers, times in ((bearer(token), 3), ({}, 2), (bearer("x"), 1)):
        for _ in range(times):
            await ask(served, "GET", "/verify", {**question, **headers})
    await ask(served, "GET", "/verify")
    served.serving.gate.view = RevocationView()
    await ask(served, "GET", "/verify", {**question, **bearer(token)})
    lines = (await operate(served, "/metrics")).text.splitlines()
    counts = dict(line.rsplit(" ", 1) for line in lines if line.startswith("sidecar_decisions_t"))
    assert counts == {
        'sidecar_decisions_total{reason="",verdict="allow"}': "3.0",
        'sidecar_decisions_total{reason="no_credential",verdict="deny"}': "2.0",
        'sidecar_decisions_total{reason="token_malformed",verdict="deny"}': "1.0",
        'sidecar_decisions_total{reason="header_missing",verdict="deny"}': "1.0",
        'sidecar_decisions_total{reason="",verdict="unavailable"}': "1.0",
    }


async def test_how_logins_ended_and_who_had_to_wait_are_metrics(tmp_path: Path) -> None:
    settings = {"throttle": {"logins_per_hour": 2}}
    async with in_one_task(serving_web(tmp_path, settings)) as web:
        await web.add_user()
        for password in (PASSWORD, "wrong", "wrong", PASSWORD, PASSWORD):
            await log_in(web, password=password)
        lines = (await operate(web, "/metrics")).text.splitlines()
    prefixes = ("sidecar_logins_total", "sidecar_throttle")
    assert dict(line.split(" ") for line in lines if line.startswith(prefixes)) == {
        'sidecar_logins_total{outcome="invalid_credentials"}': "2.0",
        'sidecar_logins_total{outcome="ok"}': "2.0",
        'sidecar_logins_total{outcome="too_many_attempts"}': "1.0",
        'sidecar_throttled_total{by="logins"}': "1.0",
        "sidecar_throttle_unshared_total": "0.0",
    }
