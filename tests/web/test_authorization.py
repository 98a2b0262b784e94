"""What of `Authorization` is ours, and what of it goes on to the upstream."""

from base64 import b64encode, urlsafe_b64encode
from timeit import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.core.claims import TokenKind
from sidecar.core.personal import PREFIX
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.web.authorization import (
    LONGEST_BASIC,
    PersonalCredential,
    find_authorized,
    other_authorization,
)
from tests.core.properties import ANY_TEXT, THOROUGH

PAT, OTHER = f"{PREFIX}{'a' * 64}", f"{PREFIX}{'b' * 64}"
TWO, MALFORMED = Deny(Reason.TWO_CREDENTIALS), Deny(Reason.CREDENTIAL_MALFORMED)


def basic(password: str, user: str = "git") -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def going_on(*lines: str) -> str | None:
    """Return what goes on where a client sent these lines."""
    return other_authorization(
        CIMultiDictProxy(CIMultiDict([("Authorization", line) for line in lines]))
    )


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([f"Bearer {PAT}"], PersonalCredential(PAT)),
        ([f"bEARER   {PAT} "], PersonalCredential(PAT)),
        ([basic(PAT)], PersonalCredential(PAT)),
        ([basic(PAT, "")], PersonalCredential(PAT)),
        ([basic(PAT).replace("Basic ", "basic   ")], PersonalCredential(PAT)),
        ([basic(PAT), basic(PAT, "other")], PersonalCredential(PAT)),
        ([basic(PAT), f"Bearer {PAT}"], PersonalCredential(PAT)),
        ([basic("hers"), f"Bearer {PAT}"], PersonalCredential(PAT)),
        ([basic("hers"), basic(PAT), "Digest a"], PersonalCredential(PAT)),
        ([basic(f"{PREFIX}:é")], PersonalCredential(f"{PREFIX}:Ã©")),
        ([basic(PREFIX)], PersonalCredential(PREFIX)),
        (["Bearer a.b.c"], Credential(TokenKind.ACCESS, "a.b.c")),
        (["Bearer a.b.c", basic("hers")], Credential(TokenKind.ACCESS, "a.b.c")),
        ([f"Bearer x{PAT}"], Credential(TokenKind.ACCESS, f"x{PAT}")),
        ([basic("hers")], None),
        ([basic(f" {PAT}")], None),
        ([basic("x", PAT)], None),
        ([f"Basic {b64encode(PAT.encode()).decode()}"], None),
        ([f"Basic {urlsafe_b64encode(f'a?>b:{PAT}'.encode()).decode()}"], None),
        ([f"Basic {PAT}"], None),
        ([f"Token {PAT}"], None),
        ([f"Basic\t{basic(PAT)[6:]}"], None),
        ([], None),
        ([f"Bearer {PAT}", f"Bearer {OTHER}"], TWO),
        ([f"Bearer {PAT}", basic(OTHER)], TWO),
        ([basic(OTHER), f"Bearer {PAT}"], TWO),
        ([basic(OTHER), basic(PAT)], TWO),
        ([basic(PAT), "Bearer a.b.c"], TWO),
        (["Bearer a.b.c", basic(PAT)], TWO),
        ([f"Bearer {PAT} x"], MALFORMED),
        ([f"Bearer {PAT},"], MALFORMED),
        ([f"Bearer\t{PAT}"], MALFORMED),
        (["Bearer", basic(PAT)], MALFORMED),
        ([basic(PAT), "Bearer,"], MALFORMED),
    ],
    ids=ascii,
)
def test_which_credential_counts(
    lines: list[str], found: Credential | PersonalCredential | Deny | None
) -> None:
    assert find_authorized(lines) == found


def test_basic_is_bounded_before_it_is_decoded() -> None:
    room = LONGEST_BASIC // 4 * 3 - len(f":{PAT}")
    assert find_authorized([basic(PAT, "a" * room)]) == PersonalCredential(PAT)
    assert find_authorized([basic(PAT, "a" * (room + 1))]) is None


