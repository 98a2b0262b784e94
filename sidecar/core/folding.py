"""A path as some servers read it: what they ignore, ours keeps.

Where that reading falls under a rule that lets other people in, the path is ambiguous
(core/policy.py); where it falls under the same rule, nothing is lost.
"""

import re
import unicodedata
from typing import Final

# A decoded `?` or `#`, at which who splits once more ends the path; what Windows drops at the end
# of a segment: dots, blanks and the name of a stream.
_ODD: Final = re.compile(r"[?#]|:\$|[. ](?:/|\Z)")
_STREAM: Final = re.compile(r"::?\$")  # `x::$DATA`, `x:$I30:$INDEX_ALLOCATION`
_QUERY: Final = re.compile("[?#]")
# What shows nothing (Default_Ignorable_Code_Point): the file system of a Mac leaves much of it out.
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def fold_path(path: str) -> str:
    """Return a canonical path without what some server ignores: case before all.

    Of a letter with a mark it is the same whether they are one character or two (Unicode, D145).
    """
    caseless = path.casefold() if path.isascii() else _fold_letters(path)
    if _ODD.search(caseless) is None:
        return caseless
    cut = _QUERY.split(caseless, maxsplit=1)[0]
    return "/".join(_fold_segment(segment) for segment in cut.split("/"))


def _fold_letters(path: str) -> str:
    apart = unicodedata.normalize("NFD", _UNSEEN.sub("", path))
    # The one letter beyond case folding whose upper case is ASCII.
    return unicodedata.normalize("NFC", apart.casefold().replace("\u0131", "i"))


def _fold_segment(segment: str) -> str:
    # One that would vanish stays: no server makes `/` of `/...`.
    return _STREAM.split(segment, maxsplit=1)[0].rstrip(". ") or segment
