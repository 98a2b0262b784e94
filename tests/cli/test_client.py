"""`sidecar client`: programs, from the first secret to the last."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.running import Ran, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

SECRET = "sidecar_secret_[A-Za-z0-9_-]{54}"
CLIENT_ID = "App-[A-Za-z0-9_-]{22}"


async def add(folder: Path, name: str, *arguments: str) -> dict[str, str]:
    ran = await sidecar(folder, "client", "add", name, *arguments, "--json")
    assert (ran.status, ran.problems) == (0, [f"added {name}"])
    made: dict[str, str] = json.loads(ran.out)
    assert list(made) == ["client_id", "client_secret"]
    return made


async def list_all(folder: Path) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(
        (await sidecar(folder, "client", "list", "--json")).out
    )
    return listed


async def test_a_program_is_added_and_its_secret_printed_once(tmp_path: Path) -> None:
    ran = await sidecar(tmp_path, "client", "add", "reports", "--scope", "b", "--scope", "a")
    assert (ran.status, ran.problems) == (0, ["added reports"])
    assert re.fullmatch(f"client_id: {CLIENT_ID}\nclient_secret: {SECRET}\n", ran.out)
    made = await add(tmp_path, "files", "--audience", "files", "--audience", "x")
    assert re.fullmatch(CLIENT_ID, made["client_id"])
    assert re.fullmatch(SECRET, made["client_secret"])
    files, reports = await list_all(tmp_path)
    assert list(files) == [
        *("client_id", "name", "scopes", "audience", "created_at", "updated_at"),
    ]
    assert files["client_id"] == made["client_id"]
    assert (files["scopes"], files["audience"]) == ([], ["files", "x"])
    assert (reports["scopes"], reports["audience"]) == (["a", "b"], ["api"])


async def test_programs_are_listed_by_name(tmp_path: Path) -> None:
    empty, as_json = await sidecar_each(tmp_path, ("client", "list"), ("client", "list", "--json"))
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    assert as_json.out == "[]\n"
    second = (await add(tmp_path, "b"))["client_id"]
    first = (await add(tmp_path, "a", "--scope", "x"))["client_id"]
    listed = await sidecar(tmp_path, "client", "list")
    width = len(first)
    assert listed.out.splitlines() == [
        f"{'CLIENT_ID'.ljust(width)}  NAME  SCOPES  AUDIENCE",
        f"{first}  a     x       api",
        f"{second}  b     -       api",
    ]


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_program_is_given_another_secret_by_name_or_id(
    tmp_path: Path, *, by_name: bool
) -> None:
    made = await add(tmp_path, "reports")
    named = "reports" if by_name else made["client_id"]
    ran = await sidecar(tmp_path, "client", "rotate", named, "--json")
    assert (ran.status, ran.problems) == (0, [f"gave {named} another secret"])
    turned = json.loads(ran.out)
    assert turned["client_id"] == made["client_id"]
    assert turned["client_secret"] != made["client_secret"]
    plain = await sidecar(tmp_path, "client", "rotate", named, "--drop-previous")
    assert re.fullmatch(f"client_id: {CLIENT_ID}\nclient_secret: {SECRET}\n", plain.out)
    assert len(await list_all(tmp_path)) == 1


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_program_is_removed_by_name_or_id(tmp_path: Path, *, by_name: bool) -> None:
    made = await add(tmp_path, "reports")
    await add(tmp_path, "other")
    named = "reports" if by_name else made["client_id"]
    ran = await sidecar(tmp_path, "client", "remove", named)
    assert (ran.status, ran.out, ran.problems) == (0, "", [f"removed {named}"])
    assert [each["name"] for each in await list_all(tmp_path)] == ["other"]
    again = await sidecar(tmp_path, "client", "remove", named)
    assert (again.status, again.problems) == (1, [f"there is no program {named!r}"])


async def test_what_cannot_be_done_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    await add(tmp_path, "reports")
    before = await list_all(tmp_path)
    unknown = "App-" + "A" * 22
    cases = {
        ("add", "reports"): "the name 'reports' is taken",
        ("add", ""): "name: must be 1 to 64 characters",
        ("add", unknown): "name: must be 1 to 64 characters",
        ("add", "x", "--scope", "a b"): "scopes/0: must be a scope",
        ("add", "x", "--audience", ""): "audience/0: must be text",
        ("add", "x", "--audience", "y", "--audience", "y"): "audience: must name",
        ("rotate", "other"): "there is no program 'other'",
        ("rotate", unknown): f"there is no program '{unknown}'",
        ("rotate", "\udcff"): "there is no program '\\udcff'",
        ("remove", "other"): "there is no program 'other'",
        ("remove", unknown): f"there is no program '{unknown}'",
    }
    ended: list[Ran] = await sidecar_each(tmp_path, *(("client", *call) for call in cases))
    for ran, told in zip(ended, cases.values(), strict=True):
        assert (ran.status, ran.out) == (1, "")
        (problem,) = ran.problems
        assert problem.startswith(told)
    assert await list_all(tmp_path) == before


async def test_what_is_called_wrongly_exits_2(tmp_path: Path) -> None:
    calls = (("add",), ("rotate",), ("remove",), ("add", "a", "b"), ("add", "a", "--secret", "x"))
    for ran in await sidecar_each(tmp_path, *(("client", *call) for call in calls)):
        assert (ran.status, ran.out) == (2, "")
