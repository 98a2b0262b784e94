"""What other forward-auth services and gateways were attacked with, named after the advisory."""

import pytest

from tests.web.gated import BOTH_WAYS, DIALECTS, HOST, MALFORMED, Gated, Lines, asked, send

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]


@pytest.mark.parametrize(
    "target",
    ["*", "", "admin/", "\\admin/", "%2fadmin/", "http://app.example.com/public/", "@/public/",
     "?/public/", "/%", "/\\", "//public/", ":/public/"],
)  # fmt: skip
async def test_cve_2021_32637_a_malformed_uri_through_nginx_is_no_open_door(
    gated: Gated, target: str
) -> None:
    """Authelia took a request URI that it could not parse for one that no rule was about."""
    for who in ("nobody", "root"):
        answer = await gated.ask("nginx", target, gated.credentials[who])
        assert answer.status == 403
        answer.assert_tells_nobody()


@pytest.mark.parametrize("dialect", ["traefik", "caddy", "haproxy"])
@pytest.mark.parametrize("dropped", range(4))
async def test_cve_2024_45410_a_forwarding_header_that_a_client_had_dropped_has_no_default(
    gated: Gated, dialect: str, dropped: int
) -> None:
    """Traefik let `Connection: X-Forwarded-Uri` take its own header away again."""
    question = asked(dialect, "/public/")
    name = question.pop(dropped)[0]
    beside: Lines = [("Connection", name), *gated.credentials["root"]]
    answer = await send(gated.web.port, [*question, *beside], f"/verify/{dialect}")
    assert (answer.status, answer.reason) == (400, "header_missing")


async def test_cve_2025_29927_no_header_says_that_a_request_has_been_judged(gated: Gated) -> None:
    """Next.js skipped its middleware where `x-middleware-subrequest` said so."""
    beside: Lines = [
        ("x-middleware-subrequest", "middleware:middleware:middleware:middleware:middleware"),
        ("X-Original-Remote-User", "root"),
        ("X-Auth-Request-User", "root"),
        ("X-Remote-User", "root"),
        ("Remote-User", "root"),
        ("X-Auth-Assertion", gated.tokens["root"]),
        ("X-WebAuth-User", "root"),
    ]
    for dialect in DIALECTS:
        assert (await gated.ask(dialect, "/", beside)).status == 401
        alice = await gated.ask(dialect, "/admin/", [*beside, *gated.credentials["alice"]])
        assert alice.status == 403


@pytest.mark.parametrize("target", ["/admin/?x=/public/", "/admin/?/public/", "/admin/x?public/**"])
async def test_cve_2025_54576_a_query_does_not_make_a_path_public(
    gated: Gated, target: str
) -> None:
    """oauth2-proxy matched `skip_auth_routes` against path and query together."""
    for dialect in DIALECTS:
        assert (await gated.ask(dialect, target)).status == 401
        assert (await gated.ask(dialect, target, gated.credentials["alice"])).status == 403


async def test_cve_2025_64484_a_header_with_underscores_is_another_header(gated: Gated) -> None:
    """oauth2-proxy dropped `X-Forwarded-User` and let `X_Forwarded_User` through."""
    for dialect in DIALECTS:
        question = asked(dialect, "/admin/")
        public = [line for line in asked(dialect, "/public/") if "-" in line[0]]
        smuggled = [(name.replace("-", "_"), said) for name, said in public]
        assert (await gated.ask(dialect, "/admin/", smuggled)).status == 401
        for name, _ in public:
            rest = [line for line in question if line[0] != name]
            answer = await send(gated.web.port, [*rest, *smuggled], f"/verify/{dialect}")
            assert (answer.status, answer.reason) == (MALFORMED[dialect], "header_missing")


async def test_cve_2026_40575_the_other_gateways_path_header_is_not_read(gated: Gated) -> None:
    """oauth2-proxy judged by an `X-Forwarded-Uri` that the client had sent."""
    public: Lines = [("X-Forwarded-Uri", "/public/"), ("X-Original-URI", "/public/")]
    for dialect in ("nginx", "envoy"):
        assert (await gated.ask(dialect, "/admin/", public)).status == 401
    twice = await gated.ask("traefik", "/admin/", public)
    assert (twice.status, twice.reason) == (400, "header_doubled")


@pytest.mark.parametrize(
    "fragment", ["/admin/#/public/", "/public/#/../admin/", "/public/x#", "/#"]
)
async def test_cve_2026_41059_a_fragment_is_no_part_of_a_target(
    gated: Gated, fragment: str
) -> None:
    """oauth2-proxy matched `/foo/secret#/bar` where the upstream saw `/foo/secret`."""
    for dialect in DIALECTS:
        answer = await gated.ask(dialect, fragment, gated.credentials["root"])
        assert (answer.status, answer.reason) == (MALFORMED[dialect], "path_ambiguous")


@pytest.mark.parametrize(
    "host", ["APP.example.com", "app.EXAMPLE.com", "app.example.com.", "App.Example.Com:443"]
)
async def test_cve_2026_48794_a_host_in_capitals_is_the_same_host(gated: Gated, host: str) -> None:
    """Authelia skipped a rule where a label of the host was written in capitals."""
    for dialect in DIALECTS:
        assert (await gated.ask(dialect, "/admin/", host=host)).status == 401
        alice = gated.credentials["alice"]
        assert (await gated.ask(dialect, "/admin/", alice, host=host)).status == 403


async def test_ghsa_5hvv_m4w4_gf6v_nobody_is_let_in_for_who_they_say_they_are(
    gated: Gated,
) -> None:
    """oauth2-proxy answered 200 to whoever called themselves a health check."""
    for agent in ("GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "sidecar"):
        for dialect in DIALECTS:
            beside = [("User-Agent", agent), ("X-Forwarded-Host", HOST)][: 1 + (dialect == "nginx")]
            assert (await gated.ask(dialect, "/", beside)).status == 401
