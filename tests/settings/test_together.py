"""What is wrong only together, and what is allowed but hardly meant."""

from pathlib import Path

import pytest

from sidecar.settings import find_warnings
from tests.settings.reading import load, refuse

PASSWORD = "a long enough passphrase"
NEARBY = (
    "gateway.trusted_proxies: only this machine may ask, but server.gate_listen is open to others:"
    " a gateway that connects to"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('server: {listen: "127.0.0.1:1", operations_listen: "127.0.0.1:1"}',
         ("server.operations_listen: server.listen and server.operations_listen are the same"
         " address")),
        ('server: {listen: "127.0.0.1:8421"}',
         "server.listen: server.listen and server.operations_listen are the same address"),
        ('server: {listen: "unix:s", operations_listen: "unix:s"}',
         ("server.operations_listen: server.listen and server.operations_listen are the same"
         " address")),
        ('server: {gate_listen: "127.0.0.1:8420"}',
         "server.gate_listen: server.listen and server.gate_listen are the same address"),
        ('server: {listen: "unix:s", gate_listen: "unix:s"}',
         "server.gate_listen: server.listen and server.gate_listen are the same address"),
        ('server: {gate_listen: "127.0.0.1:8421"}',
         ("server.gate_listen: server.operations_listen and server.gate_listen are the same"
          " address")),
        ("bootstrap: {admin: root}",
         "bootstrap.admin: bootstrap.admin and bootstrap.password go together"),
        (f"bootstrap: {{password: {PASSWORD}}}",
         "bootstrap.password: bootstrap.admin and bootstrap.password go together"),
        ("bootstrap: {admin: root, password: elevenchars}",
         "bootstrap.password: must have at least 12 characters (accounts.password_min_length)"),
        (f"accounts: {{password_min_length: 25}}\nbootstrap: {{admin: root, password: {PASSWORD}}}",
         "bootstrap.password: must have at least 25 characters (accounts.password_min_length)"),
        ("session: {domain: example.org}",
         ("session.domain: must hold localhost, the host of server.public_url:"
         " its login could set no cookie")),
        ("server: {public_url: https://notexample.com}\nsession: {domain: example.com}",
         ("session.domain: must hold notexample.com, the host of server.public_url:"
         " its login could set no cookie")),
        ("revocation: {keep_after: 9s}",
         ("revocation.keep_after: revocation.keep_after must not be shorter than"
         " tokens.clock_skew")),
        ("tokens: {clock_skew: 3m}\nrevocation: {keep_after: 2m}",
         ("revocation.keep_after: revocation.keep_after must not be shorter than"
         " tokens.clock_skew")),
        ("keys: {rotate_every: 10m}",
         ("keys.rotate_every: must be longer than keys.publish_ahead: a key would be due before"
         " the last one signs")),
        ("keys: {rotate_every: 2s, publish_ahead: 2s}",
         ("keys.rotate_every: must be longer than keys.publish_ahead: a key would be due before"
         " the last one signs")),
    ],
)  # fmt: skip
def test_settings_that_exclude_each_other_are_told_where_somebody_set_one(
    tmp_path: Path, text: str, problem: str
) -> None:
    (told,) = refuse(tmp_path, text)
    assert told.partition(": ")[2] == problem


@pytest.mark.parametrize(
    "text",
    [
        'server: {listen: "127.0.0.1:0", operations_listen: "127.0.0.1:0"}',
        'server: {listen: "127.0.0.1:1", operations_listen: "127.0.0.2:1"}',
        'server: {listen: "127.0.0.1:0", gate_listen: "127.0.0.1:0"}',
        'server: {listen: "unix:s", gate_listen: "unix:g", operations_listen: "unix:o"}',
        f"bootstrap: {{admin: root, password: {PASSWORD}}}",
        "bootstrap: {admin: root, password: twelve chars}",
        "server: {public_url: https://example.com}\nsession: {domain: example.com}",
        "server: {public_url: https://a.b.example.com}\nsession: {domain: [x.org, example.com]}",
        "tokens: {clock_skew: 10s}\nrevocation: {keep_after: 10s}",
        "keys: {rotate_every: 2s, publish_ahead: 1s}",
        "keys: {rotate_every: 601s}",
    ],
)
def test_settings_that_get_along_are_taken(tmp_path: Path, text: str) -> None:
    load(tmp_path, text)


