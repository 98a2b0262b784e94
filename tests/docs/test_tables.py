"""Tables say what the code says: every setting with its default, every command, every reason."""

import re
from collections.abc import Iterator

import click
import pytest
import yaml

from sidecar.cli import sidecar
from sidecar.core.audit import Action
from sidecar.core.verdict import Reason
from sidecar.schemas.defaults import DEFAULTS
from sidecar.settings import Dialect
from sidecar.web.refusals import LARGEST, MOST
from sidecar.web.responses import (
    BAD_REQUEST,
    MALFORMED,
    MALFORMED_STATUSES,
    NO_LOGIN_HELPS,
    STATUSES,
    UNAUTHORIZED,
)
from sidecar.web.unread import Unread
from tests.docs.markdown import ROOT, read_prose, read_table

README = ROOT / "README.md"
REFUSED = ROOT / "docs/refused.md"
RUNNING = ROOT / "docs/running.md"
GUARANTEES = ROOT / "docs/guarantees.md"
AT_THE_LOGIN = {  # the gate says none of these
    Reason.INVALID_CREDENTIALS,
    Reason.INVALID_GRANT,
    Reason.CSRF_TOKEN,
    Reason.OTP_REQUIRED,
    Reason.OTP_INVALID,
}


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _walk(group: click.Group, name: str = "") -> Iterator[str]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        if isinstance(command, click.Group):
            yield from _walk(command, f"{name}{each} ")
        else:
            yield f"{name}{each}"


def test_the_settings_table_has_every_key_with_its_default() -> None:
    told = {
        _code(key)[0]: yaml.safe_load(_code(default)[0])
        for key, default, _ in read_table(README, "Settings")
    }
    assert told == {
        f"{section}.{key}": value
        for section, keys in DEFAULTS.items()
        for key, value in keys.items()
    }


def test_the_settings_table_says_what_each_key_is() -> None:
    assert all(meaning for _, _, meaning in read_table(README, "Settings"))


def test_the_commands_table_has_every_command_once() -> None:
    told = [name for names, _ in read_table(README, "Commands") for name in _code(names)]
    assert sorted(told) == sorted(_walk(sidecar))


def test_the_flags_that_the_tables_name_exist() -> None:
    context = click.Context(sidecar)
    for names, meaning in read_table(README, "Commands"):
        flags = re.findall(r"`(--[a-z-]+)", meaning)
        for name in _code(names) if flags else ():
            command: click.Command = sidecar
            for word in name.split():
                assert isinstance(command, click.Group)
                found = command.get_command(context, word)
                assert found is not None
                command = found
            assert set(flags) <= {flag for each in command.params for flag in each.opts}, name


def test_the_table_of_the_audit_trail_has_every_action_once() -> None:
    rows = read_table(RUNNING, "The audit trail")
    assert sorted(name for names, _ in rows for name in _code(names)) == sorted(Action)
    assert all(meaning for _, meaning in rows)


@pytest.mark.parametrize(
    ("heading", "status"),
    [
        (f"Nobody: {UNAUTHORIZED}", UNAUTHORIZED),
        ("Somebody, but not this: 403", 403),
        (
            f"The question itself: {BAD_REQUEST}, behind nginx {MALFORMED_STATUSES[Dialect.NGINX]}",
            MALFORMED,
        ),
    ],
)
def test_the_tables_of_reasons_have_each_once_under_its_status(heading: str, status: int) -> None:
    rows = read_table(REFUSED, heading)
    assert sorted(name for names, _ in rows for name in _code(names)) == sorted(
        reason
        for reason in {*Reason} - AT_THE_LOGIN
        if STATUSES.get(reason, UNAUTHORIZED) == status
    )
    assert all(remedy for _, remedy in rows)


def test_what_is_kept_of_a_question_that_could_not_be_read_is_said() -> None:
    rows = read_table(REFUSED, "The line about a question that could not be read")
    assert [name for row in rows for name in _code(row[0])] == list(Unread._fields)


def test_how_many_refusals_are_kept_is_said() -> None:
    said = f"{MOST:,}".replace(",", " ")
    assert f"up to {said} refusals" in read_prose(REFUSED)
    assert f"{said} in each process, {LARGEST // 2**20} MiB" in read_prose(GUARANTEES)


def test_the_reasons_that_no_login_mends_are_named() -> None:
    (line,) = (
        line for line in read_prose(REFUSED).splitlines() if "to the login page instead" in line
    )
    assert set(_code(line)) == NO_LOGIN_HELPS
