"""The decision use case: owns the three snapshots, and remembers what it has opened and sealed.

Ring and policy are replaced whole; the view of the revocations grows in place. Nothing here waits:
what a decision needs is already in this process.
"""

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Final

from sidecar.clock import Now
from sidecar.core.access import Access
from sidecar.core.claims import TokenKind
from sidecar.core.facts import Asked, RequestFacts
from sidecar.core.grant import PERSONAL_AMR, Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.lastuse import LastUse, Used
from sidecar.core.personal import ShownToken
from sidecar.core.policy import Policy, Posture, WhenStale
from sidecar.core.revocation import RevocationView
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.core.verify import Unknown, decide, judge_token
from sidecar.credentials.assertions import Assertions, SealedAssertion
from sidecar.credentials.opening import Credential, Openings
from sidecar.errors import NoVerdict

ALLOW: Final = "allow"  # beside the reasons of refusals, in what is counted
# Seconds since somebody looked at the key directory in which a key that is not in the ring does not
# sign yet: an urgent one begins two seconds behind its publishing (core/turn.py).
RING_GOOD_FOR: Final = 1.5
# What another ring, of keys that came meanwhile or were brought forward, might not refuse.
OF_THE_RING: Final = frozenset({Reason.UNKNOWN_KEY, Reason.KEY_NOT_YET})
MOST_OTHERS: Final = 7  # accesses that are remembered to have let a token in before


