"""QR codes as pages show them: readable by a camera, and free of anything a policy forbids."""

import re
from xml.etree import ElementTree as ET

import pytest
import segno

from sidecar.core.totp import spell_uri
from sidecar.web.qr import MODULE, QUIET_ZONE, draw_qr

SVG = "{http://www.w3.org/2000/svg}"
SECRET = b"12345678901234567890"
TEXTS = [
    spell_uri(SECRET, "auth.example.com", "alice"),
    spell_uri(SECRET, "a" * 60, "\U00010330" * 64),  # as long as it gets
    'otpauth://totp/"<svg onload=x>&amp;',
]


def read_squares(drawn: str) -> list[list[int]]:
    """Return the dark squares of a drawing, its quiet zone included."""
    root = ET.fromstring(drawn)  # noqa: S314 - ours
    (_, _, width, height) = map(int, root.attrib["viewBox"].split())
    assert width == height
    squares = [[0] * (width // MODULE) for _ in range(height // MODULE)]
    (group,) = root.findall(f"{SVG}g")
    light, dark = group.findall(f"{SVG}path")
    assert (light.attrib["fill"], dark.attrib["stroke"]) == ("#fff", "#000")
    x, y = 0, 0
    for step in re.findall(r"[Mmh][^Mmh]*", dark.attrib["d"]):
        numbers = [float(each) for each in re.findall(r"-?[0-9.]+", step)]
        match step[0]:
            case "M":
                x, y = int(numbers[0]), int(numbers[1])
            case "m":
                x, y = x + int(numbers[0]), y + int(numbers[1])
            case _:
                for column in range(x, x + int(numbers[0])):
                    squares[y][column] = 1
                x += int(numbers[0])
    return squares


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_drawn_are_the_squares_of_the_text_with_room_around(text: str) -> None:
    squares = read_squares(draw_qr(text))
    size = len(squares)
    inner = range(QUIET_ZONE, size - QUIET_ZONE)
    for row in range(size):
        for column in range(size):
            if row not in inner or column not in inner:
                assert squares[row][column] == 0
    drawn = [[squares[row][column] for column in inner] for row in inner]
    assert drawn == [list(line) for line in segno.make(text, error="m", micro=False).matrix]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_drawn_has_no_style_no_script_and_nothing_of_the_text(text: str) -> None:
    root = ET.fromstring(draw_qr(text))  # noqa: S314 - ours
    assert root.tag == f"{SVG}svg"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {"svg", "g", "path"}
        assert set(element.attrib) <= {"viewBox", "class", "transform", "d", "fill", "stroke"}
    assert len(draw_qr(text)) < 24_000, "a page weighs under 40 kB"
