"""`/account/factor`: the second factor is set up, confirmed, and taken away."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from sidecar.ports import Account
from sidecar.schemas.factors import OTP_CONFIRMATION, OTP_REMOVAL
from sidecar.schemas.requests import load_body
from sidecar.web.factors import confirm_factor
from sidecar.web.proofs import prove_password
from sidecar.web.qr import draw_qr
from sidecar.web.stepup import judge_age
from sidecar.web.visits import Said, Visit, for_form, for_page, say_refusal


async def show_factor(visit: Visit, said: Said) -> web.Response:
    """Show whether there is one."""
    has_factor = await visit.context.factors.has(visit.token.claims.sub)
    return await visit.show("account/factor.html", said, has_factor=has_factor)


get_factor = for_page(show_factor)


@for_form(show_factor)
async def post_factor(visit: Visit) -> web.Response:
    """Begin: the secret stands in this answer alone, as a QR code and as text."""
    too_old = judge_age(visit.token.principal, visit.now)
    if too_old is not None:
        return visit.prove_again(too_old, "/account/factor")
    user, _ = await visit.context.people.find(visit.token.claims.sub)
    secret, uri = await visit.context.factors.enrol(user, visit.now)
    drawn = await asyncio.to_thread(draw_qr, uri)
    return await visit.show("account/enrol.html", Said(), secret=secret, qr=drawn)


async def show_confirmation(visit: Visit, said: Said) -> web.Response:
    """Show where the code is typed once more, without the secret: that was shown once."""
    return await visit.show("account/enrol.html", said, secret=None, qr=None)


@for_form(show_confirmation)
async def post_confirmation(visit: Visit) -> web.Response:
    """Confirm by a code; the recovery codes stand in this answer alone."""
    too_old = judge_age(visit.token.principal, visit.now)
    if too_old is not None:
        return visit.prove_again(too_old, "/account/factor")
    body = load_body(OTP_CONFIRMATION, {"otp": visit.form.get("otp", "")})
    codes = await confirm_factor(visit.request, visit.context, visit.token, body.otp, visit.now)
    if not isinstance(codes, tuple):
        return await show_confirmation(visit, say_refusal(visit, codes, "otp", "wrong.otp"))
    return await visit.show("account/codes.html", Said(), codes=codes)


@for_form(show_factor)
async def post_removal(visit: Visit) -> web.Response:
    """Take it away, for the password."""
    context, token = visit.context, visit.token
    body = load_body(OTP_REMOVAL, {"password": visit.form.get("password", "")})
    account = await prove_password(visit.request, context, token, body.password, visit.now)
    if not isinstance(account, Account):
        said = say_refusal(visit, account, "password", "wrong.current_password")
        return await show_factor(visit, said)
    if not await context.factors.disable(account.user.id, visit.author, visit.now):
        return await show_factor(visit, Said(HTTPStatus.CONFLICT, visit.say("wrong.no_factor")))
    return visit.go("/account/factor", "factor")
