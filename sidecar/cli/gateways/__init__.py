"""The gateways' configurations: one template for each file, filled from settings and policy."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.cli.gateways.spelling import FILTERS
from sidecar.core.facts import parse_host
from sidecar.core.policy import wildcards
from sidecar.core.verdict import Deny
from sidecar.errors import SidecarError
from sidecar.schemas.defaults import ASSERTION
from sidecar.schemas.identity import CUSTOMARY, FORWARDING, IDENTITY
from sidecar.schemas.values import Listen
from sidecar.web.context import PublicUrl

# Each gateway's files; the first is the one that an operator adds to what is there already. None
# may be called like a file of ours: `--out .` would replace the settings.
FILES: Final = {
    "nginx": {"nginx.conf": "nginx.conf.j2"},
    "traefik": {"routes.yaml": "traefik.yaml.j2", "traefik.yaml": "traefik-static.yaml.j2"},
    "caddy": {"Caddyfile": "Caddyfile.j2"},
    "envoy": {"envoy.yaml": "envoy.yaml.j2"},
    "haproxy": {"haproxy.cfg": "haproxy.cfg.j2", "sidecar.lua": "sidecar.lua.j2"},
}

# What a question says of the client beside the request itself; nginx, Traefik and Caddy send all.
ASKED: Final = (
    "Authorization",
    "Cookie",
    "Accept",
    "Content-Type",
    "Origin",
    "Access-Control-Request-Method",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",
    "Upgrade",
    "X-Requested-With",
)
HTTP_PORT: Final = 80

_UPSTREAM: Final = re.compile(r"http://([A-Za-z0-9._:\[\]-]+)")
_NO_SOCKETS: Final = {"traefik": ("listen", "auth", "pages")}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gateway guards: `hosts` at `listen`, in front of `upstream`, asking at `auth`.

    The service's pages are at `pages`, where that is left out at `auth` too; `identity` names the
    headers in which an allow says who it is. `folder` is where the files are written, None where
    they are printed.
    """

    hosts: tuple[str, ...]
    upstream: str
    listen: Listen
    auth: Listen
    public_url: str
    pages: Listen | None = None
    identity: tuple[str, ...] = (*IDENTITY, ASSERTION)
    folder: Path | None = None

    @property
    def cleared(self) -> tuple[str, ...]:
        """The headers that say nothing here, but that some upstream believes.

        Among them those of an identity that has other names: an upstream may still read the old.
        """
        names = {name.lower() for name in self.identity}
        others = (*IDENTITY, ASSERTION, *CUSTOMARY)
        return (*(name for name in others if name.lower() not in names), *FORWARDING)

    @property
    def guarded_hosts(self) -> tuple[str, ...]:
        """The hosts of the upstream, without one that is the service's alone.

        The service's host stands here by name where only a wildcard of the upstream holds it.
        """
        public = PublicUrl.parse(self.public_url)
        own = public.host.name
        if not public.path:
            return tuple(host for host in self.hosts if host != own)
        shared = own not in self.hosts and any(each in self.hosts for each in wildcards(own))
        return (*self.hosts, own) if shared else self.hosts


def canonical_host(text: str) -> str:
    """Return the canonical spelling of a host or `*.host`; what is none as it came."""
    star = "*." if text.startswith("*.") else ""
    parsed = parse_host(text.removeprefix(star))
    return text if isinstance(parsed, Deny) else f"{star}{parsed}"


def render_gateway(name: str, plan: Plan) -> dict[str, str]:
    """Return the files of a gateway by name. Raises SidecarError where the plan cannot be had."""
    _refuse_impossible(name, plan)
    upstream = _read_upstream(plan.upstream)
    public = PublicUrl.parse(plan.public_url)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration, not HTML; every value has been judged
    )
    templates.filters.update(FILTERS)
    values = {
        "hosts": plan.guarded_hosts,
        "upstream": upstream,
        "listen": plan.listen,
        "auth": plan.auth,
        "pages": plan.pages or plan.auth,
        "login_host": public.host.name,
        "login_path": public.path,
        "identity": plan.identity,
        "asked": ASKED,
        "cleared": plan.cleared,
        "lua": str((plan.folder or Path()) / "sidecar.lua"),
    }
    return {
        file: templates.get_template(template).render(values)
        for file, template in FILES[name].items()
    }


def _refuse_impossible(name: str, plan: Plan) -> None:
    for flag in _NO_SOCKETS.get(name, ()):
        address: Listen | None = getattr(plan, flag)
        if address is not None and address.path is not None:
            raise SidecarError(
                f"--{flag}: {name.capitalize()} knows no Unix sockets; say HOST:PORT"
            )
    if not plan.guarded_hosts and plan.hosts:
        raise SidecarError(
            f"--host: {plan.hosts[0]} is the service's own; give server.public_url a path, or guard"
            " another host"
        )
    if not plan.guarded_hosts:
        raise SidecarError("no host to guard: say --host, or write a policy")
    for host in plan.hosts:
        parsed = parse_host(host.removeprefix("*."))
        if isinstance(parsed, Deny) or parsed.port is not None:
            raise SidecarError(f"--host: {host} is not a host without scheme and port")


def _read_upstream(url: str) -> Listen:
    """Return where an upstream listens: `http://HOST`, with or without a port."""
    match = _UPSTREAM.fullmatch(url)
    parsed = parse_host(match[1]) if match else None
    if parsed is None or isinstance(parsed, Deny):
        raise SidecarError("--upstream: must be http://HOST:PORT")
    return Listen(parsed.name.strip("[]"), parsed.port or HTTP_PORT)
