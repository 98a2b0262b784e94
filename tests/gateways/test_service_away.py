"""Nothing is let in while the service cannot be asked."""

import signal

import pytest

from tests.gateways.conftest import Guarded

pytestmark = pytest.mark.asyncio


async def test_nothing_is_let_in_while_the_service_is_down(guarded: Guarded) -> None:
    token = await guarded.log_in()
    await guarded.service.end(signal.SIGKILL)
    for path in ("/orders", "/public/"):
        status, _ = await guarded.ask(path, {"Authorization": f"Bearer {token}"})
        assert status >= 500
    assert guarded.upstream.received == []


async def test_nothing_is_let_in_while_the_service_is_frozen(guarded: Guarded) -> None:
    token = await guarded.log_in()
    assert guarded.service.program is not None
    guarded.service.program.process.send_signal(signal.SIGSTOP)
    try:
        status, _ = await guarded.ask("/orders", {"Authorization": f"Bearer {token}"})
        assert status >= 500
    finally:
        guarded.service.program.process.send_signal(signal.SIGCONT)
    assert guarded.upstream.received == []


async def test_the_service_may_come_back(guarded: Guarded) -> None:
    token = await guarded.log_in()
    await guarded.service.end(signal.SIGKILL)
    await guarded.service.start()
    status, _ = await guarded.ask("/orders", {"Authorization": f"Bearer {token}"})
    assert status == 200
