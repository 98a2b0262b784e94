"""Horizontal bars with their spread, as SVG that is written by hand.

It can be read in the dark and in the light, without colours, and by programs that read aloud.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

from tests.bench.measure import Spread

SVG: Final = "http://www.w3.org/2000/svg"
TICKS: Final = 5  # at most so many and one
# All in pixels.
FONT: Final = 13
GLYPH: Final = 7.4  # the widest that a letter of it is on average
LENGTH: Final = 360  # of the longest bar
LINE: Final = 24  # from one bar to the next
BAR: Final = 12
HEAD: Final = 56  # title and sentence above
AXIS: Final = 28
GAP: Final = 12
MARGIN: Final = 16

STYLE: Final = f"""\
text {{ font: {FONT}px system-ui, sans-serif; fill: #1f2328; }}
.title, .group {{ font-weight: 600; }}
.back {{ fill: #ffffff; }}
.ours {{ fill: #0a58ca; stroke: #0a58ca; }}
.other {{ fill: none; stroke: #57606a; stroke-width: 1.5; }}
.spread {{ stroke: #1f2328; stroke-width: 1.5; fill: none; }}
.axis {{ stroke: #d0d7de; }}
.limit {{ stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 3 3; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.back {{ fill: #0d1117; }}
.ours {{ fill: #58a6ff; stroke: #58a6ff; }}
.other {{ stroke: #9da7b3; }}
.spread, .limit {{ stroke: #e6edf3; }}
.axis {{ stroke: #30363d; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row; `ours` is filled, what it is compared with is outlined.

    At `limit` stands a mark; `bound` says whether it is the most or the least.
    """

    name: str
    spread: Spread
    ours: bool = True
    limit: float | None = None
    bound: str = "at most"

    @property
    def end(self) -> float:
        """How far to the right something of it is drawn."""
        return max(self.spread.median, self.spread.most, self.limit or 0.0)

    @property
    def told(self) -> str:
        """Its figures as text."""
        median, least, most = map(
            _format, (self.spread.median, self.spread.least, self.spread.most)
        )
        return f"{median} ({least} to {most})"


@dataclass(frozen=True, slots=True)
class Chart:
    """Groups of bars by their names; `sentence` says what is drawn, and in which unit."""

    title: str
    sentence: str
    groups: dict[str, Sequence[Bar]]

    def draw(self) -> str:
        """Return the SVG."""
        bars = [bar for group in self.groups.values() for bar in group]
        step = _step(max(bar.end for bar in bars))
        ticks = [step * number for number in range(TICKS + 1)]
        while len(ticks) > 2 and ticks[-2] >= max(bar.end for bar in bars):
            ticks.pop()
        left = MARGIN + GLYPH * max(len(bar.name) for bar in bars) + GAP
        told = GLYPH * max(len(bar.told) for bar in bars)
        heading = GLYPH * max(len(self.sentence), len(self.title)) + 2 * MARGIN
        width = max(left + LENGTH + GAP + told + MARGIN, heading)
        height = HEAD + LINE * (len(bars) + len(self.groups)) + AXIS
        scale = LENGTH / ticks[-1]
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        lines = [
            f'<svg xmlns="{SVG}" {size} role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="desc">{escape(" ".join(self._tell()))}</desc>',
            f"<style>\n{STYLE}</style>",
            '<rect class="back" width="100%" height="100%"/>',
            _text(MARGIN, MARGIN + FONT, self.title, "title"),
            _text(MARGIN, MARGIN + FONT + 18, self.sentence),
            *_draw_axis(ticks, scale, left, height - AXIS),
        ]
        top = float(HEAD)
        for name, group in self.groups.items():
            lines.append(_text(MARGIN, top + LINE - 7, name, "group"))
            top += LINE
            for bar in group:
                lines.extend(_draw_bar(bar, scale, left, top))
                top += LINE
        return "\n".join([*lines, "</svg>", ""])

    def _tell(self) -> Iterator[str]:
        yield self.sentence
        for name, group in self.groups.items():
            yield f"{name}:"
            for bar in group:
                limit = "" if bar.limit is None else f", {bar.bound} {_format(bar.limit)}"
                yield f"{bar.name} {bar.told}{limit}."


def _step(end: float) -> float:
    """Return a round figure of which at most `TICKS` hold the longest bar."""
    unit = 10.0 ** floor(log10(max(end, 1e-9) / TICKS))
    return next(unit * part for part in (1, 2, 2.5, 5, 10) if unit * part * TICKS >= end)


def _draw_axis(ticks: Sequence[float], scale: float, left: float, bottom: float) -> Iterator[str]:
    for tick in ticks:
        x = left + tick * scale
        yield f'<path class="axis" d="M{x:.1f} {HEAD}V{bottom:.1f}"/>'
        yield _text(x, bottom + 18, f"{tick:g}", anchor="middle")


def _draw_bar(bar: Bar, scale: float, left: float, top: float) -> Iterator[str]:
    middle = top + LINE / 2
    kind = "ours" if bar.ours else "other"
    length = bar.spread.median * scale
    yield _text(left - GAP, middle + 4, bar.name, anchor="end")
    yield (
        f'<rect class="{kind}" x="{left:.1f}" y="{middle - BAR / 2:.1f}"'
        f' width="{length:.1f}" height="{BAR}"/>'
    )
    least, most = (left + each * scale for each in (bar.spread.least, bar.spread.most))
    yield (
        f'<path class="spread" d="M{least:.1f} {middle - 4:.1f}V{middle + 4:.1f}'
        f'M{least:.1f} {middle:.1f}H{most:.1f}M{most:.1f} {middle - 4:.1f}V{middle + 4:.1f}"/>'
    )
    if bar.limit is not None:
        x = left + bar.limit * scale
        yield f'<path class="limit" d="M{x:.1f} {top + 2:.1f}V{top + LINE - 2:.1f}"/>'
    yield _text(left + LENGTH + GAP, middle + 4, bar.told)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _format(figure: float) -> str:
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"
