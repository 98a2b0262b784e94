"""QR codes, drawn here: the secret in one is shown to its owner and to no other service."""

from io import BytesIO
from typing import Final

MODULE: Final = 5  # units of a small square
QUIET_ZONE: Final = 4  # squares around it (ISO/IEC 18004)
DARK, LIGHT = "#000", "#fff"  # in every theme: what is light on dark, not every camera reads


def draw_qr(text: str) -> str:
    """Return a text as a QR code: an `svg` element for a page, whose title the page gives.

    That is tens of milliseconds of work: in a thread, or questions at the gate wait for it.
    """
    import segno  # noqa: PLC0415 - a megabyte, for who sets up a second factor

    drawn = BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn,
        kind="svg",
        scale=MODULE,
        border=QUIET_ZONE,
        dark=DARK,
        light=LIGHT,
        xmldecl=False,
        svgns=True,
        nl=False,
        omitsize=True,
    )
    return drawn.getvalue().decode("ascii")
