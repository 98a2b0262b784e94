"""`sidecar user`: the people who can log in."""

import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from sidecar.accounts import Accounts, NewUser, generate_password
from sidecar.cli.moving import export_users, import_users
from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_line,
    read_settings,
    run,
)
from sidecar.cli.reset import reset
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.user import LONGEST_PASSWORD, User, canonical_username
from sidecar.credentials.strength import PasswordRules
from sidecar.errors import NotFound, SidecarError
from sidecar.ports import UserChange
from sidecar.schemas.user import dump_user, load_user_fields
from sidecar.settings import Settings

LONGEST_OCTETS: Final = 4 * LONGEST_PASSWORD  # in UTF-8

BY: Final = Author(OPERATOR)

T = TypeVar("T")


@click.group()
def user() -> None:
    """Add, change and remove people."""


for command in (import_users, export_users, reset):
    user.add_command(command)


def _with_accounts(settings: Settings, work: Callable[[Accounts], Awaitable[T]]) -> T:
    async def open_and_work() -> T:
        async with open_prepared(settings) as services:
            return await work(services.accounts)

    return run(open_and_work())


def _canonical(name: str) -> str:
    canonical = canonical_username(name)
    if canonical is None:
        raise NotFound(f"there is no user {name!r}")
    return canonical


def _read_password(*, from_stdin: bool, generate: bool) -> str:
    """Return the password that the operator gives or lets make; it is never a flag."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other")
    if generate:
        return generate_password()
    if from_stdin:
        password = read_line(LONGEST_OCTETS)
    elif sys.stdin is not None and sys.stdin.isatty():
        password = _ask_password()
    else:
        raise click.UsageError("no terminal to ask at: use --password-stdin or --generate")
    return password


def _refuse_weak(settings: Settings, password: str, *names: str | None) -> None:
    """Refuse a password that nobody of these names ought to have. Raises SidecarError."""
    rules = PasswordRules(settings.password_min_length, settings.server.public_url)
    fault = rules.judge(password, *names)
    if fault is not None:
        raise SidecarError(f"a password {rules.explain(fault)}")


def _ask_password() -> str:
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    except UnicodeDecodeError:
        click.echo(err=True)  # the prompt's line ends only where its answer is read
        raise SidecarError("a password must be UTF-8") from None
    if password != again:
        raise SidecarError("the two passwords differ")
    return password


@user.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="R", help="A role; may be repeated.")
@click.option("--email", metavar="E", help="Where to write to them.")
@click.option("--name", "full_name", metavar="N", help="The person's full name.")
@click.option("--password-stdin", is_flag=True, help="Read one line from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it, once.")
@config_option
def add(
    name: str,
    roles: tuple[str, ...],
    email: str | None,
    full_name: str | None,
    password_stdin: bool,
    generate: bool,
    config_file: Path | None,
) -> None:
    """Add a user."""
    settings = read_settings(config_file)
    new = NewUser(
        **load_user_fields(
            {"username": name, "email": email, "name": full_name, "roles": list(roles)}
        )
    )
    password = _read_password(from_stdin=password_stdin, generate=generate)
    _refuse_weak(settings, password, new.username, new.name, new.email)
    made = _with_accounts(
        settings, lambda accounts: accounts.add(new, password, BY, read_clock().unix)
    )
    click.echo(f"added {made.username}", err=True)
    if generate:
        click.echo(password)


@user.command("list")
@json_option
@config_option
def list_users(as_json: bool, config_file: Path | None) -> None:
    """List all users."""
    users = _with_accounts(read_settings(config_file), lambda accounts: accounts.list())
    columns = ("username", "name", "email", "roles", "disabled")
    rows = [dump_user(each) for each in users]
    if not as_json:
        rows = [{name: row[name] for name in columns} for row in rows]
    print_table(rows, as_json=as_json)


@user.command()
@click.argument("name")
@config_option
@json_option
def show(name: str, config_file: Path | None, as_json: bool) -> None:  # noqa: ARG001 - JSON anyway
    """Print the user JSON of one user."""
    _print_user(
        _with_accounts(read_settings(config_file), lambda accounts: accounts.show(_canonical(name)))
    )


@user.command("set")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, metavar="R", help="All roles; may be repeated; empty: none."
)
@click.option("--email", metavar="E", help="Empty: none.")
@click.option("--name", "full_name", metavar="N", help="Empty: none.")
@click.option("--username", metavar="U", help="Another username.")
@config_option
def set_user(
    name: str,
    roles: tuple[str, ...],
    email: str | None,
    full_name: str | None,
    username: str | None,
    config_file: Path | None,
) -> None:
    """Change a user; whoever is logged in goes on, with the new rights."""
    members: dict[str, object] = {"email": email, "name": full_name, "username": username}
    if roles:
        members["roles"] = [role for role in roles if role]
    given = {key: value for key, value in members.items() if value is not None}
    _change(config_file, name, UserChange(**load_user_fields(given, partial=True)))


@user.command()
@click.argument("name")
@config_option
def disable(name: str, config_file: Path | None) -> None:
    """Let a user log in no more, and end their sessions."""
    _change(config_file, name, UserChange(disabled=True))


@user.command()
@click.argument("name")
@config_option
def enable(name: str, config_file: Path | None) -> None:
    """Let a user log in again."""
    _change(config_file, name, UserChange(disabled=False))


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read one line from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it, once.")
@config_option
def passwd(name: str, password_stdin: bool, generate: bool, config_file: Path | None) -> None:
    """Give a user a new password, and end their sessions."""
    settings = read_settings(config_file)
    username = _canonical(name)
    password = _read_password(from_stdin=password_stdin, generate=generate)

    async def change_password(accounts: Accounts) -> None:
        found = await accounts.show(username)
        _refuse_weak(settings, password, found.username, found.name, found.email)
        await accounts.set_password(found.id, password, BY, read_clock().unix)

    _with_accounts(settings, change_password)
    click.echo(f"changed the password of {username}", err=True)
    if generate:
        click.echo(password)


@user.command()
@click.argument("name")
@config_option
def remove(name: str, config_file: Path | None) -> None:
    """Remove a user, and end their sessions."""
    username = _canonical(name)

    async def remove_user(accounts: Accounts) -> None:
        found = await accounts.show(username)
        await accounts.remove(found.id, BY, read_clock().unix, seen=None)

    _with_accounts(read_settings(config_file), remove_user)
    click.echo(f"removed {username}", err=True)


def _change(config_file: Path | None, name: str, change: UserChange) -> None:
    username = _canonical(name)

    async def change_user(accounts: Accounts) -> User:
        found = await accounts.show(username)
        return (await accounts.change(found.id, change, BY, read_clock().unix, seen=None))[0]

    _print_user(_with_accounts(read_settings(config_file), change_user))


def _print_user(found: User) -> None:
    import json

    click.echo(json.dumps(dump_user(found), indent=2, ensure_ascii=False))
