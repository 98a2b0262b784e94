"""What a device calls itself, in the words of its owner."""

from typing import Final

LONGEST_SHOWN: Final = 60  # characters of what is no browser that we know

# The first that is found counts: most browsers also name those that they stem from.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe_agent(user_agent: str | None) -> str | None:
    """Return `Firefox, Linux` of a browser; the beginning of what any other program says.

    It is what a device says of itself, and proves nothing.
    """
    if user_agent is None:
        return None
    browser = _find(BROWSERS, user_agent)
    if browser is None or not user_agent.startswith("Mozilla/"):
        return user_agent[:LONGEST_SHOWN]
    system = _find(SYSTEMS, user_agent)
    return browser if system is None else f"{browser}, {system}"


def _find(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for mark, name in known if mark in text), None)
