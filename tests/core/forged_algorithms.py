"""Tokens of one algorithm that are said, or made, to be of another; and what ECDSA makes possible.

Each row is tried against a good token of each algorithm that is named.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.core.keyring import Algorithm
from sidecar.core.verdict import Reason
from tests.core.forge import Draft, base64url, generate, sign

UNSIGNED: Final = Reason.BAD_SIGNATURE
OTHER: Final = Reason.TOKEN_ALGORITHM
ALL: Final = frozenset(Algorithm)
CURVED: Final = frozenset({Algorithm.ES256, Algorithm.EDDSA})
ECDSA_ONLY: Final = frozenset({Algorithm.ES256})
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


class CrossForgery(NamedTuple):
    """One row: against which algorithms, how it is made from a good token, why it is refused."""

    name: str
    algs: frozenset[Algorithm]
    make: Callable[[Draft], str]
    reason: Reason


def _input(good: Draft) -> str:
    return good.text().rpartition(".")[0]


def _with(make: Callable[[Draft, str], bytes]) -> Callable[[Draft], str]:
    """Leave header and payload, and put another signature behind them."""

    def forge(good: Draft) -> str:
        signed = _input(good)
        return f"{signed}.{base64url(make(good, signed))}"

    return forge


def _relabelled(alg: str) -> Callable[[Draft], str]:
    """Name another algorithm, and sign that with the right key."""
    return lambda good: good.with_header(alg=alg).text()


def _by_type(alg: Algorithm) -> Callable[[Draft], str]:
    """Sign with a key of another type, and say so, under the right kid."""

    def forge(good: Draft) -> str:
        signed = _input(good.with_header(alg=alg.value))
        return f"{signed}.{base64url(sign(generate(alg), signed))}"

    return forge


def _good(good: Draft, signed: str) -> bytes:
    assert good.key.private is not None
    return sign(good.key.private, signed)


def _ecdsa(good: Draft, signed: str, algorithm: SHA256 | SHA384) -> bytes:
    """Return a signature in DER, which RFC 7518 section 3.4 does not take."""
    assert isinstance(good.key.private, EllipticCurvePrivateKey)
    return good.key.private.sign(signed.encode(), ECDSA(algorithm))


def _raw(der: bytes) -> bytes:
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(der))


def _numbers(r: int, s: int) -> Callable[[Draft], str]:
    return _with(lambda _, __: r.to_bytes(32) + s.to_bytes(32))


def _other_curve(_: Draft, signed: str) -> bytes:
    der = ec.generate_private_key(ec.SECP384R1()).sign(signed.encode(), ECDSA(SHA256()))
    return b"".join(number.to_bytes(48) for number in decode_dss_signature(der))


def _point(good: Draft) -> bytes:
    return good.key.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RELABELLED: Final = tuple(
    CrossForgery(f"said to be {alg}", ALL - {alg}, _relabelled(alg), OTHER)
    for alg in (*Algorithm, "ES384", "ES512", "ES256K", "Ed25519", "Ed448", "EdDSA ", "es256",
                "ESB256", "HS256", "none")
)  # fmt: skip
SIGNED_BY_ANOTHER: Final = tuple(
    CrossForgery(f"made with {alg.value} by a key of that type", ALL - {alg}, _by_type(alg), OTHER)
    for alg in Algorithm
)
SAID_BUT_NOT_DONE: Final = tuple(
    CrossForgery(
        f"signed by a key for {alg.value} under the right name",
        ALL - {alg},
        _with(lambda _, signed, alg=alg: sign(generate(alg), signed)),  # type: ignore[misc]  # bound
        UNSIGNED,
    )
    for alg in Algorithm
)
SIGNATURES: Final = (
    CrossForgery("one octet", ALL, _with(lambda _, __: b"\0"), UNSIGNED),
    CrossForgery("64 octets of zero", CURVED, _numbers(0, 0), UNSIGNED),  # CVE-2022-21449
    CrossForgery("64 octets of ones", CURVED, _numbers(2**256 - 1, 2**256 - 1), UNSIGNED),
    CrossForgery("r of zero", ECDSA_ONLY, _numbers(0, 1), UNSIGNED),
    CrossForgery("s of zero", ECDSA_ONLY, _numbers(1, 0), UNSIGNED),
    CrossForgery("one and one", CURVED, _numbers(1, 1), UNSIGNED),
    CrossForgery("the order twice", ECDSA_ONLY, _numbers(ORDER, ORDER), UNSIGNED),
    CrossForgery("the order less one", ECDSA_ONLY, _numbers(ORDER - 1, ORDER - 1), UNSIGNED),
    CrossForgery("last octet cut", CURVED, _with(lambda g, t: _good(g, t)[:-1]), UNSIGNED),
    CrossForgery("zero in front", CURVED, _with(lambda g, t: b"\0" + _good(g, t)), UNSIGNED),
    CrossForgery("zero behind", CURVED, _with(lambda g, t: _good(g, t) + b"\0"), UNSIGNED),
    CrossForgery("twice", CURVED, _with(lambda g, t: _good(g, t) * 2), UNSIGNED),
    CrossForgery("halves swapped", CURVED,
                 _with(lambda g, t: _good(g, t)[32:] + _good(g, t)[:32]), UNSIGNED),
    CrossForgery("of another token", CURVED,
                 _with(lambda g, _: _good(g, _input(g.with_members(jti="j-2")))), UNSIGNED),
    CrossForgery("in DER", ECDSA_ONLY, _with(lambda g, t: _ecdsa(g, t, SHA256())), UNSIGNED),
    CrossForgery("over SHA-384", ECDSA_ONLY,
                 _with(lambda g, t: _raw(_ecdsa(g, t, SHA384()))), UNSIGNED),
    CrossForgery("of another curve", ECDSA_ONLY, _with(_other_curve), UNSIGNED),
    CrossForgery("the public key itself", CURVED, _with(lambda g, _: _point(g)), UNSIGNED),
)  # fmt: skip

CROSS_FORGERIES: Final = RELABELLED + SIGNED_BY_ANOTHER + SAID_BUT_NOT_DONE + SIGNATURES
