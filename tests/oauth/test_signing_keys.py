"""What the mint seals ends no later than the key that sealed it: nobody finds that key then."""

from dataclasses import replace

import pytest

from sidecar.core.claims import TokenKind
from sidecar.core.client import Client
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.session import Session, SessionKind
from sidecar.core.token import VerifiedToken, open_token
from sidecar.core.user import User
from sidecar.credentials.mint import Lifetimes, Mint
from sidecar.errors import NoVerdict
from sidecar.ports import Account, ClientAccount
from tests.core.forge import ISSUER, NOW, generate_key, make_key

ALICE = User("u-1", "alice", None, None, (), disabled=False, created_at=NOW, updated_at=NOW)
ACCOUNT = Account(ALICE, "", (0, 0))
SESSION = Session(
    sid="A" * 21 + "Q",
    user_id="u-1",
    kind=SessionKind.BEARER,
    generation=0,
    created_at=NOW,
    rotated_at=NOW,
    tokens_until=NOW,
    expires_at=NOW + 5000,
    amr=("pwd",),
    used_at=NOW,
)
PROGRAM = ClientAccount(
    Client("App-" + "A" * 22, "reports", (), ("api",), 0, NOW, NOW), ("",), (0, 0)
)


def make_mint(published: int) -> tuple[KeyRing, Mint]:
    """Return a mint whose keys are published for so many seconds more; 0: they do not sign."""
    keys = [
        replace(
            make_key(generate_key(), purpose),
            sign_until=NOW + min(published, 1),
            publish_until=NOW + published,
        )
        for purpose in Purpose
    ]
    ring = KeyRing.of(keys)
    lifetimes = Lifetimes(600, 5000, 5000, 5000, 5000)
    return ring, Mint(Issuer(ISSUER, ("api",)), lifetimes, b"key", lambda: ring)


@pytest.mark.parametrize(("published", "lives"), [(599, 599), (600, 600), (601, 600), (1, 1)])
def test_a_token_ends_with_its_key(published: int, lives: int) -> None:
    ring, mint = make_mint(published)
    bearer = mint.bearer(ACCOUNT, SESSION, NOW)
    program = mint.program(PROGRAM, (), ("api",), NOW)
    for grant in (bearer, program):
        opened = open_token(
            grant.access_token, TokenKind.ACCESS, ring, issuer=ISSUER, audience=("api",)
        )
        assert isinstance(opened, VerifiedToken)
        assert opened.claims.exp == NOW + lives
        assert grant.expires_in == lives


@pytest.mark.parametrize(("published", "lives"), [(4999, 4999), (5000, 5000), (5001, 5000)])
def test_a_cookie_ends_with_its_key(published: int, lives: int) -> None:
    ring, mint = make_mint(published)
    grant = mint.cookie(ACCOUNT, SESSION, NOW, remember=True)
    opened = open_token(grant.cookie, TokenKind.SESSION, ring, issuer=ISSUER, audience=(ISSUER,))
    assert isinstance(opened, VerifiedToken)
    assert opened.claims.exp == NOW + lives
    assert (grant.expires_in, grant.max_age) == (lives, lives)


def test_without_a_key_that_signs_nothing_is_sealed() -> None:
    _, mint = make_mint(0)
    for seal in (
        lambda: mint.bearer(ACCOUNT, SESSION, NOW),
        lambda: mint.program(PROGRAM, (), ("api",), NOW),
        lambda: mint.cookie(ACCOUNT, SESSION, NOW, remember=False),
    ):
        with pytest.raises(NoVerdict):
            seal()
