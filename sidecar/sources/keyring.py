"""The key ring from its directory, held against what SQL remembers of it."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sidecar.core.audit import EVERYONE, SERVICE, Action, AuditEvent
from sidecar.core.encoding import to_base64url
from sidecar.core.keyring import Key, KeyDates, KeyRing, Purpose
from sidecar.core.turn import RingTurn, Schedule
from sidecar.errors import RingMismatch
from sidecar.ports import RingKey, RingStore
from sidecar.sources.keyfiles import (
    KeyFile,
    Passphrase,
    list_files,
    read_keys,
    read_passphrase,
    read_secret,
)
from sidecar.sources.keywriter import (
    find_litter,
    locked,
    make_missing,
    remove_litter,
    write_turn,
)
from sidecar.sources.watch import Signature, sign_files

# Seconds by which processes may come later that make the first start together. A key that has
# signed for longer has done so for another database.
FIRST_START: Final = 60

log = logging.getLogger("sidecar.keys")


@dataclass(frozen=True, slots=True)
class OpenedRing:
    """The ring and the symmetric secret beside it."""

    ring: KeyRing
    secret: bytes = field(repr=False)


class KeyDirectory:
    """The directory of the keys, whose new ones live as their purpose's schedule says.

    The port KeyFolder. `passphrase_file` holds what they are encrypted with.
    """

    def __init__(
        self,
        path: Path,
        store: RingStore,
        schedules: Mapping[Purpose, Schedule],
        passphrase_file: Path | None = None,
    ) -> None:
        self._path = path
        self._store = store
        self._schedules = schedules
        self._passphrase_file = passphrase_file

    def sign(self) -> Signature:
        """Return what changes when a key is put here, changed or taken away."""
        try:
            return sign_files(list_files(self._path))
        except OSError:
            return ()  # what is wrong with the directory is told by who reads it

    async def open(self, now: int) -> OpenedRing:
        """Return the ring, which the very first start makes.

        SQL remembers each key that it has not seen, and the dates that lie beside it. Where it
        knows a ring no new one is made beside it, and a directory that lacks a key still in use,
        or has another `secret`, is refused. Where it knows none, and keys were here already, what
        they sealed is refused: nobody knows what of it had been revoked. Raises DocumentInvalid,
        RingMismatch, StoreUnavailable.
        """
        remembered, fingerprint = await self._store.read_ring()
        passphrase = await asyncio.to_thread(read_passphrase, self._passphrase_file)
        is_new = not remembered and fingerprint is None
        if is_new:
            await asyncio.to_thread(make_missing, self._path, now, self._schedules, passphrase)
        files, secret = await asyncio.to_thread(
            self._read, passphrase, remembered, fingerprint, now
        )
        rows = [self._row(file, now) for file in files]
        dated = frozenset(file.kid for file in files if file.dates is not None)
        if fingerprint is None or _lacks(remembered, rows, dated):
            older = None
            if is_new and any(_has_signed(file, now) for file in files):
                older = AuditEvent(now, Action.EVERYONE_ENDED, SERVICE, EVERYONE)
                log.warning(
                    "the database is new, and the keys are not: what they sealed before is refused",
                    extra={"directory": str(self._path)},
                )
            await self._store.remember_ring(rows, _fingerprint(secret), dated=dated, older=older)
            remembered, fingerprint = await self._store.read_ring()
            self._refuse_other(secret, fingerprint)
        known = {row.kid: row for row in remembered}
        return OpenedRing(KeyRing.of(_find_keys(files, known)), secret)

    async def turn(
        self, now: int, plan: Callable[[Sequence[Key]], RingTurn], *, removing: bool = False
    ) -> tuple[Key, ...] | None:
        """Do what `plan` says of the keys that lie here; see the port KeyFolder.

        Raises RingMismatch too: no key is made in a directory that no process would start with.
        """
        await self.open(now)  # what is taken away must be over for SQL too, or it would be missed
        remembered, fingerprint = await self._store.read_ring()
        litter_by = now if removing else None
        return await asyncio.to_thread(self._turn, remembered, fingerprint, now, plan, litter_by)

    def _turn(
        self,
        remembered: Sequence[RingKey],
        fingerprint: str | None,
        now: int,
        plan: Callable[[Sequence[Key]], RingTurn],
        litter_by: int | None,
    ) -> tuple[Key, ...] | None:
        known = {row.kid: row for row in remembered}
        passphrase = read_passphrase(self._passphrase_file)
        files, _ = self._read(passphrase, remembered, fingerprint, now)
        if not plan(_find_keys(files, known)) and not find_litter(self._path, litter_by):
            return None  # nothing is written, for this may be a directory that only others write
        with locked(self._path):
            files, _ = self._read(passphrase, remembered, fingerprint, now)
            turn = plan(_find_keys(files, known))
            made = write_turn(self._path, turn, files, passphrase)
            remove_litter(self._path, litter_by)
        return made

    def _read(
        self,
        passphrase: Passphrase | None,
        remembered: Sequence[RingKey],
        fingerprint: str | None,
        now: int,
    ) -> tuple[tuple[KeyFile, ...], bytes]:
        """Return what lies here, if it is what SQL remembers."""
        files = read_keys(self._path, passphrase)
        secret = read_secret(self._path)
        if secret is None:
            raise RingMismatch(
                f"{self._path}: has no `secret`, but the database knows one: mount the directory "
                "that belongs to it"
            )
        self._refuse_missing(files, remembered, now)
        if fingerprint is not None:  # before its keys are remembered as this database's
            self._refuse_other(secret, fingerprint)
        return files, secret

    def _refuse_other(self, secret: bytes, fingerprint: str | None) -> None:
        if fingerprint != _fingerprint(secret):
            raise RingMismatch(f"{self._path}/secret: is not the one that this database knows")

    def _refuse_missing(
        self, files: tuple[KeyFile, ...], remembered: Sequence[RingKey], now: int
    ) -> None:
        present = {file.kid for file in files}
        missing = [
            row.kid
            for row in remembered
            if row.kid not in present and now < row.publish_until and row.revoked_at is None
        ]
        if missing:
            raise RingMismatch(
                f"{self._path}: lacks the key {missing[0]}, which is still in use: mount the "
                "directory that belongs to this database"
            )

    def _row(self, file: KeyFile, now: int) -> RingKey:
        dates = file.dates or self._find_first_dates(now)
        return RingKey(
            file.kid,
            dates.purpose,
            file.public_pem,
            dates.not_before,
            dates.sign_until,
            dates.publish_until,
        )

    def _find_first_dates(self, now: int) -> KeyDates:
        """Return the dates of a key put here by hand: it signs once everybody has read it."""
        schedule = self._schedules[Purpose.TOKEN]
        return schedule.dates(Purpose.TOKEN, now + schedule.publish_ahead)


def describe_ring(before: KeyRing, ring: KeyRing, now: int) -> dict[str, object]:
    """Return members of a log line: the keys whose state is other in `ring` than in `before`."""
    old, new = (
        {kid: key.state(now).value for kid, key in each.keys.items()} for each in (before, ring)
    )
    changed = [f"{kid} {state}" for kid, state in new.items() if old.get(kid) != state]
    changed += [f"{kid} gone" for kid in old if kid not in new]
    return {"keys": len(new), **({"changed": changed} if changed else {})}


def _find_keys(files: Sequence[KeyFile], known: Mapping[str, RingKey]) -> list[Key]:
    """Return keys with the dates beside them, else with those that SQL gave them.

    What has neither is no key yet.
    """
    keys = []
    for file in files:
        row = known.get(file.kid)
        dates = file.dates if file.dates is not None or row is None else _dates(row)
        if dates is not None:
            revoked = row is not None and row.revoked_at is not None
            keys.append(file.with_dates(dates, revoked=revoked))
    return keys


def _dates(row: RingKey) -> KeyDates:
    return KeyDates(row.purpose, row.not_before, row.sign_until, row.publish_until)


def _has_signed(file: KeyFile, now: int) -> bool:
    """Say whether a key may have signed before the first start that is under way."""
    return file.dates is None or file.dates.not_before < now - FIRST_START


def _lacks(remembered: Sequence[RingKey], rows: Sequence[RingKey], dated: frozenset[str]) -> bool:
    """Say whether SQL does not know a key, or other dates than lie beside it."""
    known = {row.kid: _dates(row) for row in remembered}
    return any(
        row.kid not in known or (row.kid in dated and known[row.kid] != _dates(row)) for row in rows
    )


def _fingerprint(secret: bytes) -> str:
    return to_base64url(hashlib.sha256(b"sidecar secret fingerprint\0" + secret).digest())


def derive_key(secret: bytes, use: str) -> bytes:
    """Return the key for one use of the secret: 32 octets that tell nothing about the others."""
    return hmac.digest(secret, b"sidecar " + use.encode("ascii"), hashlib.sha256)
