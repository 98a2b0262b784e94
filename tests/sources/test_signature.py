"""What a file looks like to who watches it: every kind of change shows."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.sources.watch import sign_files


def _wait_for_the_clock_of_files(path: Path) -> None:
    """File times advance with the kernel's tick: two changes within one look the same."""
    probe = path.with_name("probe")
    probe.write_text("")
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


def _replace(path: Path) -> None:
    path.with_name("new").write_text("first")
    path.with_name("new").replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "written, as long as before": lambda path: path.write_text("other"),
    "made private": lambda path: path.chmod(0o600),
    "replaced by another of the same size": _replace,
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_kind_of_change_is_seen(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = tmp_path / "file"
    path.write_text("first")
    before = sign_files([path])
    _wait_for_the_clock_of_files(path)
    change(path)
    assert sign_files([path]) != before


def test_a_file_that_nobody_touches_looks_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("first")
    before = sign_files([path, tmp_path / "missing"])
    path.read_text()
    assert sign_files([path]) == before


def test_a_write_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """`cp -p`, `rsync -t` and whoever else sets the time of what they wrote back."""
    path = tmp_path / "file"
    path.write_text("first")
    stat = path.stat()
    before = sign_files([path])
    _wait_for_the_clock_of_files(path)
    path.write_text("other")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert sign_files([path]) != before
