"""Forged and misused tokens at the gate, named after the section that warns of them."""

import base64
import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from tests.web.gated import BOTH_WAYS, DIALECTS, Gated, Line, Lines, bearer, cookie

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]

OPEN: Final = "/public/"


def _part(value: object) -> str:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _payload(token: str) -> dict[str, Any]:
    text = token.split(".")[1]
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


async def _assert_refused(gated: Gated, line: Line, reason: str) -> None:
    for dialect in DIALECTS:
        answer = await gated.ask(dialect, "/", [line])
        assert (answer.status, answer.reason) == (401, reason)
        answer.assert_tells_nobody()
        as_nobody = await gated.ask(dialect, OPEN, [line])
        assert (as_nobody.status, as_nobody.headers["Remote-User"]) == (200, "")


@pytest.mark.parametrize("alg", ["none", "None", "", "RS512", "PS256", "ES256", "HS256"])
async def test_rfc_8725_section_2_1_the_token_does_not_choose_its_algorithm(
    gated: Gated, alg: str
) -> None:
    _, payload, signature = gated.tokens["root"].split(".")
    kid = gated.opened(gated.tokens["root"]).kid
    header = _part({"alg": alg, "typ": "at+jwt", "kid": kid})
    await _assert_refused(gated, bearer(f"{header}.{payload}.{signature}"), "token_algorithm")
    await _assert_refused(gated, bearer(f"{header}.{payload}."), "token_malformed")


async def test_rfc_8725_section_2_1_a_published_key_is_no_secret(gated: Gated) -> None:
    """HMAC with the public key as its secret (CVE-2015-9235)."""
    kid = gated.opened(gated.tokens["root"]).kid
    assert kid is not None
    key = gated.web.serving.gate.ring.keys[kid]
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        secret = key.public.public_bytes(Encoding.PEM, form)
        for alg in ("HS256", "RS256"):
            header = _part({"alg": alg, "typ": "at+jwt", "kid": kid})
            signed = f"{header}.{gated.tokens['root'].split('.')[1]}"
            mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            reason = "token_algorithm" if alg == "HS256" else "bad_signature"
            await _assert_refused(gated, bearer(f"{signed}.{_part(mac)}"), reason)


async def test_rfc_8725_section_3_10_a_token_brings_no_key_of_its_own(gated: Gated) -> None:
    """`jku`, `jwk` and `x5u` are not followed (CVE-2018-0114)."""
    _, payload, signature = gated.tokens["root"].split(".")
    kid = gated.opened(gated.tokens["root"]).kid
    for member in ("jku", "jwk", "x5u", "x5c", "crit", "zip", "cty", "b64"):
        header = _part(
            {"alg": "RS256", "typ": "at+jwt", "kid": kid, member: "https://evil.example"}
        )
        await _assert_refused(gated, bearer(f"{header}.{payload}.{signature}"), "token_header")


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "' OR 1=1 --", "", "x" * 300, "\u0000", None, 1, ["a"], {"a": "b"}]
)
async def test_rfc_7515_section_4_1_4_a_kid_is_only_a_name(gated: Gated, kid: object) -> None:
    _, payload, signature = gated.tokens["root"].split(".")
    header = _part({"alg": "RS256", "typ": "at+jwt", "kid": kid})
    await _assert_refused(gated, bearer(f"{header}.{payload}.{signature}"), "unknown_key")


