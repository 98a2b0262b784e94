"""The decision: every refusal for its reason, and nothing that brings a refused token back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.claims import TokenKind
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.origin import Site
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.core.verify import decide
from sidecar.errors import NoVerdict
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW, Workshop
from tests.core.properties import REVOCATIONS, THOROUGH, view_of

SKEW = 10
POLICY = Policy(
    {
        HOST: [
            Rule("/open/**", Access(anyone=True)),
            Rule("/staff/**", Access.of(Roles(frozenset({"staff", "ops"})))),
            Rule("/admin/**", Access.of(Roles(frozenset({"admin"})))),
            Rule("/closed/**", Access.of(Roles(frozenset()))),
            Rule("/home/**", Access()),
        ],
        "*.tools.example.com": [Rule("/**", Access())],
    }
)
REFUSED = Deny(Reason.BAD_SIGNATURE)


def _decide(
    workshop: Workshop,
    facts: RequestFacts,
    opened: VerifiedToken | Deny | None,
    view: RevocationView | None,
    now: int = NOW,
) -> Verdict:
    return decide(
        facts,
        opened,
        policy=POLICY,
        ring=workshop.ring,
        view=view_of() if view is None else view,
        age=None if view is None else 0.0,
        posture=Posture(30, WhenStale.DENY),
        now=now,
        clock_skew=SKEW,
    )


REVOKED = {
    Reason.REVOKED_TOKEN: Revocation(Level.TOKEN, "j-1", 0, NOW + 600),
    Reason.REVOKED_SESSION: Revocation(Level.SESSION, "s-1", 0, NOW + 600),
    Reason.REVOKED_USER: Revocation(Level.USER, "u-1", 6, NOW + 600),
    Reason.REVOKED_EVERYONE: Revocation(Level.EVERYONE, "", 4, NOW + 600),
}


@pytest.mark.parametrize(("reason", "entry"), REVOKED.items())
@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
def test_a_revoked_token_is_refused_and_is_nobody_where_anyone_may(
    workshop: Workshop, reason: Reason, entry: Revocation, kind: TokenKind
) -> None:
    token, view = workshop.verified(kind), view_of(entry)
    assert _decide(workshop, make_facts("/home/"), token, view) == Deny(reason)
    assert _decide(workshop, make_facts("/staff/"), token, view) == Deny(reason)
    assert _decide(workshop, make_facts("/open/"), token, view) == Allow(None)


@pytest.mark.parametrize(
    ("path", "opened", "reason"),
    [
        ("/", None, Reason.NO_RULE),
        ("/other", None, Reason.NO_RULE),
        ("/homes", None, Reason.NO_RULE),
        ("/HOME/", None, Reason.NO_RULE),
        ("/home/", None, Reason.NO_CREDENTIAL),
        ("/home/", REFUSED, Reason.BAD_SIGNATURE),
        ("/staff/", None, Reason.NO_CREDENTIAL),
        ("/admin/", None, Reason.NO_CREDENTIAL),
        ("/admin/", REFUSED, Reason.BAD_SIGNATURE),
        ("/closed/", None, Reason.NO_CREDENTIAL),
    ],
)
def test_nobody_passes_where_somebody_must_be(
    workshop: Workshop, path: str, opened: Deny | None, reason: Reason
) -> None:
    assert _decide(workshop, make_facts(path), opened, view_of()) == Deny(reason)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/admin/", Reason.ROLE_MISSING),
        ("/closed/", Reason.ROLE_MISSING),
        ("/other", Reason.NO_RULE),
    ],
)
def test_somebody_does_not_pass_without_the_role(
    workshop: Workshop, path: str, reason: Reason
) -> None:
    assert _decide(workshop, make_facts(path), workshop.verified(), view_of()) == Deny(reason)


@pytest.mark.parametrize("path", ["/home", "/home/", "/home/a/b", "/staff/x", "/open/x"])
def test_somebody_passes_where_a_rule_lets_them_in(workshop: Workshop, path: str) -> None:
    token = workshop.verified()
    assert _decide(workshop, make_facts(path), token, view_of()) == Allow(token)


@pytest.mark.parametrize("opened", [None, REFUSED])
def test_nobody_passes_on_an_open_rule_as_nobody(workshop: Workshop, opened: Deny | None) -> None:
    assert _decide(workshop, make_facts("/open/"), opened, view_of()) == Allow(None)


def test_an_expired_token_is_refused_by_the_decision_and_nobody_on_an_open_rule(
    workshop: Workshop,
) -> None:
    token = workshop.verified()
    late = NOW + 600
    assert _decide(workshop, make_facts("/home/"), token, view_of(), late) == Deny(Reason.EXPIRED)
    assert _decide(workshop, make_facts("/open/"), token, view_of(), late) == Allow(None)


def test_another_host_has_no_rule(workshop: Workshop) -> None:
    facts = make_facts("/home/", host=Host("other.example.com", None))
    assert _decide(workshop, facts, workshop.verified(), view_of()) == Deny(Reason.NO_RULE)


@pytest.mark.parametrize("path", ["/home/", "/staff/", "/admin/"])
def test_no_verdict_about_a_token_without_a_fresh_view(workshop: Workshop, path: str) -> None:
    with pytest.raises(NoVerdict):
        _decide(workshop, make_facts(path), workshop.verified(), None)


def test_without_a_fresh_view_an_open_door_stays_open_to_nobody_in_particular(
    workshop: Workshop,
) -> None:
    assert _decide(workshop, make_facts("/open/"), workshop.verified(), None) == Allow(None)
    assert _decide(workshop, make_facts("/open/"), None, None) == Allow(None)


def test_without_a_fresh_view_nobody_is_still_nobody(workshop: Workshop) -> None:
    assert _decide(workshop, make_facts("/home/"), None, None) == Deny(Reason.NO_CREDENTIAL)
    assert _decide(workshop, make_facts("/home/"), REFUSED, None) == REFUSED
    assert _decide(workshop, make_facts("/other"), workshop.verified(), None) == Deny(
        Reason.NO_RULE
    )


SAME, SITE, CROSS = Site.SAME_ORIGIN, Site.SAME_SITE, Site.CROSS_SITE
CROSSINGS = [
    # method, websocket, site, host of the origin, refused
    ("POST", False, CROSS, "evil.example", True),
    ("POST", False, CROSS, HOST, True),
    ("PUT", False, CROSS, None, True),
    ("DELETE", False, CROSS, None, True),
    ("PATCH", False, CROSS, None, True),
    ("get", False, CROSS, None, True),
    ("PROPFIND", False, CROSS, None, True),
    ("GET", True, CROSS, "evil.example", True),
    ("GET", True, CROSS, None, True),
    ("POST", False, SITE, None, True),
    ("POST", False, SITE, "evil.example", True),
    ("POST", False, SITE, "tools.example.com", True),
    ("GET", True, SITE, "other.example.com", True),
    ("POST", False, SITE, "a.tools.example.com", False),
    ("POST", False, SITE, HOST, False),
    ("GET", True, SITE, HOST, False),
    ("POST", False, SAME, None, False),
    ("GET", True, SAME, None, False),
    ("GET", False, CROSS, "evil.example", False),
    ("HEAD", False, CROSS, None, False),
    ("OPTIONS", False, CROSS, None, False),
]


@pytest.mark.parametrize(("method", "websocket", "site", "origin", "refused"), CROSSINGS)
@pytest.mark.parametrize("path", ["/home/", "/open/"])
def test_a_cookie_does_not_act_for_another_site(
    workshop: Workshop,
    path: str,
    method: str,
    *,
    websocket: bool,
    site: Site,
    origin: str | None,
    refused: bool,
) -> None:
    facts = make_facts(path, method=method, websocket=websocket, site=site, origin_host=origin)
    cookie, bearer = workshop.verified(TokenKind.SESSION), workshop.verified()
    expected = Deny(Reason.CROSS_SITE) if refused else Allow(cookie)
    assert _decide(workshop, facts, cookie, view_of()) == expected
    assert _decide(workshop, facts, bearer, view_of()) == Allow(bearer)


@THOROUGH
@given(
    moments=st.tuples(st.integers(-4000, 4000), st.integers(0, 4000)),
    kind=st.sampled_from([TokenKind.ACCESS, TokenKind.SESSION]),
    life=st.integers(1, 3500),
)
def test_a_later_moment_never_revives_a_token_that_is_over(
    workshop: Workshop, moments: tuple[int, int], kind: TokenKind, life: int
) -> None:
    token = workshop.verified(kind, exp=NOW + life)
    first, later = NOW + moments[0], NOW + moments[0] + moments[1]
    verdict = _decide(workshop, make_facts("/home/"), token, view_of(), first)
    over = isinstance(verdict, Deny) and verdict.reason in {Reason.EXPIRED, Reason.KEY_RETIRED}
    if over:
        assert isinstance(_decide(workshop, make_facts("/home/"), token, view_of(), later), Deny)


@THOROUGH
@given(entries=REVOCATIONS, more=REVOCATIONS, path=st.sampled_from(["/home/", "/staff/"]))
def test_more_revocations_never_turn_a_refusal_into_an_allow(
    workshop: Workshop, entries: list[Revocation], more: list[Revocation], path: str
) -> None:
    token = workshop.verified()
    view = view_of(*entries)
    before = _decide(workshop, make_facts(path), token, view)
    view.apply(more)
    after = _decide(workshop, make_facts(path), token, view)
    assert isinstance(before, Allow) or isinstance(after, Deny)
