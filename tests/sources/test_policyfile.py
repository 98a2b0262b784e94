"""The policy's file: missing, wrong, or taken away."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import LARGEST_POLICY
from sidecar.sources.policyfile import PolicyFile

pytestmark = pytest.mark.asyncio

POLICY = "hosts: {app.example.com: [{path: /**, allow: signed-in}]}\n"
WRONG: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("not UTF-8", lambda path: path.write_bytes(b"hosts: {\xff: []}"), "is not UTF-8"),
    ("not YAML", lambda path: path.write_text("hosts: {"), "is not YAML"),
    ("a list", lambda path: path.write_text("[]"), r"policy\.yaml"),
    ("an unknown key", lambda path: path.write_text("hots: {}"), "hots"),
    ("nested without end", lambda path: path.write_text("[" * 10_000), r"policy\.yaml"),
    (
        "too large in octets alone",
        lambda path: path.write_text("#" + "\u00e9" * (LARGEST_POLICY // 2) + "\nhosts: {}"),
        "larger",
    ),
    ("too large", lambda path: path.write_text("#" * (LARGEST_POLICY + 1)), "larger"),
    ("below a file", lambda path: path.symlink_to("/dev/null/policy.yaml"), "Not a directory"),
    ("a directory", lambda path: path.mkdir(), "is no file"),
    ("a pipe that nobody writes to", os.mkfifo, "is no file"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), "is no file"),
    ("a socket", lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "is no file"),
)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


@pytest.mark.parametrize("named", [False, True])
async def test_a_policy_is_read(path: Path, *, named: bool) -> None:
    write(path, POLICY)
    file = PolicyFile(path, named=named)
    policy = await file.read()
    assert policy.hosts == ("app.example.com",)
    assert not file.missing


async def test_where_nobody_named_a_file_a_missing_one_refuses_everything(path: Path) -> None:
    file = PolicyFile(path, named=False)
    assert (await file.read()).hosts == ()
    assert file.missing


async def test_a_missing_file_that_somebody_named_is_a_mistake(path: Path) -> None:
    file = PolicyFile(path, named=True)
    with pytest.raises(DocumentInvalid, match=f"{path}: there is no such file"):
        await file.read()


@pytest.mark.parametrize("named", [False, True])
async def test_a_file_that_was_read_and_is_gone_is_a_mistake(path: Path, *, named: bool) -> None:
    write(path, POLICY)
    file = PolicyFile(path, named=named)
    await file.read()
    remove(path)
    with pytest.raises(DocumentInvalid, match=f"{path}: there is no such file"):
        await file.read()
    assert not file.missing
    write(path, POLICY)
    assert (await file.read()).hosts == ("app.example.com",)


async def test_a_file_that_never_was_there_is_missing_however_often_it_is_read(
    path: Path,
) -> None:
    file = PolicyFile(path, named=False)
    for _ in range(2):
        assert (await file.read()).hosts == ()
        assert file.missing


@pytest.mark.parametrize("again", [False, True], ids=["at first", "later"])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("spoil", "problem"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
async def test_a_wrong_file_is_refused_with_its_name(
    path: Path, spoil: Callable[[Path], object], problem: str, *, named: bool, again: bool
) -> None:
    file = PolicyFile(path, named=named)
    if again:
        write(path, POLICY)
        await file.read()
        remove(path)
    spoil(path)
    with pytest.raises(DocumentInvalid, match=problem) as raised:
        await file.read()
    assert all(line.startswith(str(path)) for line in raised.value.problems)
    assert all("\n" not in line for line in raised.value.problems)


async def test_a_policy_that_comes_later_is_no_longer_missing(path: Path) -> None:
    file = PolicyFile(path, named=False)
    await file.read()
    before = file.sign()
    write(path, POLICY)
    assert file.sign() != before
    assert (await file.read()).hosts == ("app.example.com",)
    assert not file.missing


async def test_a_policy_in_a_folder_that_is_swapped_as_a_whole_looks_changed(
    tmp_path: Path,
) -> None:
    """As Kubernetes changes a mounted ConfigMap: `..data` points somewhere else."""
    for name, text in (("one", POLICY), ("two", POLICY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(text)
    (tmp_path / "data").symlink_to("one")
    file = PolicyFile(tmp_path / "data" / "policy.yaml", named=True)
    before = file.sign()
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    assert file.sign() != before