async def test_rfc_8725_section_3_11_no_kind_of_token_passes_for_another(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/", gated.credentials["root"])
    assertion = answer.headers["X-Auth-Assertion"]
    for token, lines in (
        (assertion, (bearer, cookie)),
        (gated.tokens["root"], (cookie,)),
        (gated.tokens["root's cookie"], (bearer,)),
    ):
        for line in lines:
            await _assert_refused(gated, line(token), "token_type")


async def test_rfc_8725_section_3_11_a_type_that_was_changed_breaks_the_signature(
    gated: Gated,
) -> None:
    for name, typ, line in (
        ("root", "session+jwt", cookie),
        ("root's cookie", "at+jwt", bearer),
    ):
        _, payload, signature = gated.tokens[name].split(".")
        kind = TokenKind.SESSION if name.endswith("cookie") else TokenKind.ACCESS
        kid = gated.opened(gated.tokens[name], kind).kid
        header = _part({"alg": "RS256", "typ": typ, "kid": kid})
        await _assert_refused(gated, line(f"{header}.{payload}.{signature}"), "key_purpose")


@pytest.mark.parametrize(
    "changes",
    [{"roles": ["admin"]}, {"preferred_username": "root"}, {"exp": 4_000_000_000}, {"sub": "root"},
     {"epoch": [99, 99]}, {"jti": "another"}, {"sid": "another"}],
)  # fmt: skip
async def test_rfc_7515_section_5_2_a_payload_that_was_changed_is_nobodys(
    gated: Gated, changes: dict[str, object]
) -> None:
    header, _, signature = gated.tokens["alice"].split(".")
    payload = _part(_payload(gated.tokens["alice"]) | changes)
    refused = await gated.ask("traefik", "/", [bearer(f"{header}.{payload}.{signature}")])
    assert refused.status == 401
    assert refused.reason in {"bad_signature", "lifetime"}


async def test_rfc_7515_section_2_one_token_has_one_spelling(gated: Gated) -> None:
    token = gated.tokens["alice"]
    for spelled in (
        f"{token}=", f"{token}==", f"{token}.", f".{token}", f"{token}.x", token[:-1], f"{token}A",
        token.replace(".", "=.", 1), token.replace(".", ".."), token.swapcase(), token[::-1],
        f"{token}{token}", token.rpartition(".")[0], token.partition(".")[2],
    ):  # fmt: skip
        refused = await gated.ask("nginx", "/", [bearer(spelled)])
        assert refused.status == 401, spelled
        assert (await gated.ask("nginx", "/", [cookie(spelled)])).status == 401, spelled


async def test_rfc_7519_section_4_1_4_a_token_is_over_on_its_second(gated: Gated) -> None:
    now = read_clock().unix
    for exp in (now, now - 1, now - 1000):
        over = {"iat": exp - 20, "nbf": exp - 20, "auth_time": exp - 20, "exp": exp}
        token = gated.resealed(TokenKind.ACCESS, jti=f"over {exp}", **over)
        await _assert_refused(gated, bearer(token), "expired")


async def test_rfc_7519_section_4_1_5_a_token_of_the_future_is_not_yet_good(gated: Gated) -> None:
    for ahead in (60, 3600):
        later = read_clock().unix + ahead
        for dates in ({"iat": later, "nbf": later}, {"nbf": later}, {"auth_time": later}):
            token = gated.resealed(
                TokenKind.ACCESS,
                jti=f"later {ahead} {sorted(dates)}",
                **(dates | {"exp": later + 60}),
            )
            await _assert_refused(gated, bearer(token), "not_yet_valid")


@pytest.mark.parametrize("aud", [("other",), ("API",), ("api.example.com",), ("http://api",)])
async def test_rfc_8725_section_3_9_a_token_for_somebody_else_is_not_for_us(
    gated: Gated, aud: tuple[str, ...]
) -> None:
    token = gated.resealed(TokenKind.ACCESS, jti=f"aud {aud}", aud=aud)
    await _assert_refused(gated, bearer(token), "audience")


async def test_rfc_6750_section_2_a_token_is_taken_from_nowhere_but_its_header(
    gated: Gated,
) -> None:
    token = gated.tokens["root"]
    elsewhere: Lines = [
        ("X-Access-Token", token),
        ("X-Forwarded-Access-Token", token),
        ("Proxy-Authorization", f"Bearer {token}"),
        ("X-Authorization", f"Bearer {token}"),
        ("Cookie", f"access_token={token}; Authorization=Bearer {token}"),
    ]
    answer = await gated.ask("traefik", f"/?access_token={token}", elsewhere)
    assert (answer.status, answer.reason) == (401, "no_credential")
