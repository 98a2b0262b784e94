"""The OpenAPI document (3.1) of what is answered over HTTP, made from the schemas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from sidecar.schemas.answers import ProblemSchema
from sidecar.schemas.shapes import Members, Shape, Shapes

OPENAPI: Final = "3.1.1"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered under one status: the shape of its body by media type, if it has any.

    `headers` are always there, with what each of them says. What many operations answer has a
    `name`, and stands in the document once.
    """

    description: str
    content: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path. `security` are the credentials of which any one does; "" is none.

    `query` holds the parameters behind the `?`; `headers` are those that it reads, with the JSON
    Schema of each and whether it must be there.
    """

    method: str
    path: str
    summary: str
    description: str
    tag: str
    security: tuple[str, ...]
    answers: Mapping[int, Answer]
    body: Schema | None = None
    body_media: str = JSON
    body_required: bool = True
    query: Schema | None = None
    headers: Mapping[str, tuple[Members, bool]] = field(default_factory=dict)


def make_document(
    operations: Sequence[Operation], securities: Mapping[str, Members], *, version: str, server: str
) -> Members:
    """Return the document as JSON members; `server` is the address below which the paths are."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title="sidecar",
        version=version,
        openapi_version=OPENAPI,
        plugins=[plugin],
        servers=[{"url": server}],
        info={
            "description": "Logins, tokens and people of the service that guards your upstreams.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
    )
    if plugin.converter is None:
        raise TypeError("the plugin was given no document")
    for name, scheme in securities.items():
        spec.components.security_scheme(name, scheme)
    writer = _Writer(spec, Shapes(spec, plugin.converter))
    paths: dict[str, Members] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = writer.write(each)
    for path, methods in paths.items():
        spec.path(path=path, operations=methods)
    written = spec.to_dict()
    return {name: written[name] for name in ("openapi", "info", "servers", "paths", "components")}


class _Writer:
    """Writes operations, and each answer that has a name once."""

    def __init__(self, spec: APISpec, shapes: Shapes) -> None:
        self._components = spec.components
        self._shapes = shapes
        self._named: set[str] = set()

    def write(self, each: Operation) -> Members:
        """Return one operation."""
        members: Members = {
            "operationId": _name_operation(each),
            "tags": [each.tag],
            "summary": each.summary,
            "security": [{name: []} if name else {} for name in each.security],
            "parameters": self._list_parameters(each),
            "responses": {
                str(status): self._refer_answer(answer) for status, answer in each.answers.items()
            },
        }
        if each.description:
            members["description"] = each.description
        if each.body is not None:
            members["requestBody"] = {
                "required": each.body_required,
                "content": {each.body_media: {"schema": self._shapes.write_sent(each.body)}},
            }
        return members

    def _list_parameters(self, each: Operation) -> list[Members]:
        found: list[Members] = [
            {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
            for name in _names_in(each.path)
        ]
        if each.query is not None:
            found.extend(self._shapes.write_parameters(each.query))
        found.extend(
            {"in": "header", "name": name, "schema": schema, "required": required}
            for name, (schema, required) in each.headers.items()
        )
        return found

    def _refer_answer(self, answer: Answer) -> Members:
        if answer.name is None:
            return self._write_answer(answer)
        if answer.name not in self._named:
            self._named.add(answer.name)
            self._components.response(answer.name, self._write_answer(answer))
        return {"$ref": f"#/components/responses/{answer.name}"}

    def _write_answer(self, answer: Answer) -> Members:
        members: Members = {"description": answer.description}
        if answer.headers:
            members["headers"] = {
                name: {"description": text, "required": True, "schema": {"type": "string"}}
                for name, text in answer.headers.items()
            }
        if answer.content:
            members["content"] = {
                media: {"schema": self._shapes.write_shape(shape)}
                for media, shape in answer.content.items()
            }
        return members


def describe_problem(
    name: str, description: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return an error as RFC 9457 has it."""
    return Answer(description, {PROBLEM: ProblemSchema()}, headers or {}, name)


def _names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _name_operation(each: Operation) -> str:
    words = [part.strip("{}.").replace(".", "_") for part in each.path.split("/") if part]
    return "_".join([each.method.lower(), *words]).replace("-", "_")
