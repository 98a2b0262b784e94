"""How the people of a run reach replicas and gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.chaos.deployment import Deployment
from tests.chaos.model import Outcome
from tests.chaos.weather import GATEWAY
from tests.faults.asking import QUESTION

# Seconds: longer than any fault and what it holds up, or a fault would look like an answer.
ASK_TIMEOUT: Final = ClientTimeout(total=15.0)
CHANGE_TIMEOUT: Final = ClientTimeout(total=20.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` is 0 where nothing did, `members` the JSON of a 200."""

    status: int
    members: Any = None
    cookie: str = ""
    version: str = ""


class Clients:
    """Sends questions and changes. What is lost on the way is an answer without a status."""

    def __init__(self, session: ClientSession, deployment: Deployment) -> None:
        self._session = session
        self._deployment = deployment

    async def ask(self, place: str, credential: Mapping[str, str]) -> tuple[Outcome, str]:
        """Return what a place says about a credential, and in which words."""
        headers = dict(credential)
        if place == GATEWAY:
            url = f"{self._deployment.gateway.url}/orders"
            headers["Host"] = self._deployment.host
        else:
            url = f"{self._deployment.replicas[place].url}/verify"
            headers.update(QUESTION)
        try:
            async with self._session.get(url, headers=headers, timeout=ASK_TIMEOUT) as answer:
                await answer.read()
                told = f"{answer.status} {answer.headers.get('X-Request-Id', '')}"
        except (ClientError, TimeoutError) as error:
            return Outcome.NOTHING, type(error).__name__
        if answer.status == 200:
            return Outcome.PASSED, told
        return (Outcome.REFUSED if answer.status < 500 else Outcome.NOTHING), told

    async def send(
        self, method: str, place: str, path: str, body: object = None, **headers: str
    ) -> Answer:
        """Send a request to a replica's own endpoint."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Host"] = self._deployment.host
        url = f"{self._deployment.replicas[place].url}{path}"
        try:
            async with self._session.request(
                method, url, json=body, headers=sent, timeout=CHANGE_TIMEOUT
            ) as answer:
                members = await answer.json() if answer.status == 200 else None
                await answer.read()
                return Answer(
                    answer.status,
                    members,
                    answer.headers.get("Set-Cookie", "").partition(";")[0],
                    answer.headers.get("ETag", ""),
                )
        except (ClientError, TimeoutError):
            return Answer(0)
