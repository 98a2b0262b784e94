"""A name, a logo, a stylesheet and the texts of a language: the operator's, judged at the start."""

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from sidecar.app.theming import LARGEST_LOGO, LARGEST_STYLESHEET, read_theme
from sidecar.errors import DocumentInvalid
from sidecar.schemas.texts import LARGEST_TEXTS
from sidecar.settings import PageSettings
from sidecar.web.pages.engine import FOLDER
from tests.cli.running import sidecar
from tests.web.asked import PAGE, ask
from tests.web.conftest import serving_web

OWN: Final = FOLDER / "texts" / "en.yaml"
URL: Final = "https://login.example.com/auth"
PNG: Final = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
WEBP: Final = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00"
SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
NOTHING: Final = PageSettings(None, None, None, None)


def own_texts() -> dict[str, dict[str, str]]:
    """Return our texts as a translator begins with them."""
    texts: dict[str, dict[str, str]] = yaml.safe_load(OWN.read_text())
    return texts


def write_texts(folder: Path, change: Callable[[dict[str, dict[str, str]]], object]) -> Path:
    """Write a changed copy of our texts."""
    texts = own_texts()
    change(texts)
    file = folder / "de.yaml"
    file.write_text(yaml.safe_dump(texts, allow_unicode=True))
    return file


def read_problems(settings: PageSettings) -> tuple[str, ...]:
    """Return why a theme is not taken."""
    with pytest.raises(DocumentInvalid) as refused:
        read_theme(settings, URL)
    return refused.value.problems


def test_without_settings_the_pages_are_called_as_their_host() -> None:
    theme = read_theme(NOTHING, URL)
    assert theme.name == "login.example.com"
    assert theme.logo.media_type == "image/svg+xml"
    assert theme.stylesheet is None
    assert theme.texts["page.language"] == "en"


def test_a_copy_of_our_texts_is_a_language(tmp_path: Path) -> None:
    file = write_texts(tmp_path, lambda texts: texts["page"].update(language="de", direction="ltr"))
    theme = read_theme(PageSettings("Haus", None, None, file), URL)
    assert (theme.name, theme.texts["page.language"]) == ("Haus", "de")


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = write_texts(tmp_path, lambda t: (t["login"].pop("title"), t["code"].pop("title")))
    logo = tmp_path / "logo.gif"
    logo.write_bytes(b"GIF89a")
    problems = read_problems(PageSettings(None, logo, tmp_path / "none.css", file))
    assert len(problems) == 4


@pytest.mark.parametrize("text", ["", "[]", "login: {title: a, title: b}", "a: [", "\x00", "7"])
def test_what_is_no_mapping_of_texts_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "de.yaml"
    file.write_text(text)
    assert read_problems(PageSettings(None, None, None, file))


@pytest.mark.parametrize(
    ("name", "octets", "media_type"),
    [
        ("a.svg", SVG, "image/svg+xml"),
        ("a.SVG", b"\xef\xbb\xbf<?xml version='1.0'?>\n" + SVG, "image/svg+xml"),
        ("a.png", PNG, "image/png"),
        ("a.webp", WEBP, "image/webp"),
    ],
)
def test_a_logo_is_an_svg_png_or_webp(
    tmp_path: Path, name: str, octets: bytes, media_type: str
) -> None:
    (tmp_path / name).write_bytes(octets)
    theme = read_theme(PageSettings(None, tmp_path / name, None, None), URL)
    assert (theme.logo.media_type, theme.logo.body) == (media_type, octets)


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        *(("a.png", SVG), ("a.svg", PNG), ("a.webp", PNG), ("a.gif", b"GIF89a"), ("a.jpg", PNG)),
        *(("a.svg", b""), ("a.svg", b"<html><svg>"), ("a.png", b"\x89PNG"), ("logo", PNG)),
        ("a.png", PNG + b"\0" * LARGEST_LOGO),
    ],
)
def test_any_other_logo_is_refused(tmp_path: Path, name: str, octets: bytes) -> None:
    (tmp_path / name).write_bytes(octets)
    (problem,) = read_problems(PageSettings(None, tmp_path / name, None, None))
    assert problem.startswith(f"{tmp_path / name}: is ")


