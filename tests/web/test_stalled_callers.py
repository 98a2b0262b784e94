"""Who may do something is judged once their body is there: it may have been a while under way."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.programs.service import PASSWORD
from tests.web.asked import ANSWER_TIMEOUT, head, rows, send
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = count()
NEXT = "quite another passphrase"
OTHER = {"username": "another", "password": NEXT}


@dataclass(frozen=True, slots=True)
class Change:
    """What a caller asks for; `form` says that it is sent from a page of ours."""

    method: str
    path: str
    members: Mapping[str, object]
    form: bool = False

    @property
    def kind(self) -> str:
        """The line that says how the body is written."""
        return f"Content-Type: application/{'x-www-form-urlencoded' if self.form else 'json'}"

    @property
    def body(self) -> bytes:
        """The body, whole."""
        return (urlencode(self.members) if self.form else json.dumps(self.members)).encode()


CHANGES = [
    Change("POST", "/users", OTHER),
    Change("PATCH", "/users/{id}", {"roles": ["staff"]}),
    Change("PATCH", "/users/{id}", {"password": NEXT}),
    Change("POST", "/clients", {"name": "billing", "scopes": []}),
    Change("PATCH", "/me", {"email": "another@example.com"}),
    Change("POST", "/me/tokens", {"name": "script"}),
    Change("POST", "/me/password", {"current_password": PASSWORD, "new_password": NEXT}),
    Change("POST", "/me/otp/confirm", {"otp": "123456"}),
    Change("POST", "/me/otp/disable", {"password": PASSWORD}),
    Change("POST", "/admin/people/new", OTHER, form=True),
    Change("POST", "/admin/people/{id}/revoke", {"version": "0"}, form=True),
    Change("POST", "/account", {"name": "Another", "email": "", "version": "0"}, form=True),
    Change("POST", "/account/password", {"current_password": PASSWORD}, form=True),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def administered(settled: Web) -> Web:
    """Have an administrator who stays: the last one cannot be disabled."""
    await settled.add_user("root", "admin")
    return settled


EVERY = pytest.mark.parametrize("change", CHANGES, ids=lambda each: f"{each.method} {each.path}")


@EVERY
async def test_who_is_disabled_while_their_body_stalls_does_nothing(
    administered: Web, change: Change
) -> None:
    name = f"root{next(NUMBERS)}"
    root = await administered.add_user(name, "admin")
    lines = await show_credential(administered, name, change)
    lines += ("Expect: 100-continue", f"Content-Length: {len(change.body)}")
    path = change.path.format(id=root.id)
    reader, writer = await asyncio.open_connection("127.0.0.1", administered.port)
    async with asyncio.timeout(ANSWER_TIMEOUT), closed(writer):
        writer.write(head(change.method, path, *lines))
        # Who hears this has been let in so far, and their body is waited for.
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(change.body[:-1])
        await administered.change_user(name, disabled=True)
        before = await rows(administered)
        writer.write(change.body[-1:])
        answer = await reader.read()
    status = HTTPStatus.SEE_OTHER if change.form else HTTPStatus.UNAUTHORIZED
    assert int(answer.split()[1]) == status, answer
    assert (b"/login?rd=" if change.form else b'"revoked_user"') in answer
    assert await rows(administered) == before


@EVERY
async def test_no_body_is_waited_for_whose_sender_is_nobody(
    administered: Web, change: Change
) -> None:
    """A stranger's body costs nothing: it may be 64 kB, and stall for seconds."""
    lines = (change.kind, "Sec-Fetch-Site: same-origin", "Content-Length: 60000")
    path = change.path.format(id="id-of-nobody")
    for credential in ((), ("Authorization: Bearer a.b.c",)):
        octets = head(change.method, path, *lines, *credential)
        answer = await send(administered.port, octets)
        expected = HTTPStatus.SEE_OTHER if change.form else HTTPStatus.UNAUTHORIZED
        assert int(answer.split()[1]) == expected, answer


@asynccontextmanager
async def closed(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection at the end of the block."""
    try:
        yield
    finally:
        writer.close()


async def show_credential(web: Web, name: str, change: Change) -> tuple[str, ...]:
    """Return the lines by which somebody sends it, as a frontend or as a browser."""
    if change.form:
        cookie = await web.log_in_cookie(name)
        return (change.kind, f"Cookie: {cookie}", "Sec-Fetch-Site: same-origin")
    token = (await web.log_in(name))["access_token"]
    return (change.kind, f"Authorization: Bearer {token}", "If-Match: *")
