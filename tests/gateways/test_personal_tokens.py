"""Personal tokens through real gateways: whose they are reaches the upstream, they never do."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.gateways.conftest import Guarded
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "sidecar_pat_"


async def make_token(guarded: Guarded, **members: Any) -> dict[str, Any]:
    """Return a new token of alice as `POST /me/tokens` tells it."""
    url = f"{guarded.service.url}/me/tokens"
    body = {"name": "a script", **members}
    async with guarded.session.post(url, json=body, headers=await guarded.log_in()) as answer:
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        return made


def basic(user: str, password: str) -> str:
    """Return the value of `Authorization` that curl's `-u` sends."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def every_way(token: str) -> Iterator[str]:
    """Yield how a client may show a token so that it counts."""
    yield f"Bearer {token}"
    yield f"bearer {token}"
    yield basic("alice", token)
    yield basic("", token)
    yield basic("alice", token).replace("Basic", "BASIC")


def assert_kept_back(received: Mapping[str, Any], token: str) -> None:
    """Fail where an upstream got something of a token."""
    assert "".join(header_values(dict(received), "Authorization")) == ""
    told = str(received)
    secrets = [token, b64encode(f"alice:{token}".encode()).decode(), PREFIX]
    assert [each for each in secrets if each in told] == []


async def test_the_upstream_learns_whose_token_it_is_and_never_sees_it(guarded: Guarded) -> None:
    token = (await make_token(guarded))["token"]
    for value in every_way(token):
        assert (await guarded.ask("/orders", {"Authorization": value}))[0] == 200, value
        received = guarded.upstream.received.pop()
        assert header_values(received, "Remote-User") == ["alice"]
        assert header_values(received, "Remote-Groups") == ["staff"]
        assert_kept_back(received, token)


async def test_a_token_that_is_not_good_is_kept_back_from_an_open_path_too(
    guarded: Guarded,
) -> None:
    made = await make_token(guarded)
    token: str = made["token"]
    forged = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
    url = f"{guarded.service.url}/me/tokens/{made['id']}"
    async with guarded.session.delete(url, headers=await guarded.log_in()) as answer:
        assert answer.status == 204
    padded = f"Basic {urlsafe_b64encode(f'alicé?>:{token}'.encode()).decode()}"
    for value in (*every_way(token), *every_way(forged), basic(token, "x"), padded):
        assert (await guarded.ask("/public/", {"Authorization": value}))[0] == 200, value
        received = guarded.upstream.received.pop()
        assert header_values(received, "Remote-User") in ([], [""])
        assert_kept_back(received, token)
        assert (await guarded.ask("/orders", {"Authorization": value}))[0] == 401, value
    assert guarded.upstream.received == []


OTHERS = [
    basic("alice", "her password at the upstream"),
    "Basic bm90IG91cnM=",
    'Digest username="alice", realm="a", nonce="b", uri="/", response="c"',
    "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
    "Token abc",
    "Negotiate YII+/abc==",
]


async def test_what_is_none_of_ours_arrives_as_it_was_sent(guarded: Guarded) -> None:
    cookie = await guarded.log_in_cookie()
    for value in OTHERS:
        assert (await guarded.ask("/public/", {"Authorization": value}))[0] == 200, value
        assert header_values(guarded.upstream.received.pop(), "Authorization") == [value]
        sent = {"Authorization": value, "Cookie": cookie}
        assert (await guarded.ask("/orders", sent))[0] == 200, value
        received = guarded.upstream.received.pop()
        assert header_values(received, "Authorization") == [value]
        assert header_values(received, "Remote-User") == ["alice"]


async def test_an_access_token_arrives_as_it_was_sent(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    for path in ("/orders", "/public/"):
        assert (await guarded.ask(path, bearer))[0] == 200
        received = guarded.upstream.received.pop()
        assert header_values(received, "Authorization") == [bearer["Authorization"]]


async def test_without_the_header_the_upstream_gets_none(guarded: Guarded) -> None:
    for path, headers in (("/public/", {}), ("/orders", {"Cookie": await guarded.log_in_cookie()})):
        assert (await guarded.ask(path, headers))[0] == 200
        assert "".join(header_values(guarded.upstream.received.pop(), "Authorization")) == ""


async def test_two_that_differ_are_refused_or_kept_back(guarded: Guarded) -> None:
    first, second = [(await make_token(guarded))["token"] for _ in range(2)]
    access = (await guarded.log_in())["Authorization"]
    pairs = [
        (f"Bearer {first}", f"Bearer {second}"),
        (f"Bearer {first}", basic("alice", second)),
        (access, basic("alice", first)),
        (basic("alice", first), basic("alice", second)),
        (basic("alice", first), access),
    ]
    for pair in pairs:
        lines = CIMultiDict([("Authorization", value) for value in pair])
        for path in ("/orders", "/public/"):
            status, _ = await guarded.ask(path, lines)
            if status == 200:
                assert_kept_back(guarded.upstream.received.pop(), first)
            else:
                assert status in {400, 401}, pair
    assert guarded.upstream.received == []


async def test_networks_are_those_of_the_client_not_of_the_gateway(guarded: Guarded) -> None:
    for networks, status in ((["127.0.0.2/32"], 200), (["127.0.0.1/32"], 403)):
        token = (await make_token(guarded, networks=networks))["token"]
        assert (await guarded.ask("/orders", {"Authorization": f"Bearer {token}"}))[0] == status