def test_files_are_bounded_and_read_as_utf8(tmp_path: Path) -> None:
    css, texts = tmp_path / "a.css", tmp_path / "de.yaml"
    css.write_bytes(b" " * LARGEST_STYLESHEET)
    assert read_theme(PageSettings(None, None, css, None), URL).stylesheet is not None
    css.write_bytes(b" " * (LARGEST_STYLESHEET + 1))
    texts.write_bytes(b" " * (LARGEST_TEXTS + 1))
    assert read_problems(PageSettings(None, None, css, texts)) == (
        f"{texts}: is larger than {LARGEST_TEXTS} octets",
        f"{css}: is larger than {LARGEST_STYLESHEET} octets",
    )
    css.write_bytes(b"a\n\xff")
    assert read_problems(PageSettings(None, None, css, None)) == (f"{css}:2: is not UTF-8",)
    assert read_problems(PageSettings(None, None, tmp_path, None)) == (f"{tmp_path}: is no file",)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no such file here")
def test_what_cannot_be_read_is_said() -> None:
    memory = Path("/proc/self/mem")  # nothing is at its beginning
    (problem,) = read_problems(PageSettings(None, None, memory, None))
    assert problem == f"{memory}: Input/output error"


@pytest.mark.asyncio
async def test_a_page_shows_them(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG)
    (tmp_path / "own.css").write_text("h1 { color: teal }")
    write_texts(tmp_path, lambda t: t["page"].update(language="ar", direction="rtl"))
    settings = {
        "pages": {
            "name": 'Haus & "Hof"',
            "logo": "logo.png",
            "stylesheet": "own.css",
            "texts": "de.yaml",
        }
    }
    async with serving_web(tmp_path, settings) as web:
        page = (await ask(web, "GET", "/login")).text
        assert '<html lang="ar" dir="rtl">' in page
        assert "Haus &amp; &#34;Hof&#34;</title>" in page
        for path, media_type, octets in (
            ("/static/logo", "image/png", PNG),
            ("/static/theme.css", "text/css; charset=utf-8", b"h1 { color: teal }"),
        ):
            (link,) = set(re.findall(rf'"({re.escape(path)}\?v=\w+)"', page))
            answer = await ask(web, "GET", link)
            assert (answer.status, answer.body) == (200, octets)
            assert answer.headers["Content-Type"] == media_type
            assert answer.headers["Cache-Control"] == "public, max-age=3600"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            known = await ask(web, "GET", path, {"If-None-Match": answer.headers["ETag"]})
            assert (known.status, known.body) == (304, b"")
        assert page.index("/static/sidecar.css") < page.index("/static/theme.css")


@pytest.mark.asyncio
async def test_where_the_service_is_at_https_browsers_are_told_to_stay_there(
    tmp_path: Path,
) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": URL}}) as web:
        for path in ("/login", "/auth/login", "/logout", "/reset"):
            page = await ask(web, "GET", path, PAGE)
            assert page.headers["Strict-Transport-Security"] == "max-age=31536000", path
        answer = await ask(web, "GET", "/auth/nothing", PAGE)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        policy = answer.headers["Content-Security-Policy"]
        assert "form-action 'self' https://app.example.com:*;" in policy
        assert "http://" not in policy


@pytest.mark.asyncio
async def test_the_command_says_what_keeps_a_theme_from_being_taken(tmp_path: Path) -> None:
    file = write_texts(tmp_path, lambda texts: texts["login"].pop("title"))
    (tmp_path / "sidecar.yaml").write_text(f"pages: {{texts: {file.name}, logo: logo.png}}\n")
    checked = await sidecar(tmp_path, "config", "check")
    assert checked.status == 1
    assert [each.rpartition(": ")[2] for each in checked.problems] == [
        '"Log in")',
        "there is no such file",
    ]


@pytest.mark.asyncio
async def test_without_a_stylesheet_there_is_none(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        assert "theme.css" not in (await ask(web, "GET", "/login")).text
        (await ask(web, "GET", "/static/theme.css")).assert_problem(404, "not_found")
        logo = await ask(web, "GET", "/static/logo")
        assert "sandbox" in logo.headers["Content-Security-Policy"]


@pytest.mark.asyncio
async def test_a_first_page_weighs_little(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        paths = ("/login", "/static/sidecar.css", "/static/logo")
        assert sum([len((await ask(web, "GET", path)).body) for path in paths]) < 40_000
