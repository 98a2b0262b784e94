"""A question from an address that may ask none: which address that is."""

from pathlib import Path

import pytest

from tests.web.conftest import serving_web
from tests.web.gated import DIALECTS, GATE_POLICY, HOST, asked
from tests.web.refused import QUERY, ask_unread

pytestmark = pytest.mark.asyncio


async def test_it_is_told_which_address_would_have_to_be_trusted(tmp_path: Path) -> None:
    settings = {"gateway": {"trusted_proxies": ["192.0.2.1"]}}
    async with serving_web(tmp_path, settings, GATE_POLICY) as web:
        for dialect in DIALECTS:
            refusal = await ask_unread(web, dialect, asked(dialect, f"/x{QUERY}"))
            assert refusal["reason"] == "untrusted_peer"
            (need,) = refusal["needs"]
            assert need == (
                "a gateway whose address is in gateway.trusted_proxies:"
                " this one asked from 127.0.0.1"
            )
            unread = refusal["unread"]
            assert (unread["peer"], unread["host"]) == ("127.0.0.1", HOST)
            assert (unread["method"], unread["target"]) == ("GET", "/x")
