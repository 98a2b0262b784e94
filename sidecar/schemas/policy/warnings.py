"""What a policy may say but hardly means."""

from collections.abc import Iterable, Iterator, Sequence

from sidecar.core.access import Networks, Roles
from sidecar.core.addresses import Network
from sidecar.core.folding import fold_path
from sidecar.core.policy import Policy, Rule


def find_host_warnings(
    policy: Policy, host: str, *, admin_role: str, trusted_proxies: Sequence[Network]
) -> list[tuple[int, str]]:
    """Return the line in the file, and what is told of it, for each rule that may not be meant.

    `host` is one of the policy's hosts.
    """
    found: list[tuple[int, str]] = []
    read_alike: dict[str, Rule] = {}
    for rule in policy.rules_of(host):
        texts = [
            *_judge_access(rule, admin_role),
            *_judge_networks(rule, trusted_proxies),
            *_judge_reading(rule, read_alike.setdefault(fold_path(rule.path), rule)),
            *_judge_slash(rule, policy.find(host, f"{rule.path}/").exact),
        ]
        found += [(rule.line, text) for text in texts]
    return found


def _judge_access(rule: Rule, admin_role: str) -> Iterator[str]:
    for condition in rule.access.conditions:
        if isinstance(condition, Roles) and admin_role in condition.any_of:
            yield (
                f"{admin_role} is the role that changes every user (accounts.admin_role): who needs"
                " no more than this path should have another"
            )


def _judge_networks(rule: Rule, trusted_proxies: Iterable[Network]) -> Iterator[str]:
    conditions = [each for each in rule.access.conditions if isinstance(each, Networks)]
    networks = [*(rule.networks or ()), *(each for one in conditions for each in one.any_of)]
    for network in networks:
        for proxies in trusted_proxies:
            if network.version == proxies.version and network.overlaps(proxies):
                yield (
                    f"the network {network} overlaps {proxies} of gateway.trusted_proxies, whose"
                    " addresses are never a client's"
                )


def _judge_reading(rule: Rule, first: Rule) -> Iterator[str]:
    if rule.path != first.path and rule.says != first.says:
        yield (
            f"the path {rule.path} differs from that of line {first.line} in nothing but what some"
            " servers ignore, such as case: what both are about is refused as ambiguous"
        )


def _judge_slash(rule: Rule, beside: Sequence[Rule]) -> Iterator[str]:
    """Tell that many servers read `/a/` as `/a`, where other people get there.

    `beside` are the rules about the path with a slash.
    """
    if rule.access.open or rule.path.endswith(("/", "/**")) or not beside:
        return
    other = beside[0]
    if other.access != rule.access and (other.access.open or rule.access.conditions):
        yield (
            f"{rule.path}/ is not held by it, but by line {other.line}, which lets other people in:"
            f" {rule.path}/** holds both"
        )
