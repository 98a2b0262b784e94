"""`/verify`: the gateway's question about every request."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from aiohttp import web

from sidecar.clock import Now, read_clock
from sidecar.core.facts import Asked
from sidecar.core.personal import ShownToken
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason
from sidecar.core.verify import Unknown
from sidecar.credentials.opening import Credential
from sidecar.errors import NoVerdict, Unavailable
from sidecar.gate import ALLOW
from sidecar.settings import Decisions
from sidecar.web.asking import Asking
from sidecar.web.authorization import PersonalCredential
from sidecar.web.context import Context
from sidecar.web.cookies import expire_cookies, list_places
from sidecar.web.decisions import Question, describe, keep_refusal, keep_unread_refusal
from sidecar.web.gateways import (
    ENVOY_PREFIX,
    MANNERS,
    Manner,
    cannot_be_cross_site,
    find_address,
    find_facts,
    find_parameters,
    parse_target,
)
from sidecar.web.identity import render_allow
from sidecar.web.navigation import is_navigation
from sidecar.web.pace import Gone, Later
from sidecar.web.parameters import NOTHING_SAID, Mode
from sidecar.web.presented import Presented
from sidecar.web.problems import PlainRefusal
from sidecar.web.rendered import AllowHead, make_head
from sidecar.web.requests import identify
from sidecar.web.responses import refuse, unavailable
from sidecar.web.unread import keep_unread

IN_THE_CLEAR: Final = frozenset({"http", "ws"})

log = logging.getLogger("sidecar.gate")


class Cold(NamedTuple):
    """An answer that has to wait for the store, which alone knows a personal token."""

    answer: "Coroutine[Any, Any, Answer]"


Ready = AllowHead | PlainRefusal | web.StreamResponse
Answer = Ready | Cold | Later["Answer"]
Ask = Callable[[Asking, Now], Answer]
Questions = Mapping[str, Ask]

# Asked for every request of every service: the server answers them ahead of the router.
QUESTIONS: Final = web.AppKey("QUESTIONS", Questions)


def make_questions(context: Context) -> Questions:
    """Return what answers the gateways' questions, by path; of any method."""
    questions = {
        f"/verify/{manner.dialect.value}": partial(answer, context, manner) for manner in MANNERS
    }
    return questions | {"/verify": questions[f"/verify/{context.dialect.value}"]}


def find_question(questions: Questions, raw_path: str) -> Ask | None:
    """Return what answers the question at this target, undecoded; None where it is none.

    Envoy's stands ahead of a target that is the client's, the others are found with and without a
    query.
    """
    if raw_path.startswith(ENVOY_PREFIX):
        return questions.get(ENVOY_PREFIX)
    return questions.get(raw_path.partition("?")[0])


class _Read(NamedTuple):
    """A question that has been read, and what came with it."""

    request: Asking
    asked: Asked
    presented: Presented
    told: Question
    mode: Mode | None


def answer(
    context: Context, manner: Manner, request: Asking, now: Now, shown: ShownToken | None = None
) -> Answer:
    """Return the answer to a gateway's question of this moment; waits for nothing.

    Where a personal token came that only the store knows, it is one that asks the store first.
    `shown` is what the store said. Where it takes a signature, it is one that `pace` has a say in.
    """
    request_id = identify(request, context)
    asked = parse_target(request, manner, context.trusted)
    if isinstance(asked, Deny):
        return _refuse_unread(context, manner, request, (request_id, now), asked)
    headers = request.headers
    cookie_counts = asked.scheme not in IN_THE_CLEAR or context.public.scheme != "https"
    presented = context.presenting.read(headers, manner.joined, cookie_counts)
    parameters = find_parameters(request, manner) if "?" in request.raw_path else NOTHING_SAID
    gate = context.gate
    if (
        not isinstance(presented, Deny)
        and presented.token is not None
        and presented.host == asked.host.name
        and (
            presented.is_for_same_client(headers)
            or not isinstance(find_address(request, context.trusted), Deny)
        )
        and not isinstance(parameters, Deny)
        and parameters.narrowing is None
        and (not presented.by_cookie or cannot_be_cross_site(headers, asked))
        and gate.allows_again(presented, asked, now)
    ):
        gate.decisions[ALLOW] += 1
        return make_head((presented.lines, request_id, now.unix))
    address = find_address(request, context.trusted)
    if isinstance(address, Deny):
        return _refuse_unread(context, manner, request, (request_id, now), address)
    if isinstance(parameters, Deny):
        return _refuse_unread(context, manner, request, (request_id, now), parameters)
    if isinstance(presented, Deny):
        return _refuse_unread(context, manner, request, (request_id, now), presented)
    credential: Credential | ShownToken | Deny | None
    found = presented.credential
    if isinstance(found, PersonalCredential):
        shown = shown or context.shown.find(found.unverified, now)
        if shown is None:
            return Cold(_answer_cold(context, manner, request, found.unverified))
        credential = shown.at(address)
    else:
        credential = found
    told = Question(
        request_id, find_facts(headers, asked, address), credential, parameters.narrowing
    )
    read = _Read(request, asked, presented, told, parameters.mode)
    if isinstance(credential, Credential | ShownToken) and gate.is_dear(
        credential, asked.host.name, now, asserts=context.identity.asserts
    ):
        if not context.pace.is_full:
            return Later(context.pace, partial(_work, context, manner, read))
        unknown = ShownToken(Unknown("too many wait for a signature"))
        read = read._replace(told=told._replace(credential=unknown))
    return _decide(context, manner, read, now)


