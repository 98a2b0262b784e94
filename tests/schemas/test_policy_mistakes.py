"""Every mistake that a rule can have, on the line that it stands on."""

import pytest

from tests.schemas.policies import refuse, write

ALLOW = "must be anyone, signed-in, preflight, or conditions such as {roles: [staff]}"
MAX_AGE = "must be a duration from 1s to 400d, such as 15m"
STALENESS = "must be a duration from 2s to 1d, such as 5m"
STALE = "must be deny or allow"
INNER = " such as 10.0.0.0/8, nor an address"


def _list(noun: str) -> str:
    return f"must be a list of at least one {noun}"


BESIDE = "is not known; {} stands beside path and allow"
BOOLEAN = "{} is a boolean to some readers: write true or false, or quote it"

MISTAKES = [
    # The rule itself.
    ("/", ": must be a mapping with path and allow"),
    ("[]", ": must be a mapping with path and allow"),
    ("", ": must be a mapping with path and allow"),
    ("{path: /, allow: anyone, allow: anyone}", ".allow: stands twice"),
    ("{path: /, allow: anyone, path: /}", ".path: stands twice"),
    ("{path: /, allow: anyone, no: x}", ".no: a key must be text: quote it"),
    # Whom it lets in.
    ("{path: /}", f".allow: {ALLOW}"),
    ("{path: /, allow: }", f".allow: {ALLOW}"),
    ("{path: /, allow: Anyone}", f".allow: {ALLOW}; did you mean anyone?"),
    ("{path: /, allow: signed_in}", f".allow: {ALLOW}; did you mean signed-in?"),
    ("{path: /, allow: preflights}", f".allow: {ALLOW}; did you mean preflight?"),
    ("{path: /, allow: staff}", f".allow: {ALLOW}"),
    ("{path: /, allow: true}", f".allow: {ALLOW}"),
    ("{path: /, allow: no}", f".allow: {BOOLEAN.format('no')}"),
    ("{path: /, allow: [anyone]}", f".allow: {ALLOW}"),
    ("{path: /, allow: {}}", f".allow: {ALLOW}"),
    # Keys that are not.
    ("{path: /, allow: anyone, xyzzy: b}", ".xyzzy: is not known"),
    ("{path: /, allow: anyone, method: [GET]}", ".method: is not known; did you mean methods?"),
    ("{path: /, allow: anyone, Methods: [GET]}", ".Methods: is not known; did you mean methods?"),
    ("{path: /, allow: anyone, network: [10.0.0.1]}",
     ".network: is not known; did you mean networks?"),
    ("{path: /, allow: anyone, when-stale: deny}",
     ".when-stale: is not known; did you mean when_stale?"),
    ("{path: /, allow: anyone, roles: [a]}",
     ".roles: is not known; did you mean roles under allow?"),
    ("{path: /, allow: anyone, group: [a]}",
     ".group: is not known; did you mean roles under allow?"),
    ("{path: /, allow: anyone, max_age: 5m}",
     ".max_age: is not known; did you mean max_age under allow?"),
    ("{path: /, allow: {roles: [a], role: b}}", ".allow.role: is not known; did you mean roles?"),
    ("{path: /, allow: {roles: [a], group: b}}", ".allow.group: is not known; did you mean roles?"),
    ("{path: /, allow: {roles: [a], groups: [b]}}",
     ".allow.groups: is not known; did you mean roles?"),
    ("{path: /, allow: {Role: [a]}}", ".allow.Role: is not known; did you mean roles?"),
    ("{path: /, allow: {user: alice}}", ".allow.user: is not known; did you mean users?"),
    ("{path: /, allow: {scopes: [a]}}", ".allow.scopes: is not known; did you mean scope?"),
    ("{path: /, allow: {max-age: 5m}}", ".allow.max-age: is not known; did you mean max_age?"),
    ("{path: /, allow: {methods: [GET]}}", f".allow.methods: {BESIDE.format('methods')}"),
    ("{path: /, allow: {method: [GET]}}", f".allow.method: {BESIDE.format('methods')}"),
    ("{path: /, allow: {when_stale: deny}}", f".allow.when_stale: {BESIDE.format('when_stale')}"),
    ("{path: /, allow: {anyone: true}}", ".allow.anyone: is not known"),
    ("{path: /, allow: {roles: [a], xyzzy: b}}", ".allow.xyzzy: is not known"),
    ("{path: /, allow: {roles: [a], roles: [a]}}", ".allow.roles: stands twice"),
    # Lists.
    ("{path: /, allow: {roles: }}", f".allow.roles: {_list('role')}"),
    ("{path: /, allow: {roles: []}}", f".allow.roles: {_list('role')}"),
    ("{path: /, allow: {roles: {}}}", f".allow.roles: {_list('role')}"),
    ("{path: /, allow: {roles: admin}}", f".allow.roles: {_list('role')}; did you mean [admin]?"),
    ("{path: /, allow: {roles: 'a, b'}}", f".allow.roles: {_list('role')}; did you mean [a, b]?"),
    ("{path: /, allow: {roles: ''}}", f".allow.roles: {_list('role')}"),
    ("{path: /, allow: {users: []}}", f".allow.users: {_list('username')}"),
    ("{path: /, allow: {users: alice}}",
     f".allow.users: {_list('username')}; did you mean [alice]?"),
    ("{path: /, allow: {scope: []}}", f".allow.scope: {_list('scope')}"),
    ("{path: /, allow: {scope: a b}}", f".allow.scope: {_list('scope')}; did you mean [a, b]?"),
    ("{path: /, allow: {amr: []}}", f".allow.amr: {_list('way to log in')}"),
    ("{path: /, allow: {amr: otp}}",
     f".allow.amr: {_list('way to log in')}; did you mean [otp]?"),
    ("{path: /, allow: {networks: []}}", f".allow.networks: {_list('network')}"),
    ("{path: /, allow: {networks: 10.0.0.0/8}}",
     f".allow.networks: {_list('network')}; did you mean [10.0.0.0/8]?"),
    ("{path: /, networks: [], allow: anyone}", f".networks: {_list('network')}"),
    ("{path: /, networks: , allow: anyone}", f".networks: {_list('network')}"),
    ("{path: /, methods: [], allow: anyone}", f".methods: {_list('method')}"),
    ("{path: /, methods: , allow: anyone}", f".methods: {_list('method')}"),
    ("{path: /, methods: GET, allow: anyone}",
     f".methods: {_list('method')}; did you mean [GET]?"),
    # Their members.
    ("{path: /, allow: {roles: [a b]}}", ".allow.roles.0: is not a role"),
    ("{path: /, allow: {roles: [a, -b]}}", ".allow.roles.1: is not a role"),
    ("{path: /, allow: {roles: [" + "a" * 65 + "]}}", ".allow.roles.0: is not a role"),
    ("{path: /, allow: {roles: [a, 1]}}", ".allow.roles.1: must be text: quote it"),
    ("{path: /, allow: {roles: [true]}}", ".allow.roles.0: must be text: quote it"),
    ("{path: /, allow: {roles: [a, [b]]}}", ".allow.roles.1: is not a role"),
    ("{path: /, allow: {roles: [a, no]}}", f".allow.roles.1: {BOOLEAN.format('no')}"),
    ("{path: /, allow: {roles: [On]}}", f".allow.roles.0: {BOOLEAN.format('On')}"),
    ("{path: /, allow: {users: [yes]}}", f".allow.users.0: {BOOLEAN.format('yes')}"),
    ("{path: /, allow: {users: [a b]}}", ".allow.users.0: is not a username"),
    ("{path: /, allow: {users: ['a:b']}}", ".allow.users.0: is not a username"),
    ("{path: /, allow: {users: ['']}}", ".allow.users.0: is not a username"),
    ("{path: /, allow: {users: [" + "a" * 65 + "]}}", ".allow.users.0: is not a username"),
    ("{path: /, allow: {users: [p\u0430ypal]}}", ".allow.users.0: is not a username"),
    ("{path: /, allow: {users: [7]}}", ".allow.users.0: must be text: quote it"),
    ("{path: /, allow: {scope: [a b]}}", ".allow.scope.0: is not a scope: write a, b"),
    ("{path: /, allow: {scope: ['a\\b']}}", ".allow.scope.0: is not a scope"),
    ("{path: /, allow: {scope: ['a\"']}}", ".allow.scope.0: is not a scope"),
    ("{path: /, allow: {scope: ['']}}", ".allow.scope.0: is not a scope"),
    ("{path: /, allow: {scope: [\u00e9]}}", ".allow.scope.0: is not a scope"),
    ("{path: /, allow: {amr: [one time]}}", ".allow.amr.0: is not a way to log in"),
    ("{path: /, allow: {amr: ['otp,hwk']}}", ".allow.amr.0: is not a way to log in"),
    ("{path: /, allow: {amr: [" + "a" * 33 + "]}}", ".allow.amr.0: is not a way to log in"),
    ("{path: /, allow: {amr: ['']}}", ".allow.amr.0: is not a way to log in"),
    # Methods.
    ("{path: /, methods: [get], allow: anyone}",
     ".methods.0: is not a method; did you mean GET?"),
    ("{path: /, methods: [GET, Post], allow: anyone}",
     ".methods.1: is not a method; did you mean POST?"),
    ("{path: /, methods: [GET POST], allow: anyone}", ".methods.0: is not a method"),
    ("{path: /, methods: [''], allow: anyone}", ".methods.0: is not a method"),
    ("{path: /, methods: ['GET,PUT'], allow: anyone}", ".methods.0: is not a method"),
    ("{path: /, methods: [" + "X" * 33 + "], allow: anyone}", ".methods.0: is not a method"),
    ("{path: /, methods: [GET, 1], allow: anyone}", ".methods.1: must be text: quote it"),
    ("{path: /, methods: [GET], allow: preflight}",
     ".methods: must hold OPTIONS: no preflight has another method"),
    # Networks.
    ("{path: /, networks: [10.0.0.1/8], allow: anyone}",
     ".networks.0: is not a network: it has host bits; did you mean 10.0.0.0/8?"),
    ("{path: /, networks: ['2001:db8::1/32'], allow: anyone}",
     ".networks.0: is not a network: it has host bits; did you mean 2001:db8::/32?"),
    ("{path: /, networks: ['::ffff:10.0.0.0/104'], allow: anyone}",
     ".networks.0: is not a network: it is IPv4 mapped into IPv6; did you mean 10.0.0.0/8?"),
    ("{path: /, allow: {networks: ['::ffff:10.0.0.1']}}",
     ".allow.networks.0: is not a network: it is IPv4 mapped into IPv6; did you mean 10.0.0.1/32?"),
    ("{path: /, allow: {networks: [example.com]}}",
     f".allow.networks.0: is not a network{INNER}"),
    ("{path: /, allow: {networks: [10.0.0.0/33]}}",
     f".allow.networks.0: is not a network{INNER}"),
    ("{path: /, allow: {networks: ['fe80::1%eth0']}}",
     f".allow.networks.0: is not a network{INNER}"),
    ("{path: /, allow: {networks: [10.0.0.0/8, 10]}}",
     ".allow.networks.1: must be text: quote it"),
    # Durations.
    ("{path: /, allow: {max_age: 15}}", f".allow.max_age: {MAX_AGE}; did you mean 15s?"),
    ("{path: /, allow: {max_age: 15min}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: 0s}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: 400d1s}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: -5m}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: [5m]}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: true}}", f".allow.max_age: {MAX_AGE}"),
    ("{path: /, allow: {max_age: }}", f".allow.max_age: {MAX_AGE}"),
    # When the view is too old.
    ("{path: /, when_stale: maybe, allow: signed-in}", f".when_stale: {STALE}"),
    ("{path: /, when_stale: Allow, allow: signed-in}", f".when_stale: {STALE}"),
    ("{path: /, when_stale: [allow], allow: signed-in}", f".when_stale: {STALE}"),
    ("{path: /, when_stale: , allow: signed-in}", f".when_stale: {STALE}"),
    ("{path: /, when_stale: deny, allow: anyone}",
     ".when_stale: means nothing where nobody has to log in"),
    ("{path: /, when_stale: allow, allow: preflight}",
     ".when_stale: means nothing where nobody has to log in"),
    ("{path: /, max_staleness: 30, allow: signed-in}",
     f".max_staleness: {STALENESS}; did you mean 30s?"),
    ("{path: /, max_staleness: 1s, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: 24h1s, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: -5s, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: 2.5s, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: [5s], allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: true, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: deny, allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: , allow: signed-in}", f".max_staleness: {STALENESS}"),
    ("{path: /, max_staleness: 5s, allow: anyone}",
     ".max_staleness: means nothing where nobody has to log in"),
    ("{path: /, max_staleness: 5s, allow: preflight}",
     ".max_staleness: means nothing where nobody has to log in"),
    ("{path: /, max-staleness: 5s, allow: signed-in}",
     ".max-staleness: is not known; did you mean max_staleness?"),
    ("{path: /, allow: {max_staleness: 5s}}",
     f".allow.max_staleness: {BESIDE.format('max_staleness')}"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "problem"), MISTAKES)
def test_a_rule_that_is_wrong_is_one_line(rule: str, problem: str) -> None:
    assert refuse(write("{path: /before, allow: anyone}", rule)) == [
        f"policy.yaml:4: hosts.a.example.1{problem}"
    ]


@pytest.mark.parametrize("path", ["", "path: 1, ", "path: [/], ", "path: no, ", "path: , "])
def test_a_rule_has_a_path(path: str) -> None:
    (problem,) = refuse(write(f"{{{path}allow: anyone}}"))
    assert problem.startswith("policy.yaml:3: hosts.a.example.0.path: ")


LONG = """\
hosts:
  a.example:
    - path: /a
      allow:
        roles:
          - staff
          - a b
        role: x
        networks:
          - 10.0.0.1/8
        max_age: 9
      methods:
        - get
      when_stale: maybe
      max_staleness: 1s
      group: x
"""


def test_every_mistake_of_a_rule_stands_on_its_own_line() -> None:
    lines = [problem.split(": ")[:2] for problem in refuse(LONG)]
    assert lines == [
        ["policy.yaml:7", "hosts.a.example.0.allow.roles.1"],
        ["policy.yaml:8", "hosts.a.example.0.allow.role"],
        ["policy.yaml:10", "hosts.a.example.0.allow.networks.0"],
        ["policy.yaml:11", "hosts.a.example.0.allow.max_age"],
        ["policy.yaml:13", "hosts.a.example.0.methods.0"],
        ["policy.yaml:14", "hosts.a.example.0.when_stale"],
        ["policy.yaml:15", "hosts.a.example.0.max_staleness"],
        ["policy.yaml:16", "hosts.a.example.0.group"],
    ]
