"""The client's address, counted from the right through trusted hops."""

from ipaddress import ip_address, ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.addresses import MOST_HOPS, Address, TrustedProxies, parse_address
from sidecar.core.verdict import Deny, Reason
from tests.core.properties import ANY_TEXT, THOROUGH

NO_ADDRESS: Final = Deny(Reason.ADDRESS_MALFORMED)


@pytest.mark.parametrize(
    ("text", "address"),
    [("1.2.3.4", "1.2.3.4"), ("::1", "::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
     ("::FFFF:102:304", "1.2.3.4"), ("2001:DB8::1", "2001:db8::1")],
)  # fmt: skip
def test_an_address_is_read(text: str, address: str) -> None:
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text",
    ["", " ", "unknown", "_hidden", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
     "1.2.3.4:80", "[::1]", "[::1]:80", "1.2.3.4/32", "::1/128", "0x7f.0.0.1", "2130706433", "\0",
     "\u0661.2.3.4", "::g", ":::", "1.2.3.4\n", "\udcff", "for=1.2.3.4", "fe80::1%eth0", "::1%\r\n",
     "::ffff:1.2.3.4%x", "::1%"],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


TRUSTED: Final = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("::1/128")])
NOBODY: Final = TrustedProxies([])


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.0.0.0", True), ("10.255.255.255", True), ("::1", True), ("9.255.255.255", False),
     ("11.0.0.0", False), ("::2", False), ("::", False), ("::a00:1", False), ("127.0.0.1", False),
     ("", False), ("10.0.0.1%x", False)],
)  # fmt: skip
def test_only_the_named_networks_are_trusted(peer: str, *, trusted: bool) -> None:
    assert TRUSTED.trust(peer) is trusted
    assert not NOBODY.trust(peer)


def test_a_unix_socket_is_trusted() -> None:
    assert NOBODY.trust(None)


CLIENTS = [
    # peer, X-Forwarded-For lines, client
    ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", ["198.51.100.1", "203.0.113.9,10.0.0.2, 10.0.0.3"], "203.0.113.9"),
    ("10.0.0.1", ["garbage, 203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", [",, 203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", ["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
    ("::1", ["2001:db8::7\t"], "2001:db8::7"),
    (None, ["203.0.113.9"], "203.0.113.9"),
    (None, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
    ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
    ("198.51.100.1", ["garbage"], "198.51.100.1"),
    ("198.51.100.1", [], "198.51.100.1"),
    ("", ["203.0.113.9"], None),
    # nobody can tell
    ("10.0.0.1", [], None),
    (None, [], None),
    ("10.0.0.1", ["10.0.0.2"], None),
    ("10.0.0.1", ["10.0.0.2, 10.0.0.3", "::1"], None),
    (None, ["10.0.0.2"], None),
    # a trusted hop says what is no address
    ("10.0.0.1", [""], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9,"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9", ""], NO_ADDRESS),
    ("10.0.0.1", ["unknown"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9, garbage"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9, garbage, 10.0.0.2"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9:4711"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9 10.0.0.2"], NO_ADDRESS),
    ("10.0.0.1", ["203.0.113.9;10.0.0.2"], NO_ADDRESS),
    ("10.0.0.1", ["\udcff"], NO_ADDRESS),
    (None, ["garbage"], NO_ADDRESS),
    ("10.0.0.1", [", ".join(["10.0.0.2"] * MOST_HOPS)], None),
    ("10.0.0.1", [", ".join(["10.0.0.2"] * (MOST_HOPS + 1))], NO_ADDRESS),
    ("10.0.0.1", ["10.0.0.2"] * (MOST_HOPS + 1), NO_ADDRESS),
    ("10.0.0.1", [", ".join(["203.0.113.9"] * MOST_HOPS)], "203.0.113.9"),
    # however much the client puts before its address
    ("10.0.0.1", [", ".join([*["1.1.1.1"] * MOST_HOPS, "203.0.113.9"])], "203.0.113.9"),
    ("10.0.0.1", [*["1.1.1.1"] * MOST_HOPS, "203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", [*["10.0.0.2"] * 99, "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", ["," * 30_000, "203.0.113.9"], "203.0.113.9"),
    ("10.0.0.1", ["garbage, " * MOST_HOPS + "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    (None, ["1.1.1.1," * MOST_HOPS + "203.0.113.9"], "203.0.113.9"),
    ("198.51.100.1", ["1.1.1.1," * MOST_HOPS + "203.0.113.9"], "198.51.100.1"),
    ("198.51.100.1", ["10.0.0.2"] * (MOST_HOPS + 1), "198.51.100.1"),
    # the last place that is looked at, and the one before it
    ("10.0.0.1", ["1.1.1.1", "203.0.113.9", *["10.0.0.2"] * (MOST_HOPS - 1)], "203.0.113.9"),
    ("10.0.0.1", ["203.0.113.9", *["10.0.0.2"] * (MOST_HOPS - 1)], "203.0.113.9"),
    ("10.0.0.1", ["203.0.113.9", *["10.0.0.2"] * MOST_HOPS], NO_ADDRESS),
    ("10.0.0.1", ["garbage", *["10.0.0.2"] * MOST_HOPS], NO_ADDRESS),
    ("10.0.0.1", ["1.1.1.1," * MOST_HOPS + "garbage"], NO_ADDRESS),
]


@pytest.mark.parametrize(("peer", "lines", "client"), CLIENTS)
def test_the_client_is_the_first_from_the_right_that_is_not_trusted(
    peer: str | None, lines: list[str], client: str | Deny | None
) -> None:
    found = TRUSTED.find_client(peer, lines)
    assert found == (ip_address(client) if isinstance(client, str) else client)


OFTEN_CLAIMED = st.sampled_from(["1.1.1.1", "10.0.0.2", "", "unknown"])
ADDRESSES = st.ip_addresses(v=4) | st.sampled_from([ip_address("10.0.0.2"), ip_address("::1")])


@THOROUGH
@given(
    claimed=st.lists(ANY_TEXT | st.just("10.0.0.2"), max_size=3)
    | st.lists(OFTEN_CLAIMED, min_size=MOST_HOPS, max_size=2 * MOST_HOPS),
    honest=ADDRESSES,
)
def test_what_a_client_writes_itself_never_changes_a_known_address(
    claimed: list[str], honest: Address
) -> None:
    alone = TRUSTED.find_client("10.0.0.1", [str(honest)])
    spoofed = TRUSTED.find_client("10.0.0.1", [*claimed, str(honest)])
    if alone is not None:
        assert spoofed == alone
    assert spoofed is None or isinstance(spoofed, Deny) or not TRUSTED.trust(str(spoofed))
