"""What the log says of a new policy: which hosts and rules are other than they were."""

import pytest

from sidecar.core.policy import HostRules
from sidecar.schemas.policy import parse_rules
from sidecar.sources.changes import LONGEST_SHOWN, MOST_SHOWN, describe_changes
from tests.schemas.policies import NAME

pytestmark = pytest.mark.asyncio

PUBLIC = "    - {path: /public/**, allow: anyone}\n"
ADMIN = "    - {path: /admin/**, allow: {roles: [admin]}}\n"
BASE = f"""\
hosts:
  a.example:
{PUBLIC}{ADMIN}    - {{path: /**, allow: signed-in}}
"""


def load(text: str) -> dict[str, HostRules]:
    return {host: HostRules(rules) for host, rules in parse_rules(text, NAME).items()}


async def describe(before: str, after: str) -> dict[str, object]:
    """Return what is said beside the numbers of hosts and rules."""
    told = await describe_changes(load(before), load(after))
    return {key: value for key, value in told.items() if key not in {"hosts", "rules"}}


@pytest.mark.parametrize(
    ("replaced", "by", "told"),
    [
        ("", "", {}),
        ("hosts:", "# a comment\nhosts:", {}),
        ("a.example", "A.EXAMPLE", {}),
        ("[admin]", "[ops]", {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("[admin]", "[admin, ops]", {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("/admin/**,", "/admin/**, methods: [GET],",
         {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("/admin/**,", "/admin/**, networks: [10.0.0.0/8],",
         {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("/admin/**,", "/admin/**, when_stale: allow,",
         {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("/admin/**,", "/admin/**, max_staleness: 5s,",
         {"rules_changed": ["a.example line 4: /admin/**"]}),
        ("/admin/**", "/root/**",
         {"rules_added": ["a.example line 4: /root/**"],
          "rules_removed": ["a.example line 4: /admin/**"]}),
        (PUBLIC, "",
         {"rules_removed": ["a.example line 3: /public/**"]}),
        ("  a.example:\n", "  a.example:\n    - {path: /new, allow: anyone}\n",
         {"rules_added": ["a.example line 3: /new"]}),
        ("a.example", "b.example", {"hosts_added": ["b.example"], "hosts_removed": ["a.example"]}),
        (f"{PUBLIC}{ADMIN}", f"{ADMIN}{PUBLIC}",
         {"rules_moved": ["a.example line 3: /admin/**", "a.example line 4: /public/**"]}),
    ],
)  # fmt: skip
async def test_a_change_is_told_with_its_place(
    replaced: str, by: str, told: dict[str, object]
) -> None:
    assert await describe(BASE, BASE.replace(replaced, by, 1)) == told


async def test_of_a_new_host_its_name_is_told_and_not_each_rule() -> None:
    told = await describe_changes(load("hosts: {}"), load(BASE))
    assert told == {"hosts": 1, "rules": 3, "hosts_added": ["a.example"]}


def _write(number: int, role: str) -> str:
    rules = "\n".join(
        f"    - {{path: /{index}, allow: {{roles: [{role}]}}}}" for index in range(number)
    )
    return f"hosts:\n  a.example:\n{rules}\n"


@pytest.mark.parametrize(
    ("number", "rest"),
    [(MOST_SHOWN, []), (MOST_SHOWN + 1, ["and 1 more"]), (999, ["and 989 more"])],
)
async def test_no_line_has_more_places_than_a_person_reads(number: int, rest: list[str]) -> None:
    told = (await describe(_write(number, "a"), _write(number, "b")))["rules_changed"]
    first = [f"a.example line {index + 3}: /{index}" for index in range(MOST_SHOWN)]
    assert told == [*first, *rest]


async def test_many_hosts_are_counted_too() -> None:
    hosts = [f"  h{number}.example: [{{path: /, allow: anyone}}]" for number in range(25)]
    told = await describe("hosts: {}", "\n".join(["hosts:", *hosts]))
    assert told == {"hosts_added": [*(f"h{n}.example" for n in range(10)), "and 15 more"]}


async def test_a_long_path_is_cut() -> None:
    path = "/" + "x" * 1000
    text = f"hosts: {{a.example: [{{path: {path}, allow: ROLE}}]}}"
    told = await describe(text.replace("ROLE", "anyone"), text.replace("ROLE", "signed-in"))
    assert told == {"rules_changed": [f"a.example line 1: {path}"[:LONGEST_SHOWN]]}


async def test_what_was_in_force_is_given_back_host_by_host() -> None:
    old = load(BASE + "  b.example: [{path: /, allow: anyone}]")
    await describe_changes(old, load(BASE))
    assert old == {}
