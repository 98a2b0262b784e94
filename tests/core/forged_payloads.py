"""Tokens that the right key signed under the right header, but whose claims are not ours."""

import json
from typing import Final

from sidecar.core.claims import LATEST_DATE
from sidecar.core.verdict import Reason
from tests.core.forge import (
    ABSENT,
    ISSUER,
    NOW,
    Draft,
    Forgery,
    Make,
    claims,
    payload_octets,
)

MALFORMED: Final = Reason.TOKEN_MALFORMED
INVALID: Final = Reason.CLAIMS_INVALID
LIFE: Final = Reason.LIFETIME
DAY: Final = 86_400

EVERY_KIND: Final = (
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "scope", "roles",
    "preferred_username", "auth_time", "amr",
)  # fmt: skip
DATES: Final = ("exp", "iat", "nbf", "auth_time")
TEXTS: Final = ("iss", "sub", "jti", "sid", "preferred_username")
NO_DATES: Final[tuple[object, ...]] = (
    str(NOW), float(NOW), NOW + 0.5, True, False, None, [NOW], {}, -1, LATEST_DATE + 1, 10**300,
)  # fmt: skip
NO_TEXTS: Final[tuple[object, ...]] = (
    "", None, 7, True, [], {}, "a\r\nSet-Cookie: b=c", "a\nb", "a\0b", "a\x7fb", "a\x85b",
    "\ud800", "a\u202eb", "a\u200bb", "\ufeffa", "a" * 513,
)  # fmt: skip
NO_LISTS: Final[tuple[object, ...]] = (
    "admin", "", 7, {}, True, [""], [7], [None], ["admin", True], [["admin"]], [{}],
    ["a\r\nb"], ["\udfff"], ["a" * 65], ["ab"] * 257, ["a" * 32] * 129,
)  # fmt: skip
NO_OPTIONALS: Final[tuple[object, ...]] = ("", None, 7, [], "a\nb", "\ud800", "a" * 321)
NO_SCOPES: Final[tuple[object, ...]] = (None, 7, [], ["a"], "a\nb", "\udc00", "a" * 4097)


def _member_twice(name: str, first: str) -> Make:
    return payload_octets(lambda octets: f'{{"{name}":{first},'.encode() + octets[1:])


def _literal(name: str, literal: str) -> Make:
    """Write a claim's value as this JSON text, which `json.dumps` would not write."""

    def make(good: Draft) -> str:
        marked = json.dumps(good.members | {name: "@"}).replace('"@"', literal)
        return good.signed(json.dumps(good.header).encode(), marked.encode())

    return make


def _extra(literal: str) -> Make:
    """Add a claim that would be ignored, were its value JSON."""
    return payload_octets(lambda octets: octets[:-1] + f',"extra":{literal}}}'.encode())


MISSING: Final = tuple(
    Forgery(f"{name} missing", claims(**{name: ABSENT}), INVALID) for name in EVERY_KIND
) + tuple(Forgery(f"{name} null", claims(**{name: None}), INVALID) for name in EVERY_KIND)

WRONG_DATES: Final = tuple(
    Forgery(f"{name} {value!r:.24}", claims(**{name: value}), INVALID)
    for name in DATES
    for value in NO_DATES
)

WRONG_TEXTS: Final = tuple(
    Forgery(f"{name} {value!r:.24}", claims(**{name: value}), INVALID)
    for name in TEXTS
    for value in NO_TEXTS
)

LISTS: Final = (
    Forgery("amr empty", claims(amr=[]), INVALID),
    *(
        Forgery(f"{name} {value!r:.24}", claims(**{name: value}), INVALID)
        for name in ("roles", "amr")
        for value in NO_LISTS
    ),
)

OPTIONAL: Final[tuple[Forgery, ...]] = tuple(
    Forgery(f"{name} {value!r:.24}", claims(**{name: value}), INVALID)
    for name in ("email", "name")
    for value in NO_OPTIONALS
) + tuple(Forgery(f"scope {value!r:.24}", claims(scope=value), INVALID) for value in NO_SCOPES)

LIVES: Final = (
    Forgery("ten years", claims(exp=NOW + 3650 * DAY), LIFE),
    Forgery("exp at iat", claims(exp=NOW), LIFE),
    Forgery("exp before iat", claims(exp=NOW - 1), LIFE),
    Forgery("exp zero", claims(exp=0), LIFE),
    Forgery("iat after exp", claims(iat=NOW + 601), LIFE),
    Forgery("iat zero", claims(iat=0), LIFE),
    Forgery("nbf at exp", claims(nbf=NOW + 600), LIFE),
    Forgery("nbf after exp", claims(nbf=NOW + 601), LIFE),
    Forgery("nbf in the last year", claims(nbf=LATEST_DATE), LIFE),
    Forgery("all dates zero", claims(exp=0, iat=0, nbf=0, auth_time=0), LIFE),
)

PARTIES: Final = tuple(
    Forgery(f"iss {iss!r}", claims(iss=iss), Reason.ISSUER)
    for iss in (
        ISSUER + "/", ISSUER.upper(), ISSUER + " ", " " + ISSUER, ISSUER + ".evil.example",
        "http://auth.example.com", "auth.example.com", ISSUER + ":443", ISSUER + "#", ISSUER + "?",
        "https://auth.example.com@evil.example", ISSUER[:-1], "https://auth.examp\u217ce.com",
    )
) + tuple(
    Forgery(f"iss {iss!r}", claims(iss=iss), INVALID) for iss in ([ISSUER], {"iss": ISSUER})
) + tuple(
    Forgery(f"aud {aud!r:.30}", claims(aud=aud), Reason.AUDIENCE)
    for aud in (
        "other", "ap", "apis", "API", "api ", " api", "*", "api,other", ["other"], ["other", "ap"],
        "app.example.com.", "app.example.com:443", ".example.com", "evil.example", ISSUER + "/",
    )
) + tuple(
    Forgery(f"aud {aud!r:.30}", claims(aud=aud), INVALID)
    for aud in (
        "", [], [""], ["api", ""], ["api", 7], [["api"]], {"api": True}, 7, True, "a\nb",
        ["api", "\ud800"], ["api", None], ["api"] * 257, "a" * 513,
    )
)  # fmt: skip

