"""`/account/tokens`: what somebody gives their scripts."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from sidecar.clients.personal import NewToken
from sidecar.core.claims import DAY
from sidecar.core.personal import USUAL_TOKEN_LIFE
from sidecar.errors import NotFound
from sidecar.schemas.personal import load_token_fields
from sidecar.web.moments import show_moment
from sidecar.web.responses import see_other
from sidecar.web.stepup import judge_age
from sidecar.web.visits import Said, Visit, for_form, for_page

LIVES: Final = (7, 30, 90, 365)  # days that are offered
USUAL: Final = {"name": "", "scopes": "", "networks": "", "expires_in": str(USUAL_TOKEN_LIFE)}


async def show_tokens(visit: Visit, said: Said) -> web.Response:
    """Show the tokens that are good, the newest first, and the form for another."""
    claims = visit.token.claims
    found = await visit.context.personal.list(claims.sub, visit.now)
    rows = [
        {
            "id": each.token.id,
            "name": each.token.name,
            "scopes": each.token.scopes,
            "networks": [str(network) for network in each.token.networks],
            "expires": show_moment(each.token.expires_at),
            "used": None if each.token.used_at is None else show_moment(each.token.used_at),
        }
        for each in found
    ]
    return await visit.show(
        "account/tokens.html",
        said,
        rows=rows,
        held=claims.scope.split(),
        lives=[(str(days * DAY), visit.say("tokens.days", days=days)) for days in LIVES],
        typed={**USUAL, **visit.form},
    )


get_tokens = for_page(show_tokens)


@for_form(show_tokens)
async def post_token(visit: Visit) -> web.Response:
    """Give a token; its text stands in this answer alone."""
    too_old = judge_age(visit.token.principal, visit.now)
    if too_old is not None:
        return visit.prove_again(too_old, "/account/tokens")
    context, claims, form = visit.context, visit.token.claims, visit.form
    life = form.get("expires_in")
    members: dict[str, object] = {
        "name": form.get("name", "").strip(),
        "scopes": form.get("scopes", "").split(),
        "expires_in": next((days * DAY for days in LIVES if str(days * DAY) == life), 0),
    }
    networks = form.get("networks", "").split()
    if networks:
        members["networks"] = networks
    new = NewToken(**load_token_fields(members))
    owner, _ = await context.people.find(claims.sub)
    made = await context.personal.add(
        new, owner, visit.author, visit.now, key=context.personal_key, asking=claims
    )
    if made is None:  # another process ended the session a moment ago
        return see_other(context.login_url)
    token, text = made
    expires = show_moment(token.expires_at)
    return await visit.show(
        "account/made.html", Said(), name=token.name, text=text, expires=expires
    )


@for_form(show_tokens)
async def post_token_removal(visit: Visit) -> web.Response:
    """Take one back; one that is gone already has nothing left to take."""
    sub = visit.token.claims.sub
    with suppress(NotFound):
        await visit.context.personal.remove(visit.form.get("id", ""), sub, visit.author, visit.now)
    return visit.go("/account/tokens", "token")
