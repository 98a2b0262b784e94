"""The secrets of a program: two are valid at once, and one that leaked is dropped."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.client import (
    CLIENT_ID_OCTETS,
    SECRET_OCTETS,
    SECRET_PREFIX,
    make_client_id,
    seal_client_secret,
)
from sidecar.errors import NotFound
from tests.oauth.programs import BY, Oauth, Program
from tests.web.asked import locked

pytestmark = pytest.mark.asyncio

GRANT = {"grant_type": "client_credentials"}


async def rotate(oauth: Oauth, program: Program, *, drop: bool = False) -> Program:
    """Give a program another secret."""
    programs, now = oauth.web.serving.services.programs, read_clock().unix
    secret = await programs.rotate(
        program.client_id, BY, now, key=oauth.client_key, drop_previous=drop
    )
    return Program(program.client_id, secret)


async def is_valid(oauth: Oauth, program: Program) -> bool:
    """Say whether a secret is good for a token, in either way."""
    answers = [await oauth.grant(GRANT, program.basic), await oauth.grant(GRANT | program.post)]
    statuses = {answer.status for answer in answers}
    assert statuses in ({200}, {401})
    return statuses == {200}


async def test_two_are_valid_and_the_third_kills_the_first(oauth: Oauth) -> None:
    first = oauth.reports
    second = await rotate(oauth, first)
    assert [await is_valid(oauth, each) for each in (first, second)] == [True, True]
    third = await rotate(oauth, first)
    valid = [await is_valid(oauth, each) for each in (first, second, third)]
    assert valid == [False, True, True]
    assert len({first.secret, second.secret, third.secret}) == 3


async def test_a_turn_refuses_no_token(oauth: Oauth) -> None:
    token = await oauth.log_in(oauth.reports)
    await rotate(oauth, await rotate(oauth, oauth.reports))
    assert (await oauth.verify(token)).status == 200


async def test_one_that_leaked_dies_at_once_with_what_it_was_exchanged_for(oauth: Oauth) -> None:
    first = oauth.reports
    second = await rotate(oauth, first)
    token = await oauth.log_in(first)
    third = await rotate(oauth, first, drop=True)
    valid = [await is_valid(oauth, each) for each in (first, second, third)]
    assert valid == [False, False, True]
    (await oauth.verify(token)).assert_problem(401, "revoked_user")
    assert (await oauth.verify(await oauth.log_in(third))).status == 200


async def test_the_secret_of_one_program_is_none_of_another(oauth: Oauth) -> None:
    swapped = Program(oauth.files.client_id, oauth.reports.secret)
    assert not await is_valid(oauth, swapped)
    assert await is_valid(oauth, oauth.files)


async def test_nobody_is_given_a_secret_who_is_not_there(oauth: Oauth) -> None:
    with pytest.raises(NotFound):
        await rotate(oauth, Program("App-" + "A" * 22, ""))


async def test_what_we_made_for_no_such_program_costs_no_read(oauth: Oauth) -> None:
    client_id, secret = oauth.reports.client_id, oauth.reports.secret
    nobody, octets = make_client_id(bytes(CLIENT_ID_OCTETS)), bytes(SECRET_OCTETS)
    async with locked(oauth.web):
        for shown, status in (
            (Program(client_id, secret[:-1]), 401),
            (Program(client_id, "x"), 401),
            (Program(client_id, SECRET_PREFIX + secret.removeprefix(SECRET_PREFIX)[::-1]), 401),
            (Program(client_id, seal_client_secret(b"o" * 32, client_id, octets)), 401),
            (Program(nobody, seal_client_secret(b"o" * 32, nobody, octets)), 401),
            (Program(nobody, secret), 401),
            (Program(oauth.files.client_id, secret), 401),
            (Program("reports", secret), 401),
            (Program(client_id[:-1], secret), 401),
            (Program(client_id, secret), 503),
        ):
            assert (await oauth.grant(GRANT, shown.basic)).status == status
