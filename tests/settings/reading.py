"""Write a settings file into a folder, read it, and tell what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.errors import DocumentInvalid
from sidecar.settings import Settings, describe_settings, load_settings

FILE = "sidecar.yaml"


def load(
    folder: Path,
    text: str | bytes = "",
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Return the settings of this file, environment and these flags."""
    file = folder / FILE
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_settings(file, environ=environ or {}, flags=flags or {})


def refuse(
    folder: Path,
    text: str | bytes = "",
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> list[str]:
    """Return the problems, files by their names in the folder."""
    with pytest.raises(DocumentInvalid) as raised:
        load(folder, text, environ=environ, flags=flags)
    return [problem.replace(f"{folder}/", "") for problem in raised.value.problems]


def write(key: str, value: object) -> str:
    """Return a settings file with one key, spelled `section.key`."""
    section, _, name = key.partition(".")
    return yaml.safe_dump({section: {name: value}}, default_flow_style=True, width=1_000_000)


def shown(settings: Settings, key: str) -> Any:
    """Return what `config show` says of a key."""
    section, _, name = key.partition(".")
    return describe_settings(settings)[section][name]
