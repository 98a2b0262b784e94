"""`SIDECAR_SECTION__KEY` and the files that `SIDECAR_SECTION__KEY_FILE` names."""

from pathlib import Path

import pytest

from tests.settings.reading import load, refuse, shown

LONG_PASSWORD = "a long enough passphrase"


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("SIDECAR_TOKENS__AUDIENCE", "[api, files]", "tokens.audience", ["api", "files"]),
        ("SIDECAR_TOKENS__AUDIENCE", "- api\n- files", "tokens.audience", ["api", "files"]),
        ("SIDECAR_TOKENS__AUDIENCE", '["10"]', "tokens.audience", ["10"]),
        ("SIDECAR_CORS__ORIGINS", "[]", "cors.origins", []),
        ("SIDECAR_SESSION__DOMAIN", "example.com", "session.domain", ["example.com"]),
        ("SIDECAR_SESSION__DOMAIN", "", "session.domain", None),
        ("SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH", "16", "accounts.password_min_length", 16),
        ("SIDECAR_ACCOUNTS__ADMIN_ROLE", "no", "accounts.admin_role", "no"),
        ("SIDECAR_ACCOUNTS__ADMIN_ROLE", "010", "accounts.admin_role", "010"),
        ("SIDECAR_REDIS__URL", "", "redis.url", None),
        ("SIDECAR_REDIS__URL", "redis://cache", "redis.url", "redis://cache"),
        ("SIDECAR_SERVER__GATE_LISTEN", "", "server.gate_listen", None),
        ("SIDECAR_TOKENS__ROLE_SCOPES", "{staff: [b, a]}", "tokens.role_scopes",
         {"staff": ["a", "b"]}),
        ("SIDECAR_IDENTITY__COOKIE", "keep", "identity.cookie", "keep"),
        ("SIDECAR_POLICY__FILE", "/etc/who.yaml", "policy.file", "/etc/who.yaml"),
    ],
)  # fmt: skip
def test_lists_and_numbers_are_yaml_and_everything_else_is_text(
    tmp_path: Path, name: str, text: str, key: str, value: object
) -> None:
    public = {"SIDECAR_SERVER__PUBLIC_URL": "https://auth.example.com"}
    assert shown(load(tmp_path, environ={name: text, **public}), key) == value


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"SIDECAR_TOKENS__AUDIENCE": "api"},
            "SIDECAR_TOKENS__AUDIENCE: must be a list, such as [a, b]",
        ),
        (
            {"SIDECAR_TOKENS__AUDIENCE": "[api, no]"},
            (
                "SIDECAR_TOKENS__AUDIENCE: 1: no is a boolean to some readers:"
                " write true or false, or quote it"
            ),
        ),
        (
            {"SIDECAR_TOKENS__AUDIENCE": "[api"},
            "SIDECAR_TOKENS__AUDIENCE: is not YAML: did not find expected ',' or ']'",
        ),
        (
            {"SIDECAR_TOKENS__AUDIENCE": "[1]"},
            (
                "SIDECAR_TOKENS__AUDIENCE: 0: must be text of 1 to 512 characters,"
                " none of them a control character; quote it"
            ),
        ),
        (
            {"SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH": "010"},
            "SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH: must be a whole number",
        ),
        (
            {"SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH": ""},
            "SIDECAR_ACCOUNTS__PASSWORD_MIN_LENGTH: must have a value",
        ),
        (
            {"SIDECAR_SERVER__LISTEN": ""},
            "SIDECAR_SERVER__LISTEN: must be HOST:PORT, [IPV6]:PORT or unix:PATH",
        ),
        (
            {"SIDECAR_SERVER__LISTN": "x"},
            "SIDECAR_SERVER__LISTN: there is no such setting; did you mean SIDECAR_SERVER__LISTEN?",
        ),
        (
            {"SIDECAR_SERVR__LISTEN": "x"},
            "SIDECAR_SERVR__LISTEN: there is no such setting; did you mean SIDECAR_SERVER__LISTEN?",
        ),
        (
            {"SIDECAR_REDIS__URI_FILE": "x"},
            "SIDECAR_REDIS__URI_FILE: there is no such setting; did you mean SIDECAR_REDIS__URL?",
        ),
        ({"SIDECAR_XYZZY__": ""}, "SIDECAR_XYZZY__: there is no such setting"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    tmp_path: Path, environ: dict[str, str], problem: str
) -> None:
    assert refuse(tmp_path, environ=environ) == [problem]


