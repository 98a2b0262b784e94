"""What the gate remembers of an allow changes no answer: a gate that remembers nothing agrees."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any, Final

import pytest
import yaml
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.clock import Now
from sidecar.core.claims import TokenKind
from sidecar.core.facts import Asked
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.policy import Policy, WhenStale
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.gate import Gate, GateOptions, LastAllow
from sidecar.schemas.policy import parse_rules
from sidecar.web import verify
from sidecar.web.asking import Message
from sidecar.web.context import CONTEXT, Context
from sidecar.web.gateways import MANNERS
from sidecar.web.pace import Later
from sidecar.web.presented import Presenting
from sidecar.web.problems import PlainRefusal
from sidecar.web.rendered import AllowHead
from tests.web.gated import COOKIE, HOST, Gated, Line, asked

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS: Final = 1000
SKEW: Final = 10
Said = tuple[object, object]  # `allow` and whether to nobody; or a status and its reason
MAX_STALENESS: Final = 30
OTHER: Final = "other.example.com"
PATHS: Final = (
    "/",
    "/staff/a",
    "/staff/b",
    "/get/a",
    "/inside/a",
    "/recent/a",
    "/fresh/a",
    "/open",
)
ADDRESSES: Final = (
    ("10.1.2.3",),
    ("203.0.113.9",),
    ("not an address",),
    ("",),
    ("10.1.2.3", "203.0.113.9"),
    ("10.1.2.3", "not an address"),
    (f"{'9.9.9.9, ' * 20}10.1.2.3",),
)
POLICIES: Final[Sequence[dict[str, Any]]] = (
    {
        HOST: [
            {"path": "/open", "allow": "anyone"},
            {"path": "/staff/**", "allow": {"roles": ["staff"]}},
            {"path": "/get/**", "methods": ["GET"], "allow": "signed-in"},
            {"path": "/get/**", "methods": ["POST"], "allow": {"roles": ["nobody"]}},
            {"path": "/inside/**", "networks": ["10.0.0.0/8"], "allow": "signed-in"},
            {"path": "/recent/**", "allow": {"max_age": "5m"}},
            {"path": "/fresh/**", "allow": "signed-in", "max_staleness": "5s"},
            {"path": "/**", "allow": "signed-in"},
        ],
        OTHER: [{"path": "/**", "allow": {"roles": ["staff"]}}],
    },
    {
        HOST: [
            {"path": "/staff/a", "allow": {"roles": ["nobody"]}},
            {"path": "/Staff/**", "allow": "anyone"},
            {"path": "/**", "allow": {"networks": ["10.0.0.0/8"]}},
        ],
        OTHER: [{"path": "/**", "allow": "signed-in"}],
    },
    {HOST: [{"path": "/staff/**", "allow": {"scope": ["none:such"]}}]},
)


class Counting(Gate):
    """Counts what it remembers."""

    remembered = 0

    def allows_again(self, last: LastAllow, asked: Asked, now: Now) -> bool:
        again = super().allows_again(last, asked, now)
        self.remembered += again
        return again


class Pair:
    """A gate that remembers, and one beside it that is new for each question."""

    def __init__(self, context: Context, audience: tuple[str, ...], *, asserts: bool) -> None:
        self.options = GateOptions(
            issuer=Issuer(context.gate.issuer, audience),
            clock_skew=SKEW,
            max_staleness=MAX_STALENESS,
            when_stale=WhenStale.DENY,
            assertion_ttl=60,
        )
        self.context = replace(context, identity=replace(context.identity, asserts=asserts))
        self.policies = [parse_rules(yaml.safe_dump({"hosts": each}), "p") for each in POLICIES]
        self.gate = Counting(self.options, context.gate.ring, Policy({}), RevocationView())
        self.remembering = self._with(self.gate)

    def _with(self, gate: Gate) -> Context:
        presenting = Presenting(self.context.jar, keeps_cookie=False)
        return replace(self.context, gate=gate, presenting=presenting)

    def set_policy(self, index: int) -> None:
        self.gate.policy = Policy(self.policies[index])

    def ask(self, message: Callable[[], Message], now: Now) -> tuple[Said, Said]:
        """Return what both say at this moment."""
        gate = self.gate
        fresh = Gate(self.options, gate.ring, gate.policy, gate.view)
        manner = next(each for each in MANNERS if each.dialect == "traefik")
        told: list[Said] = []
        for context in (self.remembering, self._with(fresh)):
            found = verify.answer(context, manner, message(), now)
            if isinstance(found, Later):
                found = found.work()()
            match found:
                case AllowHead():
                    told.append(("allow", b"Remote-User: \r\n" in found.lines))
                case PlainRefusal():
                    told.append((found.status, found.reason.value))
                case web.StreamResponse():
                    told.append((found.status, getattr(found, "word", None)))
                case _:
                    raise AssertionError(found)
        return told[0], told[1]


async def test_what_is_remembered_changes_no_answer(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = 0
    for seed in range(8):
        rng = Random(seed)  # noqa: S311 - no secret
        outcomes, remembered = _walk(gated, monkeypatch, rng, asserts=seed % 4 == 0)
        assert len(outcomes) > 8, (seed, outcomes)
        total += remembered
        await asyncio.sleep(0)  # what else this loop has to do
    assert total > STEPS // 10


def _walk(
    gated: Gated, monkeypatch: pytest.MonkeyPatch, rng: Random, *, asserts: bool
) -> tuple[Counter[Said], int]:
    context = gated.web.runner.app[CONTEXT]
    claims = gated.opened(gated.tokens["alice"]).claims
    pair = Pair(context, claims.aud, asserts=asserts)
    ring = context.gate.ring
    rings = [
        ring,
        KeyRing.of([replace(key, revoked=key.purpose == "token") for key in ring.keys.values()]),
        KeyRing.of([replace(key, sign_until=claims.iat) for key in ring.keys.values()]),
    ]
    now = Now(claims.iat, 1000.0)
    monkeypatch.setattr(verify, "read_clock", lambda: now)  # for what waits
    numbers = count(rng.randrange(1 << 40) << 20)
    tokens: list[tuple[TokenKind, str]] = []

    def renew() -> None:
        tokens[:] = []
        for kind in (TokenKind.ACCESS, TokenKind.SESSION) * 2:
            number = next(numbers)
            own = {"jti": f"jti-{number}", "sid": f"sid-{number}", "exp": now.unix + 15}
            own |= {"iat": now.unix, "nbf": now.unix, "auth_time": now.unix}
            tokens.append((kind, gated.resealed(kind, roles=("staff",), **own)))

    def revoke() -> None:
        kind, text = rng.choice(tokens)
        own = gated.opened(text, kind).claims
        level, subject = rng.choice(
            [(Level.TOKEN, own.jti), (Level.SESSION, own.sid or ""), (Level.SESSION, "another")]
        )
        pair.gate.view.apply([Revocation(level, subject, 0, now.unix + 9999)])

    outcomes: Counter[Said] = Counter()
    for step in range(STEPS):
        if step % 25 == 0:  # well again
            pair.set_policy(0)
            pair.gate.ring = ring
            pair.gate.view.heard(now.monotonic)
            renew()
        match rng.randrange(50):
            case 0:
                pair.set_policy(rng.randrange(len(POLICIES)))
            case 1:
                pair.gate.ring = rng.choice(rings)
            case 2 | 3:
                revoke()
            case 4 | 5 | 6:
                passed = rng.choice([-5, 1, 2, 6, 6, 20, 35, 70])
                now = Now(now.unix + passed, now.monotonic + max(passed, 0))
            case 7:
                pair.gate.view.heard(now.monotonic)
            case _:
                said, anew = pair.ask(_question(rng, tokens), now)
                assert said == anew
                outcomes[said] += 1
    return outcomes, pair.gate.remembered


def _question(rng: Random, tokens: Sequence[tuple[TokenKind, str]]) -> Callable[[], Message]:
    """Return what makes a message: each gateway's questions are read anew."""
    method = rng.choice(["GET", "GET", "GET", "GET", "POST", "OPTIONS"])
    lines: list[Line] = list(
        asked(
            "traefik",
            rng.choice(PATHS),
            method=method,
            scheme=rng.choice([*["https"] * 8, "http", "wss"]),
            host=rng.choice([*[HOST] * 8, OTHER, "nowhere.example.com"]),
        )
    )
    if rng.random() < 0.9:
        kind, text = rng.choice(tokens)
        if kind is TokenKind.ACCESS:
            lines.append(("Authorization", f"Bearer {text}"))
        else:
            lines.append(("Cookie", f"a=1; {COOKIE}={text}"))
    if rng.random() < 0.1:
        lines.append(("Cookie", "b=2"))
    if rng.random() < 0.2:
        lines += [("X-Forwarded-For", each) for each in rng.choice(ADDRESSES)]
    if rng.random() < 0.2:
        lines.append(("Sec-Fetch-Site", rng.choice(["same-origin", "same-site", "cross-site"])))
    if rng.random() < 0.1:
        lines.append(("Origin", "https://evil.example"))
    target = "/verify/traefik" + rng.choice(["", "", "", "?roles=staff", "?mode=api", "?roles=x"])

    return _message(lines, target)


