"""`/verify`: the gateway's question about every request."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, assert_never

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.facts import RequestFacts
from sidecar.core.verdict import Allow, Deny
from sidecar.errors import NoVerdict
from sidecar.settings import Decisions, Dialect
from sidecar.web.context import Context
from sidecar.web.credentials import find_credential, other_cookies
from sidecar.web.gateways import parse_question
from sidecar.web.navigation import is_navigation
from sidecar.web.requests import identify
from sidecar.web.responses import allow, refuse, unavailable

log = logging.getLogger("sidecar.gate")

Questions = Mapping[str, Callable[[web.BaseRequest], web.StreamResponse]]

# Asked for every request of every service: the server answers them ahead of the router.
QUESTIONS: Final = web.AppKey("QUESTIONS", Questions)


def make_questions(context: Context) -> Questions:
    """Return what answers the gateways' questions, by path; of any method."""
    questions = {
        f"/verify/{dialect.value}": partial(answer, context=context, dialect=dialect)
        for dialect in Dialect
    }
    return questions | {"/verify": questions[f"/verify/{context.dialect.value}"]}


def answer(request: web.BaseRequest, context: Context, dialect: Dialect) -> web.StreamResponse:
    """Return the answer to a gateway's question; waits for nothing."""
    request_id = identify(request, context)
    facts = parse_question(request, dialect, context.trusted)
    if isinstance(facts, Deny):
        context.gate.count(facts)
        _log_refusal(request_id, facts, None)
        return refuse(facts, dialect, None, context.login_url, request_id)
    now = read_clock()
    in_the_clear = context.public.scheme == "https" and facts.scheme in {"http", "ws"}
    credential = find_credential(request.headers, context.jar.name, cookie_counts=not in_the_clear)
    try:
        verdict = context.gate.decide(facts, credential, now)
        if isinstance(verdict, Allow) and verdict.token is not None:
            assertion = context.gate.seal_assertion(verdict.token, facts.host.name, now)
        else:
            assertion = ""
    except NoVerdict as error:
        context.gate.count(None)
        log.warning("no verdict", extra={"request_id": request_id, "cause": str(error)})
        return unavailable(request_id)
    context.gate.count(verdict)
    match verdict:
        case Allow():
            if context.decisions is Decisions.ALL:
                _log_allow(request_id, verdict, facts)
            claims = None if verdict.token is None else verdict.token.claims
            cookie = other_cookies(request.headers)
            return allow(claims, assertion, cookie, request_id)
        case Deny():
            _log_refusal(request_id, verdict, facts)
            way_back = facts if is_navigation(request, facts) else None
            return refuse(verdict, dialect, way_back, context.login_url, request_id)
        case _:
            assert_never(verdict)


def _log_refusal(request_id: str, refusal: Deny, facts: RequestFacts | None) -> None:
    reason = refusal.reason.value
    log.info("refused", extra={"request_id": request_id, "reason": reason, **_describe(facts)})


def _log_allow(request_id: str, verdict: Allow, facts: RequestFacts) -> None:
    subject = None if verdict.token is None else verdict.token.claims.sub
    log.info("allowed", extra={"request_id": request_id, "sub": subject, **_describe(facts)})


def _describe(facts: RequestFacts | None) -> dict[str, str | None]:
    """Return what a log line says of a question: no query, it may hold secrets of an upstream."""
    if facts is None:
        return {}
    return {
        "method": facts.method,
        "host": str(facts.host),
        "path": facts.path,
        "address": None if facts.address is None else str(facts.address),
    }
