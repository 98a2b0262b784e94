"""The policy file: what it takes, and every mistake on a line with its place."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.policy import Access, Rule
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_policy
from tests.schemas.policies import refuse, write

GOOD = """\
hosts:
  App.example.com:
    - {path: /public/**, allow: anyone}
    - path: /admin/**
      allow: {roles: [admin, team:ops]}
    - {path: /files/*, allow: signed-in}
    - {path: /, allow: signed-in}
  "*.tools.example.com":
    - {path: /**, allow: signed-in}
"""

HOST = "is not a host: a name or address without scheme and port, or *.name"
PATH = (
    "must be a decoded path that begins with / and has no empty or dot segment;"
    " * is one segment, ** stands last"
)
ALLOW = "must be anyone, signed-in, or {roles: [...]}"
HOSTS = "hosts: must be a mapping of hosts to their rules"


def test_a_policy_has_hosts_with_rules_in_their_order() -> None:
    policy = parse_policy(GOOD, "policy.yaml")
    assert policy.hosts == ("app.example.com", "*.tools.example.com")
    assert len(policy) == 5
    staff = Access(roles=frozenset({"admin", "team:ops"}))
    assert policy.match("app.example.com", "/admin") == Rule("/admin/**", staff, 4)
    assert policy.match("app.example.com", "/public/x") == Rule(
        "/public/**", Access(anyone=True), 3
    )
    assert policy.match("x.tools.example.com", "/") == Rule("/**", Access(), 9)


def test_a_policy_without_hosts_lets_nobody_in() -> None:
    assert parse_policy("hosts: {}", "policy.yaml").hosts == ()


MANY = """\
host: {}
hosts:
  app.example.com:
    - {path: /a/**, alow: anyone, allow: anyone}
    - {path: /a/b, allow: anyone}
    - {path: b, allow: anybody}
    - {path: /c, allow: no}
    - {path: /c, path: /d, allow: {roles: []}}
  https://b.example.com:
    - {allow: signed-in, path: ./x}
  c.example.com: []
  APP.example.com:
    - {path: /, allow: anione}
"""


def test_every_mistake_is_told_at_once() -> None:
    assert refuse(MANY) == [
        "policy.yaml:1: host: is not known; did you mean hosts?",
        "policy.yaml:4: hosts.app.example.com.0.alow: is not known; did you mean allow?",
        "policy.yaml:5: hosts.app.example.com.1: is never reached: the rule of line 4 is first",
        f"policy.yaml:6: hosts.app.example.com.2.allow: {ALLOW}; did you mean anyone?",
        f"policy.yaml:6: hosts.app.example.com.2.path: {PATH}",
        (
            "policy.yaml:7: hosts.app.example.com.3.allow: no is a boolean to some readers:"
            " write true or false, or quote it"
        ),
        "policy.yaml:8: hosts.app.example.com.4.path: stands twice",
        "policy.yaml:8: hosts.app.example.com.4.allow.roles: must be a list of at least one role",
        f"policy.yaml:9: hosts.https://b.example.com: {HOST}",
        f"policy.yaml:10: hosts.https://b.example.com.0.path: {PATH}",
        "policy.yaml:11: hosts.c.example.com: must be a list of rules",
        (
            "policy.yaml:12: hosts.APP.example.com: is app.example.com a second time,"
            " in another spelling"
        ),
        f"policy.yaml:13: hosts.APP.example.com.0.allow: {ALLOW}; did you mean anyone?",
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [f"1: {HOSTS}"]),
        ("[]", [f"1: {HOSTS}"]),
        ("hosts:", [f"1: {HOSTS}"]),
        ("hosts: []", [f"1: {HOSTS}"]),
        ("hosts: anyone", [f"1: {HOSTS}"]),
        ("# rules\n\nhost: {}", ["3: host: is not known; did you mean hosts?", f"3: {HOSTS}"]),
        ("hosts: {}\nrules: []", ["2: rules: is not known"]),
        ("hosts: {a.example: }", ["1: hosts.a.example: must be a list of rules"]),
        ("hosts: {a.example: {path: /, allow: anyone}}",
         ["1: hosts.a.example: must be a list of rules"]),
        ("hosts:\n  a.example: []\n  a.example: []", ["3: hosts.a.example: stands twice"]),
        ("hosts: [", ["2: is not YAML: did not find expected node content"]),
        ("hosts: {}\n---\nhosts: {}", ["2: a second document begins"]),
        ("hosts: *h", ["1: hosts: anchors and aliases are not read here: write it out"]),
        ("hosts: {10: []}", ["1: hosts.10: a key must be text: quote it"]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_policy_says_what_one_is(text: str, problems: list[str]) -> None:
    assert sorted(refuse(text)) == sorted(f"policy.yaml:{problem}" for problem in problems)


@pytest.mark.parametrize(
    "host",
    ["a.example:443", "https://a.example", "a.example/x", "//a.example", "",
     "a b.example", "*", "*.", "*.*.example", "a.*.example", "*a.example", "*.10.0.0.1", "*.[::1]",
     "::1", "10.0.0", "010.0.0.1", "\u00e9.example", "a..example", ".example", "a.example:x",
     "user@a.example", "x" * 64 + ".example"],
)  # fmt: skip
def test_a_host_has_no_scheme_no_port_and_one_spelling(host: str) -> None:
    (problem,) = refuse(write("{path: /, allow: anyone}", host=host))
    assert problem.startswith("policy.yaml:2: hosts.")
    assert problem.endswith(HOST)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.example", "A.Example"),
        ("*.a.example", "*.A.example"),
        ("[::1]", "[0:0:0:0:0:0:0:1]"),
    ],
)
def test_a_host_stands_once_however_it_is_spelled(first: str, second: str) -> None:
    rules = "[{path: /, allow: anyone}]"
    (problem,) = refuse(f'hosts:\n  "{first}": {rules}\n  "{second}": {rules}\n')
    assert problem.startswith(f"policy.yaml:3: hosts.{second}: is {first} a second time")


@pytest.mark.parametrize(
    "path",
    ["", "admin", "admin/**", "/a//b", "//", "/a/./b", "/a/../b", "/..", "/.", "/**/a", "/a/**/b",
     "/a*", "/*a", "/a**", "/***", "/a/**/", "/a%2Fb/..", "/a\\b", "/a;b", "/%2e%2e",
     "https://a.example/", "/a\x7f", "/a%20b"],
    ids=ascii,
)  # fmt: skip
def test_a_pattern_that_can_never_match_is_a_mistake(path: str) -> None:
    escaped = path.encode("unicode_escape").decode().replace('"', '\\"')
    text = write(f'{{path: "{escaped}", allow: anyone}}')
    assert refuse(text) == [f"policy.yaml:3: hosts.a.example.0.path: {PATH}"]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/a b", "/a b"),
        ("/\u00e9t\u00e9/**", "/\u00e9t\u00e9/x"),
        ("/*", "/x"),
        ("/*/x/**", "/a/x"),
        ("/**", "/any/thing"),
        ("/a.b~c-d_e", "/a.b~c-d_e"),
        ("/...", "/..."),
        ("/a?x#y", "/a?x#y"),  # asked as /a%3Fx%23y
        ("/100%", "/100%"),
        ("/a/*/", "/a/b/"),
    ],
)
def test_a_pattern_is_written_decoded(path: str, asked: str) -> None:
    policy = parse_policy(write(f'{{path: "{path}", allow: anyone}}'), "policy.yaml")
    assert policy.match("a.example", asked) == Rule(path, Access(anyone=True), 3)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{allow: anyone}", f".path: {PATH}"),
        ("{path: 1, allow: anyone}", f".path: {PATH}"),
        ("{path: [/], allow: anyone}", f".path: {PATH}"),
        ("{path: /}", f".allow: {ALLOW}"),
        ("{path: /, allow: }", f".allow: {ALLOW}"),
        ("{path: /, allow: Anyone}", f".allow: {ALLOW}; did you mean anyone?"),
        ("{path: /, allow: signed_in}", f".allow: {ALLOW}; did you mean signed-in?"),
        ("{path: /, allow: true}", f".allow: {ALLOW}"),
        ("{path: /, allow: [anyone]}", f".allow: {ALLOW}"),
        ("{path: /, allow: {}}", f".allow: {ALLOW}"),
        ("{path: /, allow: {roles: }}", ".allow.roles: must be a list of at least one role"),
        ("{path: /, allow: {roles: []}}", ".allow.roles: must be a list of at least one role"),
        ("{path: /, allow: {roles: admin}}", ".allow.roles: must be a list of at least one role"),
        ("{path: /, allow: {roles: [a b]}}", ".allow.roles.0: is not the name of a role"),
        ("{path: /, allow: {roles: [a, 1]}}", ".allow.roles.1: is not the name of a role"),
        ("{path: /, allow: {roles: [a, [b]]}}", ".allow.roles.1: is not the name of a role"),
        ("{path: /, allow: {roles: [a, no]}}",
         ".allow.roles.1: no is a boolean to some readers: write true or false, or quote it"),
        ("{path: /, allow: {roles: [a], role: b}}",
         ".allow.role: is not known; did you mean roles?"),
        ("{path: /, allow: {roles: [a], xyzzy: b}}", ".allow.xyzzy: is not known"),
        ("{path: /, methods: [GET], allow: anyone}", ".methods: is not known"),
        ("{path: /, allow: anyone, allow: anyone}", ".allow: stands twice"),
        ("/", ": must be a mapping with path and allow"),
        ("[]", ": must be a mapping with path and allow"),
        ("", ": must be a mapping with path and allow"),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_is_one_line(rule: str, problem: str) -> None:
    assert refuse(write(rule)) == [f"policy.yaml:3: hosts.a.example.0{problem}"]


