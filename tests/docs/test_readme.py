"""The README, read from top to bottom by somebody who does what it says."""

from pathlib import Path

import pytest

from sidecar.app.warnings import find_policy_warnings
from sidecar.core.policy import Policy
from sidecar.schemas.policy import parse_rules
from sidecar.settings import load_settings
from tests.docs.markdown import ROOT, read_blocks
from tests.docs.reader import answers, make_terminal
from tests.docs.terminal import Lasting
from tests.programs.process import require

pytestmark = pytest.mark.asyncio

README = ROOT / "README.md"


async def test_every_command_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    require("make")
    require("nginx")
    terminal = make_terminal(
        tmp_path,
        lambda _: Lasting("make run", "demo", lambda run: run.says("Ctrl-C ends it"), brief=True),
        lambda port: Lasting(
            "cd gateway && traefik", "gateway", answers(f"http://localhost:{port}/public/")
        ),
        lambda port: Lasting("nginx ", "gateway", answers(f"http://localhost:{port}/public/")),
        # What is installed is not installed anew while other tests use it.
        replaced={"make run": "make run --old-file=.venv/installed"},
    )
    async with terminal:
        await terminal.run(f"cd '{ROOT}'")
        for block in read_blocks(README):
            await terminal.follow(block)
        assert terminal.running.keys() == {"application", "service", "gateway"}
        for word in ("PASSWORD", "TOKEN"):
            assert not terminal.running["service"].says(terminal.replaced[word]), word
    assert not _left_behind(tmp_path)


def _left_behind(folder: Path) -> list[Path]:
    return list(folder.glob("sidecar-demo-*"))


async def test_its_documents_are_what_the_parsers_take(tmp_path: Path) -> None:
    documents = {block.file: block.text for block in read_blocks(README) if block.file}
    file = tmp_path / "sidecar.yaml"
    file.write_text(documents["sidecar.yaml"])
    settings = load_settings(file, environ={}, flags={})
    assert settings.server.public_url == "http://localhost:8080/auth"
    policy = Policy(parse_rules(documents["policy.yaml"], "policy.yaml"))
    assert policy.hosts == ("localhost",)
    assert await find_policy_warnings(settings, policy, "policy.yaml") == ()
