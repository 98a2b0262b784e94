"""The use cases on their stores: the only file that names concrete ones."""

import os
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sidecar.accounts import Accounts
from sidecar.accounts.resets import Resets
from sidecar.app.canary import Ear
from sidecar.clients.personal import PersonalTokens
from sidecar.clients.programs import Programs
from sidecar.clock import read_clock
from sidecar.core.keyring import Purpose
from sidecar.core.propagation import Propagation
from sidecar.core.revocation import RevocationView
from sidecar.core.turn import LEEWAY, Schedule
from sidecar.core.unannounced import Unannounced
from sidecar.core.writers import MARK, Writers
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import PasswordRules
from sidecar.ports import Entry
from sidecar.revocations import Revocations
from sidecar.rotation import KeyRotation
from sidecar.settings import Settings
from sidecar.sources.keyring import KeyDirectory, OpenedRing
from sidecar.stores.sql import SqlStore, open_store

if TYPE_CHECKING:
    from sidecar.stores.redis.feed import RedisFeed
    from sidecar.stores.redis.throttle import RedisThrottle

LONGEST_HOST: Final = 64  # characters of the host's name that others are told


@dataclass(frozen=True, slots=True)
class Services:
    """What stands on the stores alone; `view` grows by what this process revokes.

    `writers` are those of whom Redis has to know, None without it.
    """

    settings: Settings
    store: SqlStore
    view: RevocationView
    propagation: Propagation
    ear: Ear
    writers: Writers | None
    redis: "RedisFeed | None"
    redis_throttle: "RedisThrottle | None"
    passwords: PasswordHasher
    rules: PasswordRules
    accounts: Accounts
    resets: Resets
    personal: PersonalTokens
    programs: Programs
    revocations: Revocations
    keys: KeyDirectory
    key_rotation: KeyRotation

    async def open_ring(self) -> OpenedRing:
        """Return the key ring, which the very first start makes.

        Raises DocumentInvalid, RingMismatch, StoreUnavailable.
        """
        return await self.keys.open(read_clock().unix)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Yield what stands on the stores, which connect when they are asked.

    Raises MissingExtra, and DocumentInvalid for what the URL of Redis names and is not there.
    """
    keep_after = settings.revocation.keep_after
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(settings.database_url, outbox=settings.redis_url is not None)
        )
        view = RevocationView()
        name = MARK + secrets.token_hex(6)
        propagation, unannounced = Propagation(name), Unannounced[Entry]()
        writers = None if settings.redis_url is None else Writers(name, _say_where())
        ear = Ear(view, propagation, writers)
        redis = redis_throttle = None
        if settings.redis_url is not None:
            from sidecar.stores.redis.feed import RedisFeed  # noqa: PLC0415 - 12 MB, where configured
            from sidecar.stores.redis.throttle import RedisThrottle  # noqa: PLC0415 - as above

            redis = RedisFeed(
                settings.redis_url,
                apply=ear.listen("redis"),
                heard=ear.heard_redis,
                access=settings.redis_access,
                store=store.revocations,
                writers=writers,
                unannounced=unannounced,
            )
            stack.push_async_callback(redis.aclose)
            redis_throttle = RedisThrottle(settings.redis_url, settings.redis_access)
            stack.push_async_callback(redis_throttle.aclose)
        passwords = PasswordHasher()
        stack.callback(passwords.close)
        rules = PasswordRules(settings.password_min_length, settings.server.public_url)
        revocations = Revocations(
            store.revocations, store.revocations, view, redis, keep_after, unannounced
        )
        accounts = Accounts(
            store.users,
            store.sessions,
            passwords,
            revocations.publish,
            admin_role=settings.admin_role,
            keep_after=keep_after,
        )
        resets = Resets(
            store.resets,
            passwords,
            rules,
            revocations.publish,
            ttl=settings.reset_ttl,
            admin_role=settings.admin_role,
            keep_after=keep_after,
        )
        personal = PersonalTokens(
            store.personal, settings.tokens.role_scopes, revocations.publish, keep_after
        )
        programs = Programs(
            store.clients,
            revocations.publish,
            audience=settings.tokens.audience,
            keep_after=keep_after,
        )
        schedules = _make_schedules(settings)
        keys = KeyDirectory(
            settings.keys.directory, store.ring, schedules, settings.keys.passphrase_file
        )
        key_rotation = KeyRotation(store.ring, keys, schedules, revocations.publish, keep_after)
        yield Services(
            settings,
            store,
            view,
            propagation,
            ear,
            writers,
            redis,
            redis_throttle,
            passwords,
            rules,
            accounts,
            resets,
            personal,
            programs,
            revocations,
            keys,
            key_rotation,
        )


def _say_where() -> str:
    """Return host and process, for whoever looks for a writer that is silent."""
    host = re.sub(r"[^!-~]", "?", socket.gethostname())[:LONGEST_HOST]
    return f"{host}/{os.getpid()}"


def _make_schedules(settings: Settings) -> dict[Purpose, Schedule]:
    """Return when the keys turn, by what the longest-lived of what each of them seals is."""
    tokens, session, assertion = settings.tokens, settings.session, settings.identity.assertion
    longest = {
        Purpose.TOKEN: max(tokens.access_ttl, assertion.ttl),
        Purpose.COOKIE: max(session.ttl, session.remember_ttl),
    }
    keys = settings.keys
    return {
        purpose: Schedule(keys.rotate_every, keys.publish_ahead, life + tokens.clock_skew + LEEWAY)
        for purpose, life in longest.items()
    }
