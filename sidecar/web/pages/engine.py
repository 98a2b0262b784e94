"""Templates and a theme become HTML; nothing here knows of requests."""

import asyncio
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.schemas.texts import DIRECTION, LANGUAGE, fill
from sidecar.web.pages.theme import Asset, Theme

if TYPE_CHECKING:
    from jinja2 import Environment, Template

FOLDER: Final = Path(__file__).parent


class Pages:
    """The pages in one theme; the templates are read at the first of them.

    Most processes never show one.
    """

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._loaded: dict[str, Template] = {}

    def say(self, key: str, **values: object) -> str:
        """Return the text of `section.key` with these values in its places. Raises KeyError."""
        return fill(self.theme.texts[key], values)

    async def render(self, template: str, base: str, **values: object) -> str:
        """Return a page as HTML; `base` is the address that its links begin with."""
        page = self._loaded.get(template)
        if page is None:
            page = await asyncio.to_thread(self._load, template)
        return page.render(base=base, **values)

    async def stylesheet(self) -> Asset:
        """Return our own stylesheet."""
        return await asyncio.to_thread(lambda: self._stylesheet)

    @cached_property
    def _stylesheet(self) -> Asset:
        return Asset.of((FOLDER / "sidecar.css").read_bytes(), "text/css")

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import (  # noqa: PLC0415 - 2 MB, where a page is shown
            Environment,
            FileSystemLoader,
            StrictUndefined,
        )

        templates = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # nor look at the files again
        )
        theme = self.theme
        templates.globals.update(
            say=self.say,
            site=theme.name,
            language=theme.texts[LANGUAGE],
            direction=theme.texts[DIRECTION],
            logo_version=theme.logo.etag,
            style_version=self._stylesheet.etag,
            theme_version=None if theme.stylesheet is None else theme.stylesheet.etag,
        )
        return templates

    def _load(self, template: str) -> "Template":
        """Return a template, and have all that it may name at hand: no page waits for a file."""
        templates = self._templates
        names = templates.list_templates(extensions=["html"])
        self._loaded.update({name: templates.get_template(name) for name in names})
        return self._loaded[template]
