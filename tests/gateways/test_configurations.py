"""What can be printed for a gateway and what cannot, before any gateway reads it."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.cli.gateways import FILES, Plan, render_gateway
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen
from tests.programs.gateways import checker_of, environ_of, write_files
from tests.programs.service import make_service

PLAN = Plan(
    hosts=("app.example.com",),
    upstream="http://127.0.0.1:8000",
    listen=Listen("0.0.0.0", 80),  # noqa: S104 - nothing listens
    auth=Listen("127.0.0.1", 8420),
    public_url="https://app.example.com/auth",
)
SOCKET = Listen(path=Path("/run/sidecar.sock"))

REFUSED = [
    ("no host", {"hosts": ()}, "no host to guard: say --host, or write a policy"),
    (
        "the service's own host",
        {"public_url": "https://app.example.com"},
        "--host: app.example.com is the service's own; give server.public_url a path",
    ),
    ("a scheme", {"hosts": ("https://a.example.com",)}, "--host: https://a.example.com is not"),
    ("a port", {"hosts": ("a.example.com:80",)}, "--host: a.example.com:80 is not a host"),
    ("a star within", {"hosts": ("a.*.example.com",)}, "--host: a.*.example.com is not a host"),
    ("a directive", {"hosts": ("a; return 200",)}, "--host: a; return 200 is not a host"),
    ("a line", {"hosts": ("a\nb",)}, "--host: "),
    ("a back quote", {"hosts": ("a`) || Host(`b",)}, "--host: "),
    ("no scheme", {"upstream": "127.0.0.1:8000"}, "--upstream: must be http://HOST:PORT"),
    ("https", {"upstream": "https://a"}, "--upstream: must be http://HOST:PORT"),
    ("a path", {"upstream": "http://a/b"}, "--upstream: must be http://HOST:PORT"),
    ("a user", {"upstream": "http://u@a"}, "--upstream: must be http://HOST:PORT"),
    ("a semicolon", {"upstream": "http://a;b"}, "--upstream: must be http://HOST:PORT"),
    ("nothing", {"upstream": "http://"}, "--upstream: must be http://HOST:PORT"),
]


@pytest.mark.parametrize(
    ("change", "line"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
@pytest.mark.parametrize("name", sorted(FILES))
def test_what_no_gateway_can_do_is_refused_in_one_line(
    name: str, change: dict[str, object], line: str
) -> None:
    with pytest.raises(SidecarError) as told:
        render_gateway(name, replace(PLAN, **change))  # type: ignore[arg-type]  # a table of rows
    assert str(told.value).startswith(line)


@pytest.mark.parametrize("flag", ["listen", "auth", "pages"])
def test_traefik_alone_knows_no_unix_sockets(flag: str) -> None:
    plan = replace(PLAN, **{flag: SOCKET})  # type: ignore[arg-type]  # each field is an address
    for name in FILES.keys() - {"traefik"}:
        assert "/run/sidecar.sock" in "".join(render_gateway(name, plan).values()), name
    with pytest.raises(SidecarError, match=f"--{flag}: Traefik knows no Unix sockets"):
        render_gateway("traefik", plan)


PLANS = [
    ("the service below a path", {}),
    ("the service at a host of its own", {"public_url": "https://auth.example.com"}),
    ("the service below a path of its own host", {"public_url": "https://auth.example.com/sso"}),
    ("a wildcard", {"hosts": ("*.example.com",)}),
    (
        "many hosts",
        {"hosts": tuple(f"{name}.example.com" for name in ("app", "*.a", "b", "*.c", "d"))},
    ),
    ("IPv6", {"listen": Listen("::1", 8080), "auth": Listen("::1", 8420)}),
    ("names", {"auth": Listen("localhost", 8420), "upstream": "http://localhost:8000"}),
    ("no port", {"upstream": "http://127.0.0.1"}),
    ("an IPv6 upstream", {"upstream": "http://[::1]:8000"}),
    ("other names for identities", {"identity": ("X-User", "Z")}),
    ("the gate elsewhere", {"pages": Listen("127.0.0.1", 8421)}),
    ("sockets", {"listen": SOCKET, "auth": SOCKET, "pages": SOCKET}),
]


@pytest.mark.parametrize("change", [row[1] for row in PLANS], ids=[row[0] for row in PLANS])
@pytest.mark.parametrize("name", sorted(FILES.keys() - {"traefik"}))  # it has no such check
def test_each_gateway_finds_no_fault_in_its_files(
    name: str, change: dict[str, object], tmp_path: Path
) -> None:
    plan = replace(PLAN, **change)  # type: ignore[arg-type]  # a table of rows
    for file, content in render_gateway(name, plan).items():
        (tmp_path / file).write_text(content)
    done = _check(name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = (done.stdout + done.stderr).lower()
    assert "[warn" not in told
    assert '"level":"warn"' not in told
    assert "deprecat" not in told


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"traefik"}))
def test_a_fault_would_be_found(name: str, tmp_path: Path) -> None:
    for file, content in render_gateway(name, PLAN).items():
        broken = content.replace("listen", "lisden").replace("bind", "bint")
        (tmp_path / file).write_text(broken)
    assert _check(name, tmp_path).returncode != 0


def _check(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, checker_of(name, folder))),
        cwd=folder,
        env={**os.environ, **environ_of(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


CLEARING = re.compile(r'request_header -|- remove: |del-header |_set_header \S+ "";|: ""$')


def test_no_file_of_a_gateway_takes_the_place_of_one_of_ours() -> None:
    ours = {"sidecar.yaml", "policy.yaml"}
    assert all(ours.isdisjoint(files) for files in FILES.values())


def _read(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.asyncio
async def test_what_somebody_else_made_is_not_replaced(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    own = tmp_path / "traefik.yaml"
    own.write_text("entryPoints: {}\n")
    before = _read(tmp_path)
    refused = await service.run("gateway", "traefik", "--out", str(tmp_path))
    assert refused.status == 1
    assert refused.err == f"{own}: is there already, and not made by this command\n"
    assert _read(tmp_path) == before
    own.unlink()
    for _ in range(2):
        assert (await service.run("gateway", "traefik", "--out", str(tmp_path))).status == 0


@pytest.mark.asyncio
async def test_a_host_in_two_spellings_is_one_host(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    twice = ("--host", "a.example", "--host", "A.example.")
    for name in FILES:
        once = await service.run("gateway", name, "--host", "a.example")
        assert once.status == 0
        assert await service.run("gateway", name, *twice) == once


@pytest.mark.asyncio
async def test_files_written_beside_the_settings_leave_them_alone(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    before = _read(tmp_path)
    for name in FILES:
        await write_files(service, tmp_path, name)
    after = _read(tmp_path)
    assert before.items() <= after.items()
    made = {file for files in FILES.values() for file in files}
    assert after.keys() - before.keys() == made


@pytest.mark.asyncio
async def test_the_flags_default_to_the_settings(tmp_path: Path) -> None:
    service = make_service(
        tmp_path,
        {
            "server": {"gate_listen": "127.0.0.1:8422", "public_url": "http://auth.example.com"},
            "identity": {
                "headers": {"user": "X-Who"},
                "assertion": {"header": "X-Proof", "enabled": False},
            },
        },
    )
    listen = service.settings["server"]["listen"]
    for name, (file, *_) in FILES.items():
        printed = await service.run("gateway", name)
        assert printed.status == 0, printed.err
        await write_files(service, tmp_path / name, name)
        written = (tmp_path / name / file).read_text()
        assert written.replace(f"{tmp_path / name}/", "") == printed.out
        text = "".join(each.read_text() for each in (tmp_path / name).iterdir())
        port = listen.rpartition(":")[2]
        for told in ("app.example.com", "auth.example.com", "X-Who", "X-Proof", "8422", port):
            assert told.lower() in text.lower().replace("\\.", "."), (name, told)
        # The names that are not used any more stand where they are taken away, and nowhere else.
        old = re.findall(
            r"^.*\b(?:remote-user|x-auth-assertion)\b.*$", text, re.MULTILINE | re.IGNORECASE
        )
        assert len(old) >= 2, name
        assert all(map(CLEARING.search, old)), (name, old)


@pytest.mark.asyncio
async def test_who_says_where_to_ask_says_where_the_pages_are(tmp_path: Path) -> None:
    for gate, pages, wanted in (
        (None, (), {"gate.internal:1"}),
        (None, ("--pages", "pages.internal:2"), {"gate.internal:1", "pages.internal:2"}),
        (
            "127.0.0.1:8422",
            ("--pages", "pages.internal:2"),
            {"gate.internal:1", "pages.internal:2"},
        ),
        ("127.0.0.1:8422", (), {"gate.internal:1", "listen"}),
    ):
        service = make_service(tmp_path, {"server": {"gate_listen": gate}})
        made = await service.run("gateway", "nginx", "--auth", "gate.internal:1", *pages)
        assert made.status == 0, made.err
        named = set(re.findall(r"upstream sidecar\w+ {\s+server (\S+);", made.out))
        listen = service.settings["server"]["listen"]
        assert named == {listen if each == "listen" else each for each in wanted}
