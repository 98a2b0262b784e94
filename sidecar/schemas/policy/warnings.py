"""What a policy may say but hardly means."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sidecar.core.access import Networks, Roles
from sidecar.core.addresses import Network
from sidecar.core.policy import Policy, Rule

MOST_WARNINGS: Final = 20  # lines; they stand in the log at every start


def find_policy_warnings(
    policy: Policy, name: str, *, admin_role: str, trusted_proxies: Sequence[Network]
) -> tuple[str, ...]:
    """Return a line for each rule that may not be meant, with its place in the file `name`."""
    found = [
        f"{name}:{rule.line}: hosts.{host}: {text}"
        for host in policy.hosts
        for rule, text in _judge_host(policy.rules_of(host), admin_role, trusted_proxies)
    ]
    if len(found) > MOST_WARNINGS:
        found[MOST_WARNINGS:] = [f"{name}: and {len(found) - MOST_WARNINGS} more warnings"]
    return tuple(found)


def _judge_host(
    rules: Iterable[Rule], admin_role: str, trusted_proxies: Sequence[Network]
) -> Iterator[tuple[Rule, str]]:
    caseless: dict[str, Rule] = {}
    for rule in rules:
        texts = [
            *_judge_access(rule, admin_role),
            *_judge_networks(rule, trusted_proxies),
            *_judge_case(rule, caseless.setdefault(rule.path.casefold(), rule)),
        ]
        for text in texts:
            yield rule, text


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


def _judge_case(rule: Rule, first: Rule) -> Iterator[str]:
    same = (rule.access, rule.when_stale) == (first.access, first.when_stale)
    if rule.path != first.path and not same:
        yield (
            f"the path {rule.path} differs from that of line {first.line} in case alone: what both"
            " are about is refused as ambiguous"
        )
