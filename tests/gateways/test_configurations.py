"""What can be printed for a gateway and what cannot, before any gateway reads it."""

from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.cli.gateways import FILES, Plan, render_gateway
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen
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


@pytest.mark.parametrize("flag", ["listen", "auth"])
def test_unix_sockets_are_for_nginx_alone(flag: str) -> None:
    plan = replace(PLAN, **{flag: SOCKET})  # type: ignore[arg-type]  # either field
    assert "unix:/run/sidecar.sock" in render_gateway("nginx", plan)["nginx.conf"]
    with pytest.raises(SidecarError, match=f"--{flag}: Traefik knows no Unix sockets"):
        render_gateway("traefik", plan)


def test_the_plan_without_a_fault_can_be_had() -> None:
    assert list(render_gateway("nginx", PLAN)) == ["nginx.conf"]
    assert list(render_gateway("traefik", PLAN)) == ["routes.yaml", "traefik.yaml"]


def test_no_file_of_a_gateway_takes_the_place_of_one_of_ours() -> None:
    ours = {"sidecar.yaml", "policy.yaml"}
    assert all(ours.isdisjoint(files) for files in FILES.values())


def _read(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.asyncio
async def test_files_written_beside_the_settings_leave_them_alone(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    before = _read(tmp_path)
    for name in FILES:
        assert (await service.run("gateway", name, "--out", str(tmp_path))).status == 0
    after = _read(tmp_path)
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {"nginx.conf", "routes.yaml", "traefik.yaml"}
