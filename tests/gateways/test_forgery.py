"""What a client writes into headers that are not its own changes nothing, behind any gateway."""

import pytest

from tests.gateways.conftest import CLIENT_ADDRESS, HOST, Guarded
from tests.gateways.test_outcomes import IDENTITY
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a name may have beside letters and digits (RFC 9110 section 5.6.2), all of which some servers
# make `_` of.
ODD = "!#$%&'*+.^_`|~"
SPELLINGS = [
    spelled
    for name in IDENTITY
    for spelled in (
        name,
        name.lower(),
        name.upper(),
        name.replace("-", "_", 1).upper(),
        *(name.replace("-", odd) for odd in ODD),
    )
]
FORWARDING = {
    "CF-Connecting-IP": "10.9.8.7",
    "Client-IP": "10.9.8.7",
    "Forwarded": f"for=10.9.8.7;host={HOST};proto=https",
    "Front-End-Https": "forged",
    "Proxy": "http://forged.example.com",
    "True-Client-IP": "10.9.8.7",
    "X-Accel-Mapping": ".*=/admin/forged",
    "X-Client-IP": "10.9.8.7",
    "X-Cluster-Client-IP": "10.9.8.7",
    "X-Forwarded-Email": "forged@example.com",
    "X-Forwarded-For": "10.9.8.7",
    "X-Forwarded-Groups": "forged",
    "X-Forwarded-Host": "forged.example.com",
    "X-Forwarded-Method": "OPTIONS",
    "X-Forwarded-Port": "4433",
    "X-Forwarded-Preferred-Username": "forged",
    "X-Forwarded-Prefix": "/forged",
    "X-Forwarded-Proto": "wss",
    "X-Forwarded-Protocol": "forged",
    "X-Forwarded-Scheme": "forged",
    "X-Forwarded-Server": "forged",
    "X-Forwarded-Ssl": "forged",
    "X-Forwarded-Uri": "/public/forged",
    "X-Forwarded-User": "forged",
    "X-HTTP-Method": "OPTIONS",
    "X-HTTP-Method-Override": "OPTIONS",
    "X-Host": "forged.example.com",
    "X-Method-Override": "OPTIONS",
    "X-Original-Method": "OPTIONS",
    "X-Original-URI": "/public/forged",
    "X-Original-URL": "http://forged.example.com/public/",
    "X-Real-IP": "10.9.8.7",
    "X-Rewrite-URL": "/public/forged",
    "X-Sendfile-Type": "X-Accel-Redirect",
    "X-Url-Scheme": "forged",
}
for others, parts in {
    "X-Auth-Request-": ("User", "Email", "Groups", "Preferred-Username", "Access-Token"),
    "X-authentik-": ("username", "email", "groups", "name", "uid", "entitlements", "jwt"),
    "X-WebAuth-": ("User", "Email", "Name", "FullName", "Groups", "Role"),
    "X-Goog-Authenticated-User-": ("Email", "Id"),
    "Cf-Access-Authenticated-User-": ("Email",),
    "X-Forwarded-": ("Access-Token",),
}.items():
    FORWARDING |= {f"{others}{part}": "forged" for part in parts}
VALUES = {*FORWARDING.values(), "forged"}


async def test_a_name_that_could_be_read_as_another_never_reaches_the_upstream(
    guarded: Guarded,
) -> None:
    for name in ("X_Any", "x_any", "X-Any_", "_X", "X.Any", "HTTP_REMOTE_USER"):
        assert (await guarded.ask("/public/", {name: "forged"}))[0] == 200, name
        assert "forged" not in str(guarded.upstream.received.pop()["headers"]), name
    assert (await guarded.ask("/public/", {"X-Any": "mine"}))[0] == 200
    assert header_values(guarded.upstream.received.pop(), "X-Any") == ["mine"]


