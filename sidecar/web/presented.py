"""What a request shows of who asks, read once for each spelling of it.

The same person's requests bear the same `Authorization` and `Cookie` lines again and again. What
is read from those, and what goes on of them to the upstream, is kept: by the whole lines, and only
where they let somebody in, so that forgeries push nothing out.
"""

from typing import Final

from sidecar.core.cache import BoundedCache
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.gate import LastAllow
from sidecar.web.authorization import PersonalCredential, other_authorization
from sidecar.web.credentials import CookieJar, all_cookies, find_credential, other_cookies
from sidecar.web.headers import AUTHORIZATION, COOKIE, FORWARDED_FOR, Headers, has_too_many_cookies
from sidecar.web.rendered import render_line

REMEMBERED: Final = 4096  # spellings, twice over
REMEMBERED_OCTETS: Final = 20 << 20  # in all, by what one with its answer is estimated to take
LONGEST_REMEMBERED: Final = 8192  # octets of one
LONGEST_FORWARDED_FOR: Final = 128  # characters

# `Authorization` alone; or that, `Cookie`, whether cookies count, and beside which of them a comma
# separates too.
Spelling = str | tuple[str | None, str, bool, frozenset[str]]


class Presented(LastAllow):
    """What was shown: the one credential that counts, and the header lines that go on.

    Its last allow was about `host`, for whom `forwarded_for` named (None where that was not one
    short line), and answered with `lines`. `spelling` is how it was shown, None where that is not
    kept, or already is.
    """

    __slots__ = ("credential", "forwarded_for", "host", "lines", "onward", "spelling")

    def __init__(
        self,
        credential: Credential | PersonalCredential | Deny | None,
        onward: bytes,
        spelling: Spelling | None,
    ) -> None:
        super().__init__()
        self.credential = credential
        self.onward = onward
        self.spelling = spelling
        self.host = ""
        self.forwarded_for: str | None = None
        self.lines = b""

    def remember(self, headers: Headers, host: str, lines: bytes) -> None:
        """Remember the answer to a question with these headers about `host`."""
        said = headers.getall(FORWARDED_FOR, ())
        self.forwarded_for = None
        if len(said) == 1 and len(said[0]) <= LONGEST_FORWARDED_FOR:
            self.forwarded_for = said[0]
        self.host = host
        self.lines = lines

    def is_for_same_client(self, headers: Headers) -> bool:
        """Say at a glance that these name the addresses of the allow; False says nothing.

        Of who asks by a trusted proxy, its `X-Forwarded-For` says all that could be refused.
        """
        said = headers.getall(FORWARDED_FOR, ())
        return len(said) == 1 and said[0] == self.forwarded_for


class Presenting:
    """Reads what requests show; `keeps_cookie` says whether ours goes on to the upstream too."""

    def __init__(self, jar: CookieJar, *, keeps_cookie: bool) -> None:
        self._own_cookie = jar.name
        self._find_cookies = all_cookies if keeps_cookie else other_cookies
        self._kept: BoundedCache[Spelling, Presented] = BoundedCache(
            REMEMBERED, REMEMBERED_OCTETS, lambda spelling, _: 3 * _length(spelling) + 3500
        )

    def read(
        self, headers: Headers, joined: frozenset[str], cookie_counts: bool
    ) -> Presented | Deny:
        """Return what was shown; refused where to read it would cost more than any browser's do.

        `joined` is as for `split_cookies`.
        """
        authorization = headers.getall(AUTHORIZATION, ())
        cookies = headers.getall(COOKIE, ())
        spelling: Spelling
        if len(authorization) == 1 and not cookies:
            spelling = authorization[0]
        elif len(authorization) <= 1 and len(cookies) == 1:
            shown = authorization[0] if authorization else None
            spelling = shown, cookies[0], cookie_counts, joined
        else:
            return self._read(headers, joined, cookie_counts, None)
        return self._kept.get(spelling) or self._read(headers, joined, cookie_counts, spelling)

    def keep(self, presented: Presented) -> None:
        """Keep what has let somebody in."""
        spelling, presented.spelling = presented.spelling, None
        if spelling is not None and _length(spelling) <= LONGEST_REMEMBERED:
            self._kept.put(spelling, presented)

    def _read(
        self,
        headers: Headers,
        joined: frozenset[str],
        cookie_counts: bool,
        spelling: Spelling | None,
    ) -> Presented | Deny:
        if has_too_many_cookies(headers, joined):
            return Deny(Reason.HEADER_TOO_LONG)
        credential = find_credential(
            headers, self._own_cookie, cookie_counts=cookie_counts, joined=joined
        )
        onward = b""
        if (authorization := other_authorization(headers)) is not None:
            onward += render_line(AUTHORIZATION, authorization)
        if (cookie := self._find_cookies(headers, joined)) is not None:
            onward += render_line(COOKIE, cookie)
        return Presented(credential, onward, spelling)


def _length(spelling: Spelling) -> int:
    """Return its octets in memory: CPython takes four for each character where one needs them."""
    if isinstance(spelling, str):
        return len(spelling) if spelling.isascii() else 4 * len(spelling)
    authorization, cookie, _, _ = spelling
    return _length(authorization or "") + _length(cookie)
