"""`sidecar why`: why the running service refused a request."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from sidecar.cli.explained import print_explained
from sidecar.cli.operations import FOREIGN, ask, find_workers, read_members
from sidecar.cli.options import TAKES_ID, config_option, json_option, read_settings
from sidecar.core.text import printable
from sidecar.errors import NotFound, SidecarError
from sidecar.settings import Listen

# What every refusal has that a service of this version tells.
MEMBERS: Final = frozenset(
    {
        *("request_id", "at", "verdict", "reason", "method", "host", "path", "subject"),
        *("username", "address", "entry", "rule", "folded", "passed_over", "conditions"),
        *("rule_stands", "needs", "unread"),
    }
)
# What else an id may stand for of which no refusal is found.
UNKNOWN: Final = (
    "no refusal of this id is remembered: {}: it was let in, or answered 503 (`no verdict` in the"
    " log); or it was no question at the gate (a login, a page): the log has it by this id; or"
    " this service has started again, or refused too many others since; or another machine's"
    " service answered, which is asked there"
)


@click.command(context_settings=TAKES_ID)
@click.argument("request_id", metavar="ID")
@json_option
@config_option
def why(request_id: str, as_json: bool, config_file: Path | None) -> None:
    """Say why the gate refused a request; ID is the X-Request-Id of its answer.

    Each process remembers up to 10 000 refusals, the last ones. Where an id was given to several
    requests, all of them are told, the newest first.
    """
    from sidecar.web.requests import is_request_id

    if not is_request_id(request_id):
        raise click.UsageError("ID must be the X-Request-Id of an answer")
    first = read_settings(config_file).server.operations_listen
    found: list[dict[str, Any]] = []
    silent: list[str] = []
    for address in find_workers(first):
        try:
            found.extend(_find_refusals(address, request_id))
        except SidecarError as error:
            silent.append(str(error))
    if not found and silent:  # who was not asked may remember it
        raise SidecarError("; ".join(silent))
    if not found:
        raise NotFound(UNKNOWN.format(request_id))
    newest, *earlier = sorted(found, key=lambda each: str(each["at"]), reverse=True)
    if as_json:
        click.echo(json.dumps({**newest, "earlier": earlier}, indent=2, ensure_ascii=False))
        return
    _print(newest)
    for refusal in earlier:
        click.echo()
        _print(refusal)


def _find_refusals(address: Listen, request_id: str) -> list[dict[str, Any]]:
    """Return what the process there remembers, the newest first.

    Raises SidecarError where it does not answer, or another program does.
    """
    status, body = ask(address, f"/refusals/{quote(request_id, safe='')}")
    match status, read_members(body):
        case HTTPStatus.OK, {"items": [*items]} if all(map(_is_refusal, items)):
            return items
        case HTTPStatus.NOT_FOUND, {"reason": "not_remembered"}:
            return []
        case 0, _:
            raise SidecarError(body)
        case _:
            raise SidecarError(f"{address}: {FOREIGN}")


def _is_refusal(item: object) -> bool:
    return isinstance(item, dict) and item.keys() >= MEMBERS


def _print(refusal: Mapping[str, Any]) -> None:
    print_explained(refusal)
    for line in _lines(refusal):
        click.echo(printable(line))


def _lines(refusal: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is told beside the explanation."""
    if (said := refusal["unread"]) is not None:
        parts = [f"{name} {said[name]}" for name in ("method", "host", "target") if said[name]]
        yield f"question: {said['dialect']}, from {said['peer']}"
        yield f"which said: {', '.join(parts) or 'neither method, host nor target'}"
    else:
        who = refusal["username"] or refusal["subject"] or "nobody who is known"
        asked = f"{refusal['method']} {refusal['host']}{refusal['path']}"
        yield f"asked: {asked} from {refusal['address'] or 'an unknown address'}"
        yield f"by: {who}"
    if refusal["rule_stands"] is False:
        yield "changed: the policy no longer has that rule there"
    yield f"at: {refusal['at']}"