def test_the_problem_names_the_source_that_set_the_key(tmp_path: Path) -> None:
    environ = {"SIDECAR_SESSION__DOMAIN": "example.org"}
    flags = {"server.operations_listen": "127.0.0.1:8420"}
    assert refuse(tmp_path, environ=environ, flags=flags) == [
        (
            "SIDECAR_SESSION__DOMAIN: must hold localhost, the host of server.public_url:"
            " its login could set no cookie"
        ),
        "--operations-listen: server.listen and server.operations_listen are the same address",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "bootstrap: {admin: root, password: 1}",
        "bootstrap: {admin: a b}",
        "session: {domain: [example.org, x]}",
        "revocation: {keep_after: 9}",
        'server: {listen: "127.0.0.1", operations_listen: "127.0.0.1:8420"}',
        "bootstrap: &b {admin: root}",
        "bootstrap: {admin: root, password: *p}",
        "bootstrap: {admin: root}\nbootstrap: {}",
        "revocation: text\ntokens: {clock_skew: 5m}",
        "revocation: {keep_after: 9s}\n---\n",
    ],
)
def test_nothing_is_said_of_a_wrong_value_together_with_others(tmp_path: Path, text: str) -> None:
    (problem,) = refuse(tmp_path, text)
    assert "together" not in problem
    assert "same" not in problem
    assert "hold" not in problem
    assert "shorter" not in problem


def test_a_socket_has_a_path_that_the_kernel_takes(tmp_path: Path) -> None:
    longest = 107 - len(f"{tmp_path}/")
    load(tmp_path, f"server: {{listen: 'unix:{'s' * longest}'}}")
    path = f"{'s' * longest}s"
    for key in ("listen", "operations_listen", "gate_listen"):
        (problem,) = refuse(tmp_path, f"server: {{{key}: 'unix:{path}'}}")
        assert problem == (
            f"sidecar.yaml:1: server.{key}:"
            f" the path of a Unix socket has at most 107 octets: {path}"
        )


def test_a_folder_whose_name_would_be_read_as_a_query_holds_no_database(tmp_path: Path) -> None:
    folder = tmp_path / "what?"
    folder.mkdir()
    (problem,) = refuse(folder)
    assert problem.startswith("database.url: must be sqlite:///PATH without `?` in the path: ")
    load(folder, "database: {url: sqlite:////elsewhere/sidecar.db}")


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("", []),
        ("server: {public_url: https://example.com}", []),
        ("server: {public_url: http://127.0.0.1:1}", []),
        ('server: {public_url: "http://[::1]:1"}', []),
        ("server: {public_url: http://auth.localhost}", []),
        ("server: {public_url: http://auth.example.com}",
         [("server.public_url: http://auth.example.com is not https:"
          " browsers keep no Secure cookie from there")]),
        ("server: {public_url: http://notlocalhost}",
         [("server.public_url: http://notlocalhost is not https:"
          " browsers keep no Secure cookie from there")]),
        ("server: {public_url: http://10.0.0.1}",
         [("server.public_url: http://10.0.0.1 is not https:"
          " browsers keep no Secure cookie from there")]),
        ('gateway: {trusted_proxies: [0.0.0.0/0, "::/0", 0.0.0.0/1]}',
         ["gateway.trusted_proxies: 0.0.0.0/0 lets everybody say who asks",
          "gateway.trusted_proxies: ::/0 lets everybody say who asks"]),
        ("server: {gate_listen: 127.0.0.1:1}", []),
        ("server: {gate_listen: localhost:1}", []),
        ("server: {gate_listen: 'unix:gate'}", []),
        ("server: {gate_listen: 10.0.0.1:1}\ngateway: {trusted_proxies: [127.0.0.1, 10.0.0.2]}",
         []),
        ("server: {gate_listen: 10.0.0.1:1}", [f"{NEARBY} 10.0.0.1:1 from elsewhere is refused"]),
        ("server: {gate_listen: 0.0.0.0:1}\ngateway: {trusted_proxies: []}",
         [f"{NEARBY} 0.0.0.0:1 from elsewhere is refused"]),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_a_warning(tmp_path: Path, text: str, warnings: list[str]) -> None:
    assert list(find_warnings(load(tmp_path, text))) == warnings
