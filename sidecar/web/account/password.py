"""`/account/password`: another password, for the present one."""

from aiohttp import web

from sidecar.credentials.mint import CookieGrant
from sidecar.ports import Account
from sidecar.schemas.user import load_own_password
from sidecar.web.cookies import set_session_cookie
from sidecar.web.newpasswords import find_fault
from sidecar.web.proofs import prove_password
from sidecar.web.visits import Said, Visit, for_form, for_page, say_refusal


async def show_password(visit: Visit, said: Said) -> web.Response:
    """Show the form; no password ever stands in it."""
    username, least = visit.token.claims.preferred_username, visit.context.rules.least
    return await visit.show("account/password.html", said, username=username, least=least)


get_password = for_page(show_password)


@for_form(show_password)
async def post_password(visit: Visit) -> web.Response:
    """Set another password; this session goes on with a new cookie, all others end."""
    context, claims, author = visit.context, visit.token.claims, visit.author
    typed = {name: visit.form.get(name, "") for name in ("current_password", "new_password")}
    current, new = load_own_password(typed)
    if visit.form.get("again") != new:
        wrong = visit.refuse({"again": visit.say("reset.different")})
        return await show_password(visit, wrong)
    account = await prove_password(visit.request, context, visit.token, current, visit.now)
    if not isinstance(account, Account):
        said = say_refusal(visit, account, "current_password", "wrong.current_password")
        return await show_password(visit, said)
    # It comes last: whoever does not know the present one has nothing judged.
    user = account.user
    names = (user.username, user.name, user.email)
    fault = await find_fault(context, new, *names, chooser=user.id)
    if fault is not None:
        return await show_password(visit, visit.refuse({"new_password": fault}))
    grant = None
    if claims.sid is not None:
        grant = await context.own_password.change(account, claims.sid, new, author, visit.now)
    answer = visit.go("/account/password", "password")
    if isinstance(grant, CookieGrant):  # else the session is over, and the page asks for a login
        set_session_cookie(answer, visit.request, context, grant)
    return answer
