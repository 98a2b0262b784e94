"""The policy from its file."""

import asyncio
from pathlib import Path

from sidecar.core.policy import EMPTY, Policy
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import LARGEST_POLICY, parse_policy
from sidecar.sources.watch import Signature, sign_files


class PolicyFile:
    """Reads the policy; where somebody named the file (`named`), its absence is a mistake."""

    def __init__(self, path: Path, *, named: bool) -> None:
        self._path = path
        self._named = named
        self.missing = False

    def sign(self) -> Signature:
        """Return what changes when the file does."""
        return sign_files([self._path])

    async def read(self) -> Policy:
        """Return the policy, the empty one where an unnamed file is missing.

        Raises DocumentInvalid.
        """
        text = await asyncio.to_thread(self._read_text)
        self.missing = text is None
        return (
            EMPTY if text is None else await asyncio.to_thread(parse_policy, text, str(self._path))
        )

    def _read_text(self) -> str | None:
        try:
            with self._path.open("rb") as file:
                octets = file.read(LARGEST_POLICY + 1)
        except FileNotFoundError:
            if self._named:
                raise DocumentInvalid((f"{self._path}: there is no such file",)) from None
            return None
        except OSError as error:
            raise DocumentInvalid((f"{self._path}: {error.strerror}",)) from None
        if len(octets) > LARGEST_POLICY:  # what was cut off must not be missed
            raise DocumentInvalid((f"{self._path}: is larger than {LARGEST_POLICY} octets",))
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise DocumentInvalid((f"{self._path}:{line}: is not UTF-8",)) from None
