"""What can go wrong while the service works; a refusal is a value (core/verdict.py).

SidecarError                    one line for a person; the boundary of every command and request
├── DocumentInvalid             a settings, policy or key file is wrong: every problem
├── BodyMalformed               a request's body cannot be read at all: 400
├── FieldsInvalid               a body was read, but fields of it are wrong: 422
├── Unavailable                 no verdict or answer can be reached now: 503 with `Retry-After`
│   ├── StoreUnavailable        SQL did not answer, is locked, or lost the connection
│   ├── Overloaded              too many wait: hashes, personal tokens, devices, requests
│   ├── NoVerdict               no key signs, the view is missing or old, a token could not be read
│   └── FactorUnreadable        `secret` does not open somebody's second factor
├── StoreUnusable               SQL is read-only, newer than this, or not a database
├── RingMismatch                the key directory and what SQL remembers of it differ
├── NextKeyWaits                a key is asked for, and one waits already for its time
├── NameTaken                   the name belongs to somebody: 409
├── NotFound                    no such user, program, token or session: 404
├── VersionMismatch             what was to be changed is not what the caller saw: 412
├── PreconditionRequired        a change must say what the caller saw: 428
├── TooManyTokens               somebody has as many personal tokens as anybody may have: 409
├── FactorExists                somebody has a second factor already: 409
├── LastAdministrator           the change would leave no enabled administrator
├── UserDisabled                a one-time link is asked for, for somebody who cannot log in: 409
├── MissingExtra                an optional dependency that the settings ask for is not installed
├── CannotListen                an address is taken or not ours (app/listeners.py)
└── BackgroundEnded             a task that runs for ever has ended: a bug (app/background.py)
"""

from typing import Final

RETRY_AFTER: Final = 2  # seconds; a feed polls five times a second, a hash takes 30 ms


class SidecarError(Exception):
    """An operational error whose text is one line that a person can act on."""


class DocumentInvalid(SidecarError):
    """A document is wrong; `problems` holds one line for each mistake, with file, line and key."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class BodyMalformed(SidecarError):
    """A request's body is not what its type says."""


class FieldsInvalid(SidecarError):
    """Fields are wrong; `errors` holds (JSON pointer, what is wrong) for each."""

    def __init__(self, errors: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{pointer[1:] or 'body'}: {text}" for pointer, text in errors))
        self.errors = errors


class Unavailable(SidecarError):
    """Not now; after RETRY_AFTER seconds it is worth asking again."""


class StoreUnavailable(Unavailable):
    """SQL did not answer, is locked, or lost the connection."""


class Overloaded(Unavailable):
    """More is waiting than this process takes on: hashes, reads of personal tokens, requests."""


class NoVerdict(Unavailable):
    """The gate lacks what it needs to decide: a key, a view, whose a personal token is."""


class FactorUnreadable(Unavailable):
    """What is kept of a second factor cannot be opened: that is never as if there were none."""


class StoreUnusable(SidecarError):
    """The database cannot be used as it is; nothing was changed."""


class RingMismatch(SidecarError):
    """The key directory and the ring that SQL remembers differ."""


class NextKeyWaits(SidecarError):
    """A next key is published already; it signs at its time."""


class NameTaken(SidecarError):
    """The name belongs to somebody."""


class NotFound(SidecarError):
    """There is no such user, program, token or session."""


class VersionMismatch(SidecarError):
    """Somebody changed it after the caller had read it; nothing was done."""


class PreconditionRequired(SidecarError):
    """A change must say which version it is of (RFC 6585 section 3)."""


class TooManyTokens(SidecarError):
    """Somebody has as many personal tokens as anybody may have."""


class FactorExists(SidecarError):
    """Somebody has a second factor already; it is removed before another is set up."""


class LastAdministrator(SidecarError):
    """The change would leave no enabled administrator."""


class UserDisabled(SidecarError):
    """Somebody who cannot log in is given no one-time link."""


class MissingExtra(SidecarError):
    """What was asked for needs an extra of this package; the text says how to install it."""

    def __init__(self, wanted: str, extra: str) -> None:
        super().__init__(f"{wanted} needs an extra: pip install 'sidecar-auth[{extra}]'")