async def test_a_forged_identity_header_never_reaches_the_upstream(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    for name in SPELLINGS:
        for path, headers in (("/public/", {}), ("/public/", bearer), ("/", bearer)):
            assert (await guarded.ask(path, {**headers, name: "forged"}))[0] == 200, name
            received = guarded.upstream.received.pop()
            assert "forged" not in str(received["headers"]), name
            user = "".join(header_values(received, "Remote-User"))
            assert user == ("alice" if headers else ""), name


@pytest.mark.parametrize("named", IDENTITY)
async def test_an_identity_header_cannot_be_called_one_of_the_connection(
    guarded: Guarded, named: str
) -> None:
    """RFC 9110 section 7.6.1: what `Connection` names, a proxy drops."""
    bearer = await guarded.log_in("bob")
    for line in (named, f"close, {named}", f"{named}, keep-alive"):
        status, _ = await guarded.ask("/", {**bearer, "Connection": line, named: "forged"})
        assert status == 200
        received = guarded.upstream.received.pop()
        assert "forged" not in str(received["headers"])
        # Or the next one would drop it.
        assert named.lower() not in ",".join(header_values(received, "Connection")).lower()
        assert header_values(received, "Remote-User") == ["bob"]
        assert len(header_values(received, "X-Auth-Assertion")) == 1


@pytest.mark.parametrize(
    "named",
    ["Authorization", "Cookie", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Original-URL"],
)
async def test_what_a_question_needs_cannot_be_called_one_of_the_connection(
    guarded: Guarded, named: str
) -> None:
    cookie = {"Cookie": await guarded.log_in_cookie(), "Origin": "https://evil.example.org"}
    asked = {**cookie, "Connection": f"close, {named}"}
    assert (await guarded.ask("/admin/", asked, "POST"))[0] in {400, 401, 403}
    assert (await guarded.ask("/orders", asked, "POST"))[0] in {400, 401, 403}
    bearer = {**await guarded.log_in(), "Connection": f"close, {named}"}
    assert (await guarded.ask("/admin/", bearer))[0] in {400, 401, 403}
    assert guarded.upstream.received == []


async def test_a_forged_forwarding_header_changes_nothing(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    before = len(guarded.service.read_log())
    for forged in [{name: value} for name, value in FORWARDING.items()] + [FORWARDING]:
        for headers in (forged, {name.lower(): value for name, value in forged.items()}):
            assert (await guarded.ask("/orders", headers))[0] == 401, headers
            assert (await guarded.ask("/admin/", {**headers, **bearer}))[0] == 403, headers
    assert guarded.upstream.received == []
    refused = [line for line in guarded.service.read_log()[before:] if line["message"] == "refused"]
    assert len(refused) == 4 * (len(FORWARDING) + 1)
    assert {line["address"] for line in refused} == {CLIENT_ADDRESS}
    assert {line["path"] for line in refused} == {"/orders", "/admin/"}


async def test_a_forged_forwarding_header_never_reaches_the_upstream(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    spelled = [FORWARDING, {name.replace("-", "_"): value for name, value in FORWARDING.items()}]
    for forged in spelled:
        for path, headers in (("/public/", forged), ("/orders", {**forged, **bearer})):
            assert (await guarded.ask(path, headers))[0] == 200
            received = guarded.upstream.received.pop()
            assert [line for line in received["headers"] if line[1] in VALUES] == []
            assert header_values(received, "X-Forwarded-For") == [CLIENT_ADDRESS]
            assert header_values(received, "X-Forwarded-Host") == [guarded.host]
            assert header_values(received, "X-Forwarded-Proto") == ["http"]


@pytest.mark.parametrize(
    "header", ["X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Reproxy-URL"]
)
async def test_an_upstream_leads_nobody_to_a_path_that_was_not_asked_about(
    guarded: Guarded, header: str
) -> None:
    """Who can have it answer so, as by CVE-2025-61780 of Rack, was let in for the other path."""
    guarded.upstream.headers[header] = "/admin/"
    try:
        status, _ = await guarded.ask("/public/")
    finally:
        del guarded.upstream.headers[header]
    assert status == 200
    assert [each["target"] for each in guarded.upstream.received] == ["/public/"]
