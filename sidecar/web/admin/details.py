"""What a row of the audit trail tells beside who and whom, in lines that a person reads."""

from collections.abc import Mapping
from typing import Final

from sidecar.web.moments import show_moment

NOTHING: Final = "\N{EN DASH}"
ARROW: Final = " \N{RIGHTWARDS ARROW} "


def list_details(details: Mapping[str, object]) -> list[str]:
    """Return `name: before → after` of what was changed, and `name: value` of the rest."""
    before, after = _members(details, "before"), _members(details, "after")
    lines = [
        f"{name}: {ARROW.join(_spell(each[name]) for each in (before, after) if name in each)}"
        for name in dict.fromkeys((*before, *after))
    ]
    rest = (name for name in details if name not in {"before", "after"})
    return [*lines, *(f"{name}: {_spell_as(name, details[name])}" for name in rest)]


def _members(details: Mapping[str, object], name: str) -> Mapping[str, object]:
    members = details.get(name)
    return members if isinstance(members, Mapping) else {}


def _spell_as(name: str, value: object) -> str:
    if name.endswith("_at") and isinstance(value, int):
        return show_moment(value).shown
    return _spell(value)


def _spell(value: object) -> str:
    match value:
        case None | "" | [] | ():
            return NOTHING
        case bool():
            return str(value).lower()
        case list() | tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)
