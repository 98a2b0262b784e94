"""The policy from its file."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from sidecar.core.policy import HostRules, Policy
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from sidecar.sources.changes import describe_changes
from sidecar.sources.policyprocess import parse_apart
from sidecar.sources.policytext import open_file, read_text
from sidecar.sources.watch import Signature, sign_files


class PolicyFile:
    """Reads the policy; where somebody named the file (`named`), its absence is a mistake.

    So it is where the file was read before: what is in force does not go with it. Only a file that
    nobody named and that never was there is the empty policy, which `missing` says.

    The first time it is parsed at once, since nothing works before; then by another process, and
    taken over in slices: parsing thousands of rules takes a second, and requests do not wait.
    """

    def __init__(self, path: Path, *, named: bool) -> None:
        self._path = path
        self._named = named
        self._was_read = False
        self._before: dict[str, HostRules] = {}
        self._hosts: dict[str, HostRules] = {}
        self.missing = False

    def sign(self) -> Signature:
        """Return what changes when the file does."""
        return sign_files([self._path])

    async def read(self) -> Policy:
        """Return the policy.

        Raises DocumentInvalid; Unavailable where it could not be parsed now (policyprocess.py).
        """
        file = await asyncio.to_thread(open_file, self._path)
        if file is None:
            self._refuse_absence()
            hosts: dict[str, HostRules] = {}
        else:
            with file:
                hosts = await self._parse(file)
        self.missing = file is None
        self._was_read = True
        self._before, self._hosts = self._hosts, hosts
        return Policy(hosts)

    async def describe(self) -> Mapping[str, object]:
        """Return members of a log line: what the last reading has otherwise than the one before."""
        return await describe_changes(self._before, self._hosts)

    def _refuse_absence(self) -> None:
        if self._named or (self._was_read and not self.missing):
            raise DocumentInvalid((f"{self._path}: there is no such file",))

    async def _parse(self, file: BinaryIO) -> dict[str, HostRules]:
        name = str(self._path)
        if self._was_read:
            return await parse_apart(file, name)
        rules = parse_rules(read_text(file, name), name)
        return {host: HostRules(listed) for host, listed in rules.items()}
