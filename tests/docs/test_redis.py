"""The page about Redis: URLs are taken, settings read, rights are enough, figures are so."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sidecar.schemas.defaults import DEFAULTS
from sidecar.schemas.redisurl import (
    MOST_HOSTS,
    REDIS_PORT,
    SENTINEL_PORT,
    Form,
    parse_redis_url,
)
from sidecar.settings import load_settings
from sidecar.stores.redis.health import RIGHTS
from sidecar.stores.redis.places import SLOT
from sidecar.stores.redis.reading import INSPECT_PERIOD
from sidecar.stores.redis.refill import CLAIM_TTL
from tests.contracts.redis_readers import entries, raw_client, reading, token
from tests.docs.markdown import ROOT, read_blocks, read_code, read_prose, read_table
from tests.programs.certificates import make_certificates
from tests.programs.redis import RedisServer

PAGE: Final = ROOT / "docs/redis.md"
WORDS: Final = {
    "USER": "u",
    "PASSWORD": "p",
    "HOST": "h",
    "PORT": "1",
    "NUMBER": "0",
    "/PATH": "/x",
    "SERVICE": "main",
    "…": "",
}


def spell(grammar: str, *, whole: bool) -> str:
    """Return a URL by what the page says of it: with all that may be left out, or without."""
    while "[" in grammar:
        inner = r"\1" if whole else ""
        grammar = re.sub(r"\[([^\[\]]*)\]", inner, grammar)
    for word, value in WORDS.items():
        grammar = grammar.replace(word, value)
    return grammar


def test_every_form_of_the_table_is_taken_in_full_and_at_its_shortest() -> None:
    rows = read_table(PAGE, "Which form, which URL")
    grammars = [url.strip("`") for _, url in rows]
    assert len(grammars) == len(Form)
    for grammar in grammars:
        for whole in (True, False):
            parse_redis_url(spell(grammar, whole=whole))
        if not grammar.startswith("unix"):
            tls = spell(grammar, whole=True).replace("redis", "rediss", 1)
            assert parse_redis_url(tls).tls
            assert f"`{grammar.partition('://')[0].replace('redis', 'rediss', 1)}://`" in (
                read_prose(PAGE)
            )


def test_its_numbers_are_those_of_the_code() -> None:
    prose = " ".join(read_prose(PAGE).split())
    assert f"is {REDIS_PORT}, that of a Sentinel {SENTINEL_PORT}" in prose
    assert f"one hash slot, {SLOT}," in prose
    assert MOST_HOSTS == 16
    assert "At most sixteen hosts are named" in prose
    assert INSPECT_PERIOD == 10
    assert "and every ten seconds" in prose
    assert CLAIM_TTL == 5_000
    assert "another takes over after five seconds" in prose
    named = {code for code in read_code(PAGE) if re.fullmatch(r"redis\.\w+", code)}
    assert named == {f"redis.{key}" for key in DEFAULTS["redis"]}


def test_its_settings_are_read(tmp_path: Path) -> None:
    (block,) = read_blocks(PAGE)
    made = make_certificates(tmp_path)
    (tmp_path / "redis").write_text("s3cret")
    values: dict[str, dict[str, Any]] = yaml.safe_load(block.text)
    values["redis"] |= {"ca_file": str(made.ca), "password_file": str(tmp_path / "redis")}
    file = tmp_path / "sidecar.yaml"
    file.write_text(yaml.safe_dump(values))
    settings = load_settings(file, environ={}, flags={})
    assert settings.redis_url is not None
    assert parse_redis_url(settings.redis_url).service == "mymaster"


@pytest.mark.asyncio
async def test_the_rights_that_it_names_are_enough(redis_server: RedisServer) -> None:
    (command,) = (code for code in read_code(PAGE) if code.startswith("ACL SETUSER"))
    assert command.endswith(RIGHTS)
    async with raw_client(redis_server.url) as opened:
        client: Any = opened
        await client.execute_command(*command.replace("PASSWORD", "s3cret").split())
    url = redis_server.url.replace("redis://", "redis://sidecar:s3cret@")
    async with reading(url) as there:
        assert await there.feed.announce(entries(token("j")))
        await there.until_holds("j")
        assert there.feed.healthy
