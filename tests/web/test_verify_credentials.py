"""Which credential counts, and which counts for nothing."""

from typing import Final

import pytest

from sidecar.core.claims import TokenKind
from tests.web.gated import BOTH_WAYS, COOKIE, DIALECTS, Gated, Line, Lines, bearer, cookie

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]

OPEN: Final = "/public/"
ALICE: Final = "alice's cookie"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("authorization", "cookies", "status", "reason"),
    [
        ("alice", "root's cookie", 403, "role_missing"),
        ("root", "alice's cookie", 200, None),
        ("root", "two cookies", 200, None),
        ("root", "revoked cookie", 200, None),
        ("expired", "root's cookie", 401, "expired"),
        ("revoked", "root's cookie", 401, "revoked_session"),
        ("garbage", "root's cookie", 401, "token_malformed"),
        ("no token", "root's cookie", 401, "credential_malformed"),
        ("two bearers", "root's cookie", 401, "two_credentials"),
        ("basic", "root's cookie", 200, None),
        ("basic", "alice's cookie", 403, "role_missing"),
        ("basic", "expired cookie", 401, "expired"),
    ],
)
async def test_bearer_decides_alone(
    gated: Gated, dialect: str, authorization: str, cookies: str, status: int, reason: str | None
) -> None:
    lines = [*gated.credentials[authorization], *gated.credentials[cookies]]
    for each in (lines, lines[::-1]):
        answer = await gated.ask(dialect, "/admin/", each)
        assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize(
    "value",
    ["Bearer", "bearer", "BEARER ", "Bearer  ", "Bearer a b", "Bearer a,b", "Bearer a, Bearer b",
     "Bearer\ta", "Bearer \ta", "Bearer\t", "Bearer,a", "Bearer:a", "Bearer: a", "Bearer=\ta",
     'Bearer "a"', "Bearer a;b", "Bearer <a>", "Bearer a\\", "Bearer %61", "Bearer a?",
     "Bearer (a)",
     b"Bearer \xff", b"Bearer a\xc3\xa9", b"Bearer\xa0a", b"Bearer\xc2\xa0a", "Bearer\u3000a",
     "Bearer Bearer a", "Bearer token=a b"],
    ids=ascii,
)  # fmt: skip
@pytest.mark.parametrize("target", ["/", OPEN])
async def test_a_malformed_bearer_is_refused_on_any_rule(
    gated: Gated, value: str | bytes, target: str
) -> None:
    for beside in ([], gated.credentials["root's cookie"]):
        answer = await gated.ask("traefik", target, [("Authorization", value), *beside])
        assert (answer.status, answer.reason) == (401, "credential_malformed")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_request"'
        answer.assert_tells_nobody()


@pytest.mark.parametrize(
    "value",
    ["", "a", "Basic YWxpY2U6cGFzcw==", "Digest username=alice", "Negotiate a", "DPoP a",
     "Bearerx a",
     "Bearer-a b", "bearers", "Token a", "X Bearer", "=Bearer a", b"\xff", b"\xffBearer a",
     "Basic a, Bearer b"],
    ids=ascii,
)  # fmt: skip
async def test_another_scheme_is_not_ours(gated: Gated, value: str | bytes) -> None:
    line: Line = ("Authorization", value)
    assert (await gated.ask("nginx", "/", [line])).reason == "no_credential"
    assert (await gated.ask("nginx", OPEN, [line])).status == 200
    assert (await gated.ask("nginx", "/", [line, line])).reason == "no_credential"
    known = await gated.ask("nginx", "/", [line, *gated.credentials["alice"]])
    assert known.headers["Remote-User"] == "alice"


@pytest.mark.parametrize("spelling", ["Bearer {}", "bearer {}", "BEARER   {}", "bEaReR {} "])
async def test_the_scheme_is_written_in_any_case(gated: Gated, spelling: str) -> None:
    line = ("Authorization", spelling.format(gated.tokens["alice"]))
    for lines in ([line], [line, line], [line, *gated.credentials["alice"]]):
        assert (await gated.ask("traefik", "/", lines)).status == 200


