"""People in the database of a folder, made at once: a command for each would take a second."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sidecar.accounts import NewUser
from sidecar.app.services import open_services
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.ports import UserChange
from sidecar.settings import load_settings
from tests.cli.running import PASSWORD

BY = Author(OPERATOR)


async def add_people(
    folder: Path, people: Mapping[str, Sequence[str]], *, disabled: Sequence[str] = ()
) -> None:
    """Add users with these roles, some of them disabled."""
    settings = load_settings(folder / "sidecar.yaml", environ={}, flags={})
    async with open_services(settings) as services:
        await services.store.prepare_schema()
        now = read_clock().unix
        for name, roles in people.items():
            await services.accounts.add(NewUser(name, roles=tuple(roles)), PASSWORD, BY, now)
        for name in disabled:
            user = await services.accounts.show(name)
            change = UserChange(disabled=True)
            await services.accounts.change(user.id, change, BY, now, seen=None)
