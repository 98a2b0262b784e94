"""A path as some servers read it: what they ignore, ours keeps.

Where that reading falls under a rule that lets other people in, the path is ambiguous
(core/policy.py); where it falls under the same rule, nothing is lost.
"""

import re
from typing import Final

# A decoded `?` or `#`, at which who splits once more ends the path; what Windows drops at the end
# of a segment: dots, blanks and the name of a stream; and the one letter beyond case folding whose
# upper case is ASCII.
_ODD: Final = re.compile(r"[?#\u0131]|:\$|[. ](?:/|\Z)")
_STREAM: Final = re.compile(r"::?\$")  # `x::$DATA`, `x:$I30:$INDEX_ALLOCATION`
_QUERY: Final = re.compile("[?#]")


def fold_path(path: str) -> str:
    """Return a canonical path without what some server ignores: case before all."""
    caseless = path.casefold()
    if _ODD.search(caseless) is None:
        return caseless
    cut = _QUERY.split(caseless, maxsplit=1)[0].replace("\u0131", "i")
    return "/".join(_fold_segment(segment) for segment in cut.split("/"))


def _fold_segment(segment: str) -> str:
    # One that would vanish stays: no server makes `/` of `/...`.
    return _STREAM.split(segment, maxsplit=1)[0].rstrip(". ") or segment
