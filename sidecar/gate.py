"""The decision use case: owns the three snapshots, and remembers what it has opened and sealed.

Ring and policy are replaced whole; the view of the revocations grows in place. Nothing here waits:
what a decision needs is already in this process.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

from sidecar.clock import Now
from sidecar.core.access import Access
from sidecar.core.cache import BoundedCache
from sidecar.core.claims import TokenKind
from sidecar.core.facts import RequestFacts
from sidecar.core.grant import PERSONAL_AMR, Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.lastuse import LastUse, Used
from sidecar.core.personal import ShownToken
from sidecar.core.policy import Policy, Posture, WhenStale
from sidecar.core.revocation import RevocationView
from sidecar.core.token import VerifiedToken, open_token
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.core.verify import Unknown, decide, judge_token
from sidecar.credentials.assertions import SealedAssertion, seal_assertion
from sidecar.errors import NoVerdict

OPENED_TOKENS: Final = 16_384  # a generation; about 2 kB each
ASSERTIONS: Final = 16_384  # a generation; about 1 kB each


class Credential(NamedTuple):
    """What came with a request, unopened: an access token as `Bearer`, or our session cookie."""

    kind: TokenKind
    unverified: str

    def __repr__(self) -> str:
        return f"Credential({self.kind.name})"


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
        self.policy = policy
        self.view = view
        self.decisions: Counter[str] = Counter()
        self.stale_allows = 0
        self.last_use = LastUse()
        self._options = options
        self._posture = Posture(options.max_staleness, options.when_stale)
        self._opened: BoundedCache[str, VerifiedToken] = BoundedCache(OPENED_TOKENS)
        self._assertions: BoundedCache[tuple[str, str], SealedAssertion] = BoundedCache(ASSERTIONS)
        self._audiences = {
            TokenKind.ACCESS: options.issuer.audience,
            TokenKind.SESSION: (options.issuer.name,),
        }

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

    def decide(
        self,
        facts: RequestFacts,
        credential: Credential | ShownToken | Deny | None,
        now: Now,
        narrowing: Access | None = None,
    ) -> Verdict:
        """Return the verdict about a request; `narrowing` must let in too whom the rule lets in.

        Raises NoVerdict where only a fresh view can tell, or a store that did not answer.
        """
        opened: VerifiedToken | Deny | Unknown | None
        if isinstance(credential, Credential):
            opened = self._open(credential)
        elif isinstance(credential, Deny):  # two, or malformed: on any rule
            return credential
        else:
            opened = None if credential is None else credential.opened
        verdict = decide(
            facts,
            opened,
            policy=self.policy,
            ring=self.ring,
            view=self.view,
            age=self.view_age(now),
            posture=self._posture,
            now=now.unix,
            clock_skew=self._options.clock_skew,
            narrowing=narrowing,
        )
        if isinstance(verdict, Allow) and verdict.token is not None:
            self._note_use(verdict.token, now)
            if verdict.stale:
                self.stale_allows += 1
        return verdict

    def find_bearer(self, credential: Credential, now: Now) -> VerifiedToken | Deny:
        """Return the token of somebody who calls this service itself; raises NoVerdict."""
        opened = self._open(credential)
        return opened if isinstance(opened, Deny) else self.judge(opened, now)

    def judge_shown(self, shown: ShownToken, now: Now) -> VerifiedToken | Deny:
        """Return what stands in for a personal token at this moment; raises NoVerdict."""
        if isinstance(shown.opened, Unknown):
            raise NoVerdict(shown.opened.cause)
        return shown.opened if isinstance(shown.opened, Deny) else self.judge(shown.opened, now)

    def judge(self, opened: VerifiedToken, now: Now) -> VerifiedToken | Deny:
        """Return an opened token if it is good at this moment; raises NoVerdict."""
        if not self.can_decide(now):
            raise NoVerdict("the view of the revocations is too old")
        token = judge_token(opened, self.ring, self.view, now.unix, self._options.clock_skew)
        if isinstance(token, VerifiedToken):
            self._note_use(token, now)
            if self.is_stale(now):
                self.stale_allows += 1
        return token

    def open_credential(self, credential: Credential) -> VerifiedToken | Deny:
        """Return what this ring sealed, whether or not it is still good.

        A key that was revoked may be in the hands of whoever shows what it sealed.
        """
        return self._refuse_revoked_key(self._open(credential))

    def open_access(self, text: str) -> VerifiedToken | Deny:
        """Return an access token that this ring sealed, whomever it is for, good or not.

        To tell of it or to take it away: it lets nobody in, and is not remembered.
        """
        issuer = self._options.issuer.name
        opened = open_token(text, TokenKind.ACCESS, self.ring, issuer=issuer, audience=None)
        return self._refuse_revoked_key(opened)

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
        opened = self._opened.get(credential.unverified)
        return opened if opened is not None and opened.kind is credential.kind else None

    def seal_assertion(self, token: VerifiedToken, host: str, now: Now) -> str:
        """Return the assertion for the upstream at `host`; one is handed out for half its life.

        Raises NoVerdict where no key of the ring signs now.
        """
        key = (token.claims.jti, host)
        kept = self._assertions.get(key)
        # From its own second on: a clock that was set back must not hand out what begins later. And
        # by the same ring: another may lack the key, and nobody would find it any more.
        if (
            kept is not None
            and kept.since <= now.unix < kept.until
            and kept.ring is self.ring
            and not self.view.revokes_key(kept.kid)
        ):
            return kept.text
        ttl = self._options.assertion_ttl
        kept = seal_assertion(token, host, self.ring, self.view, now=now.unix, ttl=ttl)
        self._assertions.put(key, kept)
        return kept.text

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
                self.decisions["allow"] += 1
            case Deny():
                self.decisions[verdict.reason.value] += 1
            case None:
                self.decisions["unavailable"] += 1

    def _open(self, credential: Credential) -> VerifiedToken | Deny:
        """Open a credential; only what opens is kept, so that forgeries push nothing out."""
        opened = self._opened.get(credential.unverified)  # as in `find_opened`, a call less
        if opened is not None and opened.kind is credential.kind:
            return opened
        fresh = open_token(
            credential.unverified,
            credential.kind,
            self.ring,
            issuer=self._options.issuer.name,
            audience=self._audiences[credential.kind],
        )
        if isinstance(fresh, VerifiedToken):
            self._opened.put(credential.unverified, fresh)
        return fresh
