"""What a 200 tells the upstream: every identity header, and the client's cookies without ours."""

from typing import Final
from urllib.parse import unquote

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.accounts import NewUser
from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.web.credentials import other_cookies
from tests.programs.service import PASSWORD
from tests.web.conftest import BY
from tests.web.gated import COOKIE, DIALECTS, IDENTITY, Answer, Gated, Lines, bearer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Final = "/public/"


def _identity(answer: Answer) -> dict[str, str]:
    """Return each identity header but the assertion; every one stands exactly once."""
    assert answer.status == 200
    assert all(len(answer.headers.getall(name, [])) == 1 for name in IDENTITY)
    return {name: answer.headers[name] for name in IDENTITY if name != "X-Auth-Assertion"}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_somebody_is_told_in_full(gated: Gated, dialect: str) -> None:
    claims = gated.opened(gated.tokens["root"]).claims
    for who in ("root", "root's cookie"):
        for target in ("/", "/admin/", OPEN):
            answer = await gated.ask(dialect, target, gated.credentials[who])
            assert _identity(answer) == {
                "Remote-User": "root",
                "Remote-Name": "Root",
                "Remote-Email": "root@example.com",
                "Remote-Groups": "admin,staff",
                "X-Auth-Subject": claims.sub,
                "X-Auth-Scope": "",
            }
            assert answer.headers["X-Auth-Assertion"].count(".") == 2


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_has_every_header_empty(gated: Gated, dialect: str) -> None:
    for who in ("nobody", "expired", "revoked cookie", "basic"):
        answer = await gated.ask(dialect, OPEN, gated.credentials[who])
        assert set(_identity(answer).values()) == {""}
        assert answer.headers.getall("X-Auth-Assertion") == [""]


async def test_what_a_user_does_not_have_is_empty(gated: Gated) -> None:
    user = await gated.web.serving.services.accounts.add(
        NewUser("bare", email=None, name=None, roles=()), PASSWORD, BY, read_clock().unix
    )
    token = (await gated.web.log_in("bare"))["access_token"]
    assert _identity(await gated.ask("traefik", "/", [bearer(token)])) == {
        "Remote-User": "bare",
        "Remote-Name": "",
        "Remote-Email": "",
        "Remote-Groups": "",
        "X-Auth-Subject": user.id,
        "X-Auth-Scope": "",
    }


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_program_has_no_name_but_its_client_id(gated: Gated, dialect: str) -> None:
    for target in ("/", OPEN):
        assert _identity(await gated.ask(dialect, target, gated.credentials["program"])) == {
            "Remote-User": "exporter",
            "Remote-Name": "",
            "Remote-Email": "",
            "Remote-Groups": "",
            "X-Auth-Subject": "exporter",
            "X-Auth-Scope": "orders:read orders:write",
        }


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Zo\u00eb \u00dcnal", "Zo%C3%AB %C3%9Cnal"),
        ("100% sure", "100%25 sure"),
        ("%41", "%2541"),
        ("%", "%25"),
        ("a, b;c=d", "a, b;c=d"),
        (" a", "%20a"),
        ("a  ", "a%20%20"),
        ("  a  b ", "%20%20a  b%20"),
        ("   ", "%20%20%20"),
        ("\u00a0a\u00a0", "%C2%A0a%C2%A0"),
        ("\U0001f600", "%F0%9F%98%80"),
        ('"\\<>~', '"\\<>~'),
    ],
)
async def test_a_value_is_decoded_exactly(gated: Gated, value: str, sent: str) -> None:
    changes = {"name": value, "preferred_username": value, "email": value, "scope": value}
    token = gated.resealed(TokenKind.ACCESS, jti=f"identity {len(value)} {value!a}", **changes)
    identity = _identity(await gated.ask("nginx", "/", [bearer(token)]))
    for name in ("Remote-User", "Remote-Name", "Remote-Email", "X-Auth-Scope"):
        assert identity[name] == sent
        assert unquote(identity[name]) == value


async def test_roles_are_a_list_that_no_role_can_lengthen(gated: Gated) -> None:
    roles = ("staff,admin", "a b", "\u00e9", " c ", "%2C", "ops:eu/1")
    token = gated.resealed(TokenKind.ACCESS, jti="roles", roles=roles)
    groups = _identity(await gated.ask("traefik", "/", [bearer(token)]))["Remote-Groups"]
    assert groups == "staff%2Cadmin,a b,%C3%A9,%20c%20,%252C,ops:eu/1"
    assert tuple(unquote(group) for group in groups.split(",")) == roles


async def test_what_the_client_says_of_itself_is_not_repeated(gated: Gated) -> None:
    forged: Lines = [(name, "forged") for name in IDENTITY]
    for who in ("nobody", "alice"):
        answer = await gated.ask("nginx", OPEN, [*forged, *gated.credentials[who]])
        assert "forged" not in str(answer.headers)