def _message(lines: Sequence[Line], target: str) -> Callable[[], Message]:
    """Return what makes a message of a trusted proxy with these lines."""

    def make() -> Message:
        message = Message("127.0.0.1", asyncio.Transport())
        message.method, message.raw_path = "GET", target
        texts = [(name, text if isinstance(text, str) else text.decode()) for name, text in lines]
        message.headers = CIMultiDictProxy(CIMultiDict(texts))
        return message

    return make


async def test_a_token_is_remembered_whatever_address_it_comes_from(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = gated.web.runner.app[CONTEXT]
    claims = gated.opened(gated.tokens["alice"]).claims
    pair = Pair(context, claims.aud, asserts=False)
    now = Now(claims.iat, 1000.0)
    pair.set_policy(0)
    pair.gate.view.heard(now.monotonic)
    monkeypatch.setattr(verify, "read_clock", lambda: now)  # for what waits
    person = ("Authorization", f"Bearer {gated.tokens['alice']}")
    for place, addresses in enumerate(ADDRESSES * 2):
        lines = [*asked("traefik", "/"), person]
        lines += [("X-Forwarded-For", each) for each in ("203.0.113.9", *addresses)[-1:]]
        before = pair.gate.remembered
        said, anew = pair.ask(_message(lines, "/verify/traefik"), now)
        assert said == anew
        is_again = place > 0 and said[0] == "allow"
        assert pair.gate.remembered == before + is_again
