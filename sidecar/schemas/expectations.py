"""The file of `policy test`: who may do what, as the operator means it."""

from typing import Any, Final, NamedTuple

from marshmallow import Schema, validate

from sidecar.core.addresses import parse_address
from sidecar.core.facts import RequestFacts
from sidecar.core.imagine import imagine_principal, imagine_request
from sidecar.core.principal import Principal
from sidecar.core.user import canonical_username, is_role
from sidecar.core.verdict import Deny
from sidecar.schemas.documents import Document, Path, read_document
from sidecar.schemas.fields import SCHEMA_MESSAGES, SCOPE, OneOrMore, Parsed, duration
from sidecar.schemas.groups import Group, Switch, judge_members
from sidecar.schemas.user import ROLE, USERNAME
from sidecar.schemas.values import parse_amr, parse_scope

LARGEST_EXPECTATIONS: Final = 1_048_576  # octets: 10 000 expectations
REQUEST: Final = "must be a method and an absolute URL, such as GET https://app.example.com/"
AMR: Final = "must be one word, such as pwd or otp"
PREFLIGHT: Final = "is true for OPTIONS alone: no preflight has another method"
LIST: Final = "must be a list of expectations: {request: GET https://…, as: {…}, expect: allow}"


class Expectation(NamedTuple):
    """What an operator expects; `facts` is a Deny where the gate would not read the request."""

    line: int
    request: str
    facts: RequestFacts | Deny
    principal: Principal | None
    allowed: bool


def parse_expectations(text: str, name: str, now: int) -> list[Expectation]:
    """Return the expectations in `text`, which the file `name` holds.

    `now` (Unix seconds) is when they ask. Raises DocumentInvalid.
    """
    document = read_document(text, name, largest=LARGEST_EXPECTATIONS)
    listed = document.values
    if not isinstance(listed, list) or not listed:
        document.add_problem((), LIST)
        listed = []
    expectations = [_parse(document, members, (i,), now) for i, members in enumerate(listed)]
    document.refuse_problems()
    return [each for each in expectations if each is not None]


def _parse(document: Document, members: Any, path: Path, now: int) -> Expectation | None:
    if not isinstance(members, dict):
        document.add_problem(path, "must be a mapping with request, as and expect")
        return None
    values, messages = judge_members(ROWS.schema, members, ROWS.find_unknown)
    if messages:
        document.add_messages(messages, path)
        return None
    who = values.get("as", {})
    method, url = values["request"]
    preflight = who.get("preflight", False)
    facts = imagine_request(method, url, who.get("address"), preflight=preflight)
    if facts is None:
        document.add_problem((*path, "request"), REQUEST)
        return None
    if preflight and method != "OPTIONS":
        document.add_problem((*path, "as", "preflight"), PREFLIGHT)
        return None
    principal = imagine_principal(
        now=now,
        username=who.get("user"),
        roles=who.get("roles"),
        scopes=who.get("scope"),
        amr=who.get("amr"),
        auth_age=who.get("auth_age"),
    )
    line = document.line_of(path)
    return Expectation(line, members["request"], facts, principal, values["expect"])


def _parse_request(text: str) -> tuple[str, str] | None:
    method, _, url = text.partition(" ")
    return (method, url) if method and url else None


def _parse_expect(text: str) -> bool | None:
    return {"allow": True, "deny": False}.get(text)


def parse_role(text: str) -> str | None:
    """Return the name of a role."""
    return text if is_role(text) else None


def _some(field: Parsed[str]) -> OneOrMore:
    """Return a field for one value or a list of some."""
    return OneOrMore(field, validate=validate.Length(min=1, error="is empty: leave the key out"))


class WhoSchema(Schema):
    """Who asks, and how; where neither user, roles, scope, amr nor auth_age is there, nobody."""

    error_messages = SCHEMA_MESSAGES

    user = Parsed(canonical_username, USERNAME)
    roles = _some(Parsed(parse_role, ROLE))
    scope = _some(Parsed(parse_scope, SCOPE))
    amr = _some(Parsed(parse_amr, AMR))
    auth_age = duration("0s", "400d")
    address = Parsed(parse_address, "must be an IP address")
    preflight = Switch()


ROWS: Final = Group(
    Schema.from_dict(
        {
            "request": Parsed(_parse_request, REQUEST, required=True),
            "as": Group(WhoSchema()),
            "expect": Parsed(_parse_expect, "must be allow or deny", required=True),
        }
    )()
)
