"""SQLite's file and folder can be read and no longer written, while the service runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.stores.sql.sqlite import journal_mode
from tests.faults.asking import until_degraded, until_told
from tests.faults.holding import assert_told_once, holding
from tests.programs.process import require
from tests.programs.service import make_service, serving

pytestmark = pytest.mark.asyncio

# With this journal all that is written to is open, and what is open stays writable.
WRITTEN_ON = journal_mode() == "WAL"


def without_privilege() -> tuple[str, ...]:
    """Return how a program is started that obeys the modes of files, also as root."""
    if os.geteuid() != 0:
        return ()
    return (require("setpriv"), "--bounding-set=-dac_override,-dac_read_search")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write in the folder for the length of the block."""
    paths = (*folder.iterdir(), folder)
    modes = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        yield
    finally:
        for path, mode in zip(reversed(paths), reversed(modes), strict=True):
            path.chmod(mode)


async def test_the_gate_goes_on_and_nobody_logs_in_until_it_can_be_written(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    service.prefix = without_privilege()
    await service.add_user("alice")
    async with serving(service):
        async with holding(client, service) as held:
            with read_only(tmp_path / "data"):
                works = (held.try_log_in, held.try_log_out, held.try_refresh)
                answered = [await work(service) for work in works]
                assert answered == ([200, 204, 200] if WRITTEN_ON else [503] * 3)
                await until_degraded(client, service, *([] if WRITTEN_ON else ["sql"]))
                if not WRITTEN_ON:
                    await until_told(service, "writes to the database fail")
        if WRITTEN_ON:
            return
        assert_told_once(service, "writes to the database fail", "may this process write the file")
        assert_told_once(service, "writes to the database work again", "")
