"""What is wrong between settings that are each right, and what is allowed but hardly meant."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from sidecar.schemas.values import SQLITE, Listen
from sidecar.settings.merge import Key, Merged
from sidecar.settings.types import Settings

DATABASE_PATH: Final = "must be sqlite:///PATH without `?` in the path"
LONGEST_SOCKET: Final = 107  # octets of a path in sockaddr_un, without the NUL at its end


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold between `keys`; `judge` takes their values and returns what is wrong.

    The problem is told at the first of the keys that somebody set.
    """

    keys: tuple[Key, ...]
    judge: Callable[..., str | None]


def judge_together(merged: Merged) -> None:
    """Note everything that is wrong between keys whose own values are right."""
    for condition in CONDITIONS:
        if merged.broken.isdisjoint(condition.keys):
            text = condition.judge(*(merged.values[key] for key in condition.keys))
            if text is not None:
                merged.blame(condition.keys, text)


def _judge_domain(domains: list[str] | None, public_url: str) -> str | None:
    host = urlsplit(public_url).hostname or ""
    if not domains or any(host == each or host.endswith(f".{each}") for each in domains):
        return None
    return f"must hold {host}, the host of server.public_url: its login could set no cookie"


def _judge_pair(password: str | None, admin: str | None) -> str | None:
    if (password is None) is (admin is None):
        return None
    return "bootstrap.admin and bootstrap.password go together"


def _judge_password(password: str | None, least: int) -> str | None:
    if password is None or len(password) >= least:
        return None
    return f"must have at least {least} characters (accounts.password_min_length)"


def _judge_keep(keep_after: int, clock_skew: int) -> str | None:
    # Forgotten sooner, a revoked token would pass again for the rest of its tolerance.
    if keep_after >= clock_skew:
        return None
    return "revocation.keep_after must not be shorter than tokens.clock_skew"


def _judge_rotation(rotate_every: int, publish_ahead: int) -> str | None:
    if rotate_every > publish_ahead:
        return None
    return "must be longer than keys.publish_ahead: a key would be due before the last one signs"


def _are_apart(one: str, other: str) -> Condition:
    """Return the condition that two listeners do not have one address; `one` is told first."""

    def judge(address: Listen | None, taken: Listen | None) -> str | None:
        if address is None or address != taken or (address.path is None and address.port == 0):
            return None
        return f"server.{other} and server.{one} are the same address"

    return Condition((("server", one), ("server", other)), judge)


def _judge_headers(headers: Mapping[str, str], assertion: Mapping[str, Any]) -> str | None:
    named = {f"headers.{key}": name for key, name in headers.items()}
    keys: dict[str, str] = {}
    for key, name in (named | {"assertion.header": assertion["header"]}).items():
        other = keys.setdefault(name.lower(), key)
        if other != key:
            return f"identity.{other} and identity.{key} are the same header"
    return None


def _judge_socket(listen: Listen | None) -> str | None:
    if listen is None or listen.path is None or len(bytes(listen.path)) <= LONGEST_SOCKET:
        return None
    return f"the path of a Unix socket has at most {LONGEST_SOCKET} octets: {listen.path}"


def _judge_database(url: str) -> str | None:
    # The folder of the settings file has come before a relative path.
    path = url.removeprefix(SQLITE)
    return f"{DATABASE_PATH}: {path}" if path != url and "?" in path else None


CONDITIONS: Final = (
    Condition((("server", "listen"),), _judge_socket),
    Condition((("server", "operations_listen"),), _judge_socket),
    Condition((("server", "gate_listen"),), _judge_socket),
    _are_apart("operations_listen", "listen"),
    _are_apart("gate_listen", "listen"),
    _are_apart("gate_listen", "operations_listen"),
    Condition((("identity", "headers"), ("identity", "assertion")), _judge_headers),
    Condition((("database", "url"),), _judge_database),
    Condition((("session", "domain"), ("server", "public_url")), _judge_domain),
    Condition((("keys", "rotate_every"), ("keys", "publish_ahead")), _judge_rotation),
    Condition((("revocation", "keep_after"), ("tokens", "clock_skew")), _judge_keep),
    Condition((("bootstrap", "password"), ("bootstrap", "admin")), _judge_pair),
    Condition((("bootstrap", "password"), ("accounts", "password_min_length")), _judge_password),
)


def find_warnings(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but may not be meant, a line each."""
    return tuple(_warn(settings))


def _warn(settings: Settings) -> Iterator[str]:
    url = urlsplit(settings.server.public_url)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        yield (
            f"server.public_url: {settings.server.public_url} is not https:"
            " browsers keep no Secure cookie from there"
        )
    for network in settings.gateway.trusted_proxies:
        if network.prefixlen == 0:
            yield f"gateway.trusted_proxies: {network} lets everybody say who asks"
    gate = settings.server.gate_listen
    nearby = all(network.is_loopback for network in settings.gateway.trusted_proxies)
    if gate is not None and gate.path is None and not _is_loopback(gate.host) and nearby:
        yield (
            "gateway.trusted_proxies: only this machine may ask, but server.gate_listen is open to"
            f" others: a gateway that connects to {gate} from elsewhere is refused"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
