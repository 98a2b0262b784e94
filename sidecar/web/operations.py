"""The operations listener: life, readiness, metrics, refusals. Never on the public listener."""

import asyncio

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.web.context import CONTEXT
from sidecar.web.problems import problem
from sidecar.web.refusals import dump_refusal
from sidecar.web.requests import REQUEST_ID, is_request_id
from sidecar.web.responses import answer_json


async def show_health(request: web.Request) -> web.Response:
    """Answer as long as the event loop turns; `workers` says how many processes there are."""
    return answer_json({"healthy": True, "workers": request.app[CONTEXT].health.workers})


async def show_readiness(request: web.Request) -> web.Response:
    """Answer 200 while the gate can decide, 503 while it cannot or this process drains.

    `revocations` says how many seconds ago they were last read (`null`: never), and whether that is
    longer than `revocation.max_staleness`.
    """
    context, now = request.app[CONTEXT], read_clock()
    gate, age = context.gate, context.gate.view_age(now)
    ready = not context.health.is_draining() and gate.can_decide(now)
    members = {
        "ready": ready,
        "degraded": context.health.list_degraded(),
        "revocations": {
            "age": None if age is None else round(age, 3),
            "stale": gate.is_stale(now),
        },
    }
    return answer_json(members, 200 if ready else 503)


async def show_metrics(request: web.Request) -> web.Response:
    """Answer in the text format of Prometheus."""
    # In a thread: the first time it imports a library from disk, and /verify goes on meanwhile.
    body = await asyncio.to_thread(request.app[CONTEXT].health.render_metrics)
    return web.Response(
        body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def show_refusals(request: web.Request) -> web.Response:
    """Answer what this process remembers of the refusals of an id, and why they were."""
    asked, own_id = request.match_info["id"], request[REQUEST_ID]
    if not is_request_id(asked):
        return problem(400, "malformed", request_id=own_id, detail="this is no request id")
    context = request.app[CONTEXT]
    found = context.refusals.find(asked)
    if not found:
        return problem(404, "not_remembered", request_id=own_id)
    policy = context.gate.policy
    return answer_json({"items": [dump_refusal(each, policy) for each in found]})
