"""The operations listener: life, readiness, metrics. Never on the public listener."""

import asyncio

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.web.context import CONTEXT
from sidecar.web.responses import answer_json


async def show_health(request: web.Request) -> web.Response:
    """Answer as long as the event loop turns; `workers` says how many processes there are."""
    return answer_json({"healthy": True, "workers": request.app[CONTEXT].health.workers})


async def show_readiness(request: web.Request) -> web.Response:
    """Answer 200 while the gate can decide, 503 while it cannot or this process drains."""
    context = request.app[CONTEXT]
    ready = not context.health.is_draining() and context.gate.can_decide(read_clock())
    members = {"ready": ready, "degraded": context.health.list_degraded()}
    return answer_json(members, 200 if ready else 503)


async def show_metrics(request: web.Request) -> web.Response:
    """Answer in the text format of Prometheus."""
    # In a thread: the first time it imports a library from disk, and /verify goes on meanwhile.
    body = await asyncio.to_thread(request.app[CONTEXT].health.render_metrics)
    return web.Response(
        body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )
