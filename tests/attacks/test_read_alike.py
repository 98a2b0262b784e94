"""Two spellings that some server reads alike get one verdict, or one of them is refused."""

from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.facts import parse_path
from sidecar.core.policy import Policy, Rule
from sidecar.core.verdict import Deny
from tests.core.asking import make_facts
from tests.core.forge import HOST
from tests.core.properties import THOROUGH
from tests.gateways.spellings import find_readings

POLICY: Final = Policy(
    {
        HOST: [
            Rule("/admin/public/**", Access(anyone=True)),
            Rule("/admin/**", Access.of(Roles(frozenset({"admin"})))),
            Rule("/**", Access()),
        ]
    }
)
PIECES: Final = (
    *("/", "/", "/", "admin", "public", "x", "Admin", "PUBLIC", "%61dmin", "adm%69n", "%2561dmin"),
    *(
        "adm%C4%B1n",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%252e",
        "%2f",
        "%252f",
        "\\",
        "%5c",
        "//",
        ";",
        ";x",
    ),
    *("%3b", "%20", " ", "%00", "%09", "%0a", "?", "?x", "%3f", "%3Fx", "#", "%23", "%25", "%"),
    *(
        "::$DATA",
        "%3A:$data",
        ":$I30:$INDEX_ALLOCATION",
        "%c0%af",
        "%ff",
        "\xe9",
        "%C3%A9",
        "~",
        "*",
    ),
)
TARGETS: Final = st.lists(st.sampled_from(PIECES), max_size=7).map(lambda each: "/" + "".join(each))


def _judge(target: str) -> Access | Deny:
    """Return who may have a target as octets in Latin-1, as header values come."""
    path = parse_path(target.encode("latin-1").decode("utf-8", "surrogateescape"))
    if isinstance(path, Deny):
        return path
    rule = POLICY.match(make_facts(path))
    return rule if isinstance(rule, Deny) else rule.access


@THOROUGH
@given(TARGETS)
@example("/admin%3Fx")
@example("/admin/public./x")
@example("/adm%C4%B1n")
@example("/public%2f..%2fadmin")
def test_what_a_server_reads_alike_is_judged_alike_or_refused(target: str) -> None:
    verdict = _judge(target)
    for server, reading in find_readings(target).items():
        spelled = quote(
            reading, safe="/", encoding="utf-8" if server == "capitalizes" else "latin-1"
        )
        if find_readings(spelled)[server] != reading:
            continue  # as this server reads nothing that anybody would write
        plain = _judge(spelled)
        assert verdict == plain or isinstance(verdict, Deny) or isinstance(plain, Deny), server


@pytest.mark.parametrize("target", ["/admin", "/admin/x", "/x", "/admin/public/x", "/%61dmin"])
def test_what_every_server_reads_alike_is_not_refused(target: str) -> None:
    assert isinstance(_judge(target), Access)
