"""The explanation: which rule decides, which were passed over and why, and what is missing."""

from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from sidecar.core.access import Access, Amr, Condition, MaxAge, Networks, Roles, Scope, Users
from sidecar.core.explain import Explanation, explain
from sidecar.core.facts import Host
from sidecar.core.policy import Policy, Rule
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason
from tests.core.asking import NOBODY_SPECIAL, make_facts
from tests.core.forge import HOST, NOW

INTERN: Final = (ip_network("10.0.0.0/8"),)
INSIDE, OUTSIDE = ip_address("10.0.0.1"), ip_address("192.0.2.1")
STAFF, ADMIN = Roles(frozenset({"staff"})), Roles(frozenset({"admin", "ops"}))
READ, WRITE = Scope(frozenset({"read"})), Scope(frozenset({"read", "write"}))
ALICE, OTP, YOUNG = Users(frozenset({"alice"})), Amr(frozenset({"otp"})), MaxAge(900)
RULES: Final = [
    Rule("/public/**", Access(anyone=True), 1),
    Rule("/metrics", Access(anyone=True), 2, networks=INTERN),
    Rule("/orders/**", Access.of(READ), 3, methods=frozenset({"GET", "HEAD"})),
    Rule("/orders/**", Access(preflight=True), 4),
    Rule("/orders/**", Access.of(WRITE, STAFF), 5, methods=frozenset({"POST"}), networks=INTERN),
    Rule("/admin/**", Access.of(ADMIN, YOUNG, OTP), 6),
    Rule("/inside", Access.of(Networks(INTERN), ALICE), 7),
    Rule("/home/**", Access(), 8),
]
POLICY: Final = Policy({HOST: RULES, "*.example.com": [Rule("/**", Access(), 9)]})


def _explain(path: str, principal: Principal | None = None, **changes: Any) -> Explanation:
    narrowing = changes.pop("narrowing", None)
    facts = make_facts(path, **changes)
    return explain(facts, principal, policy=POLICY, now=NOW, narrowing=narrowing)


def _somebody(**changes: Any) -> Principal:
    return NOBODY_SPECIAL._replace(**changes)


@pytest.mark.parametrize(
    ("asked", "line", "passed_over"),
    [
        ({"path": "/public/x"}, 1, []),
        ({"path": "/metrics", "address": INSIDE}, 2, []),
        ({"path": "/metrics", "address": OUTSIDE}, None, [(2, "networks")]),
        ({"path": "/metrics"}, None, [(2, "networks")]),
        ({"path": "/orders/1"}, 3, []),
        ({"path": "/orders/1", "method": "HEAD"}, 3, []),
        (
            {"path": "/orders/1", "method": "OPTIONS", "preflight": True},
            *(4, [(3, "methods")]),
        ),
        (
            {"path": "/orders/1", "method": "OPTIONS"},
            *(None, [(3, "methods"), (4, "allow"), (5, "methods")]),
        ),
        (
            {"path": "/orders/1", "method": "POST", "address": INSIDE},
            *(5, [(3, "methods"), (4, "allow")]),
        ),
        (
            {"path": "/orders/1", "method": "POST", "address": OUTSIDE},
            *(None, [(3, "methods"), (4, "allow"), (5, "networks")]),
        ),
        ({"path": "/nowhere"}, None, []),
    ],
)
def test_rules_about_the_path_are_passed_over_up_to_the_one_that_decides(
    asked: dict[str, Any], line: int | None, passed_over: list[tuple[int, str]]
) -> None:
    found = _explain(**asked)
    assert [(each.rule.line, each.key) for each in found.passed_over] == passed_over
    assert (None if found.rule is None else found.rule.line) == line
    assert found.entry == HOST
    assert (found.refusal == Deny(Reason.NO_RULE)) is (line is None)
    if line is None:
        assert (found.conditions, found.open, found.folded) == ((), False, None)


@pytest.mark.parametrize(
    ("host", "entry"),
    [(HOST, HOST), ("x.example.com", "*.example.com"), ("example.com", None), ("a.test", None)],
)
def test_it_names_the_entry_that_holds_the_host(host: str, entry: str | None) -> None:
    found = _explain("/home/", _somebody(), host=Host(host, 443))
    assert found.entry == entry
    assert found.refusal == (Deny(Reason.NO_RULE) if entry is None else None)


