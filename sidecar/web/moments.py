"""Dates as pages show them: the same text for everybody, in UTC, which the page says."""

from typing import NamedTuple

from sidecar.schemas.fields import format_moment


class Moment(NamedTuple):
    """A date as a browser reads it, and as a person does, to the minute."""

    iso: str
    shown: str


def show_moment(seconds: int) -> Moment:
    """Return a date of Unix seconds."""
    iso = format_moment(seconds)
    return Moment(iso, iso[:16].replace("T", " "))
