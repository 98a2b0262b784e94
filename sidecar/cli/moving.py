"""`sidecar user import` and `export`: people are brought along, and taken away."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final

import click

from sidecar.cli.options import config_option, open_prepared, read_settings, require_database, run
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.text import printable
from sidecar.errors import SidecarError
from sidecar.schemas.people import PeopleFormat, dump_person, guess_format, read_people
from sidecar.schemas.user import load_user_fields

if TYPE_CHECKING:
    from sidecar.settings import Settings

HEAD: Final = 65_536  # octets of a file by which its format is guessed
STANDARD: Final = "-"  # the name of standard input and output
ERASE_LINE: Final = "\r\x1b[K"  # of a terminal: the progress bar stands in it


@click.command("import")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice([each.value for each in PeopleFormat]),
    help="What FILE is written in (default: what it looks like).",
)
@click.option(
    "--role", "roles", multiple=True, metavar="R", help="A role for all of them; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@config_option
def import_users(
    file: str,
    form: str | None,
    roles: tuple[str, ...],
    dry_run: bool,
    config_file: Path | None,
) -> None:
    """Add the people of FILE with the hashes of their passwords.

    FILE is an htpasswd file, Authelia's users file, or JSON lines as `user export` writes them; `-`
    is standard input. People who are there already exactly so are passed over: an import that was
    cut off is run again. Exit 1 if a line was wrong.
    """
    settings = read_settings(config_file)
    given = load_user_fields({"roles": list(roles)}, partial=True)["roles"]
    with _open_file(file) as opened:
        known = guess_format(opened.peek(HEAD)) if form is None else PeopleFormat(form)
        if known is None:
            raise SidecarError(f"{file}: its format is not clear: name it by --format")
        bad = run(_import(settings, opened, file, known, given, dry=dry_run))
    if bad:
        raise SidecarError(f"{file}: left out: {bad}")


async def _import(
    settings: "Settings",
    file: BinaryIO,
    name: str,
    form: PeopleFormat,
    roles: tuple[str, ...],
    *,
    dry: bool,
) -> int:
    """Import a file and return how many of its people were wrong."""
    from sidecar.accounts.imports import BATCH, Import

    shows = sys.stderr.isatty()
    added = there = 0
    bad = set[int]()
    async with open_prepared(settings) as services:
        work = Import(services.store.imports, form, roles, Author(OPERATOR), dry=dry)
        people = read_people(file, form, name)
        with click.progressbar(length=_size(file), file=sys.stderr, hidden=not shows) as bar:
            while batch := list(islice(people, BATCH)):
                taken = await work.take(batch, read_clock().unix)
                added, there = added + taken.added, there + taken.there
                for line, problem in taken.problems:
                    bad.add(line)
                    told = printable(f"{name}:{line}: {problem}")
                    click.echo((ERASE_LINE if shows else "") + told, err=True)
                bar.update(batch[-1].end - bar.pos)
    verb = "would be added" if dry else "added"
    click.echo(f"{added} {verb}, {there} there already", err=True)
    return len(bad)


@contextmanager
def _open_file(name: str) -> Iterator[BufferedReader]:
    if name == STANDARD:
        if sys.stdin is None:
            raise SidecarError("standard input is closed")
        with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as file:
            yield file
        return
    with Path(name).open("rb") as file:
        yield file


def _size(file: BinaryIO) -> int:
    """Return the octets of a file; those of a pipe are not known before."""
    return os.fstat(file.fileno()).st_size


@click.command("export")
@click.option("--out", metavar="FILE", help="A new file, for nobody else to read; `-` for a pipe.")
@config_option
def export_users(out: str | None, config_file: Path | None) -> None:
    """Write everybody as JSON lines with the hashes of their passwords, for `user import`.

    Second factors and personal tokens stay here: they are sealed with this deployment's keys.
    """
    settings = read_settings(config_file)
    require_database(settings)
    if out is None and sys.stdout.isatty():
        raise click.UsageError("hashes of passwords are not for a terminal: use --out FILE")
    number = run(_export(settings, out))
    click.echo(f"people written: {number}", err=True)


async def _export(settings: "Settings", out: str | None) -> int:
    from sidecar.accounts.imports import walk_newcomers

    number = 0
    async with open_prepared(settings) as services:
        with _open_new(out) as file:
            async for each in walk_newcomers(services.store.imports):
                file.write(dump_person(each.user, each.password_hash) + "\n")
                number += 1
    return number


@contextmanager
def _open_new(name: str | None) -> Iterator[IO[str]]:
    if name is None or name == STANDARD:
        yield sys.stdout
        sys.stdout.flush()  # what does not fit on a disk is told, and not that it was written
        return
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yield file
