"""How a section of the settings is judged, and which keys there are."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from marshmallow import fields

from sidecar.schemas.documents import suggest
from sidecar.schemas.fields import Parsed
from sidecar.schemas.groups import Group, judge_members
from sidecar.schemas.sections import SECTIONS


def find_unknown(section: str, key: str, *below: str) -> str | None:
    """Return why there is no such key, with the nearest that there is; None where it is known.

    `below` are the keys below it, outermost first.
    """
    schema = SECTIONS.get(section)
    if schema is None:
        return f"there is no such section{suggest(section, SECTIONS)}"
    if key not in schema.fields:
        hint = suggest(key, schema.fields)
        elsewhere = [f"{name}.{key}" for name, other in SECTIONS.items() if key in other.fields]
        if not hint and elsewhere:
            hint = f"; did you mean {elsewhere[0]}?"
        return f"there is no such key{hint}"
    if not below:
        return None
    field = schema.fields[key]
    if not isinstance(field, Group) or len(below) > 1:
        return "there is no such key"
    return field.find_unknown(below[0])


def list_keys() -> Iterator[tuple[str, ...]]:
    """Yield the path of every key, and of every key below one."""
    for section, schema in SECTIONS.items():
        for key, field in schema.fields.items():
            yield section, key
            if isinstance(field, Group):
                yield from ((section, key, below) for below in field.schema.fields)


def is_group(section: str, key: str) -> bool:
    """Say whether what is set of this key is laid over what was set of it before."""
    return isinstance(SECTIONS[section].fields[key], Group)


def takes_yaml(*path: str) -> bool:
    """Say whether the environment spells this key as YAML: what is no text."""
    return not isinstance(_find_field(path), Parsed)


def takes_none(*path: str) -> bool:
    """Say whether an empty text in the environment means that there is nothing."""
    return _find_field(path).allow_none


def _find_field(path: Sequence[str]) -> fields.Field[Any]:
    section, key, *below = path
    field = SECTIONS[section].fields[key]
    return field.schema.fields[below[0]] if below and isinstance(field, Group) else field


def judge_section(
    section: str, members: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is right of a section, as its types, and marshmallow's messages by key."""
    return judge_members(SECTIONS[section], members, partial(find_unknown, section))
