"""`kill -9` at every await of a refresh: no refresh token is spent without a successor."""

from pathlib import Path

import pytest

from tests.faults.deaths import (
    TURNED,
    UNTOUCHED,
    Settings,
    assert_undone_then_done,
    die_everywhere,
    prepare,
)

pytestmark = pytest.mark.asyncio


async def test_what_the_next_start_finds_is_a_session_that_goes_on(
    tmp_path: Path, database: Settings
) -> None:
    service = await prepare(tmp_path, database)
    told = await die_everywhere(service, "refresh")
    assert_undone_then_done(told, [UNTOUCHED, UNTOUCHED], [TURNED, UNTOUCHED])
