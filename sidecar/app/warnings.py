"""What a policy may say but hardly means under these settings: told wherever one is read."""

from collections.abc import Iterable, Iterator
from typing import Final

from sidecar.core.policy import Policy
from sidecar.schemas.policy import find_host_warnings
from sidecar.settings import Settings
from sidecar.sources.pace import Pace
from sidecar.web.context import PublicUrl
from sidecar.web.credentials import CookieJar

MOST_WARNINGS: Final = 20  # lines; they stand in the log at every start


async def find_policy_warnings(settings: Settings, policy: Policy, name: str) -> tuple[str, ...]:
    """Return a line for each rule and host that may not be meant, with its place in file `name`.

    In slices between which requests are answered.
    """
    found: list[str] = []
    pace = Pace()
    for lines in _walk(settings, policy, name):
        found += lines
        await pace.pause()
    if len(found) > MOST_WARNINGS:
        found[MOST_WARNINGS:] = [f"{name}: and {len(found) - MOST_WARNINGS} more warnings"]
    return tuple(found)


def _walk(settings: Settings, policy: Policy, name: str) -> Iterator[Iterable[str]]:
    """Yield the lines about each host."""
    jar = CookieJar(settings.session.domain)
    own = PublicUrl.parse(settings.server.public_url).host.name
    for host in policy.hosts:
        rules = policy.rules_of(host)
        lines = find_host_warnings(
            policy,
            host,
            admin_role=settings.admin_role,
            trusted_proxies=settings.gateway.trusted_proxies,
        )
        if rules and not jar.reaches(host, own):
            unreached = f"the cookie of a login at {own} does not reach it (session.domain)"
            lines = [(rules[0].line, unreached), *lines]
        yield [f"{name}:{line}: hosts.{host}: {text}" for line, text in lines]
