"""The file of `policy test`: every mistake with its line, and who asks as it is written."""

import pytest

from sidecar.core.addresses import parse_address
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import DocumentInvalid
from sidecar.schemas.expectations import (
    LARGEST_EXPECTATIONS,
    LIST,
    REQUEST,
    Expectation,
    parse_expectations,
)

NOW = 1_800_000_000


def _parse(text: str) -> list[Expectation]:
    return parse_expectations(text, "f", NOW)


def _one(who: str) -> Expectation:
    (only,) = _parse(f"- {{request: GET https://a.test/x, as: {who}, expect: allow}}")
    return only


def _problems(text: str) -> list[str]:
    with pytest.raises(DocumentInvalid) as error:
        _parse(text)
    return list(error.value.problems)


def test_each_expectation_has_its_line() -> None:
    first, second = _parse(
        "# comment\n- {request: GET https://a.test/x, expect: deny}\n\n"
        "- request: POST https://a.test/y\n  expect: allow\n"
    )
    assert (first.line, first.request, first.allowed) == (2, "GET https://a.test/x", False)
    assert (second.line, second.request, second.allowed) == (4, "POST https://a.test/y", True)
    assert first.principal is None


def test_a_request_that_the_gate_would_not_read_is_kept_as_its_refusal() -> None:
    (only,) = _parse("- {request: GET https://a.test//x, expect: deny}")
    assert only.facts == Deny(Reason.PATH_AMBIGUOUS)


def test_who_asks_is_as_it_is_written() -> None:
    only = _one(
        "{user: ALICE, roles: [a, b], scope: [s], amr: [otp], auth_age: 1h, address: 10.0.0.1}"
    )
    assert only.principal == Principal(
        username="alice",
        roles=frozenset({"a", "b"}),
        scopes=frozenset({"s"}),
        amr=frozenset({"otp"}),
        auth_time=NOW - 3600,
    )
    assert not isinstance(only.facts, Deny)
    assert only.facts.address == parse_address("10.0.0.1")


@pytest.mark.parametrize("who", ["{}", "{address: 10.0.0.1}"])
def test_who_is_not_described_is_nobody(who: str) -> None:
    assert _one(who).principal is None


@pytest.mark.parametrize(("said", "is_one"), [("", False), ("false", False), ("true", True)])
def test_a_preflight_is_one_where_it_is_written(said: str, is_one: bool) -> None:
    who = f"{{preflight: {said}}}" if said else "{}"
    (only,) = _parse(f"- {{request: OPTIONS https://a.test/x, as: {who}, expect: allow}}")
    assert not isinstance(only.facts, Deny)
    assert only.facts.preflight is is_one
    assert only.principal is None


@pytest.mark.parametrize("key", ["roles", "scope", "amr"])
def test_one_value_may_stand_without_a_list(key: str) -> None:
    assert _one(f"{{{key}: x}}").principal == _one(f"{{{key}: [x]}}").principal


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ("as: {role: [a]}", "f:1: 0.as.role: there is no such key; did you mean roles?"),
        ("as: {groups: [a]}", "f:1: 0.as.groups: there is no such key"),
        ("as: {roles: []}", "f:1: 0.as.roles: is empty: leave the key out"),
        ("as: {scope: []}", "f:1: 0.as.scope: is empty: leave the key out"),
        ("as: {amr: []}", "f:1: 0.as.amr: is empty: leave the key out"),
        ("as: {roles: [a, -b]}", "f:1: 0.as.roles.1: must be 1 to 64 of A-Z a-z 0-9 . _ : / -,"),
        ("as: {scope: a b}", "f:1: 0.as.scope: must be a scope"),
        ("as: {user: a b}", "f:1: 0.as.user: must be 1 to 64 letters"),
        ("as: {auth_age: 5}", "f:1: 0.as.auth_age: must be a duration"),
        ("as: {auth_age: 401d}", "f:1: 0.as.auth_age: must be 0s to 400d"),
        ("as: {address: 10.0.0.0/8}", "f:1: 0.as.address: must be an IP address"),
        ("as: {address: 10}", "f:1: 0.as.address: must be an IP address"),
        ("as: {amr: a b}", "f:1: 0.as.amr: must be one word, such as pwd or otp"),
        ("as: {amr: [otp, -x]}", "f:1: 0.as.amr.1: must be one word, such as pwd or otp"),
        (f"as: {{amr: {'x' * 33}}}", "f:1: 0.as.amr: must be one word, such as pwd or otp"),
        ("as: {preflight: 1}", "f:1: 0.as.preflight: must be true or false"),
        ("as: {preflight: true}", "f:1: 0.as.preflight: is true for OPTIONS alone"),
        ("as: alice", "f:1: 0.as: must be a mapping of keys"),
        ("as: null", "f:1: 0.as: must have a value"),
        ("note: x", "f:1: 0.note: there is no such key"),
        ("as: {user: no}", "f:1: 0.as.user: no is a boolean to some readers"),
    ],
)
def test_what_is_wrong_about_who_asks_is_told(member: str, problem: str) -> None:
    (told,) = _problems(f"- {{request: GET https://a.test/, expect: deny, {member}}}")
    assert told.startswith(problem)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{expect: deny}", "f:1: 0.request: is missing"),
        ("{request: GET, expect: deny}", f"f:1: 0.request: {REQUEST}"),
        ("{request: GET /x, expect: deny}", f"f:1: 0.request: {REQUEST}"),
        ("{request: 'GET  https://a.test/', expect: deny}", f"f:1: 0.request: {REQUEST}"),
        ("{request: https://a.test/, expect: deny}", f"f:1: 0.request: {REQUEST}"),
        ("{request: [], expect: deny}", f"f:1: 0.request: {REQUEST}"),
        ("{request: GET https://a.test/}", "f:1: 0.expect: is missing"),
        ("{request: GET https://a.test/, expect: Allow}", "f:1: 0.expect: must be allow or deny"),
        ("{request: GET https://a.test/, expect: true}", "f:1: 0.expect: must be allow or deny"),
        ("GET https://a.test/", "f:1: 0: must be a mapping with request, as and expect"),
    ],
)
def test_what_is_wrong_about_an_expectation_is_told(row: str, problem: str) -> None:
    assert _problems(f"- {row}") == [problem]


@pytest.mark.parametrize("text", ["", "[]", "{}", "x", "null"])
def test_a_file_that_expects_nothing_is_a_mistake(text: str) -> None:
    assert _problems(text) == [f"f:1: {LIST}"]


def test_every_mistake_is_told_at_once() -> None:
    assert _problems(
        "- {request: GET x, expect: deny}\n- {request: GET https://a.test/, expect: x}\n"
        "- {request: GET https://a.test/, request: a, expect: deny}\n"
    ) == [
        f"f:1: 0.request: {REQUEST}",
        "f:2: 1.expect: must be allow or deny",
        "f:3: 2.request: stands twice",
    ]


def test_a_file_is_bounded_before_it_is_read() -> None:
    text = "- {request: GET https://a.test/, expect: deny} #"
    assert len(_parse(text.ljust(LARGEST_EXPECTATIONS, "x"))) == 1
    (problem,) = _problems(text.ljust(LARGEST_EXPECTATIONS + 1, "x"))
    assert problem == f"f:1: is larger than {LARGEST_EXPECTATIONS} characters"