def test_a_path_that_another_rule_holds_in_another_case_names_both() -> None:
    policy = Policy({HOST: [Rule("/admin/**", Access.of(ADMIN), 1), Rule("/**", Access(), 2)]})
    found = explain(make_facts("/Admin/x"), _somebody(), policy=policy, now=NOW)
    assert found.refusal == Deny(Reason.PATH_AMBIGUOUS)
    assert found.rule is not None
    assert found.folded is not None
    assert (found.rule.line, found.folded.line) == (2, 1)
    assert found.conditions == ()


FULL: Final = _somebody(
    roles=frozenset({"staff", "ops"}), scopes=frozenset({"read", "write"}), amr=frozenset({"otp"})
)


@pytest.mark.parametrize(
    ("asked", "principal", "reason", "missing"),
    [
        ({"path": "/public/"}, None, None, []),
        ({"path": "/home/"}, None, Reason.NO_CREDENTIAL, []),
        ({"path": "/home/"}, _somebody(), None, []),
        ({"path": "/admin/"}, FULL, None, []),
        ({"path": "/admin/"}, None, Reason.NO_CREDENTIAL, [ADMIN, OTP, YOUNG]),
        ({"path": "/admin/"}, _somebody(), Reason.ROLE_MISSING, [ADMIN, OTP]),
        ({"path": "/admin/"}, FULL._replace(amr=frozenset()), Reason.AMR_MISSING, [OTP]),
        ({"path": "/admin/"}, FULL._replace(auth_time=NOW - 900), None, []),
        (
            *({"path": "/admin/"}, FULL._replace(auth_time=NOW - 901)),
            *(Reason.LOGIN_TOO_OLD, [YOUNG]),
        ),
        ({"path": "/admin/"}, FULL._replace(auth_time=None), Reason.LOGIN_TOO_OLD, [YOUNG]),
        ({"path": "/orders/1"}, _somebody(), Reason.SCOPE_MISSING, [READ]),
        (
            {"path": "/orders/1", "method": "POST", "address": INSIDE},
            _somebody(scopes=frozenset({"read"})),
            Reason.ROLE_MISSING,
            [STAFF, Scope(frozenset({"write"}))],
        ),
        ({"path": "/inside", "address": INSIDE}, _somebody(), None, []),
        (
            *({"path": "/inside", "address": OUTSIDE}, _somebody()),
            *(Reason.NETWORK_NOT_ALLOWED, [Networks(INTERN)]),
        ),
        (
            *({"path": "/inside"}, _somebody(username="bob")),
            *(Reason.USER_NOT_LISTED, [ALICE, Networks(INTERN)]),
        ),
        (
            *({"path": "/inside", "address": INSIDE}, _somebody(username=None)),
            *(Reason.USER_NOT_LISTED, [ALICE]),
        ),
    ],
)
def test_what_is_missing_is_each_condition_that_does_not_hold(
    asked: dict[str, Any],
    principal: Principal | None,
    reason: Reason | None,
    missing: list[Condition],
) -> None:
    found = _explain(asked["path"], principal, **{k: v for k, v in asked.items() if k != "path"})
    assert (None if found.refusal is None else found.refusal.reason) == reason
    assert list(found.missing) == missing
    assert [each.condition for each in found.conditions if each.missing is None] == [
        each.condition
        for each in found.conditions
        if type(each.condition) not in set(map(type, missing))
    ]


def test_what_the_gateway_asks_beside_the_rule_is_told_apart() -> None:
    found = _explain("/orders/1", FULL, narrowing=Access.of(ADMIN, Scope(frozenset({"x", "read"}))))
    assert [(each.condition.key, each.narrows) for each in found.conditions] == [
        ("scope", False),
        ("roles", True),
        ("scope", True),
    ]
    assert found.missing == (Scope(frozenset({"x"})),)
    assert found.refusal == Deny(Reason.SCOPE_MISSING)


@pytest.mark.parametrize(
    ("principal", "reason"),
    [(None, Reason.NO_CREDENTIAL), (_somebody(), Reason.ROLE_MISSING), (FULL, None)],
)
def test_an_open_door_that_the_gateway_narrows_is_open_no_longer(
    principal: Principal | None, reason: Reason | None
) -> None:
    assert _explain("/public/", principal).open
    found = _explain("/public/", principal, narrowing=Access.of(ADMIN))
    assert not found.open
    assert (None if found.refusal is None else found.refusal.reason) == reason
