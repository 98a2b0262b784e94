"""What is explained is what was decided: whatever the policy, the request and who asks."""

from ipaddress import ip_address, ip_network
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, Amr, MaxAge, Networks, Roles, Scope, Users
from sidecar.core.explain import explain
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow
from sidecar.core.verify import decide
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW, Workshop
from tests.core.properties import THOROUGH, view_of

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
        max_staleness=st.none() | st.sampled_from([2, 60]),
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
        token = VerifiedToken(good.kind, good.kid, good.claims._replace(**claims))
    verdict = decide(
        facts,
        token,
        policy=policy,
        ring=workshop.ring,
        view=view_of(),
        age=0.0,
        posture=Posture(30, WhenStale.DENY),
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
