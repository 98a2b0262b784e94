"""Tokens whose text is not the one spelling of a good token, and signatures of somebody else."""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.core.keyring import PrivateKey
from sidecar.core.verdict import Reason
from tests.core.forge import (
    Draft,
    Forgery,
    base64url,
    header,
    parts,
    sign,
    spelling,
    to_json,
)

MALFORMED: Final = Reason.TOKEN_MALFORMED
TOO_LONG: Final = Reason.TOKEN_TOO_LONG
UNSIGNED: Final = Reason.BAD_SIGNATURE
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _other_trailing_bits(part: str) -> str:
    """Set a bit behind the last octet: most decoders drop it."""
    return part[:-1] + ALPHABET[ALPHABET.index(part[-1]) | 1]


def _loose_part(good: Draft, index: int) -> str:
    """Spell one part with set bits behind its last octet; pad JSON until there are such bits."""
    heads, bodies = to_json(good.header), to_json(good.members)
    texts = good.signed(
        heads + b" " * (-len(heads) % 3 + 1), bodies + b" " * (-len(bodies) % 3 + 1)
    )
    split = texts.split(".")
    split[index] = _other_trailing_bits(split[index])
    return ".".join(split)


def _signing_input(good: Draft) -> str:
    return good.text().rpartition(".")[0]


def _private(good: Draft) -> RSAPrivateKey:
    assert isinstance(good.key.private, RSAPrivateKey)
    return good.key.private


def _signed_by(good: Draft, signature: bytes) -> str:
    return f"{_signing_input(good)}.{base64url(signature)}"


def _hmac_with_public_pem(good: Draft, algorithm: str) -> str:
    pem = good.key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    changed = good.with_header(alg=algorithm)
    signed = _signing_input(changed)
    return f"{signed}.{base64url(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def _signature_plus_modulus(good: Draft) -> str:
    """Spell the signature as s + n: the same number modulo n (RFC 8017, 5.2.2 refuses it)."""
    signature = int.from_bytes(sign(_private(good), _signing_input(good)), "big")
    number = signature + _private(good).public_key().public_numbers().n
    return _signed_by(good, number.to_bytes(257, "big"))


def _with_padding(good: Draft, algorithm: SHA1 | SHA256 | SHA512, *, pss: bool = False) -> str:
    scheme = padding.PSS(padding.MGF1(algorithm), 32) if pss else padding.PKCS1v15()
    return _signed_by(good, _private(good).sign(_signing_input(good).encode(), scheme, algorithm))


SPELLINGS: Final = (
    Forgery("nothing", spelling(lambda _: ""), MALFORMED),
    Forgery("one word", spelling(lambda _: "token"), MALFORMED),
    Forgery("two dots and nothing else", spelling(lambda _: ".."), MALFORMED),
    Forgery("only dots, many", spelling(lambda _: "." * 16_000), MALFORMED),
    Forgery("padding of two", spelling(lambda t: t + "=="), MALFORMED),
    Forgery("padding of one", spelling(lambda t: t + "="), MALFORMED),
    Forgery("padding of four", spelling(lambda t: t + "===="), MALFORMED),
    Forgery("padded header", parts(lambda h, p, s: f"{h}=.{p}.{s}"), MALFORMED),
    Forgery("padded payload", parts(lambda h, p, s: f"{h}.{p}==.{s}"), MALFORMED),
    Forgery("space behind", spelling(lambda t: t + " "), MALFORMED),
    Forgery("space before", spelling(lambda t: " " + t), MALFORMED),
    Forgery("line feed behind", spelling(lambda t: t + "\n"), MALFORMED),
    Forgery("carriage return behind", spelling(lambda t: t + "\r\n"), MALFORMED),
    Forgery("tab in the payload", parts(lambda h, p, s: f"{h}.\t{p}.{s}"), MALFORMED),
    Forgery("line feed in the signature", parts(lambda h, p, s: f"{h}.{p}.{s[:64]}\n{s[64:]}"),
            MALFORMED),
    Forgery("no-break space behind", spelling(lambda t: t + "\u00a0"), MALFORMED),
    Forgery("NUL behind", spelling(lambda t: t + "\0"), MALFORMED),
    Forgery("byte order mark before", spelling(lambda t: "\ufeff" + t), MALFORMED),
    Forgery("lone surrogate behind", spelling(lambda t: t + "\udcff"), MALFORMED),
    Forgery("full-width letter", spelling(lambda t: "\uff45" + t[1:]), MALFORMED),
    Forgery("letter beyond ASCII that folds to k", spelling(lambda t: t + "\u212a"), MALFORMED),
    Forgery("quoted", spelling(lambda t: f'"{t}"'), MALFORMED),
    Forgery("with its scheme", spelling(lambda t: "Bearer " + t), MALFORMED),
    Forgery("comma and a second token", spelling(lambda t: f"{t},{t}"), MALFORMED),
    Forgery("a star of the old alphabet", spelling(lambda t: t + "*"), MALFORMED),
    Forgery("standard alphabet, plus", parts(lambda h, p, s: f"{h}.{p}.+{s[1:]}"), MALFORMED),
    Forgery("standard alphabet, slash", parts(lambda h, p, s: f"{h}.{p}./{s[1:]}"), MALFORMED),
    Forgery("percent-encoded dots", spelling(lambda t: t.replace(".", "%2E")), MALFORMED),
    Forgery("trailing bits of the header", lambda good: _loose_part(good, 0), MALFORMED),
    Forgery("trailing bits of the payload", lambda good: _loose_part(good, 1), MALFORMED),
    Forgery("trailing bits of the signature", lambda good: _loose_part(good, 2), MALFORMED),
    Forgery("a part of a length that nothing has", spelling(lambda t: t + "AAA"), MALFORMED),
    Forgery("header missing", parts(lambda _, p, s: f".{p}.{s}"), MALFORMED),
    Forgery("payload missing", parts(lambda h, _, s: f"{h}..{s}"), MALFORMED),
    Forgery("signature missing", parts(lambda h, p, _: f"{h}.{p}."), MALFORMED),
    Forgery("two parts", parts(lambda h, p, _: f"{h}.{p}"), MALFORMED),
    Forgery("four parts", spelling(lambda t: t + ".AAAA"), MALFORMED),
    Forgery("a fourth, empty part", spelling(lambda t: t + "."), MALFORMED),
    Forgery("an empty part in front", spelling(lambda t: "." + t), MALFORMED),
    Forgery("five parts: JWE", parts(lambda h, p, s: f"{h}.AAAA.AAAA.{p}.{s}"), MALFORMED),
    Forgery("five parts: direct JWE", parts(lambda h, p, s: f"{h}..{p}.{s}.AAAA"), MALFORMED),
    Forgery("JSON serialisation, flattened", parts(
        lambda h, p, s: f'{{"protected":"{h}","payload":"{p}","signature":"{s}"}}'), MALFORMED),
    Forgery("JSON serialisation, general", parts(
        lambda h, p, s: f'{{"payload":"{p}","signatures":[{{"protected":"{h}",'
                        f'"signature":"{s}"}}]}}'
    ), MALFORMED),
    Forgery("JSON serialisation with two dots", parts(
        lambda h, p, s: f'{{"a.":"{h}.{p}","signature":"{s}"}}'), MALFORMED),
    Forgery("header and payload swapped", parts(lambda h, p, s: f"{p}.{h}.{s}"),
            Reason.TOKEN_HEADER),
    Forgery("16 385 characters", spelling(lambda t: t + "A" * (16_385 - len(t))), TOO_LONG),
    Forgery("eight megabytes", spelling(lambda t: t + "A" * 8_000_000), TOO_LONG),
    Forgery("header of 513 characters", parts(lambda _, p, s: f"{'A' * 513}.{p}.{s}"), TOO_LONG),
    Forgery("signature of 1367 characters", parts(lambda h, p, _: f"{h}.{p}.{'A' * 1367}"),
            TOO_LONG),
)  # fmt: skip

