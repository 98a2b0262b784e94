"""The servers of one PostgreSQL: one, or several of which the one that takes writes is used.

One name may move from a server to another: while it still leads to the old primary, which follows
the new one, a connection would stay there, and read what that one has heard by then.

With several the driver would wait for the first that does not answer at all for as long as it may
wait for all of them, and come to none of the others: a machine that is gone, not only its server.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

HOST_TIMEOUT: Final = 1.5  # seconds for each of several; a server answers in some milliseconds
PORT: Final = 5432
NO_PRIMARY: Final = "leads to a standby: it is tried again until that has moved"
STANDBY: Final = "SELECT pg_is_in_recovery()"
# One alone may be read-only for a while, as with a full disk, and is read all the same.
READ_ONLY: Final = f"{STANDBY} OR current_setting('default_transaction_read_only') = 'on'"


class NoPrimary(ConnectionError):
    """No host that answers takes writes: so it is while a standby is promoted."""


class Hosts:
    """Connects to the servers of a URL, the one that was right last time before the others.

    `several` says that they are chosen here, `chosen` what the driver is told where it chooses.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._hosts = [_split(each) for each in parts.netloc.rpartition("@")[2].split(",")]
        query = parse_qs(parts.query)
        # A URL that names hosts in its query, as the driver lets it, is left to the driver.
        self.several = len(self._hosts) > 1 and not {"host", "port"} & set(query)
        self._asks = "target_session_attrs" not in query
        # It takes the first that answers where it is not told. Of one alone it would believe what a
        # pooler says, who may have been told that before a failover.
        named = query.get("host", [parts.hostname or ""])[-1]
        chooses = not self.several and (len(self._hosts) > 1 or "," in named or not named)
        self.chosen = {"target_session_attrs": "primary"} if self._asks and chooses else {}

    async def connect(
        self,
        *,
        timeout: float,  # noqa: ASYNC109 - the driver's option
        **options: Any,
    ) -> Any:
        """Return a connection to the first that takes writes, within `timeout` seconds for each.

        Raises what the driver does, or NoPrimary.
        """
        import asyncpg  # noqa: PLC0415 - an extra, which SQLite does without

        if not self.several:
            return await self._open(STANDBY, timeout, self.chosen | options)
        failed: Exception = NoPrimary("none of its hosts takes writes: promote a standby")
        for host, port in tuple(self._hosts):
            here = {"host": host, "port": port, **options}
            try:
                connection = await self._open(READ_ONLY, min(timeout, HOST_TIMEOUT), here)
            except NoPrimary:
                continue
            except (
                OSError,
                asyncpg.PostgresConnectionError,
                asyncpg.exceptions.OperatorInterventionError,  # it stops, or starts
            ) as error:
                # A standby that answers is no reason to keep silent about a primary that does not.
                failed = error
                continue
            self._hosts.remove((host, port))
            self._hosts.insert(0, (host, port))
            return connection
        raise failed

    async def _open(self, question: str, limit: float, options: dict[str, Any]) -> Any:
        """Return a connection; raises NoPrimary where the answer to the question is true.

        The server itself is asked: what a pooler has told the driver may be from before a failover.
        """
        import asyncpg  # noqa: PLC0415 - as above

        try:
            connection = await asyncpg.connect(self._url, timeout=limit, **options)
        except asyncpg.exceptions.TargetServerAttributeNotMatched:
            raise NoPrimary(NO_PRIMARY) from None
        try:
            refused = self._asks and await connection.fetchval(question, timeout=limit)
        except BaseException:
            connection.terminate()
            raise
        if refused:
            connection.terminate()
            raise NoPrimary(NO_PRIMARY)
        return connection


def _split(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    return parts.hostname or "", parts.port or PORT


def name_url(url: str) -> str:
    """Return the URL of a PostgreSQL without its password, which may also stand in the query."""
    parts = urlsplit(url)
    who, at, hosts = parts.netloc.rpartition("@")
    user, colon, _ = who.partition(":")
    return f"{parts.scheme}://{user}{':***' if colon else ''}{at}{hosts}{parts.path}"
