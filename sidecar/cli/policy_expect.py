"""`sidecar policy test`: whether the policy does what an operator means."""

from pathlib import Path

import click

from sidecar.cli.explained import judge
from sidecar.cli.options import config_option, read_policy, read_settings
from sidecar.clock import read_clock
from sidecar.core.policy import Policy
from sidecar.core.text import printable
from sidecar.errors import DocumentInvalid
from sidecar.schemas.expectations import LARGEST_EXPECTATIONS, Expectation, parse_expectations
from sidecar.schemas.explanation import list_needs


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.pass_context
def test(ctx: click.Context, file: Path, config_file: Path | None) -> None:
    """Run the expectations of FILE; exit 1 where the policy does otherwise.

    FILE is a YAML list of {request: GET https://…, as: {user, roles, scope, amr, auth_age,
    address, preflight}, expect: allow|deny}; without `as` nobody asks. No user is looked up.
    """
    settings = read_settings(config_file)
    now = read_clock().unix
    expectations = parse_expectations(_read(file), str(file), now)
    policy = read_policy(settings)
    differing = [
        f"{file}:{each.line}: {difference}"
        for each in expectations
        if (difference := _find_difference(each, policy, now)) is not None
    ]
    for line in differing:
        click.echo(printable(line), err=True)
    held = len(expectations) - len(differing)
    click.echo(f"{held} of {len(expectations)} expectations held")
    if differing:
        ctx.exit(1)


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        octets = opened.read(LARGEST_EXPECTATIONS + 1)
    if len(octets) > LARGEST_EXPECTATIONS:  # what was cut off must not be missed
        raise DocumentInvalid((f"{file}: is larger than {LARGEST_EXPECTATIONS} octets",))
    # Octets that are not UTF-8 are told as the mistake that they are.
    return octets.decode("utf-8", "surrogateescape")


def _find_difference(expected: Expectation, policy: Policy, now: int) -> str | None:
    """Return what the policy does otherwise, None where it does as expected."""
    reason, explanation = judge(expected.facts, expected.principal, policy, now)
    if (reason is None) is expected.allowed:
        return None
    rule = None if explanation is None else explanation.rule
    by = "" if rule is None else f" by the rule of line {rule.line}, {rule.path}"
    if reason is None:
        return f"{expected.request}: expected deny, but is allowed{by}"
    needs = "; ".join(list_needs(reason, explanation))
    return f"{expected.request}: expected allow, but is denied{by}: {reason} (needs {needs})"
