"""Whom a rule lets in: conditions that must all hold.

Each is one small class, which the decision and its explanation both ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

from sidecar.core.addresses import Address, Network
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason, StepUp


class Asker(NamedTuple):
    """Somebody who is signed in, from where they ask (None: not known), and when (Unix seconds)."""

    principal: Principal
    address: Address | None
    now: int


class Condition(Protocol):
    """One condition; `key` is its name in the policy file, `reason` why it refuses.

    A `fresh` one can be met by logging in again; the others cannot. A `lasting` one is about the
    principal alone: whoever has met it once meets it again.
    """

    key: ClassVar[str]
    reason: ClassVar[Reason]
    fresh: ClassVar[bool]
    lasting: ClassVar[bool]

    def holds(self, asker: Asker) -> bool:
        """Say whether this asker meets it."""
        ...


@dataclass(frozen=True, slots=True)
class Users:
    """One of these usernames, in canonical form."""

    any_of: frozenset[str]

    key: ClassVar = "users"
    reason: ClassVar = Reason.USER_NOT_LISTED
    fresh: ClassVar = False
    lasting: ClassVar = True

    def holds(self, asker: Asker) -> bool:
        """Say whether the asker is one of them; a program is nobody's namesake."""
        return asker.principal.username in self.any_of


@dataclass(frozen=True, slots=True)
class Roles:
    """One of these roles."""

    any_of: frozenset[str]

    key: ClassVar = "roles"
    reason: ClassVar = Reason.ROLE_MISSING
    fresh: ClassVar = False
    lasting: ClassVar = True

    def holds(self, asker: Asker) -> bool:
        """Say whether the asker is in one of them."""
        return not self.any_of.isdisjoint(asker.principal.roles)


@dataclass(frozen=True, slots=True)
class Networks:
    """An address in one of these networks."""

    any_of: tuple[Network, ...]

    key: ClassVar = "networks"
    reason: ClassVar = Reason.NETWORK_NOT_ALLOWED
    fresh: ClassVar = False
    lasting: ClassVar = False

    def holds(self, asker: Asker) -> bool:
        """Say whether the asker's address is known and in one of them."""
        return is_within(asker.address, self.any_of)


@dataclass(frozen=True, slots=True)
class Scope:
    """All of these scopes."""

    all_of: frozenset[str]

    key: ClassVar = "scope"
    reason: ClassVar = Reason.SCOPE_MISSING
    fresh: ClassVar = False
    lasting: ClassVar = True

    def holds(self, asker: Asker) -> bool:
        """Say whether the asker has them all."""
        return self.all_of <= asker.principal.scopes


@dataclass(frozen=True, slots=True)
class Amr:
    """One of these ways of proving who one is (RFC 8176)."""

    any_of: frozenset[str]

    key: ClassVar = "amr"
    reason: ClassVar = Reason.AMR_MISSING
    fresh: ClassVar = True
    lasting: ClassVar = True

    def holds(self, asker: Asker) -> bool:
        """Say whether the asker's login was by one of them."""
        return not self.any_of.isdisjoint(asker.principal.amr)


@dataclass(frozen=True, slots=True)
class MaxAge:
    """A login at most this many seconds ago."""

    seconds: int

    key: ClassVar = "max_age"
    reason: ClassVar = Reason.LOGIN_TOO_OLD
    fresh: ClassVar = True
    lasting: ClassVar = False

    def holds(self, asker: Asker) -> bool:
        """Say whether the login is young enough; a program never logged in."""
        auth_time = asker.principal.auth_time
        return auth_time is not None and asker.now - auth_time <= self.seconds


# What cannot be mended by a login stands first, so that nobody is sent to one in vain; scope stands
# last of those, so that a missing scope is named only where nothing else is missing.
ORDER: tuple[type[Condition], ...] = (Users, Roles, Networks, Scope, Amr, MaxAge)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may pass: `anyone`; or true CORS `preflight`s alone; or who is signed in.

    The last must meet all `conditions`, which stand in `ORDER`. It is `open` where nobody has to be
    signed in, and `lasting` where whoever has passed once passes again.
    """

    anyone: bool = False
    preflight: bool = False
    conditions: tuple[Condition, ...] = ()
    open: bool = field(init=False, compare=False, repr=False)
    lasting: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open", self.anyone or self.preflight)
        object.__setattr__(self, "lasting", all(each.lasting for each in self.conditions))

    @classmethod
    def of(cls, *conditions: Condition) -> "Access":
        """Return the access of who is signed in and meets these conditions."""
        return cls(conditions=tuple(sorted(conditions, key=lambda each: ORDER.index(type(each)))))


def find_missing(accesses: Sequence[Access], asker: Asker) -> list[Condition]:
    """Return every condition of these that the asker does not meet, in `ORDER`."""
    missing = [
        condition
        for access in accesses
        for condition in access.conditions
        if not condition.holds(asker)
    ]
    return sorted(missing, key=lambda each: ORDER.index(type(each)))


def judge_access(accesses: Sequence[Access], asker: Asker) -> Deny | None:
    """Return why somebody who is signed in may not pass where all of these must let them in."""
    for access in accesses:
        for condition in access.conditions:
            if not condition.holds(asker):
                return _refuse(accesses, asker)
    return None


def _refuse(accesses: Sequence[Access], asker: Asker) -> Deny:
    first, *_ = find_missing(accesses, asker)
    if not first.fresh:
        return Deny(first.reason)
    return Deny(first.reason, _step_up(accesses))


def _step_up(accesses: Sequence[Access]) -> StepUp:
    """Return what a login must be like for all of these."""
    conditions = [condition for access in accesses for condition in access.conditions]
    ages = [each.seconds for each in conditions if isinstance(each, MaxAge)]
    ways = [each.any_of for each in conditions if isinstance(each, Amr)]
    return StepUp(min(ages, default=None), tuple(sorted(ways[0])) if ways else ())


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Say whether an address is known and in one of these networks."""
    return address is not None and any(address in network for network in networks)
