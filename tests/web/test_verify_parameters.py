"""What the operator adds to the gateway's own URL: it narrows what the policy allows."""

from typing import Final, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.web.parameters import LARGEST_AGE, LONGEST_QUERY
from tests.core.properties import QUICK
from tests.web.conftest import PUBLIC_URL
from tests.web.gated import (
    HOST,
    MALFORMED,
    NAVIGATION,
    PARAMETRIC,
    Answer,
    Gated,
    Lines,
    asked,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Final = "/public/"


async def _ask(
    gated: Gated, dialect: str, query: str, who: str, target: str = "/", lines: Lines = ()
) -> Answer:
    question = [*asked(dialect, target), *gated.credentials[who], *lines]
    return await send(gated.web.port, question, f"/verify/{dialect}{query}")


NO_PARAMETERS: Final = (
    "mode=", "mode", "mode=API", "mode=x", "mode=api,browser", "mode=api&mode=api", "mode=%ff",
    "mode=api&mode=browser", "mode=api&x=1", "x=1&mode=api", "rd=http://app.example.com/", "x", "=",
    "=api", "&", "MODE=api", "mode=api%00", "mode=api;x=1", "mode=+api", "mode=api&", "&mode=api",
    "?mode=api", "mode=api&" * 500, "mode=%61pi%", "m%6fde=api&mode=api", "roles=", "roles",
    "roles=,", "roles=admin,", "roles=,admin", "roles=a,,b", "roles=a%20b",
    "roles=admin&roles=admin", "roles=admin&roles=", "roles=%ff", "roles=-admin", "roles=*",
    "roles=" + "a" * 65, "roles=%e4", "role=admin", "Roles=admin", "roles[]=admin",
    "roles=admin%00", "roles=a;roles=b", "groups=admin", "users=root", "networks=10.0.0.0/8",
    "amr=otp", "scope=", "scope", "scope=+", "scope=a+", "scope=+a", "scope=a++b", "scope=a%20",
    "scope=a%09b", 'scope=a"b', "scope=a%5cb", "scope=%c3%a4", "scope=a&scope=b", "scopes=a",
    "scope=" + "a" * 257, "max_age=", "max_age", "max_age=x", "max_age=-1", "max_age=%2b1",
    "max_age=1.0", "max_age=1e2", "max_age=0x10", "max_age=15m", "max_age=1%20", "max_age=%D9%A1",
    "max_age=1&max_age=1", "max_age=34560001", "max_age=999999999", "max_age=000000001",
    "max-age=1", "roles=" + "a," * 1030 + "a",
)  # fmt: skip


@pytest.mark.parametrize("query", NO_PARAMETERS, ids=lambda query: ascii(query)[:30])
@pytest.mark.parametrize("dialect", PARAMETRIC)
async def test_what_is_no_parameter_is_a_malformed_question(
    gated: Gated, dialect: str, query: str
) -> None:
    for who in ("root", "nobody"):
        answer = await _ask(gated, dialect, f"?{query}", who, OPEN, NAVIGATION)
        assert (answer.status, answer.reason) == (MALFORMED[dialect], "parameter")
        assert not {"WWW-Authenticate", "Location"} & set(answer.headers)
        answer.assert_tells_nobody()


@pytest.mark.parametrize("dialect", PARAMETRIC)
async def test_an_empty_query_has_no_parameter(gated: Gated, dialect: str) -> None:
    assert (await _ask(gated, dialect, "?", "alice")).status == 200


async def test_a_query_is_bounded_before_it_is_read(gated: Gated) -> None:
    least = "roles=staff"
    for spare, status in ((0, 200), (1, 400)):
        query = least + ",a" * ((LONGEST_QUERY - len(least)) // 2)
        query += "a" * (LONGEST_QUERY - len(query) + spare)
        assert len(query) == LONGEST_QUERY + spare
        assert (await _ask(gated, "caddy", f"?{query}", "alice")).status == status


async def test_no_session_is_older_than_the_largest_age(gated: Gated) -> None:
    assert (await _ask(gated, "haproxy", f"?max_age={LARGEST_AGE}", "alice")).status == 200
    assert (await _ask(gated, "haproxy", f"?max_age={LARGEST_AGE + 1}", "alice")).status == 400


class Row(NamedTuple):
    """Who asks for what through a location with this query, and why not (None: allowed)."""

    query: str
    who: str
    target: str
    reason: str | None


ROWS: Final = (
    Row("roles=staff", "alice", "/", None),
    Row("roles=admin,staff", "alice", "/", None),
    Row("roles=staff%2Cadmin", "alice", "/", None),
    Row("roles=staff,staff", "alice", "/", None),
    Row("roles=admin", "alice", "/", "role_missing"),
    Row("roles=Staff", "alice", "/", "role_missing"),
    Row("roles=staff", "program", "/", "role_missing"),
    Row("scope=orders:read", "half scoped", "/", None),
    Row("scope=orders:read", "alice", "/", "scope_missing"),
    Row("scope=orders:read+orders:write", "scoped", "/", None),
    Row("scope=orders%3Aread%20orders:write", "program", "/", None),
    Row("scope=orders:read+orders:write", "half scoped", "/", "scope_missing"),
    Row("scope=orders:read%2Borders:write", "scoped", "/", "scope_missing"),
    Row("scope=orders:read,orders:write", "scoped", "/", "scope_missing"),
    Row("max_age=900", "alice", "/", None),
    Row("max_age=900", "stale", "/", "login_too_old"),
    Row("max_age=0900", "stale", "/", "login_too_old"),
    Row("max_age=950", "stale", "/", None),
    Row("max_age=900", "program", "/", "login_too_old"),
    # all of them together, and with the mode
    Row("roles=staff&max_age=900&scope=orders:read", "half scoped", "/", None),
    Row("roles=admin&max_age=900&scope=orders:read", "half scoped", "/", "role_missing"),
    Row("roles=staff&max_age=900&mode=api", "stale", "/", "login_too_old"),
    Row("mode=api&roles=admin", "stale", "/", "role_missing"),
    # beside what the rule itself asks for
    Row("roles=staff", "alice", "/admin/", "role_missing"),
    Row("roles=staff", "root", "/admin/", None),
    Row("roles=sre", "root", "/admin/", "role_missing"),
    Row("max_age=900", "stale", "/recent/", "login_too_old"),
    Row("max_age=86400", "stale", "/recent/", "login_too_old"),
    Row("max_age=86400", "alice", "/strong/", "amr_missing"),
    Row("scope=a", "scoped", "/scoped/", None),
    Row("scope=b", "scoped", "/scoped/", "scope_missing"),
    # where anyone may, somebody is asked for
    Row("roles=staff", "alice", OPEN, None),
    Row("roles=admin", "alice", OPEN, "role_missing"),
    Row("roles=staff", "nobody", OPEN, "no_credential"),
    Row("max_age=900", "nobody", OPEN, "no_credential"),
    Row("scope=a", "expired", OPEN, "expired"),
    Row("scope=a", "garbage", OPEN, "token_malformed"),
    Row("scope=a", "revoked cookie", OPEN, "revoked_session"),
    Row("mode=api", "nobody", OPEN, None),
    Row("mode=browser", "expired", OPEN, None),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.query} {row.who} {row.target}")
@pytest.mark.parametrize("dialect", PARAMETRIC)
async def test_a_parameter_narrows_what_the_policy_allows(
    gated: Gated, dialect: str, row: Row
) -> None:
    answer = await _ask(gated, dialect, f"?{row.query}", row.who, row.target)
    assert (answer.status == 200, answer.reason) == (row.reason is None, row.reason)


@pytest.mark.parametrize("dialect", PARAMETRIC)
async def test_a_login_that_the_query_finds_too_old_is_asked_for_again(
    gated: Gated, dialect: str
) -> None:
    told = await _ask(gated, dialect, "?max_age=60", "stale")
    challenge = 'Bearer error="insufficient_user_authentication", max_age="60"'
    assert (told.status, told.headers["WWW-Authenticate"]) == (401, challenge)
    person = await _ask(gated, dialect, "?max_age=60", "stale", "/a?b", NAVIGATION)
    way_back = quote(f"http://{HOST}/a?b", safe="")
    assert person.headers["Location"] == f"{PUBLIC_URL}/login?rd={way_back}&max_age=60"
    long = await _ask(gated, dialect, "?max_age=60", "stale", "/" + "a" * 4000, NAVIGATION)
    assert long.headers["Location"] == f"{PUBLIC_URL}/login?max_age=60"
    # the rule's own wish counts where it is for less, and the other way round
    for query, least in (("60", "60"), ("7200", "900")):
        both = await _ask(gated, dialect, f"?max_age={query}", "stale", "/recent/")
        assert f'max_age="{least}"' in both.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path", ["/%76erify/caddy", "http://sidecar/verify/caddy", "/verify/c%61ddy", "/verify"]
)
async def test_another_spelling_of_the_path_loses_no_parameter(gated: Gated, path: str) -> None:
    for who, status in (("alice", 403), ("root", 200)):
        lines = [*asked("caddy"), *gated.credentials[who]]
        assert (await send(gated.web.port, lines, f"{path}?roles=admin")).status == status


async def test_no_body_says_which_role_or_scope_was_missing(gated: Gated) -> None:
    for query in ("?roles=hush-hush", "?scope=hush-hush"):
        for who in ("alice", "root's cookie"):
            answer = await _ask(gated, "caddy", query, who)
            assert answer.status == 403
            assert b"hush" not in answer.body
            assert "hush" not in str(answer.headers)


PARTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["api", "browser"]),
        "roles": st.sampled_from(["staff", "admin", "ops,staff", "none"]),
        "scope": st.sampled_from(["a", "orders:read", "orders:read+orders:write"]),
        "max_age": st.sampled_from(["1", "900", "950", "34560000"]),
    },
)
TARGETS: Final = ("/", OPEN, "/admin/", "/scoped/", "/recent/", "/strong/", "/shared/", "//")


