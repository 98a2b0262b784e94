"""`sidecar gateway`: the configuration of a gateway."""

from pathlib import Path

import click

from sidecar.cli.gateways import FILES, Plan, canonical_host, render_gateway
from sidecar.cli.options import config_option, read_settings, run
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen, parse_listen
from sidecar.settings import Settings
from sidecar.sources.policyfile import PolicyFile


@click.command()
@click.argument("name", type=click.Choice(sorted(FILES)))
@click.option(
    "--host", "hosts", multiple=True, metavar="H", help="A guarded host; may be repeated."
)
@click.option("--upstream", metavar="URL", default="http://127.0.0.1:8080", show_default=True)
@click.option("--listen", metavar="ADDRESS", default="0.0.0.0:80", show_default=True)
@click.option(
    "--auth",
    metavar="ADDRESS",
    help="Where the gateway asks (server.gate_listen or server.listen).",
)
@click.option(
    "--pages", metavar="ADDRESS", help="Where the login page is (server.listen, or as --auth)."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write all files there; one that was not made by this command stays, and is an error.",
)
@config_option
def gateway(
    name: str,
    hosts: tuple[str, ...],
    upstream: str,
    listen: str,
    auth: str | None,
    pages: str | None,
    out: Path | None,
    config_file: Path | None,
) -> None:
    """Print the configuration of a gateway, or write all files of it to DIR."""
    settings = read_settings(config_file)
    server, identity = settings.server, settings.identity
    if not hosts:
        policy = PolicyFile(settings.policy_file, named=settings.policy_named)
        hosts = run(policy.read()).hosts
    plan = Plan(
        hosts=tuple(dict.fromkeys(map(canonical_host, hosts))),
        upstream=upstream,
        listen=_parse("--listen", listen),
        auth=_parse("--auth", auth) if auth else server.gate_listen or server.listen,
        pages=_find_pages(pages, auth, settings),
        public_url=server.public_url,
        identity=(*identity.headers.values(), identity.assertion.header),
        folder=out,
    )
    files = render_gateway(name, plan)
    if out is None:
        click.echo(next(iter(files.values())), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in files:
            _refuse_foreign(out / file, name)
        for file, content in files.items():
            (out / file).write_text(content, encoding="utf-8")
    except OSError as error:
        raise SidecarError(f"{out}: {error.strerror}") from None


def _refuse_foreign(file: Path, name: str) -> None:
    """Raise SidecarError where a file is there that somebody else made."""
    if file.exists() and f"made by `sidecar gateway {name}`" not in file.read_text(
        "utf-8", "replace"
    ):
        raise SidecarError(f"{file}: is there already, and not made by this command")


def _find_pages(pages: str | None, auth: str | None, settings: Settings) -> Listen | None:
    """Return where the login page is; None where it is where the gateway asks."""
    if pages is not None:
        return _parse("--pages", pages)
    asked_elsewhere = auth is not None and settings.server.gate_listen is None
    return None if asked_elsewhere else settings.server.listen


def _parse(flag: str, text: str) -> Listen:
    listen = parse_listen(text)
    if listen is None:
        raise click.UsageError(f"{flag}: must be HOST:PORT, [IPV6]:PORT or unix:PATH")
    return listen