@pytest.mark.parametrize(
    "environ",
    [
        {"SIDECAR_PORT": "tcp://10.0.0.1:8420"},  # what Kubernetes sets for a Service of this name
        {"SIDECAR_PORT_8420_TCP_ADDR": "10.0.0.1", "SIDECAR_SERVICE_HOST": "10.0.0.1"},
        {"SIDECAR_LISTEN": "nowhere"},
        {"XSIDECAR_SERVER__LISTEN": "nowhere"},
        {"server__listen": "nowhere"},
    ],
)
def test_variables_that_are_not_ours_are_left_alone(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert load(tmp_path, environ=environ) == load(tmp_path)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_end_of_a_secret_file_is_no_part_of_the_secret(tmp_path: Path, end: str) -> None:
    (tmp_path / "secret").write_bytes(f" {LONG_PASSWORD} {end}".encode())
    environ = {"SIDECAR_BOOTSTRAP__ADMIN": "root", "SIDECAR_BOOTSTRAP__PASSWORD_FILE": "secret"}
    assert load(tmp_path, environ=environ).bootstrap.password == f" {LONG_PASSWORD} "


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"SIDECAR_KEYS__PASSPHRASE_FILE": "passphrase"}, "passphrase"),
        ({"SIDECAR_KEYS__PASSPHRASE_FILE": "/run/secrets/keys"}, "/run/secrets/keys"),
        ({"SIDECAR_KEYS__PASSPHRASE_FILE": ""}, None),
        ({"SIDECAR_KEYS__PASSPHRASE_FILE_FILE": "which"}, "/etc/passphrase"),
    ],
)
def test_a_key_whose_name_ends_in_file_is_that_key_and_no_file_with_it(
    tmp_path: Path, environ: dict[str, str], path: str | None
) -> None:
    (tmp_path / "passphrase").write_text("a passphrase")
    (tmp_path / "which").write_text("/etc/passphrase\n")
    found = load(tmp_path, environ=environ).keys.passphrase_file
    assert found == (None if path is None else tmp_path / path)


def test_there_is_no_passphrase_in_a_variable(tmp_path: Path) -> None:
    """Whoever lists processes would read it; and it is not what the file's variable is of."""
    (line,) = refuse(tmp_path, environ={"SIDECAR_KEYS__PASSPHRASE": "a passphrase"})
    assert line == (
        "SIDECAR_KEYS__PASSPHRASE: there is no such setting;"
        " did you mean SIDECAR_KEYS__PASSPHRASE_FILE?"
    )


def test_a_key_that_is_named_file_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "which").write_text("/etc/who.yaml\n")
    settings = load(tmp_path, environ={"SIDECAR_POLICY__FILE_FILE": "which"})
    assert settings.policy_file == Path("/etc/who.yaml")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "secret: No such file or directory"),
        (b"\xff", "secret:1: is not UTF-8"),
        (b"x" * 262_145, "secret: is larger than 262144 octets"),
    ],
)
def test_a_secret_file_that_cannot_be_read_is_one_problem(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    environ = {"SIDECAR_BOOTSTRAP__ADMIN": "root", "SIDECAR_BOOTSTRAP__PASSWORD_FILE": "secret"}
    assert refuse(tmp_path, environ=environ) == [f"SIDECAR_BOOTSTRAP__PASSWORD_FILE: {problem}"]


def test_a_secret_file_may_not_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert refuse(tmp_path, environ={"SIDECAR_REDIS__URL_FILE": "folder"}) == [
        "SIDECAR_REDIS__URL_FILE: folder: Is a directory"
    ]


def test_a_variable_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://cache")
    environ = {"SIDECAR_REDIS__URL": "redis://cache", "SIDECAR_REDIS__URL_FILE": "url"}
    assert refuse(tmp_path, environ=environ) == [
        "SIDECAR_REDIS__URL_FILE: SIDECAR_REDIS__URL is set too; one of the two must go"
    ]


def test_octets_that_are_no_text_are_refused(tmp_path: Path) -> None:
    odd = "api\udcff"  # how Python hands on a variable that is not UTF-8
    assert refuse(tmp_path, environ={"SIDECAR_TOKENS__AUDIENCE": f"[{odd}]"}) == [
        "SIDECAR_TOKENS__AUDIENCE: has octets that are not UTF-8"
    ]
    assert refuse(tmp_path, environ={"SIDECAR_KEYS__DIRECTORY": odd}) == [
        (
            "SIDECAR_KEYS__DIRECTORY: must be text of 1 to 4096 characters,"
            " none of them a control character"
        )
    ]


def test_a_flag_may_have_a_type_of_its_own(tmp_path: Path) -> None:
    key = "accounts.password_min_length"
    assert shown(load(tmp_path, flags={key: 16}), key) == 16
    assert refuse(tmp_path, flags={key: 7}) == [
        "--password-min-length: must be 8 to 256 characters"
    ]


def test_a_flag_that_is_wrong_is_named_as_it_is_typed(tmp_path: Path) -> None:
    assert refuse(tmp_path, flags={"server.operations_listen": "nowhere"}) == [
        "--operations-listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH"
    ]