def test_the_policy_language_of_later_is_not_silently_taken() -> None:
    for member in ("scope: [a]", "networks: [10.0.0.0/8]", "amr: [otp]", "max_age: 15m"):
        (problem, _) = refuse(write(f"{{path: /, allow: {{{member}}}}}"))
        assert "is not known" in problem
    for member in ("when_stale: allow", "networks: [10.0.0.0/8]"):
        (problem,) = refuse(write(f"{{path: /, allow: anyone, {member}}}"))
        assert "is not known" in problem


def test_a_policy_is_bounded() -> None:
    comment = "\n#" + "x" * (4_194_304 - len(GOOD) - 2)
    assert len(parse_policy(GOOD + comment, "policy.yaml")) == 5
    assert refuse(GOOD + comment + "x") == ["policy.yaml:1: is larger than 4194304 characters"]


@effort(deadline=None)
@given(text=st.text(max_size=40) | st.text("[]{}:,-*&!\"' \nhostspathallow/", max_size=60))
def test_any_text_is_a_policy_or_has_problems(text: str) -> None:
    problems: tuple[str, ...] = ("the policy is right",)
    try:
        parse_policy(text, "policy.yaml")
    except DocumentInvalid as error:
        problems = error.problems
    assert problems
    assert all(problem.isprintable() for problem in problems)
