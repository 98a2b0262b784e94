"""A request and who makes it, as an operator writes them down to ask what would happen."""

import re
from collections.abc import Iterable
from typing import Final

from sidecar.core.addresses import Address
from sidecar.core.facts import RequestFacts, parse_asked
from sidecar.core.origin import Site
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny

PASSWORD_AMR: Final = frozenset({"pwd"})  # RFC 8176: how people log in who do nothing special

_URL: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://([^/?#]+)([^#]*)(?:#.*)?", re.ASCII | re.IGNORECASE | re.DOTALL
)


def imagine_request(
    method: str, url: str, address: Address | None, *, preflight: bool = False
) -> RequestFacts | Deny | None:
    """Return the facts of a request for an absolute URL, or why the gate would refuse to read it.

    None where `url` is no absolute URL. A fragment is dropped, as by every client (RFC 9110 section
    7.1). A `preflight` is one only where the method is OPTIONS.
    """
    parts = _URL.fullmatch(url)
    if parts is None:
        return None
    target = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    asked = parse_asked((method, parts[1].lower(), parts[2], target))
    if isinstance(asked, Deny):
        return asked
    return RequestFacts(
        asked.method,
        asked.scheme,
        asked.host,
        asked.path,
        asked.target,
        address=address,
        site=Site.SAME_ORIGIN,
        origin_host=None,
        websocket=asked.scheme in {"ws", "wss"},
        preflight=preflight and asked.method == "OPTIONS",
    )


def imagine_principal(
    *,
    now: int,
    username: str | None = None,
    roles: Iterable[str] | None = None,
    scopes: Iterable[str] | None = None,
    amr: Iterable[str] | None = None,
    auth_age: int | None = None,
) -> Principal | None:
    """Return who asks; None, nobody, where nothing is said of them.

    Who has nothing but scopes is a program; everybody else is a person, as in `imagine_person`.
    """
    if any(each is not None for each in (username, roles, amr, auth_age)):
        return imagine_person(
            now=now,
            username=username,
            roles=roles or (),
            scopes=scopes or (),
            amr=amr,
            auth_age=auth_age,
        )
    if scopes is None:
        return None
    return Principal(
        username=None,
        roles=frozenset(),
        scopes=frozenset(scopes),
        amr=frozenset(),
        auth_time=None,
    )


def imagine_person(
    *,
    now: int,
    username: str | None,
    roles: Iterable[str],
    scopes: Iterable[str],
    amr: Iterable[str] | None,
    auth_age: int | None,
) -> Principal:
    """Return somebody who logged in `auth_age` seconds before `now` (Unix seconds).

    Without it that was just now, and by password where `amr` does not say how.
    """
    return Principal(
        username=username,
        roles=frozenset(roles),
        scopes=frozenset(scopes),
        amr=PASSWORD_AMR if amr is None else frozenset(amr),
        auth_time=now - (auth_age or 0),
    )
