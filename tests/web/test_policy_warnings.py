"""What a policy hardly means is told in the log: at the start, and after each change."""

import asyncio
from pathlib import Path

import pytest

from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio

MOST = 20  # lines
LOOKS = 500  # of 20 ms each


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        each.getMessage()
        for each in caplog.records
        if each.levelname == "WARNING" and "policy.yaml" in each.getMessage()
    ]


async def test_the_log_has_a_bounded_number_of_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = [{"path": f"/{number}", "allow": {"roles": ["admin"]}} for number in range(MOST + 5)]
    async with serving_web(tmp_path, policy={"hosts": {"auth.example.com": rules}}):
        told = _told(caplog)
    assert len(told) == MOST + 1
    assert told[-1].endswith("policy.yaml: and 5 more warnings")


async def test_what_a_changed_policy_hardly_means_is_told_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = [{"path": "/**", "allow": "signed-in"}]
    async with serving_web(tmp_path, policy={"hosts": {"auth.example.com": rules}}) as web:
        assert _told(caplog) == []
        text = "hosts:\n  auth.example.com:\n    - {path: /**, allow: {roles: [admin]}}\n"
        (web.directory / "policy.yaml").write_text(text)
        for _ in range(LOOKS):  # the log tells no test when it is written
            if _told(caplog):
                break
            await asyncio.sleep(0.02)
        (told,) = _told(caplog)
    assert ":3: hosts.auth.example.com: admin is the role" in told
