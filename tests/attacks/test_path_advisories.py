"""Paths that a gate and the server behind it read differently, named after the advisory.

Each is asked as nobody and as alice, who may not: neither may come through by the spelling.
"""

from typing import Final

import pytest

from tests.web.gated import BOTH_WAYS, DIALECTS, Gated

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]

SPELLINGS: Final = (
    ("CVE-2020-1957", "/public/..;/admin/"),
    ("CVE-2020-1957", "/xxx/..;/admin/"),
    ("CVE-2020-11989", "/;/admin/"),
    ("CVE-2020-11989", "/admin/%252fa"),
    ("CVE-2020-13933", "/admin/%3bpage"),
    ("CVE-2020-17523", "/admin/%20/../"),
    ("CVE-2020-17523", "/public/%2e/../admin/"),
    ("CVE-2020-5902", "/public/..;/..;/admin/"),
    ("CVE-2021-41773", "/public/.%2e/admin/"),
    ("CVE-2021-42013", "/public/%%32%65%%32%65/admin/"),
    ("CVE-2018-1271", "/public/..%5cadmin/"),
    ("CVE-2018-7490", "/public/..%2fadmin/"),
    ("CVE-2000-0884", "/public/..%c0%af../admin/"),
    ("CVE-2023-46749", "/public/;/../admin/"),
    ("RFC 3986 section 5.2.4", "/public/../admin/"),
    ("RFC 3986 section 5.2.4", "/public/./../admin/"),
    ("RFC 3986 section 6.2.2", "/public/%2E%2E/admin/"),
    ("RFC 3986 section 7.3", "/public/%25%32%65%25%32%65/admin/"),
    ("RFC 3986 section 7.3", "/public/%00/../admin/"),
    ("RFC 9112 section 3.2", "//app.example.com/admin/"),
    ("RFC 9112 section 3.2", "/public//../admin/"),
    ("CWE-178", "/ADMIN/"),
    ("CWE-178", "/%41dmin/"),
    ("CWE-178", "/adm\u0131n/"),
    ("CWE-176", "/\uff41dmin/"),
)


@pytest.mark.parametrize(("advisory", "target"), SPELLINGS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_spelling_of_a_path_opens_a_door(
    gated: Gated, dialect: str, advisory: str, target: str
) -> None:
    assert (await gated.ask(dialect, target)).status != 200, advisory
    somebody = await gated.ask(dialect, target, gated.credentials["alice"])
    if dialect == "envoy" and not target.isascii():  # it sends such letters escaped
        assert (somebody.status, somebody.reason) == (400, "malformed")
    elif target == "/\uff41dmin/":  # another letter: another path to every server
        assert somebody.status == 200
    else:
        assert somebody.reason == "path_ambiguous", advisory


@pytest.mark.parametrize("target", ["/%61dmin/", "/admin", "/admin/?", "/adm%69n/x", "/admin/%7E"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_rfc_3986_section_6_2_2_2_an_escaped_letter_is_that_letter(
    gated: Gated, dialect: str, target: str
) -> None:
    assert (await gated.ask(dialect, target)).status == 401
    somebody = await gated.ask(dialect, target, gated.credentials["alice"])
    assert (somebody.status, somebody.reason) == (403, "role_missing")
    assert (await gated.ask(dialect, target, gated.credentials["root"])).status == 200
