"""People, and an administrator who manages them over HTTP."""

from dataclasses import dataclass

from sidecar.core.user import User
from tests.programs.service import PASSWORD
from tests.web.asked import Asked, ask, bearer
from tests.web.conftest import Web

NEW = {"username": "bob", "password": PASSWORD}


@dataclass(frozen=True, slots=True)
class Staff:
    """A service with an administrator and alice, and the headers by which they call."""

    web: Web
    root: User
    alice: User
    as_root: dict[str, str]
    as_alice: dict[str, str]

    async def manage(
        self, method: str, path: str, body: object = None, *, seen: str | None = None, **more: str
    ) -> Asked:
        """Ask as the administrator; `seen` is the version of what is to be changed."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if seen is not None:
            headers["If-Match"] = seen
        return await ask(self.web, method, path, self.as_root | headers, body)

    async def add(self, name: str, /, **members: object) -> Asked:
        """Add somebody."""
        answer = await self.manage("POST", "/users", {**NEW, "username": name, **members})
        assert answer.status == 201, answer.body
        return answer

    async def read(self, user: User) -> Asked:
        """Return somebody as the administrator sees them."""
        answer = await self.manage("GET", path_of(user))
        assert answer.status == 200
        return answer


def path_of(user: User) -> str:
    """Return where an administrator finds somebody."""
    return f"/users/{user.id}"


async def make_staff(web: Web) -> Staff:
    """Let an administrator and alice log in."""
    root, alice = await web.add_user("root", "admin"), await web.add_user("alice", "staff")
    headers = [bearer((await web.log_in(name))["access_token"]) for name in ("root", "alice")]
    return Staff(web, root, alice, *headers)
