"""Forged, malformed and misused tokens: each is refused, and for its own fault.

The rows stand in `forged_spellings`, `forged_headers` and `forged_payloads`; each is tried as
access token, as session cookie token and as assertion.
"""

from dataclasses import replace

import pytest

from sidecar.core.claims import LONGEST_LIFE, TokenKind
from sidecar.core.keyring import KeyRing
from sidecar.core.token import PURPOSES, VerifiedToken, open_token
from sidecar.core.verdict import Deny, Reason
from tests.core.forge import ABSENT, AUDIENCES, HOST, ISSUER, NOW, Forgery, Workshop, make_claims
from tests.core.forged_headers import HEADERS
from tests.core.forged_payloads import PAYLOADS
from tests.core.forged_spellings import SIGNATURES, SPELLINGS

FORGERIES = [
    pytest.param(row, id=f"{room}: {row.name}".encode("ascii", "backslashreplace").decode())
    for room, rows in {
        "spelling": SPELLINGS,
        "signature": SIGNATURES,
        "header": HEADERS,
        "payload": PAYLOADS,
    }.items()
    for row in rows
]
KINDS = pytest.mark.parametrize("kind", list(TokenKind), ids=lambda kind: kind.name.lower())
PAIRS = [
    pytest.param(made, asked, id=f"{made.name.lower()} as {asked.name.lower()}")
    for made in TokenKind
    for asked in TokenKind
    if made is not asked
]


def test_at_least_150_forgeries_stand_in_the_tables() -> None:
    assert len(FORGERIES) >= 150


@KINDS
def test_the_token_that_forgeries_are_made_from_is_good(
    workshop: Workshop, kind: TokenKind
) -> None:
    opened = workshop.open(workshop.draft(kind).text(), kind)
    assert opened == VerifiedToken(kind, workshop.key(PURPOSES[kind]).kid, make_claims(kind))


@KINDS
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused_for_its_own_fault(
    workshop: Workshop, kind: TokenKind, forgery: Forgery
) -> None:
    assert workshop.open(forgery.make(workshop.draft(kind)), kind) == Deny(forgery.reason)


@pytest.mark.parametrize(("made", "asked"), PAIRS)
def test_no_kind_passes_for_another(workshop: Workshop, made: TokenKind, asked: TokenKind) -> None:
    assert workshop.open(workshop.draft(made).text(), asked) == Deny(Reason.TOKEN_TYPE)


@KINDS
def test_a_key_of_the_other_purpose_seals_nothing_for_this_kind(
    workshop: Workshop, kind: TokenKind
) -> None:
    good = workshop.draft(kind)
    forged = replace(good, key=good.other_purpose).with_header(kid=good.other_purpose.kid)
    assert workshop.open(forged.text(), kind) == Deny(Reason.KEY_PURPOSE)


RELABELLED = {
    (TokenKind.ACCESS, TokenKind.SESSION): Reason.KEY_PURPOSE,
    (TokenKind.ASSERTION, TokenKind.SESSION): Reason.KEY_PURPOSE,
    (TokenKind.SESSION, TokenKind.ACCESS): Reason.KEY_PURPOSE,
    (TokenKind.SESSION, TokenKind.ASSERTION): Reason.KEY_PURPOSE,
    (TokenKind.ACCESS, TokenKind.ASSERTION): Reason.CLAIMS_INVALID,  # it has `epoch`
    (TokenKind.ASSERTION, TokenKind.ACCESS): Reason.CLAIMS_INVALID,  # it has none
}


@pytest.mark.parametrize(("made", "asked"), PAIRS)
def test_a_kind_whose_typ_alone_was_changed_is_still_not_the_other(
    workshop: Workshop, made: TokenKind, asked: TokenKind
) -> None:
    forged = workshop.draft(made).with_header(typ=asked.value).text()
    assert workshop.open(forged, asked) == Deny(RELABELLED[made, asked])


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize(
    "epoch",
    [ABSENT, None, [], [0], [0, 0, 0], [0, -1], [-1, 0], ["0", "0"], [0, True], [False, 0],
     [0.0, 0],
     [0, None], "0,0", 0, {"user": 0}, [2**53, 0], [0, 2**53], [[0, 0]]],
)  # fmt: skip
def test_an_epoch_that_is_not_two_counters_is_refused(
    workshop: Workshop, kind: TokenKind, epoch: object
) -> None:
    forged = workshop.draft(kind).with_members(epoch=epoch).text()
    assert workshop.open(forged, kind) == Deny(Reason.CLAIMS_INVALID)


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize("client", [ABSENT, None, "", 7, [], "a" * 65, "a\nb", "\ud800"])
def test_a_client_id_that_is_not_plain_text_is_refused(
    workshop: Workshop, kind: TokenKind, client: object
) -> None:
    forged = workshop.draft(kind).with_members(client_id=client).text()
    assert workshop.open(forged, kind) == Deny(Reason.CLAIMS_INVALID)


@pytest.mark.parametrize("members", [{"epoch": [0, 0]}, {"client_id": "sidecar"}])
def test_an_assertion_bears_nothing_of_the_gate(
    workshop: Workshop, members: dict[str, object]
) -> None:
    forged = workshop.draft(TokenKind.ASSERTION).with_members(**members).text()
    assert workshop.open(forged, TokenKind.ASSERTION) == Deny(Reason.CLAIMS_INVALID)


@KINDS
def test_the_longest_life_is_good_and_one_second_more_is_not(
    workshop: Workshop, kind: TokenKind
) -> None:
    draft = workshop.draft(kind)
    longest = NOW + LONGEST_LIFE[kind]
    assert isinstance(workshop.open(draft.with_members(exp=longest).text(), kind), VerifiedToken)
    over = draft.with_members(exp=longest + 1).text()
    assert workshop.open(over, kind) == Deny(Reason.LIFETIME)


@KINDS
def test_a_ring_without_the_key_knows_no_token(workshop: Workshop, kind: TokenKind) -> None:
    text = workshop.draft(kind).text()
    opened = open_token(text, kind, KeyRing.of([]), issuer=ISSUER, audience=AUDIENCES[kind])
    assert opened == Deny(Reason.UNKNOWN_KEY)


@KINDS
def test_whoever_asks_for_no_audience_gets_no_token(workshop: Workshop, kind: TokenKind) -> None:
    text = workshop.draft(kind).text()
    opened = open_token(text, kind, workshop.ring, issuer=ISSUER, audience=())
    assert opened == Deny(Reason.AUDIENCE)


def test_an_assertion_for_one_host_is_nothing_at_another(workshop: Workshop) -> None:
    kind = TokenKind.ASSERTION
    text = workshop.draft(kind).text()
    for host in (f"x.{HOST}", HOST.upper(), "example.com", ""):
        opened = open_token(text, kind, workshop.ring, issuer=ISSUER, audience=[host])
        assert opened == Deny(Reason.AUDIENCE)
