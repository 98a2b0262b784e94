"""How each gateway's configuration spells addresses, hosts and paths: filters of the templates."""

import json
import re
from collections.abc import Callable
from typing import Final

from sidecar.schemas.values import Listen

_HAPROXY_MARKS: Final = re.compile(r"""[\s"'#$\\]""")
_REGEX_MARKS: Final = re.compile(r"[.\[\]]")  # those that hosts and paths may have


def spell_regex(text: str) -> str:
    """Return a host or path as a regular expression that matches nothing else (RE2, PCRE)."""
    return _REGEX_MARKS.sub(r"\\\g<0>", text)


def spell_host_regex(host: str) -> str:
    """Return a host of the policy as such; `*.` stands for one label or more."""
    return rf".+\.{spell_regex(host[2:])}" if host.startswith("*.") else spell_regex(host)


def spell_haproxy(address: Listen) -> str:
    """Return an address as HAProxy's `bind` and `server` take it."""
    return str(address) if address.path is None else f"unix@{address.path}"


def spell_haproxy_word(text: str) -> str:
    """Return a text as one word of a line: within strong quotes nothing means anything else."""
    return "'" + text.replace("'", "'\\''") + "'" if _HAPROXY_MARKS.search(text) else text


def spell_caddy(address: Listen) -> str:
    """Return an address as Caddy's `reverse_proxy` takes it."""
    return str(address) if address.path is None else f"unix/{address.path}"


def spell_caddy_bind(address: Listen) -> str:
    """Return an address as Caddy's `bind` takes it: without the port, which the site has."""
    if address.path is not None:
        return spell_caddy(address)
    return f"[{address.host}]" if ":" in address.host else address.host


def spell_envoy(address: Listen) -> str:
    """Return an address as a flow mapping of Envoy's `Address`."""
    if address.path is not None:
        return json.dumps({"pipe": {"path": str(address.path)}})
    return json.dumps({"socket_address": {"address": address.host, "port_value": address.port}})


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "regex": spell_regex,
    "host_regex": spell_host_regex,
    "haproxy_address": spell_haproxy,
    "haproxy_word": spell_haproxy_word,
    "caddy_address": spell_caddy,
    "caddy_bind": spell_caddy_bind,
    "envoy_address": spell_envoy,
}
