"""The audit trail, for those who look into it."""

from collections.abc import Sequence
from typing import Protocol

from sidecar.core.audit import AuditQuery, AuditRecord


class AuditStore(Protocol):
    """The trail, which is written in the transaction of what it tells and never changed.

    The row of a turn of the keys follows its files: they share no transaction.
    """

    async def read_events(self, query: AuditQuery) -> Sequence[AuditRecord]:
        """Return the rows that the query asks for, the newest first."""
        ...
