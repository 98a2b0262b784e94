"""What can go wrong while the service works; a refusal is a value (core/verdict.py).

SidecarError                    one line for a person; the boundary of every command and request
├── DocumentInvalid             a settings, policy or key file is wrong: every problem
├── BodyMalformed               a request's body cannot be read at all: 400
├── FieldsInvalid               a body was read, but fields of it are wrong: 422
├── Unavailable                 no verdict or answer can be reached now: 503 with `Retry-After`
│   ├── StoreUnavailable        SQL did not answer, is locked, or lost the connection
│   ├── Overloaded              the queue of password hashes is full
│   └── NoVerdict               no key signs now, or the view is missing or too old
├── StoreUnusable               SQL is read-only, newer than this, or not a database
├── RingMismatch                the key directory and what SQL remembers of it differ
├── NameTaken                   the username belongs to somebody
├── NotFound                    no such user, token or session
├── LastAdministrator           the change would leave no enabled administrator
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
    """More passwords are waiting to be hashed than this process takes on."""


class NoVerdict(Unavailable):
    """The gate lacks what it needs to decide."""


class StoreUnusable(SidecarError):
    """The database cannot be used as it is; nothing was changed."""


class RingMismatch(SidecarError):
    """The key directory and the ring that SQL remembers differ."""


class NameTaken(SidecarError):
    """The username belongs to somebody."""


class NotFound(SidecarError):
    """There is no such user, token or session."""


class LastAdministrator(SidecarError):
    """The change would leave no enabled administrator."""


class MissingExtra(SidecarError):
    """What was asked for needs an extra of this package; the text says how to install it."""

    def __init__(self, wanted: str, extra: str) -> None:
        super().__init__(f"{wanted} needs an extra: pip install 'sidecar-auth[{extra}]'")
