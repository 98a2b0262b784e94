"""A ticket: what stands for the right password while its owner looks for the code.

The second page of a login must not hold the password. Its text is `base64url(JSON || MAC)`; it is
worth nothing without a code, nothing once the rights of the account have moved, and nothing after
five minutes. It need not be remembered: the code that goes with it counts once.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from sidecar.core.encoding import from_base64url, to_base64url

TICKET_KEY_USE: Final = "login tickets"  # what the key is derived for
TICKET_TTL: Final = 300  # seconds to find the phone in
MAC_OCTETS: Final = 32
LONGEST_TICKET: Final = 1024  # characters; a name of 64 letters of four octets each fits


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose password was right; `epoch` is everyone's and the user's at that time.

    `remember` is what they asked for; `expires_at` is Unix seconds.
    """

    user_id: str
    username: str
    epoch: tuple[int, int]
    remember: bool
    expires_at: int


def seal_ticket(key: bytes, ticket: Ticket) -> str:
    """Return the text of a ticket."""
    members = [
        ticket.user_id,
        ticket.username,
        *ticket.epoch,
        ticket.remember,
        ticket.expires_at,
    ]
    body = json.dumps(members, ensure_ascii=False).encode()
    return to_base64url(body + _mac(key, body))


def open_ticket(key: bytes, text: str, now: int) -> Ticket | None:
    """Return a ticket that `key` sealed and whose time is not over at `now`, else None."""
    octets = from_base64url(text) if len(text) <= LONGEST_TICKET else None
    if octets is None:
        return None
    body, mac = octets[:-MAC_OCTETS], octets[-MAC_OCTETS:]
    if not hmac.compare_digest(mac, _mac(key, body)):
        return None
    user_id, username, everyone, own, remember, expires_at = json.loads(body)
    if now >= expires_at:
        return None
    return Ticket(user_id, username, (everyone, own), remember, expires_at)


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"ticket\0" + body, hashlib.sha256)
