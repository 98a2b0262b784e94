"""Every problem at once, each on one line with its file, line and key."""

from pathlib import Path

import pytest

from sidecar.errors import DocumentInvalid
from sidecar.settings import load_settings
from tests.settings.reading import FILE, refuse

MANY = """\
server:
  listen: nowhere
  public_url: ftp://example.com
tokens:
  access_tll: 10m
  audience: []
  clock_skew: 6m
  clock_skew: 5m
revocation: {when_stale: denied}
accounts:
  password_min_length: 7
  admin_role: no
cors: {origins: ["https://ok.example", "*"]}
colour: {x: 1}
log: loud
"""


def test_every_problem_is_told_at_once_with_file_line_and_key(tmp_path: Path) -> None:
    environ = {"SIDECAR_REDIS__URL": "http://cache", "SIDECAR_KEYS__DIR": "x"}
    flags = {"server.operations_listen": "7"}
    assert refuse(tmp_path, MANY, environ=environ, flags=flags) == [
        "sidecar.yaml:2: server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH",
        (
            "sidecar.yaml:3: server.public_url: must be http(s)://HOST[:PORT][/PATH],"
            " without query, fragment and user"
        ),
        "sidecar.yaml:5: tokens.access_tll: there is no such key; did you mean access_ttl?",
        "sidecar.yaml:6: tokens.audience: must name at least one audience, and each once",
        "sidecar.yaml:8: tokens.clock_skew: stands twice",
        "sidecar.yaml:9: revocation.when_stale: must be deny or allow; did you mean deny?",
        "sidecar.yaml:11: accounts.password_min_length: must be 8 to 256 characters",
        (
            "sidecar.yaml:12: accounts.admin_role: no is a boolean to some readers:"
            " write true or false, or quote it"
        ),
        (
            "sidecar.yaml:13: cors.origins.1:"
            " must be one origin, http(s)://HOST[:PORT] without a path; `*` is not possible"
        ),
        "sidecar.yaml:14: colour: there is no such section; did you mean cors?",
        "sidecar.yaml:15: log: must be a mapping of keys",
        "SIDECAR_KEYS__DIR: there is no such setting; did you mean SIDECAR_KEYS__DIRECTORY?",
        (
            "SIDECAR_REDIS__URL: must be redis://, rediss://, redis+sentinel://, rediss+sentinel://,"
            " redis+cluster://, rediss+cluster:// or unix://, as docs/redis.md spells them"
        ),
        "--operations-listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("servr: {}", "servr: there is no such section; did you mean server?"),
        ("server: {lissen: x}", "server.lissen: there is no such key; did you mean listen?"),
        ("server: {dialect: x}",
         "server.dialect: there is no such key; did you mean gateway.dialect?"),
        ("server: {xyzzy: x}", "server.xyzzy: there is no such key"),
        ("listen: x", "listen: there is no such section"),
        ("xyzzy: 1", "xyzzy: there is no such section"),
        ("server: []", "server: must be a mapping of keys"),
        ("server: text", "server: must be a mapping of keys"),
        ("server: {listen: }", "server.listen: must have a value"),
        ("server: {listen: {a: b}}",
         "server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH"),
        ("server: {listen: 8420}",
         "server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH"),
        ("tokens: {audience: [a, a]}",
         "tokens.audience: must name at least one audience, and each once"),
        ("tokens: {audience: [a, [b]]}",
         ("tokens.audience.1: must be text of 1 to 512 characters,"
         " none of them a control character")),
        ("accounts: {password_min_length: true}",
         "accounts.password_min_length: must be a whole number"),
        ('accounts: {password_min_length: "12"}',
         "accounts.password_min_length: must be a whole number"),
        ("accounts: {password_min_length: 12.5}",
         "accounts.password_min_length: must be a whole number"),
        ('"a\\nb": 1', "a\\nb: there is no such section"),
        (f"{'k' * 200}: 1", f"{'k' * 80}: there is no such section"),
        ("- server", "must be a mapping of sections"),
        ("server", "must be a mapping of sections"),
    ],
    ids=lambda text: text[:40].encode("unicode_escape").decode(),
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_what_to_write(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert refuse(tmp_path, text) == [f"sidecar.yaml:1: {problem}"]


@pytest.mark.parametrize("key", ["server.backlog", "throttle.attempts_per_hour"])
def test_a_key_that_does_nothing_yet_is_unknown(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    (problem,) = refuse(tmp_path, f"{section}: {{{name}: 1}}")
    assert "there is no such" in problem


def test_a_file_in_which_everything_is_a_comment_sets_nothing(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "server:\n  # listen: x\ntokens:\n", "---\n", "{}"):
        (tmp_path / FILE).write_text(text)
        load_settings(tmp_path / FILE, environ={}, flags={})


def test_who_gave_the_wrong_file_gets_no_more_than_a_hundred_lines(tmp_path: Path) -> None:
    problems = refuse(tmp_path, "".join(f"key{number}: 1\n" for number in range(1000)))
    assert len(problems) == 101
    assert problems[-1] == "sidecar.yaml: and 900 more problems"


def test_a_value_is_never_told_back_for_it_may_be_a_secret(tmp_path: Path) -> None:
    secret = "hunter2hunter2"
    text = (
        f"server: {{listen: {secret}, public_url: {secret}}}\n"
        f"tokens: {{access_ttl: {secret}, audience: {secret}}}\n"
        f"database: {{url: 'mysql://u:{secret}@db/x'}}\nredis: {{url: '{secret}'}}\n"
        f"log: {{level: {secret}}}\nbootstrap: {{admin: '{secret} x', password: \"{secret}\\n\"}}\n"
    )
    problems = refuse(tmp_path, text, environ={"SIDECAR_CORS__ORIGINS": f"[{secret}]"})
    assert len(problems) == 10
    assert secret not in "\n".join(problems)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere.yaml", "nowhere.yaml: No such file or directory"),
        ("folder", "folder: Is a directory"),
        ("a\0b", "a\0b: is not a path"),
    ],
)
def test_a_named_file_must_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DocumentInvalid) as raised:
        load_settings(Path(name), environ={}, flags={})
    assert raised.value.problems == (told,)


def test_what_stands_in_a_file_that_cannot_be_read_is_not_missed(tmp_path: Path) -> None:
    # The other half of the pair may well stand in the file.
    environ = {"SIDECAR_BOOTSTRAP__ADMIN": "root", "SIDECAR_LOG__LEVEL": "loud"}
    problems = refuse(tmp_path, "bootstrap: {password: [}", environ=environ)
    assert [problem.partition(":")[0] for problem in problems] == [FILE, "SIDECAR_LOG__LEVEL"]
