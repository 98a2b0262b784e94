"""What is published: the key set and the two metadata documents."""

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet, RSAKey

from tests.web.asked import ask
from tests.web.conftest import PUBLIC_URL, Web

KEYS = "/.well-known/jwks.json"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_independent_library_verifies_tokens_by_the_key_set(settled: Web) -> None:
    token = (await settled.log_in())["access_token"]
    keys = KeySet.import_key_set((await ask(settled, "GET", KEYS)).json)
    opened = jwt.decode(token, keys, algorithms=["RS256"])
    assert opened.header == {"alg": "RS256", "typ": "at+jwt", "kid": opened.header["kid"]}
    assert opened.claims["iss"] == PUBLIC_URL
    assert opened.claims["preferred_username"] == "alice"


async def test_the_key_set_has_token_keys_only_and_nothing_secret(settled: Web) -> None:
    (key,) = (await ask(settled, "GET", KEYS)).json["keys"]
    assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert RSAKey.import_key(key).thumbprint() == key["kid"]
    every = {file.stem for file in (settled.directory / "keys").glob("*.pem")}
    assert len(every) == 2  # the other one seals cookies


async def test_the_cookie_is_worth_nothing_outside_the_gate(settled: Web) -> None:
    cookie = (await settled.log_in_cookie()).partition("=")[2]
    keys = KeySet.import_key_set((await ask(settled, "GET", KEYS)).json)
    with pytest.raises(InvalidKeyIdError):
        jwt.decode(cookie, keys, algorithms=["RS256"])


@pytest.mark.parametrize("path", [SERVER, OPENID])
async def test_the_metadata_lead_from_the_issuer_to_the_keys(settled: Web, path: str) -> None:
    answer = await ask(settled, "GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["issuer"] == PUBLIC_URL
    assert answer.json["jwks_uri"] == f"{PUBLIC_URL}{KEYS}"
    assert answer.json["response_types_supported"] == []
    assert ("subject_types_supported" in answer.json) is (path == OPENID)


@pytest.mark.parametrize("path", [KEYS, SERVER, OPENID])
async def test_anybody_may_read_and_keep_what_is_published(settled: Web, path: str) -> None:
    answer = await ask(settled, "GET", path, {"Origin": "https://anywhere.example"})
    assert answer.headers.getall("Access-Control-Allow-Origin") == ["*"]
    # Half of keys.publish_ahead, 10m.
    assert answer.headers.getall("Cache-Control") == ["public, max-age=300"]
    assert answer.headers["Server"] == "sidecar"
    assert answer.headers["X-Request-Id"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [KEYS, SERVER, OPENID])
async def test_who_knows_the_present_one_is_told_so(settled: Web, path: str) -> None:
    etag = (await ask(settled, "GET", path)).headers["ETag"]
    for method in ("GET", "HEAD"):
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = await ask(settled, method, path, {"If-None-Match": known})
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["ETag"] == etag
            assert answer.headers["Cache-Control"] == "public, max-age=300"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("known", ['"other"', "", "x", '"', "\u00fc", '"' + "0" * 32 + '"'])
@pytest.mark.parametrize("path", [KEYS, SERVER, OPENID])
async def test_who_knows_another_gets_the_present_one(settled: Web, path: str, known: str) -> None:
    answer = await ask(settled, "GET", path, {"If-None-Match": known})
    assert answer.status == 200
    assert answer.json


@pytest.mark.parametrize("path", [KEYS, SERVER, OPENID])
async def test_head_says_what_get_would(settled: Web, path: str) -> None:
    get, only_head = await ask(settled, "GET", path), await ask(settled, "HEAD", path)
    assert (only_head.status, only_head.body) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control"):
        assert only_head.headers[name] == get.headers[name]


async def test_the_documents_differ_and_so_do_their_tags(settled: Web) -> None:
    tags = {(await ask(settled, "GET", path)).headers["ETag"] for path in (KEYS, SERVER, OPENID)}
    assert len(tags) == 3


async def test_no_document_asks_for_a_credential_or_reads_one(settled: Web) -> None:
    for path in (KEYS, SERVER, OPENID):
        answer = await ask(settled, "GET", path, {"Authorization": "Bearer x"})
        assert answer.status == 200
