"""A real Chromium, and what its console says against our pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.programs.process import require

# A container has no namespaces to make a sandbox of, and a test has nobody to call home to.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.example.com 127.0.0.1",
)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Run a browser for the length of the block."""
    path = require("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser for one test."""
    async with launched() as browser:
        yield browser
