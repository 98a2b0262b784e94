"""A view of the revocations that is too old: what the gate still says, and what it does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.keyring import KeyRing
from sidecar.core.revocation import Level, Revocation, RevocationView
from tests.web.conftest import Web, serving_web
from tests.web.gated import DIALECTS, GATE_POLICY, HOST, NAVIGATION, gate_people

pytestmark = pytest.mark.asyncio

DENY: Final[dict[str, dict[str, Any]]] = {"revocation": {"max_staleness": "30s"}}
ALLOW: Final = {"revocation": {"max_staleness": "30s", "when_stale": "allow"}}


def _grow_old(web: Web, *entries: Revocation, age: float | None = 31) -> None:
    """Give the gate a view that no feed keeps fresh; `None`: that was never read."""
    view = RevocationView()
    view.apply(entries)
    if age is not None:
        view.heard(read_clock().monotonic - age)
    web.serving.gate.view = view


@pytest.mark.parametrize("age", [30.5, 31, 86_400, None])
async def test_under_deny_nothing_is_said_about_a_token(tmp_path: Path, age: float | None) -> None:
    async with serving_web(tmp_path, DENY, GATE_POLICY) as web:
        people = await gate_people(web)
        _grow_old(web, age=age)
        for dialect in DIALECTS:
            for who in ("alice", "root's cookie", "revoked", "expired"):
                for target in ("/", "/admin/"):
                    lines = [*people.credentials[who], *NAVIGATION]
                    answer = await people.ask(dialect, target, lines)
                    assert (answer.status, answer.reason) == (503, "unavailable")
                    assert int(answer.headers["Retry-After"]) > 0
                    assert "Location" not in answer.headers
                    answer.assert_tells_nobody()
        assert web.serving.gate.decisions["unavailable"] == 8 * len(DIALECTS)
        assert web.serving.gate.stale_allows == 0


@pytest.mark.parametrize("settings", [DENY, ALLOW])
async def test_whatever_is_known_without_the_view_is_still_said(
    tmp_path: Path, settings: dict[str, dict[str, Any]]
) -> None:
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        people = await gate_people(web)
        _grow_old(web)
        for target, who, status in (
            ("/public/", "nobody", 200),
            ("/", "nobody", 401),
            ("/", "garbage", 401),
            ("/", "two bearers", 401),
            ("/", "no token", 401),
            ("//", "root", 400),
            ("/public/", "two cookies", 401),
        ):
            answer = await people.ask("traefik", target, people.credentials[who])
            assert answer.status == status
        elsewhere = await people.ask("traefik", lines=people.credentials["root"], host="x.example")
        assert (elsewhere.status, elsewhere.reason) == (403, "no_rule")


async def test_under_deny_anyone_passes_where_anyone_may_as_nobody(tmp_path: Path) -> None:
    async with serving_web(tmp_path, DENY, GATE_POLICY) as web:
        people = await gate_people(web)
        fresh = await people.ask("nginx", "/public/", people.credentials["alice"])
        assert fresh.headers["Remote-User"] == "alice"
        _grow_old(web)
        for who in ("alice", "root's cookie", "revoked"):
            answer = await people.ask("nginx", "/public/", people.credentials[who])
            assert answer.status == 200
            assert answer.headers["Remote-User"] == answer.headers["X-Auth-Assertion"] == ""


async def test_under_allow_the_old_view_judges_and_is_counted(tmp_path: Path) -> None:
    async with serving_web(tmp_path, ALLOW, GATE_POLICY) as web:
        people = await gate_people(web)
        sid = people.opened(people.tokens["root's cookie"], TokenKind.SESSION).claims.sid
        assert sid is not None
        _grow_old(web, Revocation(Level.SESSION, sid, 0, 2**40))
        before = web.serving.gate.stale_allows
        assert (await people.ask("nginx", "/", people.credentials["alice"])).status == 200
        refused = await people.ask("nginx", "/", people.credentials["root's cookie"])
        assert (refused.status, refused.reason) == (401, "revoked_session")
        assert web.serving.gate.stale_allows == before + 1  # a refusal let nobody in


async def test_under_allow_a_view_that_was_never_read_judges_nobody(tmp_path: Path) -> None:
    async with serving_web(tmp_path, ALLOW, GATE_POLICY) as web:
        people = await gate_people(web)
        _grow_old(web, age=None)
        assert (await people.ask("nginx", "/", people.credentials["alice"])).status == 503


async def test_a_fresh_read_ends_it(tmp_path: Path) -> None:
    async with serving_web(tmp_path, DENY, GATE_POLICY) as web:
        people = await gate_people(web)
        _grow_old(web)
        assert (await people.ask("nginx", "/", people.credentials["alice"])).status == 503
        web.serving.gate.view.heard(read_clock().monotonic)
        assert (await people.ask("nginx", "/", people.credentials["alice"])).status == 200


async def test_without_a_key_that_signs_there_is_no_200_for_somebody(tmp_path: Path) -> None:
    """A 200 without its assertion would be another answer than the upstream was promised."""
    async with serving_web(tmp_path, DENY, GATE_POLICY) as web:
        people = await gate_people(web)
        ring = web.serving.gate.ring
        web.serving.gate.ring = KeyRing.of(replace(key, private=None) for key in ring.keys.values())
        answer = await people.ask("traefik", "/", people.credentials["alice"])
        assert (answer.status, answer.reason) == (503, "unavailable")
        answer.assert_tells_nobody()
        assert (await people.ask("traefik", "/public/")).status == 200
        assert (await people.ask("traefik", "/")).status == 401


RULES: Final = {
    "hosts": {
        HOST: [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/strict/**", "max_staleness": "5s", "allow": "signed-in"},
            {"path": "/lax/**", "max_staleness": "1h", "allow": "signed-in"},
            {"path": "/lent/**", "when_stale": "allow", "allow": "signed-in"},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}


@pytest.mark.parametrize(
    ("age", "refused", "counted"),
    [
        (1, [], 0),
        (10, ["/strict/"], 0),
        (31, ["/strict/", "/"], 2),
        (3700, ["/strict/", "/lax/", "/"], 1),
    ],
)
async def test_a_rule_says_for_itself_how_old_the_view_may_be(
    tmp_path: Path, age: float, refused: list[str], counted: int
) -> None:
    async with serving_web(tmp_path, DENY, RULES) as web:
        people = await gate_people(web)
        _grow_old(web, age=age)
        for dialect in DIALECTS:
            before = web.serving.gate.stale_allows
            for target in ("/strict/", "/lax/", "/lent/", "/"):
                answer = await people.ask(dialect, target, people.credentials["alice"])
                assert answer.status == (503 if target in refused else 200), target
                if target in refused:
                    assert int(answer.headers["Retry-After"]) > 0
                    answer.assert_tells_nobody()
            assert web.serving.gate.stale_allows == before + counted
        assert web.serving.gate.can_decide(read_clock()) is (age < 30)  # as the settings say


async def test_what_an_old_view_refuses_a_lax_rule_refuses(tmp_path: Path) -> None:
    async with serving_web(tmp_path, DENY, RULES) as web:
        people = await gate_people(web)
        sid = people.opened(people.tokens["root's cookie"], TokenKind.SESSION).claims.sid
        assert sid is not None
        _grow_old(web, Revocation(Level.SESSION, sid, 0, 2**40))
        for target in ("/lax/", "/lent/"):
            answer = await people.ask("nginx", target, people.credentials["root's cookie"])
            assert (answer.status, answer.reason) == (401, "revoked_session")
        assert web.serving.gate.stale_allows == 0


async def test_under_deny_no_dialect_takes_a_cookie_back(tmp_path: Path) -> None:
    async with serving_web(tmp_path, DENY, GATE_POLICY) as web:
        people = await gate_people(web)
        _grow_old(web)
        for dialect in DIALECTS:
            for method in ("GET", "POST"):
                for lines in ((), NAVIGATION):
                    question = [*people.credentials["alice's cookie"], *lines]
                    answer = await people.ask(dialect, "/", question, method=method)
                    assert answer.status == 503
                    for name in ("Set-Cookie", "WWW-Authenticate", "Location"):
                        assert name not in answer.headers
        web.serving.gate.view.heard(read_clock().monotonic)
        for dialect in DIALECTS:
            answer = await people.ask(dialect, "/", people.credentials["alice's cookie"])
            assert answer.status == 200
