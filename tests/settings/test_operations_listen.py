"""Where the operations listener is: the short way says what the long way would, or nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sidecar import settings as room
from sidecar.settings import Listen, load_settings
from sidecar.settings.operations import find_operations_listen

LISTEN = "SIDECAR_SERVER__OPERATIONS_LISTEN"
DEFAULT = Listen("127.0.0.1", 8421)
OTHER = Listen("127.0.0.1", 9000)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (None, {}, DEFAULT),
        ("", {}, DEFAULT),
        ("server:\n", {}, DEFAULT),
        ("log: {level: debug}", {"SIDECAR_LOG__LEVEL": "info"}, DEFAULT),
        ("server: {operations_listen: '127.0.0.1:9000'}", {}, OTHER),
        ("server: {operations_listen: '127.0.0.1:9001'}", {LISTEN: "127.0.0.1:9000"}, OTHER),
        (None, {LISTEN: "[::1]:9000"}, Listen("::1", 9000)),
        ("identity: {assertion: {ttl: 30s}}", {"SIDECAR_IDENTITY__ASSERTION__TTL": "1m"}, DEFAULT),
        ("tokens: {role_scopes: {staff: [a:b]}}", {}, DEFAULT),
        (None, {"SIDECAR_PORT": "tcp://10.0.0.1:80", "SIDECAR_CONFIG": ""}, DEFAULT),
    ],
)
def test_it_says_what_all_settings_say(
    text: str | None, environ: Mapping[str, str], expected: Listen
) -> None:
    if text is not None:
        Path("sidecar.yaml").write_text(text)
    assert find_operations_listen(None, environ) == expected
    settings = load_settings(None, environ=environ, flags={})
    assert settings.server.operations_listen == expected


def test_a_socket_lies_beside_the_settings_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "sidecar.yaml").write_text("server: {operations_listen: 'unix:run/o.sock'}")
    told = Listen(path=folder / "run/o.sock")
    assert find_operations_listen(Path("etc/sidecar.yaml"), {}) == told
    assert find_operations_listen(None, {"SIDECAR_CONFIG": "etc/sidecar.yaml"}) == told
    environ = {"SIDECAR_CONFIG": "etc/sidecar.yaml", LISTEN: "unix:other"}
    assert find_operations_listen(None, environ) == Listen(path=folder / "other")
    assert load_settings(None, environ=environ, flags={}).server.operations_listen == Listen(
        path=folder / "other"
    )


def test_secrets_in_files_of_their_own_do_not_matter() -> None:
    environ = {"SIDECAR_BOOTSTRAP__PASSWORD_FILE": "none", "SIDECAR_BOOTSTRAP__ADMIN": "root"}
    assert find_operations_listen(None, environ) == DEFAULT


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("server: {operations_listen: 9000}", {}),
        ("server: {operations_listen: x}", {}),
        ("server: {operations_listen: null}", {}),
        ("server: {operation_listen: '127.0.0.1:9000'}", {}),
        ("sever: {operations_listen: '127.0.0.1:9000'}", {}),
        ("server: {listen: yes}", {}),
        ("server: {", {}),
        ("[]", {}),
        ("server: {listen: x, listen: y}", {}),
        ("", {LISTEN: ""}),
        ("", {LISTEN: "127.0.0.1"}),
        ("", {f"{LISTEN}_FILE": "address"}),
        ("", {LISTEN: "127.0.0.1:9000", f"{LISTEN}_FILE": "address"}),
        ("", {"SIDECAR_SERVER__OPERATION_LISTEN": "127.0.0.1:9000"}),
        ("", {"SIDECAR_SERVER__LISTEN__PORT": "9000"}),
        ("", {"SIDECAR_SERVER__": "9000"}),
        ("", {"SIDECAR_CONFIG": "elsewhere.yaml"}),
    ],
    ids=str,
)
def test_where_it_cannot_know_all_settings_are_judged(
    text: str, environ: Mapping[str, str]
) -> None:
    Path("sidecar.yaml").write_text(text)
    assert find_operations_listen(None, environ) is None


def test_every_name_of_the_settings_is_there_when_it_is_asked_for() -> None:
    """They are imported then, so that this way needs none of them."""
    for name in room.__all__:
        assert getattr(room, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        room.nothing  # noqa: B018 - the look is what raises
