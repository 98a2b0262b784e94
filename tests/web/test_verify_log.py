"""What a decision leaves in the log: one line, and nothing that could be used."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from sidecar.clock import read_clock
from sidecar.core.revocation import RevocationView
from sidecar.web import cohort, lane
from tests.web.conftest import serving_web
from tests.web.gated import DIALECTS, GATE_POLICY, HOST, Answer, Gated, Lines, gate_people

pytestmark = pytest.mark.asyncio

QUERY: Final = "?hush=in-the-query"
COOKIE: Final = ("Cookie", "other=hush-in-a-cookie")
REFUSALS: Final[tuple[tuple[str, str, str, Lines], ...]] = (
    ("nobody", f"/a{QUERY}", "no_credential", []),
    ("garbage", f"/a{QUERY}", "token_malformed", []),
    ("expired", f"/a{QUERY}", "expired", []),
    ("revoked cookie", f"/a{QUERY}", "revoked_session", []),
    ("alice", f"/admin/{QUERY}", "role_missing", []),
    ("two bearers", f"/a{QUERY}", "two_credentials", []),
    ("two words", f"/a{QUERY}", "credential_malformed", []),
    ("root", f"//a{QUERY}", "path_ambiguous", []),
    ("root", f"/a{QUERY}", "address_malformed", [("X-Forwarded-For", "hush")]),
    ("alice's cookie", f"/a{QUERY}", "cross_site", [("Origin", "https://hush.example")]),
)
STANDARD: Final = frozenset(vars(logging.makeLogRecord({})))


def _lines(caplog: pytest.LogCaptureFixture, answer: Answer) -> list[dict[str, Any]]:
    """Return what the records about one request say beside what every record says."""
    request_id = answer.headers["X-Request-Id"]
    records = [each for each in caplog.records if vars(each).get("request_id") == request_id]
    return [
        {"message": record.getMessage()}
        | {name: value for name, value in vars(record).items() if name not in STANDARD}
        for record in records
    ]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


def _assert_keeps_secrets(caplog: pytest.LogCaptureFixture, people: Gated) -> None:
    written = "\n".join(str(vars(record)) for record in caplog.records)
    for secret in ("hush", *people.tokens.values()):
        assert secret not in written


async def test_a_refusal_is_one_line_that_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        for dialect in DIALECTS:
            for who, target, reason, beside in REFUSALS:
                method = "POST" if reason == "cross_site" else "GET"
                lines = [*people.credentials[who], COOKIE, *beside]
                answer = await people.ask(dialect, target, lines, method=method)
                assert answer.reason == reason
                (line,) = _lines(caplog, answer)
                assert (line["message"], line["reason"]) == ("refused", reason)
        _assert_keeps_secrets(caplog, people)


async def test_of_an_expired_token_it_says_whose_it_was_where_it_was_shown_while_it_was_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        claims = people.opened(people.tokens["alice"]).claims
        assert (await people.ask("traefik", "/", people.credentials["alice"])).status == 200
        later = read_clock()._replace(unix=claims.exp)
        for each in (cohort, lane):
            monkeypatch.setattr(each, "read_clock", lambda: later)
        for who, subject in (("alice", claims.sub), ("expired", None)):
            answer = await people.ask("traefik", "/", people.credentials[who])
            assert (answer.status, answer.reason) == (401, "expired")
            (line,) = _lines(caplog, answer)
            assert line["sub"] == subject


async def test_a_refusal_says_what_was_asked_for_and_from_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        chain = ("X-Forwarded-For", "9.9.9.9, 1.2.3.4, 127.0.0.1")
        answer = await people.ask("nginx", f"/%61{QUERY}", [chain], method="PUT", host=f"{HOST}:81")
        (line,) = _lines(caplog, answer)
        assert line == {
            "message": "refused",
            "request_id": answer.headers["X-Request-Id"],
            "reason": "no_credential",
            "method": "PUT",
            "host": f"{HOST}:81",
            "path": "/a",
            "address": "1.2.3.4",
            "entry": HOST,
            "rule": web.serving.gate.policy.rules_of(HOST)[-1].line,
            "sub": None,
        }


async def test_whose_token_is_good_is_named_though_no_rule_lets_them_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        subject = people.opened(people.tokens["alice"]).claims.sub
        for path, host, reason in (
            ("/x", "example.com", "no_rule"),
            ("/Admin/", HOST, "path_ambiguous"),
        ):
            answer = await people.ask("traefik", path, people.credentials["alice"], host=host)
            (line,) = _lines(caplog, answer)
            assert (line["reason"], line["sub"]) == (reason, subject)


async def test_a_question_that_could_not_be_read_says_who_asked_and_how(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        for dialect in DIALECTS:
            answer = await people.ask(dialect, f"//x{QUERY}", people.credentials["alice"])
            (line,) = _lines(caplog, answer)
            assert line == {
                "message": "refused",
                "request_id": answer.headers["X-Request-Id"],
                "reason": "path_ambiguous",
                "dialect": dialect,
                "peer": "127.0.0.1",
                "method": "GET",
                "host": HOST,
                "target": "//x",
            }
        _assert_keeps_secrets(caplog, people)


async def test_an_allow_is_logged_where_all_decisions_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"log": {"decisions": "all"}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        people = await gate_people(web)
        for who in ("alice", "alice's cookie", "nobody", "revoked"):
            answer = await people.ask(
                "traefik", f"/public/{QUERY}", [*people.credentials[who], COOKIE]
            )
            assert answer.status == 200
            subject = people.opened(people.tokens["alice"]).claims.sub
            (line,) = _lines(caplog, answer)
            assert line == {
                "message": "allowed",
                "request_id": answer.headers["X-Request-Id"],
                "sub": subject if who.startswith("alice") else None,
                "method": "GET",
                "host": HOST,
                "path": "/public/",
                "address": None,
            }
        _assert_keeps_secrets(caplog, people)


async def test_an_allow_is_silent_where_only_refusals_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        for who in ("alice", "root's cookie"):
            answer = await people.ask("traefik", "/", people.credentials[who])
            assert answer.status == 200
            assert _lines(caplog, answer) == []


async def test_no_verdict_is_a_warning_with_its_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        web.serving.gate.view = RevocationView()
        answer = await people.ask("traefik", f"/{QUERY}", people.credentials["alice"])
        assert answer.status == 503
        (line,) = _lines(caplog, answer)
        assert line["message"] == "no verdict"
        assert "too old" in line["cause"]
        _assert_keeps_secrets(caplog, people)