TWICE: Final = {
    "exp": "1",
    "sub": '"admin"',
    "roles": '["admin"]',
    "iss": '"a"',
    "aud": '"a"',
    "jti": '"a"',
    "sid": '"a"',
    "s\\u0075b": '"admin"',
}
DOUBLED: Final = (
    *(
        Forgery(f"{name} twice", _member_twice(name, first), MALFORMED)
        for name, first in TWICE.items()
    ),
    Forgery("ignored member twice", _extra('1,"extra":1'), MALFORMED),
    Forgery("member twice inside an ignored one", _extra('[{"a":1,"a":1}]'), MALFORMED),
)  # fmt: skip

LITERALS: Final = (
    Forgery("exp NaN", _literal("exp", "NaN"), MALFORMED),
    Forgery("exp Infinity", _literal("exp", "Infinity"), MALFORMED),
    Forgery("exp -Infinity", _literal("exp", "-Infinity"), MALFORMED),
    Forgery("exp beyond floats", _literal("exp", "1e999"), INVALID),
    Forgery("exp with an exponent", _literal("exp", "18e8"), INVALID),
    Forgery("exp minus zero", _literal("exp", "-0.0"), INVALID),
    Forgery("exp of 4000 digits", _literal("exp", "9" * 4000), INVALID),
    Forgery("exp of 5000 digits", _literal("exp", "9" * 5000), MALFORMED),
    Forgery("exp hexadecimal", _literal("exp", "0x6b49d200"), MALFORMED),
    Forgery("exp with a leading zero", _literal("exp", "01800000600"), MALFORMED),
    Forgery("exp with a plus", _literal("exp", "+1800000600"), MALFORMED),
    Forgery("exp of other digits", _literal("exp", "\u0661\u0668"), MALFORMED),
    Forgery("sub with a raw line feed", _literal("sub", '"a\nb"'), MALFORMED),
    Forgery("NaN where nobody looks", _extra("NaN"), MALFORMED),
    Forgery("5000 digits where nobody looks", _extra("9" * 5000), MALFORMED),
    Forgery("brackets 4000 deep where nobody looks", _extra("[" * 4000 + "]" * 4000), MALFORMED),
    Forgery("objects 1500 deep where nobody looks", _extra('{"a":' * 1500 + "1" + "}" * 1500),
            MALFORMED),
)  # fmt: skip

FORMS: Final = (
    Forgery("no members", payload_octets(lambda _: b"{}"), INVALID),
    Forgery("an empty list", payload_octets(lambda _: b"[]"), MALFORMED),
    Forgery("a list of the claims", payload_octets(lambda o: b"[" + o + b"]"), MALFORMED),
    Forgery("null", payload_octets(lambda _: b"null"), MALFORMED),
    Forgery("a number", payload_octets(lambda _: b"7"), MALFORMED),
    Forgery("a text", payload_octets(lambda _: b'"sub"'), MALFORMED),
    Forgery("no JSON", payload_octets(lambda _: b"sub=admin"), MALFORMED),
    Forgery("byte order mark", payload_octets(lambda o: b"\xef\xbb\xbf" + o), MALFORMED),
    Forgery("UTF-16", payload_octets(lambda o: o.decode().encode("utf-16")), MALFORMED),
    Forgery("UTF-16, big end first", payload_octets(lambda o: o.decode().encode("utf-16-be")),
            MALFORMED),
    Forgery("UTF-32", payload_octets(lambda o: o.decode().encode("utf-32")), MALFORMED),
    Forgery("Latin-1", payload_octets(lambda o: o.replace(b"Alice", b"Al\xefce")), MALFORMED),
    Forgery("overlong UTF-8", payload_octets(lambda o: o.replace(b"Alice", b"\xc1\x81")),
            MALFORMED),
    Forgery("surrogate in UTF-8", payload_octets(lambda o: o.replace(b"Alice", b"\xed\xa0\x80")),
            MALFORMED),
    Forgery("two objects", payload_octets(lambda o: o + o), MALFORMED),
    Forgery("trailing comma", payload_octets(lambda o: o[:-1] + b",}"), MALFORMED),
    Forgery("trailing NUL", payload_octets(lambda o: o + b"\0"), MALFORMED),
    Forgery("no-break space in front", payload_octets(lambda o: b"\xc2\xa0" + o), MALFORMED),
    Forgery("single quotes", payload_octets(lambda o: o.replace(b'"', b"'")), MALFORMED),
    Forgery("a comment", payload_octets(lambda o: b"//\n" + o), MALFORMED),
    Forgery("cut short", payload_octets(lambda o: o[:-1]), MALFORMED),
    Forgery("compressed", payload_octets(lambda o: b"\x1f\x8b" + o), MALFORMED),
)  # fmt: skip

PAYLOADS: Final = (
    MISSING + WRONG_DATES + WRONG_TEXTS + LISTS + OPTIONAL + LIVES + PARTIES + DOUBLED + LITERALS
    + FORMS
)  # fmt: skip
