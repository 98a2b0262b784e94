"""What becomes of the policy's file while a service runs: nothing but a right one takes over."""

import logging
import os
import signal
from pathlib import Path

import pytest

from tests.sources.keydirs import put
from tests.sources.policies import LARGE, SMALL, find_worker, make_policy, require_proc
from tests.sources.watched import watching_policy

pytestmark = pytest.mark.asyncio

MESSAGE = "policy: the old one stays in force"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(SMALL)
    return path


def write(path: Path, text: str) -> None:
    put(path, text.encode())  # whole: half of it would be another mistake


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("named", [False, True])
async def test_the_policy_of_a_file_that_goes_away_stays_in_force(
    path: Path, caplog: pytest.LogCaptureFixture, *, named: bool
) -> None:
    async with watching_policy(path, named=named) as watched:
        before = watched.policy
        remove(path)
        await watched.until(lambda it: it.problem is not None)
        assert watched.problem == f"{path}: there is no such file"
        assert watched.policy is before
        assert not watched.file.missing
        write(path, SMALL)
        await watched.until(lambda it: it.problem is None)
        assert len(watched.policy) == 2
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [MESSAGE]


async def test_a_file_that_was_missing_at_the_start_is_still_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    async with watching_policy(path, named=False) as watched:
        before = watched.policy
        watched.watched.ask()
        await watched.until(lambda it: it.policy is not before)
        assert (watched.policy.hosts, watched.problem, watched.file.missing) == ((), None, True)
        write(path, SMALL)
        await watched.until(lambda it: len(it.policy) == 2)
        assert not watched.file.missing
        remove(path)
        await watched.until(lambda it: it.problem is not None)
        assert len(watched.policy) == 2


async def test_a_pipe_in_place_of_the_file_does_not_hold_up_the_watch(path: Path) -> None:
    async with watching_policy(path) as watched:
        remove(path)
        os.mkfifo(path)
        await watched.until(lambda it: it.problem == f"{path}: is no file")
        remove(path)
        write(path, make_policy(1, hosts=2, rules=2))
        await watched.until(lambda it: len(it.policy) == 4)
        assert watched.problem is None


async def test_a_policy_whose_process_was_killed_is_read_once_more(path: Path) -> None:
    """As the kernel kills where memory runs out: nothing of the file is wrong."""
    require_proc()
    async with watching_policy(path) as watched:
        write(path, LARGE)
        process = await find_worker()
        os.kill(int(process.name), signal.SIGKILL)
        await watched.until(lambda it: it.problem is not None)
        assert len(watched.policy) == 2
        await watched.until(lambda it: len(it.policy) == 10_000)
        assert watched.problem is None
