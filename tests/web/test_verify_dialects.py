"""Whatever the dialect, the same request by the same person gets the same verdict."""

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.properties import QUICK
from tests.web.gated import DIALECTS, HOST, IDENTITY, NAVIGATION, Answer, Gated, Lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHO: Final = st.sampled_from(
    [
        *("nobody", "alice", "root", "alice's cookie", "root's cookie", "program", "scoped"),
        *("stale", "stale cookie", "otp", "expired", "revoked cookie", "garbage"),
        *("two bearers", "two cookies", "no token", "basic", "foreign"),
    ]
)
# Every method that a request line can have here; HEAD has no body to tell the reason in.
METHODS: Final = st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "PROPFIND"])
SEGMENTS: Final = st.sampled_from(
    [
        *("public", "admin", "recent", "strong", "vault", "scoped", "mine", "inside", "shared"),
        *(
            "a",
            "Admin",
            "%61dmin",
            "..",
            ".",
            "",
            "%2e",
            "%2f",
            ";",
            "a b".replace(" ", "%20"),
            "%",
        ),
    ]
)
TARGETS: Final = st.builds(
    lambda segments, query: "/" + "/".join(segments) + query,
    st.lists(SEGMENTS, max_size=3),
    st.sampled_from(["", "?", "?a=b", "?mode=api", "?roles=admin&x", "#a"]),
)
HOSTS: Final = st.sampled_from(
    [
        *(HOST, "APP.example.com.", f"{HOST}:8080", "api.example.com", "x.tools.example.com"),
        *("tools.example.com", "other.example", "[::1]", "[0::1]:443", "127.1", f"{HOST}:0"),
    ]
)
SCHEMES: Final = st.sampled_from(["http", "https", "ws", "wss", "ftp", "HTTP"])
BESIDE: Final[tuple[Lines, ...]] = (
    NAVIGATION,
    [("Accept", "application/json")],
    [("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-site"), ("Origin", "http://x.tools.example.com")],
    [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "PUT")],
    [("Upgrade", "websocket")],
    [("X-Requested-With", "XMLHttpRequest")],
    [("Content-Type", "application/grpc")],
    [("X-Forwarded-For", "10.1.2.3, 127.0.0.1")],
    [("X-Forwarded-For", "10.1.2.3, 9.9.9.9")],
    [("X-Forwarded-For", "garbage")],
    [("Cookie", "a=1; b=2")],
)


def _verdict(answer: Answer) -> tuple[object, ...]:
    """Return what an answer says beside its dialect's way of saying it."""
    identity = [answer.headers.getall(name, []) for name in IDENTITY if "Assertion" not in name]
    return (
        answer.status == 200,
        answer.reason,
        answer.headers.getall("Location", []),
        identity,
        answer.headers.getall("Cookie", []),
    )


@QUICK
@given(
    who=WHO,
    method=METHODS,
    scheme=SCHEMES,
    host=HOSTS,
    target=TARGETS,
    beside=st.lists(st.sampled_from(BESIDE), max_size=2, unique_by=id),
)
@example("root", "GET", "http", HOST, "/admin/", [])
@example("stale cookie", "POST", "http", HOST, "/recent/?a=b", [NAVIGATION])
@example("alice", "GET", "http", HOST, "/inside/", [BESIDE[8]])
async def test_the_same_facts_get_the_same_verdict(
    gated: Gated,
    who: str,
    method: str,
    scheme: str,
    host: str,
    target: str,
    beside: list[Lines],
) -> None:
    lines = [*gated.credentials[who], *(line for each in beside for line in each)]
    said = {"method": method, "scheme": scheme, "host": host}
    first, *others = [
        _verdict(await gated.ask(dialect, target, lines, **said)) for dialect in DIALECTS
    ]
    assert others == [first] * len(others)
