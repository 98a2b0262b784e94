"""The form of a request to an OAuth endpoint (RFC 6749 section 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from sidecar.errors import BodyMalformed
from sidecar.schemas.requests import parse_pairs
from sidecar.web.oauth.refusals import OAuthError, OAuthRefusal
from sidecar.web.requests import FORM, media_type, read_body

RESOURCE: Final = "resource"  # the one parameter that may stand several times (RFC 8707 section 2)


@dataclass(frozen=True, slots=True)
class OAuthForm:
    """The parameters that have a value, each once; `resources` are the others."""

    values: Mapping[str, str] = field(repr=False)
    resources: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """Return a parameter; one without a value counts as left out."""
        return self.values.get(name)


async def read_form(request: web.Request) -> OAuthForm | OAuthRefusal:
    """Return the form of a request, or why it is none.

    Raises HTTPRequestEntityTooLarge and HTTPRequestTimeout.
    """
    if request.query_string:  # gateways and browsers write URLs down, secrets included
        return _refuse("a parameter stands in the URL: all of them belong into the body")
    if media_type(request) != FORM:
        return _refuse(f"the body must be {FORM}")
    try:
        pairs = parse_pairs(await read_body(request))
    except BodyMalformed as error:
        return _refuse(str(error))
    single = [(name, value) for name, value in pairs if name != RESOURCE]
    values = dict(single)
    if len(values) != len(single):
        return _refuse("a parameter stands twice")
    return OAuthForm(
        {name: value for name, value in values.items() if value},
        tuple(value for name, value in pairs if name == RESOURCE and value),
    )


def refuse_missing(name: str) -> OAuthRefusal:
    """Return the refusal of a form that lacks a parameter."""
    return _refuse(f"{name} is missing")


def _refuse(description: str) -> OAuthRefusal:
    return OAuthRefusal(OAuthError.INVALID_REQUEST, description)
