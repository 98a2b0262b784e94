"""Where a browser was: `Sec-Fetch-Site` first, then `Origin`."""

import pytest
from hypothesis import given

from sidecar.core.origin import Site, judge_site
from tests.core.properties import ANY_TEXT, QUICK

OWN = "https://app.example.com"
SAME, SITE, CROSS = Site.SAME_ORIGIN, Site.SAME_SITE, Site.CROSS_SITE


@pytest.mark.parametrize(
    ("fetch_site", "origin", "site"),
    [
        ("same-origin", None, SAME),
        ("same-origin", OWN, SAME),
        ("none", None, SAME),
        ("same-site", None, SITE),
        ("same-site", OWN, SITE),
        ("same-site", "https://evil.example", SITE),
        (None, None, SAME),
        (None, OWN, SAME),
        (None, "HTTPS://App.Example.COM", SAME),
        ("cross-site", None, CROSS),
        ("cross-site", OWN, CROSS),
        ("", OWN, CROSS),
        ("Same-Origin", OWN, CROSS),
        ("same-origin ", OWN, CROSS),
        ("same-origin, none", OWN, CROSS),
        ("same-origin\n", OWN, CROSS),
        ("same_origin", OWN, CROSS),
        ("garbage", OWN, CROSS),
        ("\udcff", OWN, CROSS),
        (None, "null", CROSS),
        (None, "", CROSS),
        (None, "https://evil.example", CROSS),
        (None, "http://app.example.com", CROSS),
        (None, "https://app.example.com:443", CROSS),
        (None, "https://app.example.com/", CROSS),
        (None, "https://app.example.com.", CROSS),
        (None, "https://app.example.com.evil.example", CROSS),
        (None, "https://app.example.com, https://app.example.com", CROSS),
        (None, "https://x@app.example.com", CROSS),
        (None, "app.example.com", CROSS),
        (None, " https://app.example.com", CROSS),
        (None, "\udcff", CROSS),
    ],
)
def test_a_request_comes_from_where_the_browser_says(
    fetch_site: str | None, origin: str | None, site: Site
) -> None:
    assert judge_site(fetch_site, origin, OWN) is site


@QUICK
@given(
    fetch_site=ANY_TEXT.filter(lambda text: text not in {"none", "same-origin", "same-site"}),
    origin=ANY_TEXT.filter(lambda text: text.lower() != OWN),
)
def test_any_other_text_is_another_site(fetch_site: str, origin: str) -> None:
    assert judge_site(fetch_site, origin, OWN) is CROSS
    assert judge_site(None, origin, OWN) is CROSS
