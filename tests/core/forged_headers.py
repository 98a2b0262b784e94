"""Tokens that the right key signed, under a header that nobody here would write."""

import json
from collections.abc import Callable
from typing import Final

from sidecar.core.verdict import Reason
from tests.core.forge import ABSENT, Draft, Forgery, Make, header, header_octets, to_json

MALFORMED: Final = Reason.TOKEN_MALFORMED
HEADER: Final = Reason.TOKEN_HEADER
TYPE: Final = Reason.TOKEN_TYPE
ALGORITHM: Final = Reason.TOKEN_ALGORITHM
KEY: Final = Reason.UNKNOWN_KEY


def _renamed(old: str, new: str) -> Make:
    return lambda good: good.with_header(**{old: ABSENT, new: good.header[old]}).text()


def _from(name: str, change: Callable[[str], object]) -> Make:
    return lambda good: good.with_header(**{name: change(str(good.header[name]))}).text()


def _insert(members: str) -> Make:
    """Put members in front of those that are there, doubled or not."""
    return header_octets(lambda octets: b"{" + members.encode() + b"," + octets[1:])


def _append(members: str) -> Make:
    return header_octets(lambda octets: octets[:-1] + b"," + members.encode() + b"}")


def _doubled(name: str) -> Make:
    """Write a member twice with the same value: even that is two readings."""

    def make(good: Draft) -> str:
        member = f'"{name}":{json.dumps(good.header[name])}'
        return _append(member)(good)

    return make


FOREIGN: Final = tuple(
    Forgery(f"foreign member {name}", header(**{name: value}), HEADER)
    for name, value in {
        "jku": "https://evil.example/jwks.json",
        "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        "x5u": "https://evil.example/chain.pem",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
        "cty": "JWT",
        "zip": "DEF",
        "crit": ["exp"],
        "b64": False,
        "enc": "A128GCM",
        "iss": "https://auth.example.com",
        "exp": 1,
        "nonce": "AAAA",
        "ALG": "RS256",
        "": "",
        "__proto__": {},
    }.items()
)

ALGORITHMS: Final = tuple(
    Forgery(f"alg {value!r}", header(alg=value), ALGORITHM)
    for value in (
        "none", "None", "NONE", "nOnE", "NoNe", "", " ", "rs256", "Rs256", "RS256 ", " RS256",
        "RS256\0", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES256K", "EdDSA",
        "Ed25519", "HS256", "HS384", "HS512", "RSA-OAEP", "dir", "RS-256", "\uff32S256",
        None, True, False, 256, ["RS256"], {"alg": "RS256"}, [],
    )
)  # fmt: skip

NO_TYPES: Final[tuple[object, ...]] = (
    "JWT", "jwt", "", "at-jwt", "refresh+jwt", "JOSE", "logout+jwt", "dpop+jwt", None, 1, True, [],
    {}, ["at+jwt"],
)  # fmt: skip
TYPES: Final = (
    *(Forgery(f"typ {value!r}", header(typ=value), TYPE) for value in NO_TYPES),
    Forgery("typ in capitals", _from("typ", str.upper), TYPE),
    Forgery("typ as media type", _from("typ", "application/{}".format), TYPE),
    Forgery("typ with a space behind", _from("typ", "{} ".format), TYPE),
    Forgery("typ with a parameter", _from("typ", "{}; v=1".format), TYPE),
    Forgery("typ as a list of itself", _from("typ", lambda typ: [typ]), TYPE),
)  # fmt: skip

NO_KEYS: Final[tuple[object, ...]] = (
    "", "0", "unknown", "../../../../dev/null", "/etc/passwd", "' OR '1'='1", "\0", "|whoami",
    "http://evil.example/key", None, 0, True, [], {}, 1.5, "\ud800",
)  # fmt: skip
KEYS: Final = (
    *(Forgery(f"kid {value!r}", header(kid=value), KEY) for value in NO_KEYS),
    Forgery("kid in capitals", _from("kid", str.upper), KEY),
    Forgery("kid with a space behind", _from("kid", "{} ".format), KEY),
    Forgery("kid with padding", _from("kid", "{}=".format), KEY),
    Forgery("kid cut by one", _from("kid", lambda kid: kid[:-1]), KEY),
    Forgery("kid with NUL behind", _from("kid", "{}\0".format), KEY),
    Forgery("kid as a list of itself", _from("kid", lambda kid: [kid]), KEY),
    Forgery("kid as an object of itself", _from("kid", lambda kid: {"kid": kid}), KEY),
    Forgery("kid of the key of the other purpose",
            lambda good: good.with_header(kid=good.other_purpose.kid).text(), Reason.KEY_PURPOSE),
)  # fmt: skip

