"""The parts of a public_url: where browsers find us, and as which origin."""

import pytest

from sidecar.web.context import PublicUrl


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://auth.example.com", "https://auth.example.com", ""),
        ("https://auth.example.com/auth", "https://auth.example.com", "/auth"),
        ("https://auth.example.com:443/a/b", "https://auth.example.com", "/a/b"),
        ("http://auth.example.com:80", "http://auth.example.com", ""),
        ("http://auth.example.com:443", "http://auth.example.com:443", ""),
        ("https://AUTH.example.com:8443", "https://auth.example.com:8443", ""),
        ("http://[::1]:8420/auth", "http://[::1]:8420", "/auth"),
    ],
)
def test_an_origin_has_no_path_and_no_default_port(url: str, origin: str, path: str) -> None:
    public = PublicUrl.parse(url)
    assert (public.origin, public.path) == (origin, path)
    assert public.base == url.lower()


@pytest.mark.parametrize("url", ["http://", "http:///auth", "http://a b/", "http://user@a/", ""])
def test_settings_that_let_no_url_through_are_a_bug_and_not_a_request(url: str) -> None:
    with pytest.raises(TypeError):
        PublicUrl.parse(url)
