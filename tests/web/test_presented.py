"""What is kept of who asks, and how little of what strangers may write."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.web.presented import LONGEST_FORWARDED_FOR, Presented

LONG = "9" * (LONGEST_FORWARDED_FOR + 1)


def told(*lines: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("X-Forwarded-For", line) for line in lines]))


@pytest.mark.parametrize("lines", [(), ("10.1.2.3", "10.1.2.4"), (LONG,), ("10.1.2.3", LONG)])
def test_of_addresses_one_short_line_is_kept_and_nothing_else(lines: tuple[str, ...]) -> None:
    presented = Presented(None, b"", None)
    presented.remember(told("10.1.2.3"), "app.example.com", b"")
    assert presented.forwarded_for == "10.1.2.3"
    assert presented.is_for_same_client(told("10.1.2.3"))
    presented.remember(told(*lines), "app.example.com", b"")
    assert presented.forwarded_for is None
    assert not presented.is_for_same_client(told(*lines))


def test_no_line_is_not_an_empty_one() -> None:
    presented = Presented(None, b"", None)
    presented.remember(told(), "app.example.com", b"")
    assert not presented.is_for_same_client(told(""))
