"""The version of what is read and changed: `ETag` and `If-Match` (RFC 9110 sections 8.8.3, 13.1.1).

A version is a number that every change moves.
"""

import re
from typing import Final

from aiohttp import web

from sidecar.errors import PreconditionRequired, VersionMismatch
from sidecar.web.headers import find_single

ANY: Final = "*"

_VERSION: Final = re.compile(r'"([0-9]{1,18})"', re.ASCII)


def set_version(answer: web.Response, version: int) -> web.Response:
    """Say of which version an answer is."""
    answer.headers["ETag"] = f'"{version}"'
    return answer


def read_version(request: web.BaseRequest) -> int | None:
    """Return the version that a change must be of; None: any. Raises PreconditionRequired.

    Raises VersionMismatch as `find_version` does.
    """
    if "If-Match" not in request.headers:
        raise PreconditionRequired("a change needs If-Match")
    return find_version(request)


def find_version(request: web.BaseRequest) -> int | None:
    """Return the version of `If-Match`; None where it is not there, or where any will do.

    It names one version: of a list the caller has seen one only. Raises VersionMismatch for what no
    version of ours looks like; a weak one never matches.
    """
    given = find_single(request.headers, "If-Match")
    if given is None:
        return None
    spelled = given.strip(" \t") if isinstance(given, str) else ""
    return None if spelled == ANY else _parse(spelled)


def parse_version(field: str | None) -> int:
    """Return the version that a form is of. Raises VersionMismatch for what is none of ours."""
    return _parse(f'"{field}"')


def _parse(spelled: str) -> int:
    version = _VERSION.fullmatch(spelled)
    if version is None:
        raise VersionMismatch("what was named is no version of it")
    return int(version[1])
