"""Phones: what people have who have a second factor."""

from base64 import b32decode
from dataclasses import dataclass

from sidecar.clock import read_clock
from sidecar.core.totp import STEP, make_code
from tests.web.asked import ask, bearer, change
from tests.web.conftest import Web


@dataclass(frozen=True, slots=True)
class Phone:
    """An authenticator app with one secret, and the recovery codes beside it."""

    secret: bytes
    codes: tuple[str, ...] = ()

    @classmethod
    def of(cls, spelled: str) -> "Phone":
        """Return the phone that was given a secret in base32."""
        return cls(b32decode(spelled))

    def read(self, steps: int = 0) -> str:
        """Return the code of this step, or of one so many later."""
        return make_code(self.secret, read_clock().unix // STEP + steps)

    def misread(self) -> str:
        """Return six digits that are no code of these minutes."""
        near = {self.read(steps) for steps in range(-5, 6)}
        return next(code for n in range(12) if (code := f"{n:06}") not in near)


async def give_phone(web: Web, token: str) -> Phone:
    """Set a second factor up for the owner of a token; no code of it has been used."""
    begun = await ask(web, "POST", "/me/otp", bearer(token))
    assert begun.status == 200, begun.text
    phone = Phone.of(begun.json["secret"])
    confirmed = await ask(web, "POST", "/me/otp/confirm", bearer(token), {"otp": phone.read()})
    assert confirmed.status == 200, confirmed.text
    await forget_step(web)
    return Phone(phone.secret, tuple(confirmed.json["recovery_codes"]))


async def add_phone(web: Web, name: str = "alice", *roles: str) -> Phone:
    """Add somebody who has a second factor."""
    await web.add_user(name, *roles)
    return await give_phone(web, (await web.log_in(name))["access_token"])


async def forget_step(web: Web) -> None:
    """Let the codes of this minute count again, as if some time had passed."""
    await change(web, "UPDATE factors SET last_step = 0")
