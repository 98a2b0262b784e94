"""An explanation as JSON, for `policy explain` and `why`: what was looked at, and what is needed.

Lists that an operator's policy makes long are cut, so that an answer stays readable and bounded.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from sidecar.core.access import Amr, Condition, MaxAge, Networks, Roles, Scope, Users
from sidecar.core.explain import Explanation, PassedOver
from sidecar.core.policy import Rule
from sidecar.core.verdict import Reason
from sidecar.schemas.values import format_duration

MOST_NAMED: Final = 20  # values of one condition; a rule may list thousands of users
MOST_PASSED_OVER: Final = 20  # rules about one path that are not about the request

Members = dict[str, object]

NEEDS: Final[Mapping[str, str]] = {
    "users": "one of the users",
    "roles": "one of the roles",
    "networks": "an address in one of",
    "scope": "the scope",
    "amr": "a login by one of",
    "max_age": "a login that is at most so old:",
}
SIGNED_IN: Final = "somebody who is signed in"
FRESH_LOGIN: Final = "a new login"
OTHER_POLICY: Final = "a rule about it in the policy"
ONE_READING: Final = "a spelling of the path that every server reads alike"
ONE_CREDENTIAL: Final = "one credential, well-formed"
GOOD_TOKEN: Final = "a token of this service for its gate"
OWN_NETWORKS: Final = "an address in one of the networks of the personal token that came along"
THE_DIALECT: Final = "a question in the gateway's dialect (gateway.dialect, or /verify/NAME)"

# What would have let in whom no condition of a rule refused. Reasons that are not here are those
# of conditions.
REMEDIES: Final[Mapping[Reason, str]] = {
    Reason.NO_CREDENTIAL: SIGNED_IN,
    Reason.TWO_CREDENTIALS: ONE_CREDENTIAL,
    Reason.CREDENTIAL_MALFORMED: ONE_CREDENTIAL,
    Reason.TOKEN_MALFORMED: GOOD_TOKEN,
    Reason.TOKEN_TOO_LONG: GOOD_TOKEN,
    Reason.TOKEN_HEADER: GOOD_TOKEN,
    Reason.TOKEN_TYPE: GOOD_TOKEN,
    Reason.TOKEN_ALGORITHM: GOOD_TOKEN,
    Reason.UNKNOWN_KEY: FRESH_LOGIN,
    Reason.KEY_PURPOSE: GOOD_TOKEN,
    Reason.KEY_NOT_YET: "a clock that is right here, or at the replica that sealed the token",
    Reason.KEY_RETIRED: FRESH_LOGIN,
    Reason.KEY_REVOKED: FRESH_LOGIN,
    Reason.BAD_SIGNATURE: GOOD_TOKEN,
    Reason.CLAIMS_INVALID: GOOD_TOKEN,
    Reason.ISSUER: "a token whose issuer is tokens.issuer",
    Reason.AUDIENCE: "a token whose audience is one of tokens.audience",
    Reason.LIFETIME: GOOD_TOKEN,
    Reason.EXPIRED: FRESH_LOGIN,
    Reason.NOT_YET_VALID: "a clock that is right here, or at the replica that sealed the token",
    Reason.REVOKED_TOKEN: FRESH_LOGIN,
    Reason.REVOKED_SESSION: FRESH_LOGIN,
    Reason.REVOKED_USER: "a new login, or a new token for the rights of today",
    Reason.REVOKED_EVERYONE: FRESH_LOGIN,
    Reason.NO_RULE: OTHER_POLICY,
    Reason.CROSS_SITE: "a page of the same origin, or a token instead of the cookie",
    Reason.UNTRUSTED_PEER: "a gateway whose address is in gateway.trusted_proxies",
    Reason.HEADER_MISSING: THE_DIALECT,
    Reason.HEADER_DOUBLED: THE_DIALECT,
    Reason.HEADER_TOO_LONG: "shorter or fewer header lines",
    Reason.METHOD_MALFORMED: "a method as of RFC 9110",
    Reason.SCHEME_MALFORMED: "http, https, ws or wss",
    Reason.HOST_MALFORMED: "a host as of RFC 3986, in ASCII",
    Reason.PATH_AMBIGUOUS: ONE_READING,
    Reason.ADDRESS_MALFORMED: "a readable X-Forwarded-For",
    Reason.PARAMETER: "a query on the verify URL of mode, roles, scope and max_age alone",
}
NOTHING: Final = Explanation(None, None, (), None, None, open=False, conditions=())


def dump_explanation(explanation: Explanation | None) -> Members:
    """Return what the policy says of a request, rule by rule and condition by condition.

    None stands for a request that no rule was asked about.
    """
    explanation = explanation or NOTHING
    passed_over = explanation.passed_over
    return {
        "entry": explanation.entry,
        "rule": None if explanation.rule is None else _dump_deciding(explanation.rule),
        "folded": None if explanation.folded is None else _dump_deciding(explanation.folded),
        "passed_over": [_dump_passed_over(each) for each in passed_over[:MOST_PASSED_OVER]],
        "conditions": [
            {
                "key": each.condition.key,
                "wants": list_wanted(each.condition),
                "held": each.missing is None,
                "asked_by": "query" if each.narrows else "rule",
            }
            for each in explanation.conditions
        ],
    }


def list_needs(reason: Reason | None, explanation: Explanation | None) -> list[str]:
    """Return what would have let the request in, each in one line; nothing where it was let in."""
    if reason is None:
        return []
    needs = [REMEDIES[reason]] if reason in REMEDIES else []
    if explanation is not None:
        needs.extend(describe_need(each) for each in explanation.missing)
        if reason is Reason.NETWORK_NOT_ALLOWED and not explanation.missing:
            needs.append(OWN_NETWORKS)
        if reason is Reason.NO_RULE:
            needs.extend(
                f"or a request that the rule of line {each.rule.line} is about: {_about(each)}"
                for each in explanation.passed_over[:MOST_PASSED_OVER]
            )
    return needs


def describe_need(condition: Condition) -> str:
    """Return in words what a condition asks for."""
    return f"{NEEDS[condition.key]} {', '.join(list_wanted(condition))}"


def list_wanted(condition: Condition) -> list[str]:
    """Return the values of a condition, as the policy file spells them, cut to `MOST_NAMED`."""
    match condition:
        case Users() | Roles() | Amr():
            return _cut(sorted(condition.any_of))
        case Networks():
            return _cut(map(str, condition.any_of))
        case Scope():
            return _cut(sorted(condition.all_of))
        case MaxAge():
            return [format_duration(condition.seconds)]
        case _:
            raise TypeError(f"{condition.key} has no words")


def _dump_rule(rule: Rule) -> Members:
    return {"line": rule.line, "path": rule.path}


def _dump_deciding(rule: Rule) -> Members:
    """Return a rule with what it says for itself of an outage, as the policy file spells it."""
    staleness, when_stale = rule.max_staleness, rule.when_stale
    said = {
        "max_staleness": None if staleness is None else format_duration(staleness),
        "when_stale": None if when_stale is None else when_stale.value,
    }
    return {**_dump_rule(rule), **{key: value for key, value in said.items() if value is not None}}


def _dump_passed_over(passed: PassedOver) -> Members:
    return {**_dump_rule(passed.rule), "because": passed.key, "wants": _about(passed)}


def _about(passed: PassedOver) -> str:
    """Return what a rule that was passed over is about."""
    match passed.key:
        case "methods":
            return f"methods {', '.join(_cut(sorted(passed.rule.methods or ())))}"
        case "networks":
            return f"networks {', '.join(_cut(map(str, passed.rule.networks or ())))}"
        case _:
            return "a true CORS preflight"


def _cut(values: Iterable[str]) -> list[str]:
    listed = list(values)
    if len(listed) > MOST_NAMED:
        listed[MOST_NAMED:] = [f"and {len(listed) - MOST_NAMED} more"]
    return listed
