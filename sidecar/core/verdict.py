"""The answer to a question, `Allow` or `Deny` with its reason: a value, never an exception."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sidecar.core.token import VerifiedToken


class Reason(StrEnum):
    """Why not, in words that stand in answers and logs: part of the contract with the outside."""

    # Nobody: the request may be tried again with a (better) credential.
    NO_CREDENTIAL = "no_credential"
    TWO_CREDENTIALS = "two_credentials"
    CREDENTIAL_MALFORMED = "credential_malformed"
    TOKEN_MALFORMED = "token_malformed"
    TOKEN_TOO_LONG = "token_too_long"
    TOKEN_HEADER = "token_header"
    TOKEN_TYPE = "token_type"
    TOKEN_ALGORITHM = "token_algorithm"
    UNKNOWN_KEY = "unknown_key"
    KEY_PURPOSE = "key_purpose"
    KEY_NOT_YET = "key_not_yet"
    KEY_RETIRED = "key_retired"
    KEY_REVOKED = "key_revoked"
    BAD_SIGNATURE = "bad_signature"
    CLAIMS_INVALID = "claims_invalid"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    LIFETIME = "lifetime"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED_TOKEN = "revoked_token"
    REVOKED_SESSION = "revoked_session"
    REVOKED_USER = "revoked_user"
    REVOKED_EVERYONE = "revoked_everyone"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_GRANT = "invalid_grant"
    OTP_REQUIRED = "otp_required"
    OTP_INVALID = "otp_invalid"

    # Somebody, who has to prove again, or otherwise, who they are (RFC 9470).
    AMR_MISSING = "amr_missing"
    LOGIN_TOO_OLD = "login_too_old"

    # Somebody (or anybody), but not this: another credential of the same person changes nothing.
    NO_RULE = "no_rule"
    USER_NOT_LISTED = "user_not_listed"
    ROLE_MISSING = "role_missing"
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    SCOPE_MISSING = "scope_missing"
    CROSS_SITE = "cross_site"
    CSRF_TOKEN = "csrf_token"
    UNTRUSTED_PEER = "untrusted_peer"

    # The question cannot be read, or could be read in two ways.
    HEADER_MISSING = "header_missing"
    HEADER_DOUBLED = "header_doubled"
    HEADER_TOO_LONG = "header_too_long"
    METHOD_MALFORMED = "method_malformed"
    SCHEME_MALFORMED = "scheme_malformed"
    HOST_MALFORMED = "host_malformed"
    PATH_AMBIGUOUS = "path_ambiguous"
    ADDRESS_MALFORMED = "address_malformed"
    PARAMETER = "parameter"


class Allow(NamedTuple):
    """The request may pass, as `token`'s principal or, on an `anyone` rule, as nobody.

    `stale` says that a view of the revocations was taken for it which is older than it should be.
    """

    token: "VerifiedToken | None"
    stale: bool = False

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class StepUp:
    """What a new login must be like: at most `max_age` seconds old, by one of the ways in `amr`.

    None and an empty tuple ask for nothing.
    """

    max_age: int | None
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """The request may not pass; where a login of another kind would help, `step_up` says which.

    `subject` is the id of whom it is about, for logs alone: it is never answered.
    """

    reason: Reason
    step_up: StepUp | None = None
    subject: str | None = field(default=None, kw_only=True, compare=False)

    def __bool__(self) -> bool:
        return False


Verdict = Allow | Deny
