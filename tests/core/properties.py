"""How hard Hypothesis tries here, and the strategies that several tests share."""

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st

from sidecar.core.revocation import Level, Revocation, RevocationView

# A deadline would fail on a busy machine for nothing; the numbers keep the whole folder quick.
THOROUGH: Final = settings(deadline=None, max_examples=300)
QUICK: Final = settings(deadline=None, max_examples=100)

ANY_TEXT: Final = st.text(st.characters(), max_size=60)  # lone surrogates too, as aiohttp has them

SUBJECTS: Final = st.sampled_from(["a", "b", "c", "u-1", "s-1", "j-1"])
REVOCATIONS: Final = st.lists(
    st.builds(
        Revocation,
        level=st.sampled_from(Level),
        subject=SUBJECTS,
        epoch=st.integers(0, 9),
        forget_at=st.integers(0, 20),
    ),
    max_size=12,
)


def view_of(*entries: Revocation) -> RevocationView:
    view = RevocationView()
    view.apply(entries)
    return view
