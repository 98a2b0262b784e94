"""`/verify`: the gateway's question about every request."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, assert_never

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.verdict import Allow, Deny
from sidecar.errors import NoVerdict
from sidecar.settings import Decisions, Dialect
from sidecar.web.context import Context
from sidecar.web.credentials import all_cookies, find_credential, other_cookies
from sidecar.web.decisions import Question, log_allow, note_refusal, note_unread
from sidecar.web.gateways import ENVOY_PREFIX, JOINED, parse_question
from sidecar.web.navigation import is_navigation
from sidecar.web.requests import identify
from sidecar.web.responses import allow, refuse, unavailable
from sidecar.web.unread import keep_unread

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


def find_question(
    questions: Questions, request: web.BaseRequest
) -> Callable[[web.BaseRequest], web.StreamResponse] | None:
    """Return what answers this question, None for what is none.

    Envoy's stands ahead of a target that is the client's: it counts as it was sent, undecoded. The
    others are found in any spelling, with and without a query.
    """
    path = request.raw_path
    if path.startswith(ENVOY_PREFIX):
        return questions.get(ENVOY_PREFIX)
    return questions.get(path.partition("?")[0]) or questions.get(request.path)


def answer(request: web.BaseRequest, context: Context, dialect: Dialect) -> web.StreamResponse:
    """Return the answer to a gateway's question; waits for nothing."""
    request_id = identify(request, context)
    question = parse_question(request, dialect, context.trusted)
    if isinstance(question, Deny):
        context.gate.count(question)
        unread = keep_unread(request, dialect)
        note_unread(context.refusals, request_id, unread, question, read_clock().unix)
        return refuse(question, dialect, None, context.login_url, request_id)
    facts, parameters = question
    now = read_clock()
    in_the_clear = context.public.scheme == "https" and facts.scheme in {"http", "ws"}
    joined = JOINED[dialect]
    credential = find_credential(
        request.headers, context.jar.name, cookie_counts=not in_the_clear, joined=joined
    )
    identity = context.identity
    try:
        verdict = context.gate.decide(facts, credential, now, parameters.narrowing)
        if isinstance(verdict, Allow) and verdict.token is not None and identity.asserts:
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
                log_allow(request_id, facts, verdict.token)
            claims = None if verdict.token is None else verdict.token.claims
            find_cookies = all_cookies if identity.keeps_cookie else other_cookies
            cookie = find_cookies(request.headers, joined)
            return allow(identity, claims, assertion, cookie, request_id)
        case Deny():
            asked = Question(request_id, facts, credential, parameters.narrowing)
            note_refusal(context.refusals, context.gate, asked, verdict, now.unix)
            is_person = is_navigation(request.headers, facts, parameters.mode)
            way_back = facts if is_person else None
            return refuse(verdict, dialect, way_back, context.login_url, request_id)
        case _:
            assert_never(verdict)
