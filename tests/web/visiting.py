"""People with a browser: they look at pages and send the forms that stand in them."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.web.asked import FORM, Asked, ask, given_cookies
from tests.web.conftest import PUBLIC_URL, Web

BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC_URL}


class Seen(HTMLParser):
    """What stands in the fields of a page, and what is said about them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.wrong: set[str] = set()
        self.actions: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= set(found)
        name = found.get("name")
        if tag == "input" and name is not None:
            self.values[name] = found.get("value") or ""
            if found.get("aria-invalid") == "true":
                self.wrong.add(name)
        if tag == "form":
            self.actions.append(str(found.get("action")))


@dataclass(slots=True)
class Visitor:
    """A browser that holds a session cookie."""

    web: Web
    cookie: str
    agent: Mapping[str, str] = field(default_factory=dict)

    async def look(self, path: str, **headers: str) -> Asked:
        """Open a page."""
        told = {"Cookie": self.cookie, **BROWSER, **self.agent, **headers}
        return self._keep(await ask(self.web, "GET", path, told))

    async def send(
        self, path: str, fields: Mapping[str, str] | None = None, own: Mapping[str, str] = OWN
    ) -> Asked:
        """Send a form from one of our pages, or as `own` says it."""
        told = {"Cookie": self.cookie, **BROWSER, **self.agent, **FORM, **own}
        return self._keep(await ask(self.web, "POST", path, told, urlencode(fields or {})))

    async def follow(self, answer: Asked) -> Asked:
        """Go where an answer leads."""
        assert answer.status == 303, answer.text
        location = answer.headers["Location"]
        assert location.startswith(PUBLIC_URL)
        return await self.look(location.removeprefix(PUBLIC_URL))

    async def version(self, path: str) -> str:
        """Return the version that the form of a page is of."""
        return Seen((await self.look(path)).text).values["version"]

    async def find_name(self) -> str:
        """Return the username of whoever is logged in."""
        found = re.search(r"<dt>Username</dt><dd>([^<]+)</dd>", (await self.look("/account")).text)
        assert found is not None
        return found[1]

    def _keep(self, answer: Asked) -> Asked:
        for line in given_cookies(answer):
            self.cookie = line.partition(";")[0]
        return answer


async def visit(web: Web, name: str) -> Visitor:
    """Log somebody in with a browser."""
    return Visitor(web, await web.log_in_cookie(name))


def words_of(answer: Asked) -> str:
    """Return the text of a page without its tags, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
