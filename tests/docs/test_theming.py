"""The page about the pages: its theme is one that a start takes."""

from pathlib import Path

from sidecar.app.theming import read_theme
from sidecar.settings import load_settings
from sidecar.web.pages.engine import FOLDER
from tests.docs.markdown import ROOT, read_blocks

PAGE = ROOT / "docs/pages.md"


def test_the_example_of_a_theme_is_taken(tmp_path: Path) -> None:
    blocks = {block.language: block.text for block in read_blocks(PAGE)}
    assert set(blocks) == {"yaml", "css"}
    (tmp_path / "sidecar.yaml").write_text(blocks["yaml"])
    (tmp_path / "theme.css").write_text(blocks["css"])
    (tmp_path / "logo.svg").write_bytes((FOLDER / "logo.svg").read_bytes())
    german = (FOLDER / "texts" / "en.yaml").read_text().replace("language: en", "language: de", 1)
    (tmp_path / "de.yaml").write_text(german)
    settings = load_settings(tmp_path / "sidecar.yaml", environ={}, flags={})
    theme = read_theme(settings.pages, settings.server.public_url)
    assert (theme.name, theme.texts["page.language"]) == ("Example Corp", "de")
    assert theme.stylesheet is not None
    own = (FOLDER / "sidecar.css").read_text()
    for line in blocks["css"].splitlines():
        named = [part.partition(":")[0].strip(" {") for part in line.split("--")[1:]]
        assert all(f"--{name}:" in own for name in named)
