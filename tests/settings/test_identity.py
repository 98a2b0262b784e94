"""What upstreams are told of who asks: names of headers that mean nothing else, and scopes."""

from pathlib import Path

import pytest

from sidecar.settings import CookieHandling
from tests.settings.reading import load, refuse, shown, write

NAMES = ("user", "name", "email", "groups", "subject", "scope")
HEADER = "must be a header: a letter, then letters, digits and `-`, up to 64"
TAKEN = "is a header with a meaning of its own"

NO_NAMES: list[object] = [
    "", " ", "X User", "X_User", "X-User:", "X-User ", "X-Us\u00e9r", "X-User\r\nX-Admin", "X\0",
    "-User", "1User", "X.User", "X$User", "X'User", "X{User", "*", "x" * 65, 7, None, [], {},
    ["X-User"],
]  # fmt: skip
MEANINGFUL = (
    # the framing of messages, and what HTTP says of them
    "Host", "Connection", "Transfer-Encoding", "Content-Length", "content-type", "Content-Digest",
    "TE", "Trailer", "Upgrade", "Keep-Alive", "Expect", "Date", "Server", "Cache-Control", "Vary",
    "ETag", "If-Match", "Range", "Location", "Retry-After", "Via", "Accept", "Accept-Language",
    "User-Agent", "Referer", "Origin", "Link",
    # credentials
    "Cookie", "COOKIE", "Set-Cookie", "Authorization", "WWW-Authenticate", "Proxy-Authorization",
    "Proxy-Connection", "Proxy",  # which CGI hands on as HTTP_PROXY
    # what gateways say and obey
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Uri", "x-forwarded-anything", "X-Original-URL",
    "X-Original-Method", "X-Real-IP", "X-Request-Id", "X-Requested-With", "X-Accel-Redirect",
    "X-Sendfile", "X-HTTP-Method-Override", "X-Rewrite-URL", "X-Envoy-Original-Path", "traceparent",
    # what browsers say and obey
    "Sec-Fetch-Site", "Sec-WebSocket-Key", "Access-Control-Allow-Origin",
    "Strict-Transport-Security",
)  # fmt: skip


def _at(place: str, value: object) -> str:
    key, _, below = place.rpartition(".")
    return write(key, {below: value})


PLACES = [*(f"identity.headers.{name}" for name in NAMES), "identity.assertion.header"]


@pytest.mark.parametrize("place", PLACES)
def test_a_header_may_have_any_name_that_every_gateway_carries(tmp_path: Path, place: str) -> None:
    key, _, below = place.rpartition(".")
    for name in ("X-WebAuth-User", "X-Forwarded-Email", "a", "Z9-", "x" * 64):
        assert shown(load(tmp_path, _at(place, name)), key)[below] == name


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_name_is_refused_at_its_key(tmp_path: Path, place: str) -> None:
    for value in NO_NAMES:
        (problem,) = refuse(tmp_path, _at(place, value))
        told = "must have a value" if value is None else HEADER
        assert problem == f"sidecar.yaml:1: {place}: {told}", value


@pytest.mark.parametrize("place", PLACES)
def test_a_header_that_somebody_reads_otherwise_names_nobody(tmp_path: Path, place: str) -> None:
    for name in MEANINGFUL:
        (problem,) = refuse(tmp_path, _at(place, name))
        assert problem == f"sidecar.yaml:1: {place}: {TAKEN}", name


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("identity: {headers: {user: X-Who, name: X-Who}}", ("headers.user", "headers.name")),
        ("identity: {headers: {user: X-Who, scope: x-WHO}}", ("headers.user", "headers.scope")),
        ("identity: {headers: {email: remote-user}}", ("headers.user", "headers.email")),
        ("identity: {headers: {groups: x-auth-assertion}}",
         ("headers.groups", "assertion.header")),
        ("identity: {assertion: {header: Remote-Name}}", ("headers.name", "assertion.header")),
        ("identity: {assertion: {enabled: false, header: REMOTE-NAME}}",
         ("headers.name", "assertion.header")),
    ],
)  # fmt: skip
def test_two_of_them_are_never_one_header(tmp_path: Path, text: str, pair: tuple[str, str]) -> None:
    (problem,) = refuse(tmp_path, text)
    first, second = pair
    assert problem.endswith(f": identity.{first} and identity.{second} are the same header")


def test_names_may_change_places(tmp_path: Path) -> None:
    swapped = "identity: {headers: {user: Remote-Name, name: Remote-User}}"
    headers = load(tmp_path, swapped).identity.headers
    assert (headers["user"], headers["name"]) == ("Remote-Name", "Remote-User")
    assert tuple(headers) == NAMES


