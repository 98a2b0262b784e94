"""`sidecar gateway`: the configuration of a gateway."""

from pathlib import Path

import click

from sidecar.cli.gateways import FILES, Plan, render_gateway
from sidecar.cli.options import config_option, read_settings, run
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen, parse_listen
from sidecar.sources.policyfile import PolicyFile


@click.command()
@click.argument("name", type=click.Choice(sorted(FILES)))
@click.option(
    "--host", "hosts", multiple=True, metavar="H", help="A guarded host; may stand often."
)
@click.option("--upstream", metavar="URL", default="http://127.0.0.1:8080", show_default=True)
@click.option("--listen", metavar="ADDRESS", default="0.0.0.0:80", show_default=True)
@click.option("--auth", metavar="ADDRESS", help="Where the gateway asks (server.listen).")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@config_option
def gateway(
    name: str,
    hosts: tuple[str, ...],
    upstream: str,
    listen: str,
    auth: str | None,
    out: Path | None,
    config_file: Path | None,
) -> None:
    """Print the configuration of a gateway, or write all files of it to DIR."""
    settings = read_settings(config_file)
    if not hosts:
        policy = PolicyFile(settings.policy_file, named=settings.policy_named)
        hosts = run(policy.read()).hosts
    plan = Plan(
        hosts=hosts,
        upstream=upstream,
        listen=_parse("--listen", listen),
        auth=_parse("--auth", auth) if auth else settings.server.listen,
        public_url=settings.server.public_url,
    )
    files = render_gateway(name, plan)
    if out is None:
        click.echo(next(iter(files.values())), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (out / file).write_text(content, encoding="utf-8")
    except OSError as error:
        raise SidecarError(f"{out}: {error.strerror}") from None


def _parse(flag: str, text: str) -> Listen:
    listen = parse_listen(text)
    if listen is None:
        raise click.UsageError(f"{flag}: must be HOST:PORT, [IPV6]:PORT or unix:PATH")
    return listen