@QUICK
@given(
    parts=PARTS,
    who=st.sampled_from(["nobody", "alice", "root's cookie", "scoped", "stale", "otp", "expired"]),
    target=st.sampled_from(TARGETS),
    dialect=st.sampled_from(PARAMETRIC),
)
@example(parts={"roles": "staff"}, who="nobody", target=OPEN, dialect="nginx")
async def test_narrowing_never_widens(
    gated: Gated, parts: dict[str, str], who: str, target: str, dialect: str
) -> None:
    plain = await _ask(gated, dialect, "", who, target)
    query = "&".join(f"{name}={value}" for name, value in parts.items())
    narrowed = await _ask(gated, dialect, f"?{query}", who, target)
    assert narrowed.status != 200 or plain.status == 200
    if narrowed.status == 200:
        assert narrowed.headers["Remote-User"] == plain.headers["Remote-User"]
    if set(parts) <= {"mode"}:
        assert (narrowed.status == 200) is (plain.status == 200)


@pytest.mark.parametrize("query", ["?roles=admin", "?mode=api", "?x", "?", "?roles=%ff"])
async def test_what_stands_behind_envoys_prefix_is_no_parameter(gated: Gated, query: str) -> None:
    alice = gated.credentials["alice"]
    assert (await gated.ask("envoy", f"/a{query}", alice)).status == 200
    assert (await gated.ask("envoy", f"{OPEN}{query}")).status == 200
    ahead = await send(gated.web.port, [*asked("envoy"), *alice], f"/verify/envoy{query}")
    assert (ahead.status, ahead.reason) == (400, "path_ambiguous")
