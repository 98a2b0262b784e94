"""New passwords, as they come in bodies and forms."""

from sidecar.core.user import LONGEST_NEW_PASSWORD
from sidecar.errors import FieldsInvalid
from sidecar.web.context import Context


async def require_good(
    context: Context, pointer: str, password: str, *names: str | None, chooser: str
) -> None:
    """Raise FieldsInvalid for a password that somebody of these names must not have.

    `pointer` is where it stands in the body, `chooser` the `sub` of whoever calls. Raises
    Overloaded too.
    """
    fault = await context.passwords.judge(context.rules, password, *names, chooser=chooser)
    if fault is not None:
        raise FieldsInvalid(((pointer, context.rules.explain(fault)),))


async def find_fault(
    context: Context, password: str, *names: str | None, chooser: str
) -> str | None:
    """Return what a page says of a password that somebody of these names must not have.

    `chooser` is the `sub` of whoever types it. None: they may have it. Raises Overloaded.
    """
    fault = await context.passwords.judge(context.rules, password, *names, chooser=chooser)
    if fault is None:
        return None
    places = {"least": context.rules.least, "most": LONGEST_NEW_PASSWORD}
    return context.pages.say(f"password.{fault}", **places)