def _two_cookies(gated: Gated) -> list[Lines]:
    one, other = gated.tokens["alice's cookie"], gated.tokens["root's cookie"]
    return [
        [("Cookie", f"{COOKIE}={one}; {COOKIE}={other}")],
        [("Cookie", f"{COOKIE}={other}; a=1;{COOKIE} = {one}")],
        [cookie(one), ("Cookie", "a=1"), cookie(other)],
        [cookie(one), cookie("garbage")],
        [cookie(one), cookie(gated.tokens["revoked cookie"])],
    ]


async def test_two_different_cookies_of_ours_are_refused_on_any_rule(gated: Gated) -> None:
    for lines in _two_cookies(gated):
        for target in ("/", OPEN):
            answer = await gated.ask("nginx", target, lines)
            assert (answer.status, answer.reason) == (401, "two_credentials")


async def test_one_cookie_twice_and_cookies_of_others_are_one_cookie(gated: Gated) -> None:
    ours = f"{COOKIE}={gated.tokens[ALICE]}"
    for lines in (
        [("Cookie", f"{ours}; {ours}")],
        [("Cookie", ours), ("Cookie", f"b=2; {ours}")],
        [("Cookie", f"{COOKIE}=; {ours}")],
        [("Cookie", f"__host-sidecar=x; {COOKIE}x=y; x{COOKIE}=z; __Secure-sidecar=w; {ours}")],
    ):
        answer = await gated.ask("traefik", "/", lines)
        assert (answer.status, answer.headers.get("Remote-User")) == (200, "alice")


@pytest.mark.parametrize(
    "value",
    ["__Host-sidecar", "__Host-sidecar=", "__host-sidecar={}", "__Secure-sidecar={}", "sidecar={}",
     "x__Host-sidecar={}", "={}", "{}", "__Host-sidecar/{}", "__Host-sidecar%3d{}"],
)  # fmt: skip
async def test_a_cookie_of_another_name_is_no_credential(gated: Gated, value: str) -> None:
    line = ("Cookie", value.format(gated.tokens["alice's cookie"]))
    assert (await gated.ask("nginx", "/", [line])).reason == "no_credential"


async def test_a_token_of_one_kind_does_not_pass_for_another(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/", gated.credentials["alice"])
    assertion = answer.headers["X-Auth-Assertion"]
    session, access = gated.tokens["alice's cookie"], gated.tokens["alice"]
    refresh = (await gated.web.log_in())["refresh_token"]
    for line, reason in (
        (bearer(session), "token_type"),
        (bearer(assertion), "token_type"),
        (bearer(refresh), "token_malformed"),
        (cookie(access), "token_type"),
        (cookie(assertion), "token_type"),
        (cookie(refresh), "token_malformed"),
    ):
        refused = await gated.ask("traefik", "/", [line])
        assert (refused.status, refused.reason) == (401, reason)
        as_nobody = await gated.ask("traefik", OPEN, [line])
        assert (as_nobody.status, as_nobody.headers["Remote-User"]) == (200, "")


async def test_a_token_that_was_opened_as_one_kind_is_not_remembered_as_another(
    gated: Gated,
) -> None:
    access = gated.resealed(TokenKind.ACCESS, jti="asked-as-both")
    for _ in range(2):
        assert (await gated.ask("nginx", "/", [bearer(access)])).status == 200
        assert (await gated.ask("nginx", "/", [cookie(access)])).reason == "token_type"


@pytest.mark.parametrize(
    "who", ["expired", "expired cookie", "revoked", "revoked cookie", "foreign", "garbage"]
)
async def test_where_anyone_may_a_bad_credential_is_nobodys(gated: Gated, who: str) -> None:
    for dialect in DIALECTS:
        answer = await gated.ask(dialect, OPEN, gated.credentials[who])
        assert answer.status == 200
        assert answer.headers["Remote-User"] == answer.headers["X-Auth-Assertion"] == ""


async def test_a_logout_is_obeyed_by_a_token_that_was_opened_before(gated: Gated) -> None:
    token = (await gated.web.log_in())["access_token"]
    assert (await gated.ask("traefik", "/", [bearer(token)])).status == 200
    headers = {"Authorization": f"Bearer {token}"}
    async with gated.web.session.post(f"{gated.web.url}/logout", headers=headers) as answer:
        assert answer.status == 204
    assert (await gated.ask("traefik", "/", [bearer(token)])).reason == "revoked_session"