FORMS: Final = (
    Forgery("no alg", header(alg=ABSENT), HEADER),
    Forgery("no typ", header(typ=ABSENT), HEADER),
    Forgery("no kid", header(kid=ABSENT), HEADER),
    Forgery("no members", header_octets(lambda _: b"{}"), HEADER),
    Forgery("alg under another case", _renamed("alg", "Alg"), HEADER),
    Forgery("kid under another case", _renamed("kid", "KID"), HEADER),
    Forgery("typ with a space in its name", _renamed("typ", "typ "), HEADER),
    Forgery("alg twice, none first", _insert('"alg":"none"'), MALFORMED),
    Forgery("alg twice, none last", _append('"alg":"none"'), MALFORMED),
    Forgery("alg twice, once escaped", _insert(r'"\u0061lg":"none"'), MALFORMED),
    Forgery("alg twice the same", _doubled("alg"), MALFORMED),
    Forgery("typ twice the same", _doubled("typ"), MALFORMED),
    Forgery("kid twice the same", _doubled("kid"), MALFORMED),
    Forgery("kid twice, unknown first", _insert('"kid":"unknown"'), MALFORMED),
    Forgery("foreign member twice", _insert('"jku":"a","jku":"b"'), MALFORMED),
    Forgery("doubled member inside a foreign one", _insert('"jwk":{"n":1,"n":2}'), MALFORMED),
    Forgery("a list of the header", header_octets(lambda o: b"[" + o + b"]"), MALFORMED),
    Forgery("an empty list", header_octets(lambda _: b"[]"), MALFORMED),
    Forgery("null", header_octets(lambda _: b"null"), MALFORMED),
    Forgery("a number", header_octets(lambda _: b"42"), MALFORMED),
    Forgery("a text", header_octets(lambda _: b'"alg"'), MALFORMED),
    Forgery("a text that holds the header", header_octets(lambda o: to_json(o.decode())),
            MALFORMED),
    Forgery("one octet that is no JSON", header_octets(lambda _: b"\0"), MALFORMED),
    Forgery("byte order mark", header_octets(lambda o: b"\xef\xbb\xbf" + o), MALFORMED),
    Forgery("UTF-16", header_octets(lambda o: o.decode().encode("utf-16")), MALFORMED),
    Forgery("UTF-16 without a mark", header_octets(lambda o: o.decode().encode("utf-16-le")),
            MALFORMED),
    Forgery("UTF-7 escape", header_octets(lambda o: b"+AHs-" + o[1:]), MALFORMED),
    Forgery("an octet that is not UTF-8", header_octets(lambda o: o.replace(b"RS", b"\xff\xfe")),
            MALFORMED),
    Forgery("NaN", _insert('"b64":NaN'), MALFORMED),
    Forgery("two objects", header_octets(lambda o: o + o), MALFORMED),
    Forgery("trailing NUL", header_octets(lambda o: o + b"\0"), MALFORMED),
    Forgery("trailing comma", header_octets(lambda o: o[:-1] + b",}"), MALFORMED),
    Forgery("single quotes", header_octets(lambda o: o.replace(b'"', b"'")), MALFORMED),
    Forgery("a comment", header_octets(lambda o: o + b"/**/"), MALFORMED),
    Forgery("cut short", header_octets(lambda o: o[:-1]), MALFORMED),
    Forgery("brackets as deep as fit", header_octets(lambda _: b"[" * 384), MALFORMED),
    Forgery("longer than any of ours", header(jku="a" * 500), Reason.TOKEN_TOO_LONG),
)  # fmt: skip

HEADERS: Final = FOREIGN + ALGORITHMS + TYPES + KEYS + FORMS
