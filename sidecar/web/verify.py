"""`/verify`: the gateway's question about every request."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, assert_never

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.personal import ShownToken
from sidecar.core.verdict import Allow, Deny, Reason
from sidecar.core.verify import Unknown
from sidecar.errors import NoVerdict, Unavailable
from sidecar.settings import Decisions, Dialect
from sidecar.web.asking import Asking
from sidecar.web.authorization import PersonalCredential, other_authorization
from sidecar.web.context import Context
from sidecar.web.cookies import expire_cookies, list_places
from sidecar.web.credentials import all_cookies, find_credential, other_cookies
from sidecar.web.decisions import Question, log_allow, note_refusal, note_unread
from sidecar.web.gateways import ENVOY_PREFIX, JOINED, parse_question
from sidecar.web.navigation import is_navigation
from sidecar.web.rendered import AllowHead
from sidecar.web.requests import identify
from sidecar.web.responses import allow, refuse, unavailable
from sidecar.web.unread import keep_unread

if TYPE_CHECKING:
    from sidecar.gate import Credential

log = logging.getLogger("sidecar.gate")


class Cold(NamedTuple):
    """An answer that has to wait for the store, which alone knows a personal token."""

    answer: Coroutine[Any, Any, AllowHead | web.StreamResponse]


Answer = AllowHead | web.StreamResponse | Cold
Questions = Mapping[str, Callable[[Asking], Answer]]

# Asked for every request of every service: the server answers them ahead of the router.
QUESTIONS: Final = web.AppKey("QUESTIONS", Questions)


def make_questions(context: Context) -> Questions:
    """Return what answers the gateways' questions, by path; of any method."""
    questions = {
        f"/verify/{dialect.value}": partial(answer, context=context, dialect=dialect)
        for dialect in Dialect
    }
    return questions | {"/verify": questions[f"/verify/{context.dialect.value}"]}


def find_question(questions: Questions, raw_path: str) -> Callable[[Asking], Answer] | None:
    """Return what answers the question at this target, undecoded; None where it is none.

    Envoy's stands ahead of a target that is the client's, the others are found with and without a
    query.
    """
    if raw_path.startswith(ENVOY_PREFIX):
        return questions.get(ENVOY_PREFIX)
    return questions.get(raw_path.partition("?")[0])


def answer(
    request: Asking,
    context: Context,
    dialect: Dialect,
    shown: ShownToken | None = None,
) -> Answer:
    """Return the answer to a gateway's question; waits for nothing.

    Where a personal token came that only the store knows, it is one that asks the store first.
    `shown` is what the store said.
    """
    request_id = identify(request, context)
    question = parse_question(request, dialect, context.trusted)
    if isinstance(question, Deny):
        context.gate.count(question)
        unread = keep_unread(request, dialect)
        note_unread(context.refusals, request_id, unread, question, read_clock().unix)
        return refuse(question, dialect, None, context.login_url, context.refused_pages, request_id)
    facts, parameters = question
    now = read_clock()
    in_the_clear = context.public.scheme == "https" and facts.scheme in {"http", "ws"}
    joined = JOINED[dialect]
    found = find_credential(
        request.headers, context.jar.name, cookie_counts=not in_the_clear, joined=joined
    )
    credential: Credential | ShownToken | Deny | None
    if isinstance(found, PersonalCredential):
        shown = shown or context.shown.find(found.unverified, now)
        if shown is None:
            return Cold(_answer_cold(request, context, dialect, found.unverified))
        credential = shown.at(facts.address)
    else:
        credential = found
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
            authorization = other_authorization(request.headers)
            return allow(identity, claims, assertion, authorization, cookie, request_id)
        case Deny():
            asked = Question(request_id, facts, credential, parameters.narrowing)
            note_refusal(context.refusals, context.gate, asked, verdict, now.unix)
            is_person = is_navigation(request.headers, facts, parameters.mode)
            way_back = facts if is_person else None
            refusal = refuse(
                verdict, dialect, way_back, context.login_url, context.refused_pages, request_id
            )
            if verdict.reason is Reason.TWO_CREDENTIALS and way_back is not None:
                # Neither counts, and here only may a browser be told to forget a host's own one.
                path = facts.target.partition("?")[0]
                expire_cookies(refusal, list_places(context.jar, facts.host.name, path))
            return refusal
        case _:
            assert_never(verdict)


async def _answer_cold(
    request: Asking, context: Context, dialect: Dialect, text: str
) -> AllowHead | web.StreamResponse:
    """Answer once the store has said whose a personal token is.

    While it does not, an open door stays open, to nobody in particular.
    """
    try:
        shown = await context.shown.read(text)
    except Unavailable as error:
        shown = ShownToken(Unknown(str(error)))
    found = answer(request, context, dialect, shown)
    return await found.answer if isinstance(found, Cold) else found
