"""Our schemas in the words of JSON Schema, each once below `components` of a document.

What may be sent and what is answered are two shapes of one schema: ids and dates are only shown,
passwords only sent. What a parser judges and JSON Schema cannot say stands in the description.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import RAISE, Schema, fields

from sidecar.schemas.fields import Moment, Parsed
from sidecar.schemas.groups import Switch as GroupSwitch
from sidecar.schemas.requests import Switch, Text

Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A list that goes on behind `next`."""

    of: Schema


# Of a body that is sent; and of an answer: one schema, a page of one, or any of several.
Sent = Schema
Shape = Schema | Page | tuple[Schema, ...]


class Shapes:
    """Writes each schema once below `components`, and returns references to it."""

    def __init__(self, spec: APISpec, converter: OpenAPIConverter) -> None:
        converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call] # apispec's
        self._components = spec.components
        self._property = converter.field2property
        self._written: set[str] = set()

    def write_parameters(self, schema: Schema) -> list[Members]:
        """Return the parameters behind the `?` that a schema judges."""
        return [
            {"in": "query", "name": name, "required": False, "schema": self._property(member)}
            for name, member in schema.load_fields.items()
        ]

    def write_shape(self, shape: Shape) -> Members:
        """Return the schema of an answer."""
        match shape:
            case Page(of):
                return {
                    "type": "object",
                    "properties": {
                        "items": {"type": "array", "items": self._write_shown(of)},
                        "next": {"type": ["string", "null"]},
                    },
                    "required": ["items", "next"],
                }
            case tuple():
                return {"anyOf": [self._write_shown(each) for each in shape]}
            case _:
                return self._write_shown(shape)

    def write_sent(self, schema: Schema) -> Members:
        """Return a reference to what may be sent; what is only shown is refused as unknown."""
        required = [
            each for each, one in schema.load_fields.items() if one.required and not schema.partial
        ]
        more = {"additionalProperties": False} if schema.unknown == RAISE else {}
        return self._refer(schema, schema.load_fields, required, more)

    def _write_shown(self, schema: Schema) -> Members:
        """Return a reference to what is answered: all members are there, but those that may not."""
        sometimes: frozenset[str] = getattr(schema, "sometimes", frozenset())
        required = [each for each in schema.dump_fields if each not in sometimes]
        return self._refer(schema, schema.dump_fields, required, {})

    def _refer(
        self,
        schema: Schema,
        members: Mapping[str, fields.Field[Any]],
        required: list[str],
        more: Members,
    ) -> Members:
        name = _name(schema)
        if name not in self._written:
            self._written.add(name)
            properties = {
                each: _without_direction(self._show(member)) for each, member in members.items()
            }
            about = {"description": _first_line(schema)} if schema.__doc__ else {}
            wanted = {"required": required} if required else {}
            component = {"type": "object", **about, "properties": properties, **wanted, **more}
            self._components.schema(name, component)
        return {"$ref": f"#/components/schemas/{name}"}

    def _show(self, member: fields.Field[Any]) -> Members:
        """Return the JSON Schema of a field; another schema within it is a component too."""
        if isinstance(member, fields.Nested):
            return self._write_shown(member.schema)
        if isinstance(member, fields.List) and isinstance(member.inner, fields.Nested):
            return {"type": "array", "items": self._write_shown(member.inner.schema)}
        return dict(self._property(member))


def _describe_field(
    _converter: OpenAPIConverter, each: fields.Field[Any], **_more: object
) -> Members:
    """Return what apispec does not know of the fields of ours."""
    match each:
        case Parsed():
            kind = each.metadata.get("type", "string")
            return {
                "type": [kind, "null"] if each.allow_none else kind,
                "description": _describe_expected(each.expected),
            }
        case Moment():
            kinds = ["string", "null"] if each.allow_none else "string"
            return {"type": kinds, "format": "date-time"}
        case Switch() | GroupSwitch():
            return {"type": "boolean"}
        case Text():
            return {"pattern": each.shape}
        case _:
            return {}


def _describe_expected(complaint: str) -> str:
    """Return what is expected, of the words in which whatever else is refused."""
    return complaint.removeprefix("must be ").removeprefix("is not ")


def _name(schema: Schema) -> str:
    return type(schema).__name__.removeprefix("_").removesuffix("Schema")


def _first_line(schema: Schema) -> str:
    return (type(schema).__doc__ or "").partition("\n")[0].strip()


def _without_direction(schema: Members) -> Members:
    """Return a property without `readOnly` and `writeOnly`: each direction has its own shape."""
    return {name: value for name, value in schema.items() if name not in {"readOnly", "writeOnly"}}
