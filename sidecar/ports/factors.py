"""What people prove beside their password who they are, and what stands in for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class Factor:
    """A secret for one-time codes, sealed; no step at or before `last_step` counts any more.

    `created_at` is Unix seconds.
    """

    id: str
    user_id: str
    sealed: str = field(repr=False)
    last_step: int
    created_at: int


@dataclass(frozen=True, slots=True)
class StepProof:
    """The code of a step was right, as far as the factor was read."""

    factor_id: str
    step: int


@dataclass(frozen=True, slots=True)
class RecoveryProof:
    """A recovery code was shown; whether it is one is known when it is taken.

    `event` says so in the trail; how many are left is added to it.
    """

    code_hash: str = field(repr=False)
    event: AuditEvent


Proof = StepProof | RecoveryProof


class FactorStore(Protocol):
    """The second factors of people: one that is confirmed, or one that is being set up."""

    async def has_factor(self, user_id: str) -> bool:
        """Say whether somebody has a confirmed factor."""
        ...

    async def find_pending(self, user_id: str) -> Factor | None:
        """Return the factor that somebody is setting up."""
        ...

    async def add_pending(self, factor: Factor) -> bool:
        """Keep a factor to be confirmed, in the place of any other such one.

        False, and nothing happens, where there is a confirmed one. Raises NotFound for a user who
        is gone.
        """
        ...

    async def confirm_factor(
        self, factor: Factor, step: int, code_hashes: Sequence[str], event: AuditEvent
    ) -> bool:
        """Confirm a factor by the code of a step, and keep these recovery codes and no others.

        False, and nothing happens, where it is not the pending one of its user any more.
        """
        ...

    async def remove_factor(self, user_id: str, event: AuditEvent) -> bool:
        """Remove a user's factor and recovery codes, and what they were setting up.

        False, and no row in the trail, where none was confirmed.
        """
        ...
