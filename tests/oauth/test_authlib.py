"""An independent client library, led by the metadata alone, against the running service."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from tests.faults.asking import log_in
from tests.programs.service import Service, make_service, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = ("client_secret_basic", "client_secret_post")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Run a service that clients reach where it says it is; alice can log in."""
    made = make_service(tmp_path_factory.mktemp("service"))
    made.settings["server"]["public_url"] = made.url
    made.config.write_text(json.dumps(made.settings))
    await made.add_user("alice")
    async with serving(made):
        yield made


async def add_client(service: Service, name: str) -> dict[str, str]:
    """Add a program as an operator does."""
    ran = await service.run("client", "add", name, "--scope", "a", "--scope", "b", "--json")
    assert ran.status == 0, ran.err
    made: dict[str, str] = json.loads(ran.out)
    return made


async def discover(service: Service) -> dict[str, Any]:
    """Return what the issuer says of itself (RFC 8414 section 3)."""
    url = f"{service.url}/.well-known/oauth-authorization-server"
    async with ClientSession() as session, session.get(url) as answer:
        metadata: dict[str, Any] = await answer.json()
    assert metadata["issuer"] == service.url
    return metadata


def introspect(client: OAuth2Session, metadata: dict[str, Any], token: str) -> dict[str, Any]:
    answer = client.introspect_token(metadata["introspection_endpoint"], token=token)
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("method", METHODS)
async def test_a_program_gets_a_token_looks_into_it_and_takes_it_away(
    service: Service, tmp_path: Path, method: str
) -> None:
    made, metadata = await add_client(service, method), await discover(service)
    for endpoint in ("token", "introspection", "revocation"):
        assert method in metadata[f"{endpoint}_endpoint_auth_methods_supported"]
    assert "client_credentials" in metadata["grant_types_supported"]

    def use() -> None:
        with OAuth2Session(
            made["client_id"],
            made["client_secret"],
            scope="b a",
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        ) as client:
            token = client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
            assert (token["token_type"], token["scope"]) == ("Bearer", "a b")
            assert "refresh_token" not in token
            told = introspect(client, metadata, token["access_token"])
            assert (told["active"], told["sub"]) == (True, made["client_id"])
            answer = client.revoke_token(
                metadata["revocation_endpoint"], token=token["access_token"]
            )
            assert answer.status_code == 200
            assert introspect(client, metadata, token["access_token"]) == {"active": False}

    await asyncio.to_thread(use)


@pytest.mark.parametrize("method", METHODS)
async def test_a_wrong_secret_is_told_as_the_library_expects(service: Service, method: str) -> None:
    made, metadata = await add_client(service, f"wrong {method}"), await discover(service)

    def use() -> None:
        secret = made["client_secret"][:-1]
        with (
            OAuth2Session(made["client_id"], secret, token_endpoint_auth_method=method) as client,
            pytest.raises(OAuthError, match="invalid_client"),
        ):
            client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")

    await asyncio.to_thread(use)


async def test_a_frontend_refreshes_and_ends_its_session(service: Service) -> None:
    metadata = await discover(service)
    assert "refresh_token" in metadata["grant_types_supported"]
    for endpoint in ("token", "revocation"):
        assert "none" in metadata[f"{endpoint}_endpoint_auth_methods_supported"]
    async with ClientSession() as session:
        first = await log_in(session, service)

    def use() -> None:
        with OAuth2Session("sidecar", token=first) as client:
            second = client.refresh_token(metadata["token_endpoint"])
            assert second["refresh_token"] != first["refresh_token"]
            answer = client.get(f"{service.url}/me")  # with the new access token
            assert answer.json()["username"] == "alice"
            answer = client.revoke_token(
                metadata["revocation_endpoint"], token=second["refresh_token"]
            )
            assert answer.status_code == 200
            with pytest.raises(OAuthError, match="invalid_grant"):
                client.refresh_token(metadata["token_endpoint"], second["refresh_token"])

    await asyncio.to_thread(use)