SIGNATURES: Final = (
    Forgery("wrong key under the right kid",
            lambda good: _signed_by(good, sign(good.foreign, _signing_input(good))), UNSIGNED),
    Forgery("key of the other purpose under the right kid", lambda good: _signed_by(
        good, sign(_private_of_other(good), _signing_input(good))), UNSIGNED),
    Forgery("one octet of zero", parts(lambda h, p, _: f"{h}.{p}.AA"), UNSIGNED),
    Forgery("256 octets of zero", lambda good: _signed_by(good, bytes(256)), UNSIGNED),
    Forgery("256 octets of ones", lambda good: _signed_by(good, b"\xff" * 256), UNSIGNED),
    Forgery("the number one", lambda good: _signed_by(good, bytes(255) + b"\x01"), UNSIGNED),
    Forgery("last octet cut", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good))[:-1]), UNSIGNED),
    Forgery("zero octet in front", lambda good: _signed_by(
        good, b"\0" + sign(_private(good), _signing_input(good))), UNSIGNED),
    Forgery("zero octet behind", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good)) + b"\0"), UNSIGNED),
    Forgery("twice", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good)) * 2), UNSIGNED),
    Forgery("plus the modulus", _signature_plus_modulus, UNSIGNED),
    Forgery("over the payload only", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good).split(".")[1])), UNSIGNED),
    Forgery("over both parts without the dot", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good).replace(".", ""))), UNSIGNED),
    Forgery("of another good token", lambda good: _signed_by(
        good, sign(_private(good), _signing_input(good.with_members(jti="j-2")))), UNSIGNED),
    Forgery("role added after signing", lambda good: _signed_by(
        good.with_members(roles=["admin"]), sign(_private(good), _signing_input(good))), UNSIGNED),
    Forgery("RSASSA-PSS", lambda good: _with_padding(good, SHA256(), pss=True), UNSIGNED),
    Forgery("PKCS1 with SHA-512", lambda good: _with_padding(good, SHA512()), UNSIGNED),
    Forgery("PKCS1 with SHA-1", lambda good: _with_padding(good, SHA1()), UNSIGNED),  # noqa: S303 - a forger's choice
    Forgery("HMAC with the public PEM, said to be RS256",
            lambda good: _hmac_with_public_pem(good, "RS256"), UNSIGNED),
    Forgery("HMAC with the public PEM, HS256",
            lambda good: _hmac_with_public_pem(good, "HS256"), Reason.TOKEN_ALGORITHM),
    Forgery("HMAC with the public PEM, hs256",
            lambda good: _hmac_with_public_pem(good, "hs256"), Reason.TOKEN_ALGORITHM),
    Forgery("alg none without a signature", lambda good: _signing_input(
        good.with_header(alg="none")) + ".", Reason.TOKEN_MALFORMED),
    Forgery("alg none with the good signature", header(alg="none"), Reason.TOKEN_ALGORITHM),
    Forgery("alg none with one octet", lambda good: _signing_input(
        good.with_header(alg="none")) + ".AA", Reason.TOKEN_ALGORITHM),
)  # fmt: skip


def _private_of_other(good: Draft) -> PrivateKey:
    assert good.other_purpose.private is not None
    return good.other_purpose.private
