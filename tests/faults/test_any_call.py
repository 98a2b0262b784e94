"""schemathesis asks the running service what its OpenAPI document allows, and what it does not.

Each answer has a status, a type, headers and a shape that the document names; what breaks the
document is refused, and nothing is a bug. `make fuzz` asks much more often.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    ignored_auth,
    unsupported_method,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from sidecar.web.openapi import dump_openapi
from tests.programs.service import PASSWORD, Service, make_service, serving

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "3"))  # of each operation and caller
TIMEOUT: Final = 10.0  # seconds for one answer
BASE: Final = "http://auth.example.com"
COOKIE: Final = "__Host-sidecar"
NEXT: Final = f"{PASSWORD}, another"

# What the document allows may still be refused: an id that nobody has (404), a version that is
# another (412), a name that is taken (409), a secret that is wrong (401, or 400 in OAuth's words),
# and what JSON Schema cannot say of a field: that a name is of one script, a network an address.
ACCEPTED: Final = ("2xx", "400", "401", "403", "404", "409", "412", "422", "429")
# A version is judged ahead of the body.
REFUSED: Final = ("400", "401", "403", "404", "405", "409", "412", "415", "422", "428", "429")


def read_document(*, boundaries: bool) -> OpenApiSchema:
    """Return what schemathesis asks; `boundaries`: each bound of each field too, in its turn."""
    schema = schemathesis.openapi.from_dict(json.loads(dump_openapi(BASE, COOKIE)))
    schema.config.seed = 6  # what is found once is found again
    schema.config.generation.with_security_parameters = False  # who asks is told below
    schema.config.phases.coverage.enabled = boundaries
    checks = schema.config.checks
    checks.positive_data_acceptance.expected_statuses = list(ACCEPTED)
    checks.negative_data_rejection.expected_statuses = list(REFUSED)
    checks.missing_required_header.expected_statuses = ["401", "403", "428"]
    return schema


FOR_ADMINISTRATORS: Final = read_document(boundaries=True)
FOR_NOBODY: Final = read_document(boundaries=False)  # who is nobody is refused ahead of them
# What pages have methods of their own at, which the document leaves out.
SHARED_WITH_PAGES: Final = frozenset({"/login", "/logout"})
# Operations that end the session of their caller, or use up the tries of a person: each case of
# them has a person and a login of its own.
ENDING: Final = frozenset(
    {
        "POST /logout",
        "PATCH /me",
        "POST /me/password",
        "POST /me/otp/confirm",
        "POST /me/otp/disable",
    }
)
# With a wrong credential beside the good one, or in the form, OAuth says 400 (RFC 6749, 5.2).
OAUTH: Final = "/oauth/"


AnyCase = schemathesis.Case[Any]


@dataclass(slots=True)
class Asked:
    """The running service, and who asks it."""

    service: Service
    session: requests.Session
    numbers: Iterator[int] = field(default_factory=count)
    token: str = ""

    def log_in(self, name: str = "root") -> dict[str, str]:
        """Return the tokens of an administrator."""
        made = self._post("/login", {"username": name, "password": PASSWORD})
        return {token: str(made[token]) for token in ("access_token", "refresh_token")}

    def log_in_anew(self) -> str:
        """Return an access token of a new administrator."""
        return self.log_in(str(self._make_user()["username"]))["access_token"]

    def from_elsewhere(self) -> Mapping[str, str]:
        """Return the headers of a request from an address that nobody asked from before."""
        number = next(self.numbers)
        return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def make_client(self) -> str:
        return str(self._post("/clients", {"name": f"made {next(self.numbers)}"})["client_id"])

    def make_token(self) -> str:
        made = self._post("/me/tokens", {"name": "made"})
        return str(made["id"])

    def make_user(self) -> str:
        return str(self._make_user()["id"])

    def _make_user(self) -> Mapping[str, object]:
        new: dict[str, str | list[str]] = {
            "username": f"made{next(self.numbers)}",
            "password": PASSWORD,
            "roles": ["admin"],
        }
        return self._post("/users", new)

    def _post(self, path: str, members: Mapping[str, str | list[str]]) -> Mapping[str, object]:
        headers = dict(self.from_elsewhere())
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = self.session.post(
            f"{self.service.url}{path}", json=dict(members), headers=headers, timeout=TIMEOUT
        )
        assert answer.ok, answer.text
        made: Mapping[str, object] = answer.json()
        return made


# What there is at a path: every second case asks for that, the others for what nobody has.
THERE: Final[Mapping[str, Callable[[Asked], str]]] = {
    "/clients/{id}": Asked.make_client,
    "/clients/{id}/rotate": Asked.make_client,
    "/me/tokens/{id}": Asked.make_token,
    "/users/{id}": Asked.make_user,
    "/users/{id}/otp": Asked.make_user,
    "/users/{id}/reset": Asked.make_user,
    "/users/{id}/revoke": Asked.make_user,
}


# What is right, for every second case in which the rest of the body is.
RIGHT: Final[Mapping[str, Callable[[Asked], Mapping[str, str]]]] = {
    "POST /login": lambda _: {"username": "root", "password": PASSWORD},
    "POST /refresh": lambda asked: {"refresh_token": asked.log_in()["refresh_token"]},
    "POST /oauth/introspect": lambda asked: {"token": asked.token},
    "POST /me/password": lambda _: {"current_password": PASSWORD, "new_password": NEXT},
    "POST /me/otp/disable": lambda _: {"password": PASSWORD},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    """Run a service with an administrator root."""
    service = make_service(tmp_path_factory.mktemp("asked"))
    await service.add_user("root", "--role", "admin")
    async with serving(service):
        with requests.Session() as session:
            asked = Asked(service, session)
            asked.token = asked.log_in()["access_token"]
            yield asked
        assert not [line for line in service.read_log() if line["message"] == "a bug"]


def call(asked: Asked, case: AnyCase, headers: Mapping[str, str]) -> None:
    """Ask, and judge the answer by every check that says something about the operation."""
    path = case.operation.path
    excluded = [allow_header_conformance, unsupported_method] if path in SHARED_WITH_PAGES else []
    if path.startswith(OAUTH):
        excluded.append(ignored_auth)
    case.call_and_validate(
        base_url=asked.service.url,
        session=asked.session,
        headers={**asked.from_elsewhere(), **headers},
        timeout=TIMEOUT,
        excluded_checks=excluded,
    )


def is_right(case: AnyCase) -> bool:
    """Say whether a case is as the document has it."""
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@FOR_ADMINISTRATORS.parametrize()
@bounded
def test_an_administrator_is_answered_as_the_document_says(case: AnyCase, asked: Asked) -> None:
    label, path = case.operation.label, case.operation.path
    token = asked.log_in_anew() if label in ENDING else asked.token
    if next(asked.numbers) % 2:
        if path in THERE:
            case.path_parameters["id"] = THERE[path](asked)
        if "If-Match" in case.headers:
            case.headers["If-Match"] = "*"
        if label in RIGHT and is_right(case) and isinstance(case.body, dict):
            case.body = {**case.body, **RIGHT[label](asked)}
    call(asked, case, {"Authorization": f"Bearer {token}"})


@FOR_NOBODY.parametrize()
@bounded
def test_nobody_is_answered_as_the_document_says(case: AnyCase, asked: Asked) -> None:
    call(asked, case, {})
