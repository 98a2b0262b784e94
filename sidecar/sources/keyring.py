"""The key ring from its directory, held against what SQL remembers of it."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.core.claims import DAY, LONGEST_LIFE, TokenKind
from sidecar.core.encoding import to_base64url
from sidecar.core.keyring import Key, KeyRing, Purpose
from sidecar.errors import RingMismatch
from sidecar.ports import RingKey, RingStore
from sidecar.schemas.keys import KeyDates
from sidecar.sources.keyfiles import (
    SIGNS_FOR,
    KeyFile,
    list_files,
    make_missing,
    read_keys,
    read_secret,
)
from sidecar.sources.watch import Signature, sign_files


@dataclass(frozen=True, slots=True)
class OpenedRing:
    """The ring and the symmetric secret beside it."""

    ring: KeyRing
    secret: bytes = field(repr=False)


class KeyDirectory:
    """Reads the directory; `publish_ahead` is how many seconds a key is public before it signs."""

    def __init__(self, path: Path, store: RingStore, publish_ahead: int) -> None:
        self._path = path
        self._store = store
        self._publish_ahead = publish_ahead

    def sign(self) -> Signature:
        """Return what changes when a key is put here, changed or taken away."""
        try:
            return sign_files(list_files(self._path))
        except OSError:
            return ()  # what is wrong with the directory is told by who reads it

    async def open(self, now: int) -> OpenedRing:
        """Return the ring, which the very first start makes.

        SQL remembers each key that it has not seen. Where it knows a ring no new one is made beside
        it, and a directory that lacks a key still in use, or has another `secret`, is refused.
        Raises DocumentInvalid, RingMismatch, StoreUnavailable.
        """
        remembered, fingerprint = await self._store.read_ring()
        if not remembered and fingerprint is None:
            await asyncio.to_thread(make_missing, self._path, now)
        files = await asyncio.to_thread(read_keys, self._path)
        secret = await asyncio.to_thread(read_secret, self._path)
        if secret is None:
            raise RingMismatch(
                f"{self._path}: has no `secret`, but the database knows one: mount the directory "
                "that belongs to it"
            )
        self._refuse_missing(files, remembered, now)
        if fingerprint is not None:  # before its keys are remembered as this database's
            self._refuse_other(secret, fingerprint)
        rows = [self._row(file, now) for file in files]
        await self._store.remember_ring(rows, _fingerprint(secret))
        remembered, fingerprint = await self._store.read_ring()
        self._refuse_other(secret, fingerprint)
        dates = {row.kid: row for row in remembered}
        return OpenedRing(KeyRing.of(_with_dates(file, dates[file.kid]) for file in files), secret)

    def _refuse_other(self, secret: bytes, fingerprint: str | None) -> None:
        if fingerprint != _fingerprint(secret):
            raise RingMismatch(f"{self._path}/secret: is not the one that this database knows")

    def _refuse_missing(
        self, files: tuple[KeyFile, ...], remembered: Sequence[RingKey], now: int
    ) -> None:
        present = {file.kid for file in files}
        missing = [
            row.kid for row in remembered if row.kid not in present and now < row.publish_until
        ]
        if missing:
            raise RingMismatch(
                f"{self._path}: lacks the key {missing[0]}, which is still in use: mount the "
                "directory that belongs to this database"
            )

    def _row(self, file: KeyFile, now: int) -> RingKey:
        dates = file.dates
        if dates is None:  # put here by hand: a token key that signs once everybody has read it
            not_before = now + self._publish_ahead
            sign_until = not_before + SIGNS_FOR
            publish_until = sign_until + LONGEST_LIFE[TokenKind.ACCESS] + DAY
            dates = KeyDates(Purpose.TOKEN, not_before, sign_until, publish_until)
        return RingKey(
            file.kid,
            dates.purpose,
            file.public_pem,
            dates.not_before,
            dates.sign_until,
            dates.publish_until,
        )


def _with_dates(file: KeyFile, row: RingKey) -> Key:
    dates = file.dates or KeyDates(row.purpose, row.not_before, row.sign_until, row.publish_until)
    return file.with_dates(dates)


def _fingerprint(secret: bytes) -> str:
    return to_base64url(hashlib.sha256(b"sidecar secret fingerprint\0" + secret).digest())


def derive_key(secret: bytes, use: str) -> bytes:
    """Return the key for one use of the secret: 32 octets that tell nothing about the others."""
    return hmac.digest(secret, b"sidecar " + use.encode("ascii"), hashlib.sha256)
