"""The explanation: which rule decides, which were passed over and why, and what is missing."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, Amr, Condition, MaxAge, Networks, Roles, Scope, Users
from sidecar.core.explain import Explanation, explain
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.policy import Policy, Rule, WhenStale
from sidecar.core.principal import Principal
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason
from sidecar.core.verify import Views, decide
from tests.core.asking import NOBODY_SPECIAL, make_facts
from tests.core.forge import HOST, NOW, Workshop
from tests.core.properties import THOROUGH, view_of

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
    return replace(NOBODY_SPECIAL, **changes)


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
        ({"path": "/admin/"}, replace(FULL, amr=frozenset()), Reason.AMR_MISSING, [OTP]),
        ({"path": "/admin/"}, replace(FULL, auth_time=NOW - 900), None, []),
        (
            *({"path": "/admin/"}, replace(FULL, auth_time=NOW - 901)),
            *(Reason.LOGIN_TOO_OLD, [YOUNG]),
        ),
        ({"path": "/admin/"}, replace(FULL, auth_time=None), Reason.LOGIN_TOO_OLD, [YOUNG]),
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


NAMES: Final = st.sampled_from(["a", "b", "c"])
SOME: Final = st.frozensets(NAMES, min_size=1, max_size=2)
NETWORKS: Final = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.0.0.0/31", "192.0.2.0/24", "::/0"]).map(ip_network),
    min_size=1,
    max_size=2,
).map(tuple)
CONDITIONS: Final = st.lists(
    st.one_of(
        st.builds(Users, SOME),
        st.builds(Roles, SOME),
        st.builds(Networks, NETWORKS),
        st.builds(Scope, SOME),
        st.builds(Amr, SOME),
        st.builds(MaxAge, st.sampled_from([0, 60, 900])),
    ),
    max_size=4,
    unique_by=type,
)
RESTRICTED: Final = CONDITIONS.map(lambda conditions: Access.of(*conditions))
METHODS: Final = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"])
GENERATED_RULES: Final = st.lists(
    st.builds(
        Rule,
        path=st.sampled_from(["/**", "/a/**", "/a", "/A/**", "/*/b", "/a/b/"]),
        access=st.one_of(
            st.just(Access(anyone=True)), st.just(Access(preflight=True)), RESTRICTED, RESTRICTED
        ),
        line=st.integers(1, 99),
        methods=st.none() | st.frozensets(METHODS, min_size=1, max_size=2),
        networks=st.none() | NETWORKS,
        when_stale=st.none() | st.sampled_from(WhenStale),
    ),
    max_size=6,
)
POLICIES: Final = st.dictionaries(
    st.sampled_from([HOST, "*.example.com", "*.b.example.com"]), GENERATED_RULES, max_size=3
).map(Policy)
ADDRESSES: Final = st.none() | st.sampled_from(["10.0.0.1", "10.9.9.9", "192.0.2.1", "::1"]).map(
    ip_address
)
FACTS: Final = st.builds(
    make_facts,
    path=st.sampled_from(["/", "/a", "/a/", "/a/b", "/A/b", "/a/b/", "/b/b"]),
    method=METHODS,
    host=st.sampled_from([HOST, "x.example.com", "x.b.example.com", "a.test"]).map(
        lambda name: Host(name, None)
    ),
    address=ADDRESSES,
    preflight=st.booleans(),
)
PEOPLE: Final = st.fixed_dictionaries(
    {
        "preferred_username": NAMES,
        "roles": st.sets(NAMES).map(tuple),
        "scope": st.sets(NAMES).map(" ".join),
        "amr": SOME.map(tuple),
        "auth_time": st.sampled_from([NOW, NOW - 60, NOW - 61, NOW - 900, NOW - 901]),
    }
)
PROGRAMS: Final = st.fixed_dictionaries(
    {
        "scope": st.sets(NAMES).map(" ".join),
        **dict.fromkeys(
            ("preferred_username", "sid", "auth_time", "amr", "email", "name"), st.none()
        ),
        "roles": st.just(()),
    }
)


@THOROUGH
@given(
    policy=POLICIES,
    facts=FACTS,
    claims=st.none() | PEOPLE | PROGRAMS,
    narrowing=st.none() | RESTRICTED,
)
def test_explaining_and_deciding_never_differ(
    workshop: Workshop,
    policy: Policy,
    facts: RequestFacts,
    claims: dict[str, Any] | None,
    narrowing: Access | None,
) -> None:
    token = None
    if claims is not None:
        good = workshop.verified()
        token = VerifiedToken(good.kind, good.kid, replace(good.claims, **claims))
    verdict = decide(
        facts,
        token,
        policy=policy,
        ring=workshop.ring,
        views=Views(view_of(), None),
        when_stale=WhenStale.DENY,
        now=NOW,
        clock_skew=0,
        narrowing=narrowing,
    )
    principal = None if token is None else token.principal
    found = explain(facts, principal, policy=policy, now=NOW, narrowing=narrowing)
    assert found.refusal == (None if isinstance(verdict, Allow) else verdict)
    if found.refusal is None:
        assert found.rule is not None
        assert found.open or found.missing == ()
    elif principal is not None and found.conditions:
        # The reason is the one of a condition that is told as missing.
        assert found.refusal.reason in {each.reason for each in found.missing}
