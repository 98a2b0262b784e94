"""What is said of one route in the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sidecar.schemas.shapes import Sent, Shape


class Who(Enum):
    """Who may call: the credentials of which any one does, by their names in the document."""

    ANYBODY = ("",)
    PERSON = ("bearer", "cookie")
    ADMINISTRATOR = ("cookie", "bearer")
    SESSION = ("bearer", "cookie", "")  # or a refresh token in the body
    PROGRAM = ("client", "")  # or the token itself is credential enough
    ASKER = ("client", "bearer")  # a program, or an administrator


class Version(Enum):
    """Whether an operation reads `If-Match`."""

    UNREAD = 0
    OPTIONAL = 1
    REQUIRED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One route: who may call, what it takes, and the shape of its answer by status.

    `has_version`: what is shown has an `ETag`. `errors` are statuses that do not follow from the
    rest of the row.
    """

    tag: str
    who: Who
    gives: Mapping[int, Shape | None]
    takes: Sent | None = None
    is_form: bool = False
    may_be_empty: bool = False
    query: Sent | None = None
    version: Version = Version.UNREAD
    has_version: bool = False
    errors: tuple[int, ...] = ()
