"""`form-action`: a form ends where a login may lead, and the policy of very many hosts is short."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from sidecar.web.pages.render import LONGEST_TARGETS
from tests.web.asked import GOOD, OWN_FORM, PAGE, Asked, ask
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

HOST = "h{:02}.example.com"
ONE = "https://h01.example.com:*"
HEAD = 4096  # octets that nginx takes unless told: `proxy_buffer_size`


def targets_of(answer: Asked) -> list[str]:
    """Return where the forms of a page may end."""
    policy = answer.headers["Content-Security-Policy"]
    return policy.partition("form-action ")[2].partition(";")[0].split()


def head_of(answer: Asked) -> int:
    """Return the octets of an answer's header lines."""
    return sum(len(name) + len(value) + 4 for name, value in answer.headers.items())


async def ask_page(web: Web, path: str, rd: str | None) -> Asked:
    """Ask for a page whose form leads on to `rd`."""
    query = "" if rd is None else f"?rd={quote(rd, safe='')}"
    answer = await ask(web, "GET", path + query, PAGE)
    assert answer.status == 200
    assert head_of(answer) <= HEAD
    return answer


def settings_for(hosts: Sequence[str]) -> dict[str, dict[str, object]]:
    return {
        "server": {"public_url": "https://auth.example.com"},
        "redirect": {"allowed_hosts": list(hosts)},
    }


async def test_up_to_a_length_all_are_named(tmp_path: Path) -> None:
    """A host may send the browser on to the next, and each step of the way is held against it."""
    spelled, separator = len(ONE), 1
    most = (LONGEST_TARGETS + separator) // (spelled + separator)
    hosts = [HOST.format(number) for number in range(most)]
    async with serving_web(tmp_path, settings_for(hosts)) as web:
        for rd in (None, "https://h00.example.com/", "https://evil.example.org/"):
            found = targets_of(await ask_page(web, "/login", rd))
            assert found == ["'self'", *(f"https://{host}:*" for host in hosts)]


@pytest.mark.parametrize("wildcard", [False, True])
async def test_of_very_many_that_of_the_way_back_alone_is_named(
    tmp_path: Path, *, wildcard: bool
) -> None:
    hosts = ["*.h01.example.com" if wildcard else "h01.example.com"]
    hosts += [HOST.format(number) for number in range(2, 99)]
    way_back = "https://a.h01.example.com:8443/x" if wildcard else "https://h01.example.com:8443/x"
    host = way_back.split("/")[2].partition(":")[0]
    async with serving_web(tmp_path, settings_for(hosts)) as web:
        await web.add_user()
        for rd, targets in (
            (None, []),
            ("/account", []),
            ("https://evil.example.org/", []),
            ("https://h01.example.com.evil.example.org/", []),
            ("//h01.example.com/", []),
            ("https://h01.example.com; form-action */", []),
            ("https://h01.example.com:*/", []),
            ("https://h01.example.com%20*/", []),
            (way_back, [f"https://{host}:*"]),
        ):
            for path in ("/login", "/logout"):
                found = targets_of(await ask_page(web, path, rd))
                assert found == ["'self'", *targets], (path, rd)
        wrong = urlencode({**GOOD, "password": "wrong", "rd": way_back})
        own = {**OWN_FORM, **PAGE, "Origin": "https://auth.example.com"}
        again = await ask(web, "POST", "/login", own, wrong)
        assert (again.status, targets_of(again)) == (401, ["'self'", f"https://{host}:*"])
        nowhere = await ask(web, "GET", "/nowhere", PAGE)
        assert (nowhere.status, targets_of(nowhere)) == (404, ["'self'"])
