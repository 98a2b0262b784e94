"""The README's tables say what the code says: every setting with its default, every command."""

import re
from collections.abc import Iterator

import click
import yaml

from sidecar.cli import sidecar
from sidecar.schemas.settings import DEFAULTS
from tests.docs.markdown import ROOT, read_table

README = ROOT / "README.md"


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