@pytest.mark.parametrize(
    "line",
    ["Bearer a.b.c", "Bearer  a.b.c", "bearer a.b.c", "Basic Og==", basic("hers"), basic("ü"),
     "Basic not base64!", "Basic =", "Basic a", "", " ", 'Digest username="a", realm="b"',
     "Negotiate YII+/a==", "Token sidecar_paw_a", "Custom \udcff\udcfe", "Basic \udcff"],
    ids=ascii,
)  # fmt: skip
def test_what_is_none_of_ours_goes_on_as_it_came(line: str) -> None:
    assert going_on(line) == line
    assert going_on(line, line) == line


def test_where_none_came_none_goes_on() -> None:
    assert going_on() is None


ODD = urlsafe_b64encode(f"a?>?:{PAT}".encode()).decode()


@pytest.mark.parametrize(
    "lines",
    [
        [f"Bearer {PAT}"],
        [f"bearer {PAT}"],
        [f"Token {PAT}"],
        [f"Basic {PAT}"],
        [PAT],
        [basic(PAT)],
        [basic(PAT, "")],
        [basic("x", PAT)],
        [basic(PREFIX)],
        [basic(f"x{PAT}")],
        [f"Basic {ODD}"],
        [f"Basic {ODD.rstrip('=')}"],
        [f"Basic\t{basic(PAT)[6:]}"],
        [f"Basic,{basic(PAT)[6:]}"],
        [f"Basic {basic(PAT)[6:20]} {basic(PAT)[20:]}"],
        [f"Basic {basic(PAT)[6:].rstrip('=')}"],
        [f"Basic {basic(PAT)[6:]}A"],
        [f"Basic \udcff{basic(PAT)[6:]}"],
        [f"{basic('hers')},{basic(PAT)}"],
        [f"{basic('hers')}, {basic(PAT)}"],
        [basic(PAT), basic(PAT)],
        # Of two that differ the upstream might read the other one.
        [basic("hers"), basic("theirs")],
        ["Bearer a.b.c", basic("hers")],
        ["Bearer a.b.c", "bearer a.b.c"],
        [basic("hers"), basic(PAT)],
        [f"Bearer {PAT}", "Bearer a.b.c"],
    ],
    ids=ascii,
)
def test_nothing_goes_on_where_there_is_a_personal_token_or_any_doubt(lines: list[str]) -> None:
    assert going_on(*lines) == ""
    assert going_on(*lines[::-1]) == ""


@given(st.lists(st.sampled_from(["Basic ", "Bearer ", "Digest ", ""]), min_size=1), ANY_TEXT)
@THOROUGH
def test_any_text_goes_on_as_it_is_or_not_at_all(schemes: list[str], text: str) -> None:
    line = "".join(schemes) + text
    assert going_on(line) in {line, ""}


@given(st.sampled_from(["Basic", "basic", "BASIC", "Other"]), st.binary(max_size=30))
@THOROUGH
def test_no_username_carries_a_token_on(scheme: str, user: bytes) -> None:
    encoded = b64encode(user + b":" + PAT.encode()).decode()
    for spelled in (encoded, encoded.rstrip("="), encoded.replace("+", "-").replace("/", "_")):
        assert going_on(f"{scheme} {spelled}") == ""


SHORT = "Digest username"
LONGEST = 8190  # characters of a header line


@pytest.mark.parametrize(
    "line",
    [
        "a" * LONGEST,
        "a," * (LONGEST // 2),
        "Basic " + "a " * (LONGEST // 2),
        "Digest " + "," * LONGEST,
        "Basic " + b64encode(b"x:sidecar_pat" * 500).decode(),
        "Basic " + "\udcff" * LONGEST,
        "Token " + "sidecar_pat" * 700,
    ],
    ids=["one piece", "pieces", "words", "commas", "nearly", "octets", "nearly plain"],
)
def test_a_long_line_costs_little_more_than_a_short_one(line: str) -> None:
    def cost(text: str) -> float:
        headers = CIMultiDictProxy(CIMultiDict([("Authorization", text[:LONGEST])]))
        return min(repeat(lambda: other_authorization(headers), number=20, repeat=5))

    assert going_on(line[:LONGEST]) == line[:LONGEST]
    assert cost(line) < 100 * cost(SHORT)


def test_neither_kind_is_shown() -> None:
    assert PAT not in repr(PersonalCredential(PAT))
    assert PAT not in f"{PersonalCredential(PAT)}"
