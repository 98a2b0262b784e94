"""`sidecar openapi`: the document without a running service."""

import json
from pathlib import Path

import pytest

from tests.cli.running import sidecar

pytestmark = pytest.mark.asyncio


def names_in(folder: Path) -> list[str]:
    """Return what stands in a folder."""
    return [each.name for each in folder.iterdir()]


async def test_the_document_is_printed_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text(
        "server: {public_url: 'https://app.example.com/auth/'}\n"
        "session: {domain: app.example.com}\n"
    )
    ran = await sidecar(tmp_path, "openapi")
    assert (ran.status, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document["openapi"] == "3.1.1"
    assert document["servers"] == [{"url": "https://app.example.com/auth"}]
    assert document["components"]["securitySchemes"]["cookie"]["name"] == "__Secure-sidecar"
    assert "/users/{id}" in document["paths"]
    assert names_in(tmp_path) == ["sidecar.yaml"]


async def test_wrong_settings_are_told_and_no_document(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text("server: {public_url: ftp://app.example.com}\n")
    ran = await sidecar(tmp_path, "openapi")
    assert (ran.status, ran.out) == (1, "")
    assert len(ran.problems) == 1
    assert "server.public_url" in ran.problems[0]


@pytest.mark.parametrize("argument", ["extra", "--json", "--nothing"])
async def test_called_wrongly_it_says_so(tmp_path: Path, argument: str) -> None:
    ran = await sidecar(tmp_path, "openapi", argument)
    assert (ran.status, ran.out) == (2, "")
