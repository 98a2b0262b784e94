"""The gateways' configurations: one template for each file, filled from settings and policy."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.core.facts import parse_host
from sidecar.core.policy import wildcards
from sidecar.core.verdict import Deny
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen
from sidecar.web.context import PublicUrl
from sidecar.web.responses import ASSERTION, IDENTITY

# Each gateway's files; the first is the one that an operator adds to what is there already. None
# may be called like a file of ours: `--out .` would replace the settings.
FILES: Final = {
    "nginx": {"nginx.conf": "nginx.conf.j2"},
    "traefik": {"routes.yaml": "traefik.yaml.j2", "traefik.yaml": "traefik-static.yaml.j2"},
}

_UPSTREAM: Final = re.compile(r"http://[A-Za-z0-9._:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gateway guards: `hosts` at `listen`, in front of `upstream`, asking at `auth`."""

    hosts: tuple[str, ...]
    upstream: str
    listen: Listen
    auth: Listen
    public_url: str

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


def render_gateway(name: str, plan: Plan) -> dict[str, str]:
    """Return the files of a gateway by name. Raises SidecarError where the plan cannot be had."""
    public = PublicUrl.parse(plan.public_url)
    _refuse_impossible(name, plan)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration, not HTML; every value has been judged
    )
    values = {
        "hosts": plan.guarded_hosts,
        "upstream": plan.upstream.removeprefix("http://"),
        "listen": plan.listen,
        "auth": plan.auth,
        "login_host": public.host.name,
        "login_path": public.path,
        "identity": (*IDENTITY, ASSERTION),
    }
    return {
        file: templates.get_template(template).render(values)
        for file, template in FILES[name].items()
    }


def _refuse_impossible(name: str, plan: Plan) -> None:
    if name == "traefik":
        for flag, address in (("--listen", plan.listen), ("--auth", plan.auth)):
            if address.path is not None:
                raise SidecarError(f"{flag}: Traefik knows no Unix sockets; say HOST:PORT")
    if not plan.guarded_hosts and plan.hosts:
        raise SidecarError(
            f"--host: {plan.hosts[0]} is the service's own; give server.public_url a path, or guard"
            " another host"
        )
    if not plan.guarded_hosts:
        raise SidecarError("no host to guard: say --host, or write a policy")
    if _UPSTREAM.fullmatch(plan.upstream) is None:
        raise SidecarError("--upstream: must be http://HOST:PORT")
    for host in plan.hosts:
        parsed = parse_host(host.removeprefix("*."))
        if isinstance(parsed, Deny) or parsed.port is not None:
            raise SidecarError(f"--host: {host} is not a host without scheme and port")
