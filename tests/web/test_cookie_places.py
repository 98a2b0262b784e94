"""Where a session cookie may be that a browser sends to a path: each is tried, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.web.cookies import LONGEST_PATH, MOST_PATHS, MOST_PLACES, list_places
from sidecar.web.credentials import DOMAIN_COOKIE, CookieJar

HOSTS_OWN = CookieJar(())


def holds(cookie_path: str, path: str) -> bool:
    """Say whether a browser sends a cookie of `cookie_path` to `path` (RFC 6265 section 5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path.removesuffix("/") + "/")


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        ("/", []),
        ("/a", ["/a"]),
        ("/a/", ["/a", "/a/"]),
        ("/a/b", ["/a", "/a/", "/a/b"]),
        ("/a/b/", ["/a", "/a/", "/a/b", "/a/b/"]),
        ("//a", ["//", "//a"]),
        ("/%7Ea/b", ["/%7Ea", "/%7Ea/", "/%7Ea/b"]),
        (
            "/1/2/3/4/5/6",
            ["/1", "/1/", "/1/2", "/1/2/", "/1/2/3", "/1/2/3/", "/1/2/3/4", "/1/2/3/4/"],
        ),
        ("/" + "x" * (LONGEST_PATH - 1), ["/" + "x" * (LONGEST_PATH - 1)]),
        ("/a/" + "x" * LONGEST_PATH, ["/a", "/a/"]),
        ("/a/b;c/d", ["/a", "/a/"]),
        ("/a/b c", ["/a", "/a/"]),
        ("/a/é", ["/a", "/a/"]),
        ("/a/\udcff", ["/a", "/a/"]),
        ("/a/b\r\nSet-Cookie: x=y", ["/a", "/a/"]),
    ],
)
def test_each_path_that_a_browser_sends_it_to_is_tried_the_shallowest_first(
    path: str, paths: list[str]
) -> None:
    found = dict.fromkeys(place.path for place in list_places(HOSTS_OWN, "app", path))
    assert list(found) == ["/", *paths]
    assert len(paths) <= MOST_PATHS
    assert all(holds(each, path) for each in found)


@given(st.lists(st.text("ab", max_size=3), max_size=4).map(lambda names: "/" + "/".join(names)))
def test_no_path_of_few_segments_is_left_out(path: str) -> None:
    found = {place.path for place in list_places(HOSTS_OWN, "app", path)}
    prefixes = {path[:end] for end in range(1, len(path) + 1)}
    assert found == {each for each in prefixes if holds(each, path)}


def test_there_is_an_end_to_them() -> None:
    jar, deep = CookieJar(("b.example.com",)), "/" + "/".join("abcdefgh")
    places = list(list_places(jar, "a.b.c.d.e.b.example.com", deep))
    assert len(places) == len(set(places)) == MOST_PLACES
    assert places[0] == (DOMAIN_COOKIE, "b.example.com", "/")
