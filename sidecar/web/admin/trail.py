"""`/admin/audit`: who did what to whom, and from where."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from sidecar.core.audit import OPERATOR, SERVICE, Action, AuditQuery, AuditRecord
from sidecar.core.user import canonical_username, is_user_id
from sidecar.errors import FieldsInvalid, NotFound
from sidecar.schemas.audit import load_audit_query
from sidecar.web.account.agents import describe_agent
from sidecar.web.admin.details import list_details
from sidecar.web.moments import show_moment
from sidecar.web.visits import Said, Visit, for_page

PAGE: Final = 50  # rows
PARTIES: Final = ("actor", "subject")


async def show_trail(visit: Visit, said: Said) -> web.Response:
    """Show a page of the trail, the newest row first; people may be named by their usernames."""
    query = visit.request.query
    asked = {name: query[name] for name in ("action", *PARTIES, "after") if query.get(name)}
    resolved = {**asked}
    for name in PARTIES:
        if name in asked:
            resolved[name] = await _find_id(visit, name, asked[name])
    try:
        found = await visit.context.audit.read_events(_ask_for_more(load_audit_query(resolved)))
    except FieldsInvalid:  # no row has such a thing
        found = ()
    page = found[:PAGE]
    following = None
    if len(found) > PAGE:
        following = "?" + urlencode({**asked, "after": str(page[-1].id)})
    names = await _name_people(visit, page)
    return await visit.show(
        "admin/audit.html",
        said,
        rows=[_show_row(each, names) for each in page],
        asked={name: asked.get(name, "") for name in ("action", *PARTIES)},
        actions=[("", visit.say("trail.any")), *((each.value, each.value) for each in Action)],
        is_first="after" not in asked,
        following=following,
    )


get_trail = for_page(show_trail, administrators=True)


def _ask_for_more(query: AuditQuery) -> AuditQuery:
    """Return the query for a page and one row more, which says whether there is a next one."""
    return replace(query, limit=PAGE + 1)


async def _find_id(visit: Visit, name: str, party: str) -> str:
    """Return the id of whoever has this username, else what was typed.

    As an actor `operator` and `service` are nobody's, though somebody may be called so.
    """
    username = canonical_username(party)
    if username is None or (name == "actor" and party in {OPERATOR, SERVICE}):
        return party
    try:
        return (await visit.context.people.show(username)).id
    except NotFound:
        return party


async def _name_people(visit: Visit, page: Sequence[AuditRecord]) -> dict[str, str]:
    """Return the usernames of those in the rows who are still there, by id."""
    parties = {text for each in page for text in (each.actor, each.subject)}
    return await visit.context.people.find_names(set(filter(is_user_id, parties)))


def _show_row(record: AuditRecord, names: dict[str, str]) -> dict[str, object]:
    return {
        "at": show_moment(record.at),
        "action": record.action,
        "actor": names.get(record.actor, record.actor),
        "actor_id": record.actor if record.actor in names else None,
        "subject": names.get(record.subject, record.subject),
        "subject_id": record.subject if record.subject in names else None,
        "address": record.device.address,
        "device": describe_agent(record.device.user_agent),
        "details": list_details(record.details),
    }
