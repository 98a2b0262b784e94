"""What everything is compared with: an aiohttp application whose handler does nothing.

A program of its own: `bare.py PORT`.
"""

import sys
from typing import Final

import uvloop
from aiohttp import web

PATHS: Final = ("/", "/verify/traefik")


async def answer(_: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    """Answer with an empty 200 until SIGTERM."""
    app = web.Application()
    for path in PATHS:
        app.router.add_get(path, answer)
    port = int(sys.argv[1])
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
