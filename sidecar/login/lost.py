"""Accounts of which the database has lost an end of sessions that was acknowledged."""

import logging
from collections.abc import Callable

from sidecar.errors import StoreUnavailable
from sidecar.ports import Account, AccountStore

log = logging.getLogger("sidecar.login")


async def refuse_lost(
    account: Account, accounts: AccountStore, find_least_epoch: Callable[[str], tuple[int, int]]
) -> None:
    """Let nobody go on whose database has gone back behind what this process refuses.

    What was sealed for them would be refused at once, and who was disabled by what was lost must
    not be let in by their next login: only an operator knows. Raises StoreUnavailable.
    """
    user = account.user
    if not _is_behind(account, find_least_epoch(user.id)):
        return
    # Mostly it was only read before the end was: then the latest one is as it should be.
    latest = await accounts.find_account(user.username)
    if latest is None or not _is_behind(latest, find_least_epoch(user.id)):
        return
    log.error(
        "the database has lost the end of all sessions of somebody, as by a failover or a backup:"
        " see whether they should be disabled or have another password, then run `sidecar revoke"
        " --user`, or `--everyone` where this is said of many; until then they cannot log in",
        extra={"sub": user.id},
    )
    raise StoreUnavailable("the database has lost the end of all sessions of this user")


def _is_behind(account: Account, least: tuple[int, int]) -> bool:
    """Say whether what is sealed with these epochs is refused."""
    return account.epoch[0] < least[0] or account.epoch[1] < least[1]
