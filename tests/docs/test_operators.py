"""The pages for operators, followed with the real programs."""

import json
import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, Block, read_blocks, read_table
from tests.docs.reader import answers, find_application, make_terminal
from tests.docs.terminal import Lasting, Terminal
from tests.programs.gateways import BESIDE_PYTHON
from tests.programs.postgres import Postgres
from tests.programs.process import require
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio


def _find_begin() -> list[Block]:
    """Return the files and commands of the README up to Traefik: what is asked comes otherwise."""
    blocks = read_blocks(ROOT / "README.md")
    (end,) = (number for number, each in enumerate(blocks) if "gateway traefik" in each.text)
    return blocks[blocks.index(find_application()) : end + 1]


async def test_the_page_about_programs_does_what_it_says(tmp_path: Path) -> None:
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/programs.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
        assert not terminal.running["service"].says(terminal.replaced["CLIENT_SECRET"])


async def test_the_page_about_people_does_what_it_says(tmp_path: Path) -> None:
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/people.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
        assert not terminal.running["service"].says(terminal.replaced["PASSWORD"])


async def test_the_page_about_bringing_users_does_what_it_says(tmp_path: Path) -> None:
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/moving-users.md"):
            await terminal.follow(block)


async def test_the_page_about_personal_tokens_does_what_it_says(tmp_path: Path) -> None:
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/personal-tokens.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
        assert not terminal.running["service"].says(terminal.replaced["SHOWN_TOKEN"])


async def test_the_page_about_keys_does_what_it_says(tmp_path: Path) -> None:
    require("openssl")
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/keys.md"):
            await terminal.follow(block)
        listed = json.loads(await terminal.run("sidecar key list --json"))
    states = {(row["purpose"], row["alg"], row["state"]) for row in listed}
    assert states >= {
        ("token", "RS256", "revoked"),
        ("token", "EdDSA", "next"),
        ("cookie", "RS256", "active"),
        ("cookie", "ES256", "next"),
    }


async def test_the_page_about_refusals_does_what_it_says(tmp_path: Path) -> None:
    require("traefik", BESIDE_PYTHON)
    page = ROOT / "docs/refused.md"
    terminal = make_terminal(
        tmp_path,
        lambda port: Lasting(
            "cd gateway && traefik", "gateway", answers(f"http://localhost:{port}/public/")
        ),
        replaced={},
    )
    async with terminal:
        for block in _find_begin():
            if block.language != "console":
                await terminal.follow(block)
        for block in read_blocks(page):
            await terminal.follow(block)
        _compare_log(terminal, page)


def _compare_log(terminal: Terminal, page: Path) -> None:
    lines = map(json.loads, terminal.running["service"].output.read_text().splitlines())
    members = [line.keys() for line in lines if line["message"] == "refused"]
    rows = read_table(page, "The line in the log")
    told = set(re.findall(r"`(\w+)`", " ".join(row[0] for row in rows)))
    always = {"time", "level", "logger", "message"}
    assert members
    assert all(each - always == told for each in members)


async def test_the_page_about_running_it_does_what_it_says(
    tmp_path: Path, postgres: Postgres, redis_server: RedisServer
) -> None:
    terminal = make_terminal(
        tmp_path,
        replaced={
            "postgresql://sidecar@db.example.com/sidecar": postgres.make_database(),
            "redis://redis.example.com:6379/0": redis_server.url,
        },
    )
    async with terminal:
        for block in read_blocks(ROOT / "docs/running.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
    assert (tmp_path / "backup" / "keys" / "secret").stat().st_mode & 0o077 == 0
