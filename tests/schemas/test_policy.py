"""The policy file: what it takes, and every mistake on a line with its place."""

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.policy import Policy, Rule
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from tests.schemas.policies import NAME, find, refuse, write

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

HOST = "is not a host: a name or address in ASCII without scheme and port, or *.name"
PATH = (
    "must be a decoded path that begins with / and has no empty or dot segment;"
    " * is one segment, ** stands last"
)
ALLOW = "must be anyone, signed-in, preflight, or conditions such as {roles: [staff]}"
RULES = "must be a list of at least one rule"
HOSTS = "hosts: must be a mapping of hosts to their rules"


def test_a_policy_has_hosts_with_rules_in_their_order() -> None:
    policy = Policy(parse_rules(GOOD, NAME))
    assert policy.hosts == ("app.example.com", "*.tools.example.com")
    assert len(policy) == 5
    staff = Access.of(Roles(frozenset({"admin", "team:ops"})))
    anyone = Access(anyone=True)
    assert find(policy, "/admin", "app.example.com") == Rule("/admin/**", staff, 4)
    assert find(policy, "/public/x", "app.example.com") == Rule("/public/**", anyone, 3)
    assert find(policy, "/", "x.tools.example.com") == Rule("/**", Access(), 9)


def test_a_policy_without_hosts_lets_nobody_in() -> None:
    assert parse_rules("hosts: {}", NAME) == {}


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
        f"policy.yaml:6: hosts.app.example.com.2.path: {PATH}",
        f"policy.yaml:6: hosts.app.example.com.2.allow: {ALLOW}; did you mean anyone?",
        (
            "policy.yaml:7: hosts.app.example.com.3.allow: no is a boolean to some readers:"
            " write true or false, or quote it"
        ),
        "policy.yaml:8: hosts.app.example.com.4.path: stands twice",
        "policy.yaml:8: hosts.app.example.com.4.allow.roles: must be a list of at least one role",
        f"policy.yaml:9: hosts.https://b.example.com: {HOST}; did you mean b.example.com?",
        f"policy.yaml:10: hosts.https://b.example.com.0.path: {PATH}",
        "policy.yaml:11: hosts.c.example.com: must be a list of at least one rule",
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
        ("hosts: {a.example: }", ["1: hosts.a.example: must be a list of at least one rule"]),
        ("hosts: {a.example: {path: /, allow: anyone}}",
         ["1: hosts.a.example: must be a list of at least one rule"]),
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
    ("host", "meant"),
    [
        ("a.example:443", "a.example"),
        ("a.example.:443", "a.example"),
        ("[::1]:8080", "[::1]"),
        ("https://a.example", "a.example"),
        ("wss://A.example:8443/x/y", "a.example"),
        ("a.example/x", "a.example"),
        *((host, "") for host in (
            "", "//a.example", "a b.example", "*", "*.", "*.*.example", "a.*.example", "*a.example",
            "*.10.0.0.1", "*.1.2.3.4", "*.[::1]", "*.0x7f", "::1", "10.0.0", "010.0.0.1",
            "\u00e9.example", "\u2603.example", "a..example", ".example", "a.example:x",
            "a.example:", "a.example:0", "user@a.example", "https://user@a.example",
            "*.a.example:443", "x" * 64 + ".example",
        )),
    ],
)  # fmt: skip
def test_a_host_has_no_scheme_no_port_and_one_spelling(host: str, meant: str) -> None:
    (problem,) = refuse(write("{path: /, allow: anyone}", host=host))
    assert problem.startswith("policy.yaml:2: hosts.")
    assert problem.endswith(f"{HOST}; did you mean {meant}?" if meant else HOST)


def test_a_wildcard_below_which_no_name_is_short_enough_holds_nothing() -> None:
    longest = "a." * 125 + "a"  # two characters short of the longest name
    policy = Policy(parse_rules(write("{path: /, allow: anyone}", host=f"*.{longest}"), NAME))
    assert isinstance(find(policy, "/", f"b.{longest}"), Rule)
    (problem,) = refuse(write("{path: /, allow: anyone}", host=f"*.{longest}a"))
    assert problem.endswith(HOST)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.example", "A.Example"),
        ("*.a.example", "*.A.example"),
        ("a.example", "a.example."),
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
    policy = Policy(parse_rules(write(f'{{path: "{path}", allow: anyone}}'), NAME))
    assert find(policy, asked) == Rule(path, Access(anyone=True), 3)


def test_a_policy_is_bounded() -> None:
    comment = "\n#" + "x" * (4_194_304 - len(GOOD) - 2)
    assert len(Policy(parse_rules(GOOD + comment, NAME))) == 5
    assert refuse(GOOD + comment + "x") == ["policy.yaml:1: is larger than 4194304 characters"]


@effort(deadline=None)
@given(text=st.text(max_size=40) | st.text("[]{}:,-*&!\"' \nhostspathallow/", max_size=60))
def test_any_text_is_a_policy_or_has_problems(text: str) -> None:
    problems: tuple[str, ...] = ("the policy is right",)
    try:
        parse_rules(text, NAME)
    except DocumentInvalid as error:
        problems = error.problems
    assert problems
    assert all(problem.isprintable() for problem in problems)
