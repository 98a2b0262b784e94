"""The applications of a process's listeners, and the context that their handlers work with."""

import asyncio
import logging
from functools import partial
from typing import NamedTuple

from aiohttp import web

from sidecar.accounts import NewUser, OwnPassword
from sidecar.accounts.factors import SecondFactors
from sidecar.app.services import Services
from sidecar.app.serving import Serving, Sources
from sidecar.app.theming import read_theme
from sidecar.clients.shown import ShownTokens
from sidecar.clock import read_clock
from sidecar.core.addresses import TrustedProxies
from sidecar.core.audit import SERVICE
from sidecar.core.client import SECRET_KEY_USE
from sidecar.core.grant import Issuer
from sidecar.core.personal import KEY_USE
from sidecar.core.session import REFRESH_KEY_USE
from sidecar.core.ticket import TICKET_KEY_USE
from sidecar.credentials.factors import FACTOR_KEY_USE, RECOVERY_KEY_USE, FactorKeys
from sidecar.credentials.mint import Lifetimes, Mint
from sidecar.errors import DocumentInvalid
from sidecar.login import Login
from sidecar.ports import SessionBound
from sidecar.rotation import RefreshOptions, Rotation
from sidecar.settings import CookieHandling, find_warnings
from sidecar.sources.keyring import derive_key
from sidecar.telemetry.log import say
from sidecar.web.context import CONTEXT, Context, Health, PublicUrl
from sidecar.web.credentials import CookieJar
from sidecar.web.csrf import CSRF_KEY_USE
from sidecar.web.identity import Identity
from sidecar.web.middlewares import error_boundary
from sidecar.web.pace import Pace
from sidecar.web.pages.engine import Pages
from sidecar.web.pages.refused import RefusedPages, make_refused_pages
from sidecar.web.presented import Presenting
from sidecar.web.routes import make_operations_app, make_public_app
from sidecar.web.verify import QUESTIONS

log = logging.getLogger("sidecar.app")


class Apps(NamedTuple):
    """The application of each listener; `gate` is None where gateways ask at the public one."""

    public: web.Application
    operations: web.Application
    gate: web.Application | None


async def create_app(services: Services, workers: int) -> tuple[Serving, Apps]:
    """Return what serves, and the applications of its listeners.

    Reads ring and policy, and makes the first administrator where the settings name one. Raises
    DocumentInvalid, RingMismatch, StoreUnavailable.
    """
    settings = services.settings
    sources = Sources(services)
    policy = await sources.policy.open()
    theme = await asyncio.to_thread(read_theme, settings.pages, settings.server.public_url)
    pages = Pages(theme)
    if sources.policy_file.missing:
        log.warning("no policy: everything is refused", extra={"file": str(settings.policy_file)})
    opened = await sources.keys.open()
    serving = Serving(services, sources, opened, policy)
    await _bootstrap(services)
    url = PublicUrl.parse(settings.server.public_url)
    refused = await make_refused_pages(pages, url.base, url.origin)
    context = _make_context(serving, pages, refused, opened.secret, workers)
    for warning in (*find_warnings(settings), *sources.policy_warnings):
        log.warning("%s", warning)
    public = make_public_app(context)
    gate = None if settings.server.gate_listen is None else _take_gate(public)
    return serving, Apps(public, make_operations_app(context), gate)


def _take_gate(public: web.Application) -> web.Application:
    """Return an application that answers the gateways' questions alone, and `public` no more."""
    gate = web.Application(middlewares=[error_boundary])
    gate[CONTEXT], gate[QUESTIONS] = public[CONTEXT], public[QUESTIONS]
    public[QUESTIONS] = {}
    return gate