class LastAllow:
    """The last allow of what is shown again and again, and all that it was decided by.

    While that is the same, the next decision would be no other. `token` is None where none is
    remembered, and then the rest says nothing. `access` let it in, and so have `others`. `since`
    and `until` are Unix seconds; `used_at` is the one in which its use was last noted, and it was
    between them.
    """

    __slots__ = (
        "access",
        "by_cookie",
        "others",
        "ring",
        "since",
        "state",
        "token",
        "until",
        "used_at",
    )

    access: Access
    others: tuple[Access, ...]
    by_cookie: bool
    ring: KeyRing
    state: object
    since: int
    until: int
    used_at: int

    def __init__(self) -> None:
        self.token: VerifiedToken | None = None


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What does not change while the gate stands; durations are seconds."""

    issuer: Issuer
    clock_skew: int
    max_staleness: int
    when_stale: WhenStale
    assertion_ttl: int


class Gate:
    """Decides about requests; synchronous and local."""

    def __init__(
        self, options: GateOptions, ring: KeyRing, policy: Policy, view: RevocationView
    ) -> None:
        self.ring = ring
        self.ring_read_at = inf  # the monotonic second of the last look; until somebody watches
        self.policy = policy
        self.view = view
        # From zero: the first burst of either is an increase for whoever watches the metric.
        self.decisions = Counter({ALLOW: 0, "unavailable": 0})
        self.stale_allows = 0
        self.last_use = LastUse()
        self._options = options
        self._clock_skew, self._max_staleness = options.clock_skew, options.max_staleness
        self._posture = Posture(options.max_staleness, options.when_stale)
        self._openings = Openings(options.issuer)
        self._assertions = Assertions(options.assertion_ttl)

    @property
    def issuer(self) -> str:
        """The `iss` of every token."""
        return self._options.issuer.name

    def present_ring(self) -> KeyRing:
        """Return the ring in which what a feed has just said of a key holds already."""
        return self.ring.revoking(self.view.revokes_key)

    def view_age(self, now: Now) -> float | None:
        """Return how many seconds ago the revocations were last read, None before any reading."""
        read_at = self.view.read_at
        if read_at is None:
            return None
        # Below nothing where a feed has read since `now`.
        return now.monotonic - read_at if now.monotonic > read_at else 0.0

    def is_stale(self, now: Now) -> bool:
        """Say whether the view is too old, by what holds where a rule does not say."""
        age = self.view_age(now)
        return age is None or age > self._posture.max_staleness

    def can_decide(self, now: Now) -> bool:
        """Say whether the view is fresh enough, or allowed to be old.

        Rules that say so for themselves do not count: else the strictest of them would take the
        whole process out of service.
        """
        return not self.is_stale(now) or (
            self.view.read_at is not None and self._posture.when_stale is WhenStale.ALLOW
        )

    def open(self, credential: Credential, now: Now) -> VerifiedToken | Deny:
        """Return what is in a credential, for `decide`, which says whether that is still good.

        What is over by its own word may be refused unopened.
        """
        return self._openings.open(credential, self.ring, now.unix)

    def decide(
        self,
        facts: RequestFacts,
        credential: Credential | ShownToken | Deny | None,
        now: Now,
        narrowing: Access | None = None,
        opened: VerifiedToken | Deny | None = None,
    ) -> Verdict:
        """Return the verdict about a request; `narrowing` must let in too whom the rule lets in.

        `opened` is what `open` has just said of a Credential, None where it was not asked. Raises
        NoVerdict where only a fresh view can tell, or a store that did not answer.
        """
        found: VerifiedToken | Deny | Unknown | None
        if isinstance(credential, Credential):
            found = self.open(credential, now) if opened is None else opened
        elif isinstance(credential, Deny):  # two, or malformed: on any rule
            return credential
        else:
            found = None if credential is None else credential.opened
        verdict = decide(
            facts,
            found,
            policy=self.policy,
            ring=self.ring,
            view=self.view,
            age=self.view_age(now),
            posture=self._posture,
            now=now.unix,
            clock_skew=self._clock_skew,
            narrowing=narrowing,
        )
        if isinstance(verdict, Deny):
            self.refuse_old_ring(verdict, now)
        elif verdict.token is not None:
            self._note_use(verdict.token, now)
            if verdict.stale:
                self.stale_allows += 1
        return verdict

    def remember(
        self, last: LastAllow, allow: Allow, asked: Asked, now: Now, sealed: SealedAssertion | None
    ) -> None:
        """Remember what an allow was decided by, unless the time or an address had a say in it.

        `sealed` is the assertion that goes with it.
        """
        before, last.token = last.token, None
        token, ring = allow.token, self.ring
        rule = self.policy.find_plain(asked)
        if token is None or rule is None or not rule.access.lasting or allow.stale:
            return
        if token.good_by is not ring:
            return
        since, until = token.good_since, token.good_until
        if sealed is not None:
            since, until = max(since, sealed.since), min(until, sealed.until)
        others: tuple[Access, ...] = ()
        if before is token:
            # What they say of its principal holds whatever else has changed.
            known = (last.access, *last.others)
            others = tuple(each for each in known if each is not rule.access)[:MOST_OTHERS]
        last.token, last.by_cookie = token, token.kind is TokenKind.SESSION
        last.access, last.others = rule.access, others
        last.ring, last.state = ring, token.good_in
        last.since, last.until, last.used_at = since, until, now.unix

    def allows_again(self, last: LastAllow, asked: Asked, now: Now) -> bool:
        """Say whether `decide` would allow this too, and note the use.

        It has no say about a cookie that another site makes a browser send along.
        """
        token, rule = last.token, self.policy.find_plain(asked)
        view, unix = self.view, now.unix
        if (
            token is None
            or rule is None
            or (rule.access is not last.access and not _holds(last.others, rule.access))
            or last.ring is not self.ring
            or last.state is not view.state
            or (last.used_at != unix and not last.since <= unix < last.until)
            or view.read_at is None
        ):
            return False
        age = now.monotonic - view.read_at
        if age > self._max_staleness or (rule.max_staleness or age) < age:
            return False
        if last.used_at != unix:
            last.used_at = unix
            self._note_use(token, now)
        return True

    def find_bearer(self, credential: Credential, now: Now) -> VerifiedToken | Deny:
        """Return the token of somebody who calls this service itself; raises NoVerdict."""
        ends = now.unix if self.can_decide(now) else None  # else nothing is said about a token
        opened = self._openings.open(credential, self.ring, ends)
        if isinstance(opened, Deny):
            self.refuse_old_ring(opened, now)
            return opened
        return self.judge(opened, now)

    def judge_shown(self, shown: ShownToken, now: Now) -> VerifiedToken | Deny:
        """Return what stands in for a personal token at this moment; raises NoVerdict."""
        if isinstance(shown.opened, Unknown):
            raise NoVerdict(shown.opened.cause)
        return shown.opened if isinstance(shown.opened, Deny) else self.judge(shown.opened, now)

    def judge(self, opened: VerifiedToken, now: Now) -> VerifiedToken | Deny:
        """Return an opened token if it is good at this moment; raises NoVerdict."""
        if not self.can_decide(now):
            raise NoVerdict("the view of the revocations is too old")
        token = judge_token(opened, self.ring, self.view, now.unix, self._clock_skew)
        if isinstance(token, VerifiedToken):
            self._note_use(token, now)
            if self.is_stale(now):
                self.stale_allows += 1
        else:
            self.refuse_old_ring(token, now)
        return token

    def open_credential(self, credential: Credential) -> VerifiedToken | Deny:
        """Return what this ring sealed, whether or not it is still good.

        A key that was revoked may be in the hands of whoever shows what it sealed. Who ends what
        was shown asks `refuse_old_ring` too, lest they say that it is done.
        """
        return self._refuse_revoked_key(self._openings.open(credential, self.ring))

    def open_access(self, text: str, now: Now) -> VerifiedToken | Deny:
        """Return an access token that this ring sealed, whomever it is for, good or not.

        To tell of it or to take it away: it lets nobody in, and is not remembered. Raises
        NoVerdict.
        """
        opened = self._openings.open_once(text, self.ring)
        if isinstance(opened, Deny):
            self.refuse_old_ring(opened, now)
        return self._refuse_revoked_key(opened)

    def refuse_old_ring(self, refusal: Deny, now: Now) -> None:
        """Raise NoVerdict where a key that this process has not read yet may say otherwise."""
        if refusal.reason in OF_THE_RING and now.monotonic - self.ring_read_at > RING_GOOD_FOR:
            raise NoVerdict("the key directory was last read too long ago")

    def _refuse_revoked_key(self, opened: VerifiedToken | Deny) -> VerifiedToken | Deny:
        if isinstance(opened, VerifiedToken) and opened.kid is not None:
            key = self.ring.find(opened.kid)
            if self.view.revokes_key(opened.kid) or (key is not None and key.revoked):
                return Deny(Reason.KEY_REVOKED)
        return opened

    def find_opened(self, credential: Credential | ShownToken) -> VerifiedToken | None:
        """Return what was opened lately, whether or not it is still good; nothing is verified.

        For saying who was refused: a forgery is never found, and a stranger makes nothing dearer.
        """
        if isinstance(credential, ShownToken):
            return credential.token
        return self._openings.find(credential)

    def is_dear(
        self, credential: Credential | ShownToken, host: str, now: Now, *, asserts: bool
    ) -> bool:
        """Say whether an answer may take a signature, to check or, if it `asserts`, to make."""
        opened = self.find_opened(credential)
        if opened is None:
            return isinstance(credential, Credential)
        if not asserts or now.unix >= opened.claims.exp:
            return False
        return self._assertions.find(opened, host, self.ring, self.view, now.unix) is None

    def seal_assertion(self, token: VerifiedToken, host: str, now: Now) -> SealedAssertion:
        """Return the assertion for the upstream at `host`; one is handed out for half its life.

        Raises NoVerdict where no key of the ring signs now.
        """
        return self._assertions.seal(token, host, self.ring, self.view, now.unix)

    def _note_use(self, token: VerifiedToken, now: Now) -> None:
        """Note that somebody got somewhere by their session or personal token."""
        claims = token.claims
        if claims.sid is not None:
            kind = Used.PERSONAL if claims.amr == PERSONAL_AMR else Used.SESSION
            self.last_use.note(kind, claims.sid, now.unix)

    def count(self, verdict: Allow | Deny | None) -> None:
        """Count a decision; None: no verdict could be reached."""
        match verdict:
            case Allow():
                self.decisions[ALLOW] += 1
            case Deny():
                self.decisions[verdict.reason.value] += 1
            case None:
                self.decisions["unavailable"] += 1


def _holds(accesses: tuple[Access, ...], access: Access) -> bool:
    """Say whether this very one is among them: to compare long lists of people takes too long."""
    return any(each is access for each in accesses)
