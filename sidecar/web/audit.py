"""`GET /audit`: the audit trail, for administrators."""

from dataclasses import replace

from aiohttp import web

from sidecar.core.audit import Author
from sidecar.schemas.audit import dump_audit, load_audit_query
from sidecar.web.callers import for_administrators
from sidecar.web.context import Context
from sidecar.web.requests import read_query
from sidecar.web.responses import answer_json


@for_administrators
async def get_audit(request: web.Request, context: Context, _author: Author) -> web.StreamResponse:
    """Answer with the newest rows, `{items, next}`; `?after=` goes on behind `next`."""
    query = load_audit_query(read_query(request))
    # One row more says whether there is a next page.
    found = await context.audit.read_events(replace(query, limit=query.limit + 1))
    page = found[: query.limit]
    following = str(page[-1].id) if len(found) > query.limit else None
    return answer_json({"items": [dump_audit(each) for each in page], "next": following})
