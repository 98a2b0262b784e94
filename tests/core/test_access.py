"""Whom a rule lets in: every condition must hold, and what a login cannot mend is said first."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import (
    Access,
    Amr,
    Condition,
    MaxAge,
    Networks,
    Roles,
    Scope,
    Users,
    find_missing,
    judge_access,
)
from sidecar.core.verdict import Deny, Reason, StepUp
from tests.core.asking import make_asker
from tests.core.forge import NOW
from tests.core.properties import THOROUGH

ROLES: Final = Roles(frozenset({"staff", "ops"}))
SCOPE: Final = Scope(frozenset({"orders:read", "orders:write"}))
USERS: Final = Users(frozenset({"alice", "bob"}))
NETWORKS: Final = Networks((ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
AMR: Final = Amr(frozenset({"otp", "hwk"}))
MAX_AGE: Final = MaxAge(900)

INSIDE: Final = ip_address("10.0.0.1")
BOTH: Final = frozenset({"orders:read", "orders:write"})


@pytest.mark.parametrize(
    ("condition", "asker", "holds"),
    [
        (ROLES, {"roles": frozenset({"staff"})}, True),
        (ROLES, {"roles": frozenset({"x", "ops"})}, True),
        (ROLES, {"roles": frozenset()}, False),
        (ROLES, {"roles": frozenset({"Staff", "staff ", "staff,ops"})}, False),
        (Roles(frozenset()), {"roles": frozenset({"staff"})}, False),
        (SCOPE, {"scopes": BOTH}, True),
        (SCOPE, {"scopes": BOTH | {"x"}}, True),
        (SCOPE, {"scopes": frozenset({"orders:read"})}, False),
        (SCOPE, {"scopes": frozenset({"orders:read orders:write"})}, False),
        (SCOPE, {"scopes": frozenset()}, False),
        (USERS, {"username": "alice"}, True),
        (USERS, {"username": "Alice"}, False),
        (USERS, {"username": "alic"}, False),
        (USERS, {"username": None}, False),
        (Users(frozenset()), {}, False),
        (NETWORKS, {"address": INSIDE}, True),
        (NETWORKS, {"address": ip_address("2001:db8::1")}, True),
        (NETWORKS, {"address": ip_address("11.0.0.0")}, False),
        (NETWORKS, {"address": ip_address("2001:db9::")}, False),
        (NETWORKS, {"address": None}, False),
        (Networks(()), {"address": INSIDE}, False),
        (AMR, {"amr": frozenset({"pwd", "otp"})}, True),
        (AMR, {"amr": frozenset({"pwd"})}, False),
        (AMR, {"amr": frozenset()}, False),
        (MAX_AGE, {"auth_time": NOW - 900}, True),
        (MAX_AGE, {"auth_time": NOW - 901}, False),
        (MAX_AGE, {"auth_time": NOW + 10}, True),
        (MAX_AGE, {"auth_time": 0}, False),
        (MAX_AGE, {"auth_time": None}, False),
    ],
)
def test_a_condition_alone_decides(
    condition: Condition, asker: dict[str, Any], *, holds: bool
) -> None:
    access = Access.of(condition)
    step_up = {
        AMR: StepUp(None, ("hwk", "otp")),
        MAX_AGE: StepUp(900, ()),
    }.get(condition)
    refusal = Deny(condition.reason, step_up)
    assert judge_access([access], make_asker(**asker)) == (None if holds else refusal)


EVERYTHING: Final = Access.of(MAX_AGE, AMR, SCOPE, NETWORKS, ROLES, USERS)
GOOD: Final[dict[str, Any]] = {
    "address": INSIDE,
    "username": "bob",
    "roles": frozenset({"ops"}),
    "scopes": BOTH,
    "amr": frozenset({"otp"}),
    "auth_time": NOW - 1,
}
NOT_LISTED, NO_ROLE = {"username": "eve"}, {"roles": frozenset({"x"})}
ELSEWHERE, NO_SCOPE = {"address": None}, {"scopes": frozenset({"orders:read"})}
NO_OTP, OLD = {"amr": frozenset({"pwd"})}, {"auth_time": NOW - 901}


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ([NOT_LISTED], Reason.USER_NOT_LISTED),
        ([NO_ROLE], Reason.ROLE_MISSING),
        ([ELSEWHERE], Reason.NETWORK_NOT_ALLOWED),
        ([NO_SCOPE], Reason.SCOPE_MISSING),
        ([NO_OTP], Reason.AMR_MISSING),
        ([OLD], Reason.LOGIN_TOO_OLD),
        ([OLD, NO_OTP], Reason.AMR_MISSING),
        ([OLD, NO_OTP, NO_SCOPE], Reason.SCOPE_MISSING),
        ([OLD, NO_SCOPE, ELSEWHERE], Reason.NETWORK_NOT_ALLOWED),
        ([NO_SCOPE, NO_ROLE], Reason.ROLE_MISSING),
        ([OLD, NO_OTP, NO_SCOPE, ELSEWHERE, NO_ROLE, NOT_LISTED], Reason.USER_NOT_LISTED),
    ],
)
def test_what_a_login_cannot_mend_is_said_first(
    worse: Sequence[dict[str, Any]], reason: Reason
) -> None:
    asker = GOOD.copy()
    assert judge_access([EVERYTHING], make_asker(**asker)) is None
    for change in worse:
        asker |= change
    only_fresh = reason in {Reason.AMR_MISSING, Reason.LOGIN_TOO_OLD}
    step_up = StepUp(900, ("hwk", "otp")) if only_fresh else None
    assert judge_access([EVERYTHING], make_asker(**asker)) == Deny(reason, step_up)
    assert [type(each) for each in find_missing([EVERYTHING], make_asker(**asker))] == [
        type(each) for each in EVERYTHING.conditions if not each.holds(make_asker(**asker))
    ]


def test_who_must_be_let_in_twice_is_asked_for_the_younger_login_and_never_in_vain() -> None:
    old = make_asker(auth_time=NOW - 1000)
    accesses = [Access.of(MaxAge(900)), Access.of(MaxAge(60))]
    assert judge_access(accesses, old) == Deny(Reason.LOGIN_TOO_OLD, StepUp(60, ()))
    accesses = [Access.of(MaxAge(900)), Access.of(ROLES)]
    assert judge_access(accesses, old) == Deny(Reason.ROLE_MISSING)


def test_who_is_signed_in_needs_no_more_where_no_condition_stands() -> None:
    assert judge_access([Access()], make_asker()) is None
    assert judge_access([], make_asker()) is None
    assert [Access().open, Access(anyone=True).open, Access(preflight=True).open] == [
        False,
        True,
        True,
    ]


CONDITIONS: Final = st.lists(
    st.sampled_from([ROLES, SCOPE, USERS, NETWORKS, AMR, MAX_AGE]), unique=True, max_size=6
)
ASKERS: Final = st.builds(
    make_asker,
    address=st.sampled_from([None, INSIDE, ip_address("192.0.2.1")]),
    username=st.sampled_from([None, "alice", "eve"]),
    roles=st.sampled_from([frozenset(), frozenset({"ops"})]),
    scopes=st.sampled_from([frozenset(), frozenset({"orders:read"}), BOTH]),
    amr=st.sampled_from([frozenset(), frozenset({"otp"})]),
    auth_time=st.sampled_from([None, NOW, NOW - 901]),
)


@THOROUGH
@given(first=CONDITIONS, second=CONDITIONS, asker=ASKERS)
def test_a_further_condition_never_lets_anybody_in(
    first: list[Condition], second: list[Condition], asker: Any
) -> None:
    wide, narrow = Access.of(*first), Access.of(*second)
    both = judge_access([wide, narrow], asker)
    assert (both is None) == all(each.holds(asker) for each in [*first, *second])
    merged = Access.of(*dict.fromkeys([*first, *second]))
    assert judge_access([merged], asker) == both
