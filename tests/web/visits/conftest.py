"""A service for all tests of a module, and people with a browser who are new in each test."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from tests.web.conftest import Web, in_one_task, serving_web
from tests.web.visiting import Visitor, visit

SETTINGS = {"tokens": {"role_scopes": {"staff": ["orders:read", "orders:write"]}}}
NUMBERS = count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run the service, with an administrator root."""
    async with in_one_task(serving_web(tmp_path_factory.mktemp("visited"), SETTINGS)) as running:
        await running.add_user("root", "admin")
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def person(web: Web) -> Visitor:
    """Log in somebody new."""
    name = f"person{next(NUMBERS)}"
    await web.add_user(name, "staff")
    return await visit(web, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(web: Web) -> Visitor:
    """Log in the administrator."""
    return await visit(web, "root")
