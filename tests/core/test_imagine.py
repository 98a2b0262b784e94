"""What an operator writes down is read as the gate would read it, or not at all."""

import pytest

from sidecar.core.addresses import parse_address
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.imagine import imagine_principal, imagine_request
from sidecar.core.origin import Site
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason

NOW = 1_800_000_000


def _read(url: str, method: str = "GET") -> RequestFacts:
    facts = imagine_request(method, url, None)
    assert isinstance(facts, RequestFacts)
    return facts


def test_a_request_is_what_the_gateway_would_ask_about() -> None:
    address = parse_address("10.0.0.1")
    facts = imagine_request("PUT", "HTTPS://App.example.com.:444/a%62?q=1#part", address)
    assert facts == RequestFacts(
        method="PUT",
        scheme="https",
        host=Host("app.example.com", 444),
        path="/ab",
        target="/a%62?q=1",
        address=address,
        site=Site.SAME_ORIGIN,
        origin_host=None,
        websocket=False,
        preflight=False,
    )


@pytest.mark.parametrize(
    ("url", "path", "target"),
    [
        ("http://a.test", "/", "/"),
        ("http://a.test/", "/", "/"),
        ("http://a.test?x=/y", "/", "/?x=/y"),
        ("http://a.test#x", "/", "/"),
        ("http://a.test/#/route", "/", "/"),
        ("http://a.test/\u00e9", "/\u00e9", "/\u00e9"),
        ("http://[::1]/x", "/x", "/x"),
    ],
)
def test_a_url_is_read_as_a_client_sends_it(url: str, path: str, target: str) -> None:
    facts = _read(url)
    assert (facts.path, facts.target) == (path, target)


@pytest.mark.parametrize(("scheme", "websocket"), [("ws", True), ("wss", True), ("https", False)])
def test_a_websocket_is_one_by_its_scheme(scheme: str, websocket: bool) -> None:
    assert _read(f"{scheme}://a.test/").websocket is websocket


@pytest.mark.parametrize(
    ("method", "said", "is_one"),
    [("OPTIONS", True, True), ("OPTIONS", False, False), ("GET", True, False)],
)
def test_a_preflight_has_one_method(method: str, said: bool, is_one: bool) -> None:
    facts = imagine_request(method, "http://a.test/", None, preflight=said)
    assert isinstance(facts, RequestFacts)
    assert facts.preflight is is_one


@pytest.mark.parametrize(
    "url", ["", "/", "/path", "a.test/path", "//a.test/", "http:/a.test", "http://", "http:///x",
            "http://?x", "http://#x", "://a.test/", "1http://a.test/", " http://a.test/"],
)  # fmt: skip
def test_what_is_no_absolute_url_is_none(url: str) -> None:
    assert imagine_request("GET", url, None) is None


@pytest.mark.parametrize(
    ("method", "url", "reason"),
    [
        ("GE T", "http://a.test/", Reason.METHOD_MALFORMED),
        ("", "http://a.test/", Reason.METHOD_MALFORMED),
        ("GET", "ftp://a.test/", Reason.SCHEME_MALFORMED),
        ("GET", "http://user@a.test/", Reason.HOST_MALFORMED),
        ("GET", "http://a.test:99999/", Reason.HOST_MALFORMED),
        ("GET", "http://b\u00fccher.test/", Reason.HOST_MALFORMED),
        ("GET", "http://a..test/", Reason.HOST_MALFORMED),
        ("GET", "http://a.test\\x/", Reason.HOST_MALFORMED),
        ("GET", "http://a.test//x", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/a/../b", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/%2e", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/a b", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/a\nb", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/\udcff", Reason.PATH_AMBIGUOUS),
        ("GET", "http://a.test/?a b", Reason.PATH_AMBIGUOUS),
    ],
)
def test_what_the_gate_would_not_read_is_refused_for_its_reason(
    method: str, url: str, reason: Reason
) -> None:
    assert imagine_request(method, url, None) == Deny(reason)


def test_of_whom_nothing_is_said_is_nobody() -> None:
    assert imagine_principal(now=NOW) is None


def test_who_has_scopes_alone_is_a_program_that_never_logged_in() -> None:
    assert imagine_principal(now=NOW, scopes=["a", "b"]) == Principal(
        username=None,
        roles=frozenset(),
        scopes=frozenset({"a", "b"}),
        amr=frozenset(),
        auth_time=None,
    )


@pytest.mark.parametrize(
    "said",
    [{"username": "a"}, {"roles": ["r"]}, {"amr": ["otp"]}, {"auth_age": 0}, {"auth_age": 60}],
)
def test_everybody_else_is_a_person_who_logged_in(said: dict[str, object]) -> None:
    person = imagine_principal(now=NOW, scopes=["s"], **said)  # type: ignore[arg-type]  # rows differ
    assert person is not None
    assert person.auth_time == NOW - (60 if said.get("auth_age") == 60 else 0)
    assert person.amr == ({"otp"} if "amr" in said else {"pwd"})
    assert person.username == said.get("username")
    assert person.roles == ({"r"} if "roles" in said else set())
    assert person.scopes == {"s"}
