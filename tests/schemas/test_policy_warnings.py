"""What a policy may say but hardly means: warnings with their lines."""

from ipaddress import ip_network

import pytest

from sidecar.core.addresses import Network
from sidecar.core.policy import Policy
from sidecar.schemas.policy import find_host_warnings, parse_rules
from tests.schemas.policies import NAME, write

TRUSTED = (ip_network("127.0.0.0/8"), ip_network("::1"), ip_network("10.9.0.0/16"))


def warn(text: str, admin_role: str = "admin", trusted: tuple[Network, ...] = TRUSTED) -> list[str]:
    policy = Policy(parse_rules(text, NAME))
    return [
        f"{NAME}:{line}: hosts.{host}: {told}"
        for host in policy.hosts
        for line, told in find_host_warnings(
            policy, host, admin_role=admin_role, trusted_proxies=trusted
        )
    ]


ADMIN = (
    "policy.yaml:4: hosts.a.example: root is the role that changes every user"
    " (accounts.admin_role): who needs no more than this path should have another"
)


@pytest.mark.parametrize(
    ("roles", "warnings"),
    [
        ("[root]", [ADMIN]),
        ("[staff, root]", [ADMIN]),
        ("[staff]", []),
        ("[Root]", []),
        ("[admin]", []),
    ],
)
def test_a_rule_that_names_the_admin_role_is_told(roles: str, warnings: list[str]) -> None:
    rule = f"{{path: /, allow: {{roles: {roles}, max_age: 5m}}}}"
    text = write("{path: /before, allow: signed-in}", rule)
    assert warn(text, admin_role="root") == warnings


@pytest.mark.parametrize(
    ("network", "proxies"),
    [
        ("127.0.0.0/8", "127.0.0.0/8"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("8.0.0.0/6", "10.9.0.0/16"),
        ("10.0.0.0/8", "10.9.0.0/16"),
        ("10.9.1.0/24", "10.9.0.0/16"),
        ("::1", "::1/128"),
        ("10.8.0.0/16", None),
        ("10.10.0.0/16", None),
        ("2001:db8::/32", None),
        ("::2", None),
    ],
)
def test_a_network_that_overlaps_the_proxies_is_told_wherever_it_stands(
    network: str, proxies: str | None
) -> None:
    shown = str(ip_network(network))
    text = f"the network {shown} overlaps {proxies} of gateway.trusted_proxies, whose addresses"
    for rule in (
        f"{{path: /, networks: ['{network}'], allow: anyone}}",
        f"{{path: /, allow: {{networks: [192.0.2.0/24, '{network}']}}}}",
    ):
        told = warn(write(rule))
        if proxies is None:
            assert told == []
        else:
            assert told == [f"policy.yaml:3: hosts.a.example: {text} are never a client's"]


def test_each_network_and_each_role_is_told() -> None:
    rule = "{path: /, networks: [10.0.0.0/8], allow: {roles: [admin], networks: [10.9.0.1]}}"
    told = warn(write(rule))
    assert [line.split()[2] for line in told] == ["admin", "the", "the"]


CASED = (
    "differs from that of line 3 in nothing but what some servers ignore, such as case: what both"
    " are about is refused as ambiguous"
)


@pytest.mark.parametrize(
    ("first", "second", "warned"),
    [
        ("{path: /Admin/**, allow: {roles: [a]}}", "{path: /admin/**, allow: signed-in}", True),
        ("{path: /a/*, allow: anyone}", "{path: /A/*, allow: signed-in}", True),
        ("{path: /stra\u00dfe, allow: anyone}", "{path: /STRASSE, allow: signed-in}", True),
        ("{path: /Admin/**, allow: {roles: [a]}}", "{path: /admin/**, allow: {roles: [a]}}", False),
        ("{path: /Admin/**, allow: anyone}", "{path: /admin/*, allow: signed-in}", False),
        ("{path: /a, methods: [GET], allow: anyone}", "{path: /a, allow: signed-in}", False),
        ("{path: /a, max_staleness: 5s, allow: signed-in}", "{path: /A, allow: signed-in}", True),
        ("{path: /a, when_stale: deny, allow: signed-in}", "{path: /A, allow: signed-in}", True),
    ],
)
def test_a_path_that_differs_in_case_alone_is_told_where_it_lets_others_in(
    first: str, second: str, *, warned: bool
) -> None:
    path = second[len("{path: ") :].partition(",")[0]
    expected = [f"policy.yaml:4: hosts.a.example: the path {path} {CASED}"] if warned else []
    assert warn(write(first, second)) == expected


SIGNED_IN = "{path: /**, allow: signed-in}"


@pytest.mark.parametrize(
    ("rule", "next_rule", "warned"),
    [
        ("{path: /a, allow: {roles: [x]}}", SIGNED_IN, True),
        ("{path: /a/*, allow: {roles: [x]}}", SIGNED_IN, True),
        ("{path: /a, methods: [PUT], allow: {roles: [x]}}", SIGNED_IN, True),
        ("{path: /a, allow: signed-in}", "{path: /**, allow: anyone}", True),
        ("{path: /a, allow: {roles: [x]}}", "{path: /a/, allow: {roles: [z]}}", True),
        ("{path: /a, allow: {roles: [x]}}", "{path: /a/, allow: {roles: [x]}}", False),
        ("{path: /a/**, allow: {roles: [x]}}", SIGNED_IN, False),
        ("{path: /a/, allow: {roles: [x]}}", SIGNED_IN, False),
        ("{path: /a, allow: {roles: [x]}}", "{path: /b/**, allow: signed-in}", False),
        ("{path: /a, allow: signed-in}", "{path: /**, allow: {roles: [x]}}", False),
        ("{path: /a, allow: anyone}", SIGNED_IN, False),
        ("{path: /a, allow: signed-in}", SIGNED_IN, False),
    ],
)
def test_a_path_whose_slash_at_the_end_lets_others_in_is_told(
    rule: str, next_rule: str, *, warned: bool
) -> None:
    path = rule.removeprefix("{path: ").partition(",")[0]
    told = (
        f"policy.yaml:3: hosts.a.example: {path}/ is not held by it, but by line 4, which lets"
        f" other people in: {path}/** holds both"
    )
    assert warn(write(rule, next_rule)) == ([told] if warned else [])


def test_a_policy_that_means_what_it_says_has_no_warnings() -> None:
    assert warn(write("{path: /**, methods: [GET], networks: [192.0.2.0/24], allow: anyone}")) == []
