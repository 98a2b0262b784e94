"""What somebody does to log in, and what comes of it."""

from dataclasses import dataclass, field

from sidecar.core.audit import Device
from sidecar.core.user import User
from sidecar.core.verdict import Deny
from sidecar.credentials.mint import CookieGrant


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed to log in, and from where; `otp` is the code of their second factor.

    `known` is what the device shows of an earlier login, unopened.
    """

    username: str
    password: str = field(repr=False)
    device: Device
    otp: str | None = field(default=None, repr=False)
    known: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody is logged in, by the ways in `amr`; the browser is given `grant` and `known`."""

    user: User
    sid: str
    grant: CookieGrant
    amr: tuple[str, ...]
    known: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The password was right, the code of the second factor is missing or wrong, as `refusal` says.

    `ticket` stands for the password where the code is typed on a page of its own.
    """

    refusal: Deny
    ticket: str = field(repr=False)
