"""The policy's file under its watch, as a service has it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sidecar.core.policy import Policy
from sidecar.sources.policyfile import PolicyFile
from sidecar.sources.watch import Watched
from tests.sources.policies import until


class WatchedPolicy:
    """The policy that is in force, and what is wrong with the file."""

    def __init__(self, path: Path, *, named: bool) -> None:
        self.file = PolicyFile(path, named=named)
        self.watched = Watched("policy", self.file.sign, self.file.read, self.file.describe)
        self.policy = Policy({})

    @property
    def problem(self) -> str | None:
        """The line of the last reading that failed."""
        return self.watched.problem

    def adopt(self, policy: Policy) -> None:
        self.policy = policy

    async def until(self, condition: Callable[["WatchedPolicy"], bool]) -> None:
        """Wait until this holds."""
        await until(lambda: condition(self))


@asynccontextmanager
async def watching_policy(path: Path, *, named: bool = True) -> AsyncIterator[WatchedPolicy]:
    """Open the policy and watch its file while the block runs."""
    watched = WatchedPolicy(path, named=named)
    watched.adopt(await watched.watched.open())
    running = asyncio.create_task(watched.watched.run(watched.adopt))
    try:
        yield watched
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])
