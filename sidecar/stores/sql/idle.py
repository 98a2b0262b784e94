"""Connections to PostgreSQL that nobody uses at the moment, and which may be good for nothing."""

import asyncio
from typing import Any, Final

import sqlalchemy as sa

CLOSE_TIMEOUT: Final = 0.5  # seconds that a server has to see a connection off


class Idle:
    """Knows the idle connections of an engine.

    A server that is frozen, or whose machine is gone, closes none of them. Whoever is handed one
    finds that out by waiting, and so does the next with the next one.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._connections: set[Any] = set()
        sa.event.listen(engine, "checkin", self._note_in)
        sa.event.listen(engine, "checkout", self._note_out)
        sa.event.listen(engine, "close", self._note_out)

    def drop(self) -> None:
        """Cut all of them off, without a word to the server: others are made when needed."""
        for connection in tuple(self._connections):
            connection.driver_connection.terminate()
        self._connections.clear()

    async def close(self) -> None:
        """Close all of them within CLOSE_TIMEOUT; what is not seen off by then is cut off.

        One after the other, and each for as long as a statement may take, is what a pool does.
        """
        closing = [
            each.driver_connection.close(timeout=CLOSE_TIMEOUT) for each in self._connections
        ]
        # However it goes, the driver cuts off what it could not close.
        await asyncio.gather(*closing, return_exceptions=True)

    def _note_in(self, connection: Any, _record: object) -> None:
        if connection is not None:  # it was given up
            self._connections.add(connection)

    def _note_out(self, connection: Any, *_: object) -> None:
        self._connections.discard(connection)
