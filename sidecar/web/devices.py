"""The cookie by which a device is known from which somebody has logged in before.

It opens no door: who shows it has an allowance of attempts of their own (credentials/throttle.py),
which strangers who guess cannot use up. It is for one user, and the host's own alone.
"""

from typing import Final

from aiohttp import web

from sidecar.core.throttle import MARK_TTL
from sidecar.credentials.buckets import LONGEST_DEVICE
from sidecar.web.cookies import find_own_cookie, set_host_cookie
from sidecar.web.credentials import DEVICE_COOKIE

DEVICE_TTL: Final = MARK_TTL  # seconds; each login begins them anew


def find_shown_device(request: web.BaseRequest) -> str | None:
    """Return what the device shows, unopened; None for what is too long to be ours."""
    shown = find_own_cookie(request, DEVICE_COOKIE)
    return None if shown is None or len(shown) > LONGEST_DEVICE else shown


def set_device_cookie(answer: web.StreamResponse, shown: str) -> None:
    """Have the device show this at its next login."""
    set_host_cookie(answer, DEVICE_COOKIE, shown, DEVICE_TTL)
