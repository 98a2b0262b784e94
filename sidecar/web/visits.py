"""Somebody who is logged in with a browser: they look at a page of ours, or send a form of it.

A form that is done leads on by 303 to a page that says so; one that is not is shown again with
what was typed, passwords excepted, and with what is wrong beside each field.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.audit import Author
from sidecar.core.claims import TokenKind
from sidecar.core.throttle import Throttled
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import (
    FactorExists,
    FieldsInvalid,
    LastAdministrator,
    NameTaken,
    SidecarError,
    TooManyTokens,
    UserDisabled,
    VersionMismatch,
)
from sidecar.web.callers import (
    find_author,
    judge_administrator,
    judge_person,
    log_request,
    refuse_request,
)
from sidecar.web.context import CONTEXT, Context
from sidecar.web.cookies import expire_contradiction
from sidecar.web.csrf import CSRF_FIELD, judge_form
from sidecar.web.middlewares import CONFLICTS, Handler
from sidecar.web.pages.render import render_page
from sidecar.web.requests import read_form
from sidecar.web.responses import STATUSES, UNAUTHORIZED, render_login, see_other

# What has been done, as the address of the page says it that tells so: nothing else is shown.
DONE: Final = (
    *("profile", "password", "factor", "session", "token"),
    *("person", "disabled", "enabled", "ended", "removed"),
)
# What a use case says of a form: the text, and beside which field it stands.
COMPLAINTS: Final[Mapping[type[SidecarError], tuple[str, str | None]]] = {
    NameTaken: ("wrong.taken", "username"),
    LastAdministrator: ("wrong.last", None),
    TooManyTokens: ("wrong.too_many", None),
    FactorExists: ("wrong.factor", None),
    UserDisabled: ("wrong.disabled", None),
    VersionMismatch: ("wrong.stale", None),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says about what has happened: a notice of a kind, and an error by field."""

    status: int = HTTPStatus.OK
    notice: str | None = None
    kind: str = "alarm"
    errors: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Who visits, by the session cookie; `form` is what they sent, empty for a page."""

    request: web.Request
    context: Context
    token: VerifiedToken
    now: int
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def author(self) -> Author:
        """Who does something, as the audit trail names them."""
        return find_author(self.request, self.context, self.token)

    def say(self, key: str, **values: object) -> str:
        """Return a text of the pages."""
        return self.context.pages.say(key, **values)

    async def show(self, template: str, said: Said, **values: object) -> web.Response:
        """Return a page; `is_admin` and `here` are for its bar, `said` for its notice."""
        return await render_page(
            self.request,
            template,
            status=said.status,
            retry_after=said.retry_after,
            said=said,
            is_admin=self.context.admin_role in self.token.principal.roles,
            here=self.request.path.removeprefix(self.context.public.path),
            **values,
        )

    def go(self, path: str, done: str) -> web.Response:
        """Send the browser on to a page of ours that says what was done."""
        return see_other(f"{self.context.public.base}{path}?{urlencode({'done': done})}")

    def log(self, refusal: Deny | Throttled) -> None:
        """Say in the log who was refused what."""
        log_request(self.request, self.context, refusal, self.token.claims.sub)

    def prove_again(self, refusal: Deny, path: str) -> web.Response:
        """Send the browser to a login as `refusal` asks for, and from there to a page of ours."""
        self.log(refusal)
        way_back = f"{self.context.public.base}{path}"
        return see_other(render_login(self.context.login_url, way_back, refusal.step_up))

    def explain(self, error: FieldsInvalid) -> Said:
        """Return what is wrong with the fields of a form, in the words of the pages.

        What is wrong with one of a list is told once, beside the field that the list is typed in.
        """
        names = dict.fromkeys(pointer.split("/")[1] for pointer, _ in error.errors)
        return self.refuse({name: self.say(f"wrong.{name}") for name in names})

    def refuse(self, errors: Mapping[str, str]) -> Said:
        """Return what is said above and beside the fields of a form that is not taken."""
        return Said(HTTPStatus.UNPROCESSABLE_ENTITY, self.say("wrong.form"), errors=errors)


Show = Callable[[Visit, Said], Awaitable[web.Response]]
Work = Callable[[Visit], Awaitable[web.Response]]


def for_page(show: Show, *, administrators: bool = False) -> Handler:
    """Return the handler of a page, for people who are logged in or for administrators alone."""

    @wraps(show)
    async def handle(request: web.Request) -> web.StreamResponse:
        visit = _admit(request, administrators=administrators)
        if isinstance(visit, web.Response):
            return visit
        done = request.query.get("done")
        if done not in DONE:
            return await show(visit, Said())
        return await show(visit, Said(notice=visit.say(f"done.{done}"), kind="good"))

    return handle


def for_form(show: Show, *, administrators: bool = False) -> Callable[[Work], Handler]:
    """Return what makes a handler of a form that stands in the page `show`, for whom as there."""

    def decorate(work: Work) -> Handler:
        @wraps(work)
        async def handle(request: web.Request) -> web.StreamResponse:
            visit = _admit(request, administrators=administrators)
            if isinstance(visit, web.Response):
                return visit
            form = await read_form(request)
            # Once more: the body may have been under way for seconds (web/callers.py).
            visit = _admit(request, administrators=administrators)
            if isinstance(visit, web.Response):
                return visit
            refusal = judge_form(request, visit.context, form.pop(CSRF_FIELD, None))
            visit = replace(visit, form=form)
            if refusal is not None:
                visit.log(refusal)
                return await show(visit, Said(HTTPStatus.FORBIDDEN, visit.say("login.stale")))
            try:
                return await work(visit)
            except FieldsInvalid as error:
                return await show(visit, visit.explain(error))
            except tuple(COMPLAINTS) as error:
                return await _show_conflict(show, visit, error)

        return handle

    return decorate


async def _show_conflict(show: Show, visit: Visit, error: SidecarError) -> web.Response:
    status, _ = CONFLICTS[type(error)]
    key, name = COMPLAINTS[type(error)]
    text = visit.say(key)
    if isinstance(error, VersionMismatch):  # what is there now is shown, not what was typed
        visit = replace(visit, form={})
    if name is None:
        return await show(visit, Said(status, text))
    return await show(visit, Said(status, visit.say("wrong.form"), errors={name: text}))


def say_refusal(visit: Visit, refusal: Deny | Throttled, field_name: str, key: str) -> Said:
    """Return what is said where a secret was not right, or may not be tried now."""
    visit.log(refusal)
    if isinstance(refusal, Throttled):
        seconds = refusal.retry_after
        return Said(
            HTTPStatus.TOO_MANY_REQUESTS,
            visit.say("login.throttled", seconds=seconds),
            retry_after=seconds,
        )
    return visit.refuse({field_name: visit.say(key)})


def _admit(request: web.Request, *, administrators: bool) -> Visit | web.Response:
    """Return who visits; an answer for whoever may not, which is the login page for nobody."""
    context, clock = request.app[CONTEXT], read_clock()
    judge = judge_administrator if administrators else judge_person
    token = judge(request, context, clock)
    if isinstance(token, VerifiedToken) and token.kind is not TokenKind.SESSION:
        token = Deny(Reason.NO_CREDENTIAL)  # pages are for browsers, and those have the cookie
    if isinstance(token, VerifiedToken):
        return Visit(request, context, token, clock.unix)
    if STATUSES.get(token.reason, UNAUTHORIZED) != UNAUTHORIZED:
        return refuse_request(request, context, token)
    way_back = _find_way_back(request, context)
    answer = see_other(render_login(context.login_url, way_back, None))
    expire_contradiction(answer, request, context, token)
    return answer


def _find_way_back(request: web.Request, context: Context) -> str:
    """Return where somebody goes on after the login: a form is not sent again."""
    path = request.rel_url.raw_path.removeprefix(context.public.path)
    if request.method not in {"GET", "HEAD"}:
        return f"{context.public.base}/{path.split('/')[1]}"
    query = request.rel_url.raw_query_string
    return f"{context.public.base}{path}{'?' + query if query else ''}"