def _work(context: Context, manner: Manner, read: _Read) -> Callable[[], Ready]:
    """Do what is dear of an answer, and return what makes the rest."""
    credential, now = read.told.credential, read_clock()
    if context.identity.asserts or not isinstance(credential, Credential):
        whole = _decide(context, manner, read, now)  # only then is it known whether one is sealed
        return lambda: whole
    opened = context.gate.open(credential, now)
    return lambda: _decide(context, manner, read, now, opened)


def _decide(
    context: Context,
    manner: Manner,
    read: _Read,
    now: Now,
    opened: VerifiedToken | Deny | None = None,
) -> Ready:
    """Ask the gate about a question, and return its answer; `opened` is as for the gate."""
    gate = context.gate
    request_id, facts, credential, narrowing = read.told
    try:
        verdict = gate.decide(facts, credential, now, narrowing, opened)
        lines = b""
        if isinstance(verdict, Allow):
            lines = _find_lines(context, read, verdict, now)
    except NoVerdict as error:
        gate.count(None)
        log.warning("no verdict", extra={"request_id": request_id, "cause": str(error)})
        return unavailable(request_id)
    gate.count(verdict)
    if isinstance(verdict, Deny):
        return _refuse(context, manner, read, verdict, now)
    if context.decisions is Decisions.ALL:
        context.say("allowed", now.unix, describe(request_id, facts, verdict.token))
    return AllowHead(lines, request_id, now.unix)


def _refuse(context: Context, manner: Manner, read: _Read, refusal: Deny, now: Now) -> Ready:
    """Keep the refusal, and return it in the manner of its dialect."""
    told, facts = read.told, read.told.facts
    said = keep_refusal(context.refusals, context.gate, told, refusal, now.unix)
    context.say("refused", now.unix, said)
    way_back = facts if is_navigation(read.request.headers, facts, read.mode) else None
    answer = refuse(
        refusal,
        manner.dialect,
        way_back,
        context.login_url,
        context.refused_pages,
        told.request_id,
    )
    if refusal.reason is Reason.TWO_CREDENTIALS and isinstance(answer, web.Response):  # a person's
        # Neither counts, and here only may a browser be told to forget a host's own one.
        path = facts.target.partition("?")[0]
        expire_cookies(answer, list_places(context.jar, facts.host.name, path))
    return answer


def _find_lines(context: Context, read: _Read, allow: Allow, now: Now) -> bytes:
    """Return the header lines of an allow. Raises NoVerdict where no assertion can be sealed."""
    identity, gate, token = context.identity, context.gate, allow.token
    presented, asked = read.presented, read.asked
    if token is None:
        return render_allow(identity, None, "") + presented.onward
    host = asked.host.name
    sealed = gate.seal_assertion(token, host, now) if identity.asserts else None
    assertion = "" if sealed is None else sealed.text
    lines = render_allow(identity, token.claims, assertion) + presented.onward
    if isinstance(presented.credential, Credential):
        if context.decisions is not Decisions.ALL:  # for the log all is found anew
            gate.remember(presented, allow, asked, now, sealed)
            presented.remember(read.request.headers, host, lines)
        context.presenting.keep(presented)
    return lines


def _refuse_unread(
    context: Context, manner: Manner, request: Asking, about: tuple[str, Now], refusal: Deny
) -> Ready:
    """Return the refusal of a question that could not be read; `about` is its id and moment."""
    request_id, now = about
    context.gate.count(refusal)
    unread = keep_unread(request, manner.dialect)
    said = keep_unread_refusal(context.refusals, request_id, unread, refusal, now.unix)
    context.say("refused", now.unix, said)
    return refuse(
        refusal, manner.dialect, None, context.login_url, context.refused_pages, request_id
    )


async def _answer_cold(context: Context, manner: Manner, request: Asking, text: str) -> Answer:
    """Answer once the store has said whose a personal token is.

    While it does not, an open door stays open, to nobody in particular.
    """
    try:
        shown = await context.shown.read(text)
    except Unavailable as error:
        shown = ShownToken(Unknown(str(error)))
    return answer(context, manner, request, read_clock(), shown)


async def wait_for(found: Answer, gone: Gone) -> Ready:
    """Return an answer once it is there: once the store has told, and in its turn.

    Raises CancelledError where it is of use to nobody.
    """
    while isinstance(found, Cold | Later):
        if isinstance(found, Cold):
            found = await found.answer
        elif found.pace.may_work():
            found = found.work()()
        else:
            found = await found.pace.run(found.work, gone)
    return found