async def test_the_longest_identity_still_travels(gated: Gated) -> None:
    roles = tuple(f"{number:03d}{'x' * 61}" for number in range(64))
    token = gated.resealed(TokenKind.ACCESS, jti="long", roles=roles, name="\u00e9" * 256)
    identity = _identity(await gated.ask("traefik", "/", [bearer(token)]))
    assert identity["Remote-Groups"] == ",".join(roles)
    assert unquote(identity["Remote-Name"]) == "\u00e9" * 256


OURS: Final = f"{COOKIE}=garbage"
COOKIES: Final[tuple[tuple[list[str | bytes], list[str]], ...]] = (
    # none asked, none answered
    ([], []),
    # what the client sent, without ours
    (["a=1"], ["a=1"]),
    (["a=1; b=2"], ["a=1; b=2"]),
    ([OURS], [""]),
    ([f"{OURS}; a=1"], ["a=1"]),
    ([f"a=1; {OURS}"], ["a=1"]),
    ([f"a=1; {OURS}; b=2"], ["a=1; b=2"]),
    ([f"{OURS};{OURS}"], [""]),
    ([f"{COOKIE} = garbage; a=1"], ["a=1"]),
    ([f"\t{COOKIE}\t=garbage;a=1"], ["a=1"]),
    ([f"{COOKIE}; a=1"], ["a=1"]),
    ([f"{COOKIE}=; a=1"], ["a=1"]),
    ([f'{COOKIE}="garbage"; a=1'], ["a=1"]),
    (["__Secure-sidecar=x; a=1"], ["a=1"]),
    # what only looks like ours is the upstream's
    ([f"{COOKIE}x=1; x{COOKIE}=2"], [f"{COOKIE}x=1; x{COOKIE}=2"]),
    ([f"{COOKIE.lower()}=1"], [f"{COOKIE.lower()}=1"]),
    ([f"={OURS}"], [f"={OURS}"]),
    ([f'a="{COOKIE}=1"'], [f'a="{COOKIE}=1"']),
    # several lines are one list
    (["a=1", "b=2"], ["a=1; b=2"]),
    ([OURS, "b=2", "c=3; d=4"], ["b=2; c=3; d=4"]),
    ([OURS, OURS], [""]),
    (["a=1; a=2", "a=3"], ["a=1; a=2; a=3"]),
    # nothing in it
    ([""], [""]),
    (["; ;", ";"], [""]),
    # as it came, whatever it is
    (["a=b=c; d; =e; f="], ["a=b=c; d; =e; f="]),
    (["a=\tb"], ["a=\tb"]),
    ([b"a=\xc3\xa9"], ["a=\u00c3\u00a9"]),
    # octets that an answer cannot repeat: that cookie is left out, no other is touched
    ([b"a=1; b=\xff; c=3"], ["a=1; c=3"]),
    ([b"a=1; \xffb=2; c=3"], ["a=1; c=3"]),
    ([b"a=\xc3; b=2", b"c=\xa9"], ["b=2"]),
    ([b"__Host-\xffsidecar=x; a=1"], ["a=1"]),
    ([b"a=\xff"], [""]),
)  # fmt: skip


@pytest.mark.parametrize(("lines", "left"), COOKIES, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_200_has_the_clients_cookies_without_ours(
    gated: Gated, dialect: str, lines: list[str | bytes], left: list[str]
) -> None:
    for who in ("nobody", "alice"):
        question = [*(("Cookie", line) for line in lines), *gated.credentials[who]]
        answer = await gated.ask(dialect, OPEN, question)
        assert answer.status == 200
        assert answer.headers.getall("Cookie", []) == left


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), 127])
async def test_a_cookie_never_breaks_a_line(gated: Gated, code: int) -> None:
    line = b"a=1; b=%c; c=3" % code
    answer = await gated.ask("traefik", OPEN, [("Cookie", line)])
    assert answer.status == 400  # the parser refuses it, and who writes heads looks again:
    headers = CIMultiDictProxy(CIMultiDict({"Cookie": line.decode("latin-1")}))
    assert other_cookies(headers) == "a=1; c=3"


async def test_a_good_session_cookie_goes_no_further(gated: Gated) -> None:
    ours = gated.tokens["alice's cookie"]
    for line in (f"a=1; {COOKIE}={ours}; b=2", f"{COOKIE}={ours}; a=1; {COOKIE}={ours};b=2"):
        answer = await gated.ask("traefik", "/", [("Cookie", line)])
        assert answer.headers["Remote-User"] == "alice"
        assert answer.headers.getall("Cookie") == ["a=1; b=2"]
        assert ours not in str(answer.headers)