async def _bootstrap(services: Services) -> None:
    bootstrap = services.settings.bootstrap
    if bootstrap.admin is None or bootstrap.password is None:
        return
    if await services.accounts.read("", 1):
        return  # the settings that made the first one may stay
    fault = await services.passwords.judge(
        services.rules, bootstrap.password, bootstrap.admin, chooser=SERVICE
    )
    if fault is not None:
        raise DocumentInvalid((f"bootstrap.password: {services.rules.explain(fault)}",))
    user = await services.accounts.add_first_administrator(
        NewUser(bootstrap.admin), bootstrap.password, read_clock().unix
    )
    if user is not None:
        log.info("made the first administrator", extra={"username": user.username})


def _make_context(
    serving: Serving, pages: Pages, refused: RefusedPages, secret: bytes, workers: int
) -> Context:
    services, settings = serving.services, serving.services.settings
    tokens, session, identity = settings.tokens, settings.session, settings.identity
    refresh_key = derive_key(secret, REFRESH_KEY_USE)
    personal_key = derive_key(secret, KEY_USE)
    factor_keys = FactorKeys(
        derive_key(secret, FACTOR_KEY_USE), derive_key(secret, RECOVERY_KEY_USE)
    )
    public = PublicUrl.parse(settings.server.public_url)
    issuer = Issuer(tokens.issuer, tokens.audience, tokens.role_scopes)
    mint = Mint(
        issuer,
        Lifetimes(
            access=tokens.access_ttl,
            refresh=tokens.refresh_ttl,
            bearer_session=tokens.session_ttl,
            cookie_session=session.ttl,
            remembered_session=session.remember_ttl,
        ),
        refresh_key,
        serving.gate.present_ring,
    )
    keep_after = settings.revocation.keep_after
    bound = SessionBound(session.max_per_user, tokens.refresh_ttl, keep_after)
    store, revocations = services.store, services.revocations
    jar = CookieJar(session.domain)
    rotation = Rotation(
        store.sessions,
        mint,
        RefreshOptions(refresh_key, tokens.refresh_grace, tokens.role_scopes),
        revocations.end_session,
    )
    login = Login(
        store.sessions,
        services.passwords,
        serving.throttle,
        mint,
        bound,
        revocations.publish,
        factor_keys,
        derive_key(secret, TICKET_KEY_USE),
        services.view.find_least_epoch,
    )
    return Context(
        gate=serving.gate,
        login=login,
        throttle=serving.throttle,
        factors=SecondFactors(store.factors, factor_keys, settings.pages.name or public.host.name),
        rotation=rotation,
        mint=mint,
        programs=services.programs,
        client_key=derive_key(secret, SECRET_KEY_USE),
        passwords=services.passwords,
        rules=services.rules,
        resets=services.resets,
        revocations=services.revocations,
        people=services.accounts,
        own_password=OwnPassword(
            store.own_passwords,
            store.sessions,
            services.passwords,
            mint,
            revocations.publish,
            grace=tokens.refresh_grace,
            keep_after=keep_after,
        ),
        audit=services.store.audit,
        personal=services.personal,
        personal_key=personal_key,
        shown=ShownTokens(services.store.personal, services.view, issuer, personal_key, read_clock),
        health=Health(
            workers=workers,
            is_draining=lambda: serving.draining or not serving.listening,
            list_degraded=serving.list_degraded,
            render_metrics=partial(serving.render_metrics, rotation, login.outcomes),
        ),
        public=public,
        jar=jar,
        dialect=settings.gateway.dialect,
        trusted=TrustedProxies(settings.gateway.trusted_proxies),
        identity=Identity(
            identity.headers,
            identity.assertion.header,
            asserts=identity.assertion.enabled,
        ),
        pace=Pace(),
        presenting=Presenting(jar, keeps_cookie=identity.cookie is CookieHandling.KEEP),
        allowed_hosts=settings.allowed_hosts,
        cors_origins=frozenset(settings.cors_origins),
        pages=pages,
        refused_pages=refused,
        csrf_key=derive_key(secret, CSRF_KEY_USE),
        publish_ahead=settings.keys.publish_ahead,
        admin_role=settings.admin_role,
        decisions=settings.log_decisions,
        say=partial(say, logging.getLogger("sidecar.gate")),
    )
