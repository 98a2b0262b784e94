"""The gate's refusals as people see them: a page that costs no more than its own id."""

import re

import pytest

from tests.web.conftest import PUBLIC_URL
from tests.web.gated import HOST, NAVIGATION, Gated

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALECTS = ("nginx", "traefik", "caddy", "haproxy", "envoy")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("who", "target", "reason"),
    [("alice's cookie", "/admin/", "role_missing"), ("nobody", "/../x", None)],
)
async def test_who_may_not_sees_a_page(
    gated: Gated, dialect: str, who: str, target: str, reason: str | None
) -> None:
    answer = await gated.ask(dialect, target, [*gated.credentials[who], *NAVIGATION])
    if reason is None:  # what cannot be read is nobody's navigation
        assert answer.headers["Content-Type"] == "application/problem+json"
        return
    assert (answer.status, answer.reason) == (403, reason)
    answer.assert_tells_nobody()
    text = answer.body.decode()
    assert "<h1>You may not see this</h1>" in text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Set-Cookie" not in answer.headers


async def test_all_that_it_loads_comes_from_the_service(gated: Gated) -> None:
    lines = [*gated.credentials["alice's cookie"], *NAVIGATION]
    answer = await gated.ask("traefik", "/admin/", lines)
    text = answer.body.decode()
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert links
    assert all(link.startswith(f"{PUBLIC_URL}/") for link in links)
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src {PUBLIC_URL}; img-src {PUBLIC_URL}; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script" not in text


async def test_two_refusals_differ_in_their_ids_alone(gated: Gated) -> None:
    lines = [*gated.credentials["alice's cookie"], *NAVIGATION]
    one = await gated.ask("caddy", "/admin/", lines)
    two = await gated.ask("caddy", f"/admin/?{HOST}", lines)
    ids = [each.headers["X-Request-Id"].encode() for each in (one, two)]
    assert one.body.replace(ids[0], b"") == two.body.replace(ids[1], b"")
    assert one.body != two.body


async def test_a_program_is_told_the_reason_in_json(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/admin/", gated.credentials["alice's cookie"])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.reason == "role_missing"
