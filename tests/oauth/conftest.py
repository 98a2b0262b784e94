"""A service that has programs, and people who are logged in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.oauth.programs import POLICY, SETTINGS, Oauth, make_oauth
from tests.web.conftest import in_one_task, serving_web


@pytest_asyncio.fixture
async def oauth(tmp_path: Path) -> AsyncIterator[Oauth]:
    """Run a service of its own for one test."""
    async with in_one_task(serving_web(tmp_path, SETTINGS, POLICY)) as running:
        yield await make_oauth(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Oauth]:
    """Run a service for all questions of a module that change nothing for others."""
    directory = tmp_path_factory.mktemp("shared")
    async with in_one_task(serving_web(directory, SETTINGS, POLICY)) as running:
        yield await make_oauth(running)