def test_each_source_changes_only_what_it_names(tmp_path: Path) -> None:
    text = "identity: {headers: {user: X-A, name: X-B}, assertion: {ttl: 30s}}"
    environ = {
        "SIDECAR_IDENTITY__HEADERS": "{name: X-C}",
        "SIDECAR_IDENTITY__HEADERS__EMAIL": "X-D",
        "SIDECAR_IDENTITY__ASSERTION__ENABLED": "false",
    }
    identity = load(tmp_path, text, environ=environ).identity
    assert dict(identity.headers) == {
        "user": "X-A",
        "name": "X-C",
        "email": "X-D",
        "groups": "Remote-Groups",
        "subject": "X-Auth-Subject",
        "scope": "X-Auth-Scope",
    }
    assertion = identity.assertion
    assert (assertion.enabled, assertion.header, assertion.ttl) == (False, "X-Auth-Assertion", 30)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("identity: {headers: {usr: X-A}}",
         "identity.headers.usr: there is no such key; did you mean user?"),
        ("identity: {headers: {usr: X-A, name: _}}",
         "identity.headers.usr: there is no such key; did you mean user?"),
        ("identity: {headers: {xyzzy: X-A}}", "identity.headers.xyzzy: there is no such key"),
        ("identity: {headers: {'user.x': X-A}}",
         "identity.headers.user.x: there is no such key; did you mean user?"),
        ("identity: {'assertion.ttl': 30s}",
         "identity.assertion.ttl: there is no such key; did you mean assertion?"),
        ("identity: {headers: X-A}", "identity.headers: must be a mapping of keys"),
        ("identity: {headers: [X-A]}", "identity.headers: must be a mapping of keys"),
        ("identity: {headers: }", "identity.headers: must have a value"),
        ("identity: {headers: {user: X-A, user: X-B}}", "identity.headers.user: stands twice"),
        ("identity: {cookie: drop}", "identity.cookie: must be strip or keep"),
        ("identity: {cookie: Keep}", "identity.cookie: must be strip or keep; did you mean keep?"),
        ("identity: {cookie: true}", "identity.cookie: must be strip or keep"),
        ("identity: {assertion: false}", "identity.assertion: must be a mapping of keys"),
        ('identity: {assertion: {enabled: "true"}}',
         "identity.assertion.enabled: must be true or false"),
        ("identity: {assertion: {enabled: 1}}",
         "identity.assertion.enabled: must be true or false"),
        ("identity: {assertion: {enabled: }}", "identity.assertion.enabled: must have a value"),
        ("identity: {assertion: {enabled: no}}",
         ("identity.assertion.enabled: no is a boolean to some readers:"
          " write true or false, or quote it")),
        ("identity: {assertion: {ttl: 9s}}", "identity.assertion.ttl: must be 10s to 1h"),
        ("identity: {assertion: {ttl: 1h1s}}", "identity.assertion.ttl: must be 10s to 1h"),
        ("identity: {assertion: {ttl: 60}}",
         "identity.assertion.ttl: must be a duration such as 30s, 10m, 12h or 30d"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_key(tmp_path: Path, text: str, problem: str) -> None:
    assert refuse(tmp_path, text)[0] == f"sidecar.yaml:1: {problem}"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("SIDECAR_IDENTITY__HEADERS__USR", "X",
         "there is no such setting; did you mean SIDECAR_IDENTITY__HEADERS__USER?"),
        ("SIDECAR_IDENTITY__HEADERS__USER", "X_A", HEADER),
        ("SIDECAR_IDENTITY__HEADERS__USER__X", "X-A",
         "there is no such setting; did you mean SIDECAR_IDENTITY__HEADERS__USER?"),
        ("SIDECAR_IDENTITY__HEADERS", "X-A", "must be a mapping of keys"),
        ("SIDECAR_IDENTITY__HEADERS", "{user: Cookie}", f"user: {TAKEN}"),
        ("SIDECAR_IDENTITY__ASSERTION__ENABLED", "no",
         "no is a boolean to some readers: write true or false, or quote it"),
        ("SIDECAR_IDENTITY__ASSERTION__ENABLED", "", "must have a value"),
        ("SIDECAR_TOKENS__ROLE_SCOPES__STAFF", "[a]",
         "there is no such setting; did you mean SIDECAR_TOKENS__ROLE_SCOPES?"),
    ],
)  # fmt: skip
def test_a_variable_of_a_key_below_a_key_is_named(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    assert refuse(tmp_path, environ={name: text}) == [f"{name}: {problem}"]


def test_a_key_below_a_key_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("X-A\n")
    settings = load(tmp_path, environ={"SIDECAR_IDENTITY__HEADERS__USER_FILE": "name"})
    assert settings.identity.headers["user"] == "X-A"


def test_cookies_are_kept_or_ours_is_taken_away(tmp_path: Path) -> None:
    assert load(tmp_path).identity.cookie is CookieHandling.STRIP
    kept = load(tmp_path, "identity: {cookie: keep}")
    assert kept.identity.cookie is CookieHandling.KEEP


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("1h", 3600)])
def test_an_assertion_lives_as_long_as_its_settings_say(
    tmp_path: Path, text: str, seconds: int
) -> None:
    settings = load(tmp_path, f"identity: {{assertion: {{ttl: {text}}}}}")
    assert settings.identity.assertion.ttl == seconds
