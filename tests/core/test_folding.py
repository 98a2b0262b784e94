"""A path is read again as servers read it that ignore something: where that matters, refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.folding import fold_path
from sidecar.core.policy import Rule
from sidecar.core.verdict import Deny, Reason
from tests.core.asking import find_rule
from tests.core.properties import THOROUGH

ADMIN = Access.of(Roles(frozenset({"admin"})))
AMBIGUOUS = Deny(Reason.PATH_AMBIGUOUS)
RULES = [
    Rule("/admin/**", ADMIN),
    Rule("/report.php", ADMIN),
    Rule("/**", Access()),
]


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("/Admin", "/admin"),
        ("/STRASSE", "/strasse"),
        ("/adm\u0131n", "/admin"),
        ("/bu\u0308ro", "/b\u00fcro"),
        ("/B\u00dcRO", "/b\u00fcro"),
        ("/BU\u0308RO", "/b\u00fcro"),
        ("/adm\u200cin", "/admin"),
        ("/adm\ufe0fin\u00ad/x", "/admin/x"),
        ("/\ufb01le", "/file"),
        ("/\uff41dmin", "/\uff41dmin"),
        ("/admin?x", "/admin"),
        ("/admin#x/y", "/admin"),
        ("/?x", "/"),
        ("/admin.", "/admin"),
        ("/admin. .", "/admin"),
        ("/admin ", "/admin"),
        ("/admin./x", "/admin/x"),
        ("/admin::$DATA", "/admin"),
        ("/a::$INDEX_ALLOCATION/x", "/a/x"),
        ("/a:$I30:$INDEX_ALLOCATION/x", "/a/x"),
        # what would vanish stays, and what stands inside means itself
        ("/.../x", "/.../x"),
        ("/ /x", "/ /x"),
        ("/::$DATA", "/::$data"),
        ("/a.b/c d/e:f", "/a.b/c d/e:f"),
        ("/items:batch", "/items:batch"),
    ],
)
def test_what_some_server_ignores_is_left_out(path: str, folded: str) -> None:
    assert fold_path(path) == folded
    assert fold_path(folded) == folded


@pytest.mark.parametrize(
    "path",
    ["/admin.", "/admin ", "/admin./x", "/admin /x", "/admin::$DATA", "/adm\u0131n/x", "/admin?x",
     "/adm\u200cin", "/adm\ufeffin/x",
     "/admin:$I30:$INDEX_ALLOCATION/x", "/admin#x", "/report.php.", "/report.php?x.php",
     "/report.php#", "/report.php::$DATA", "/Admin. "],
)  # fmt: skip
def test_a_path_that_a_laxer_rule_would_hold_so_is_ambiguous(path: str) -> None:
    assert find_rule(RULES, path) == AMBIGUOUS


@pytest.mark.parametrize(
    "path",
    ["/wiki/Acme_Inc.", "/wiki/What?", "/c# ", "/users/urn:x::$", "/a./b", "/report.php5",
     "/admins."],
)  # fmt: skip
def test_a_path_that_one_rule_holds_in_every_reading_is_what_it_is(path: str) -> None:
    assert find_rule(RULES, path) == RULES[-1]


def test_a_letter_and_its_mark_may_be_one_character_or_two() -> None:
    rules = [Rule("/b\u00fcro/**", ADMIN), Rule("/**", Access())]
    assert find_rule(rules, "/b\u00fcro/x") == rules[0]
    assert find_rule(rules, "/bu\u0308ro/x") == AMBIGUOUS


def test_a_policy_may_name_such_a_path() -> None:
    rules = [Rule("/wiki/Acme_Inc.", ADMIN), Rule("/**", Access())]
    assert find_rule(rules, "/wiki/Acme_Inc.") == rules[0]
    assert find_rule(rules, "/wiki/Acme_Inc") == AMBIGUOUS
    assert find_rule(rules, "/wiki/acme_inc. ") == AMBIGUOUS


@THOROUGH
@given(
    st.text(st.sampled_from("aA/.?# :$\u0131\u00df\u00fc\u0308\u0345\u200c"), max_size=12).map(
        "/".__add__
    )
)
def test_every_path_has_one_such_reading(path: str) -> None:
    folded = fold_path(path)
    assert folded.startswith("/")
    assert fold_path(folded) == folded
