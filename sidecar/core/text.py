"""Text that is safe to keep, compare, show, and put into a header after encoding."""

import re
from typing import Final

# C0, DEL and C1 controls; lone surrogates, which are no characters; the bidirectional controls that
# let a name read otherwise than it is (Unicode TR36 section 3.2), line and paragraph separators,
# and noncharacters.
_PLANES: Final = "".join(chr(p << 16 | low) for p in range(1, 17) for low in (0xFFFE, 0xFFFF))
_FORBIDDEN: Final = re.compile(
    f"[{_PLANES}\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)


def is_plain_text(text: str) -> bool:
    """Say whether `text` is free of control, bidirectional and invisible characters."""
    return _FORBIDDEN.search(text) is None


def printable(text: str) -> str:
    """Return text on one line that does nothing to a terminal; what would is escaped as in Python.

    Halves of characters are escaped too, so that it can be written as UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
