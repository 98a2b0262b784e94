"""What an operator gives the pages: a name, a logo, a stylesheet, and the texts of a language."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that browsers may keep; `etag` is another for other octets."""

    body: bytes = field(repr=False)
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> "Asset":
        """Return these octets as a file of this type."""
        return cls(body, media_type, hashlib.sha256(body).hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Theme:
    """How the pages are called, look and speak.

    `stylesheet` comes after ours and is None where there is none. `texts` are by `section.key`.
    """

    name: str
    texts: Mapping[str, str]
    logo: Asset
    stylesheet: Asset | None
