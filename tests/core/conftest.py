"""Keys are made once for each session of tests, and never written anywhere."""

import pytest

from sidecar.core.keyring import Purpose
from tests.core.forge import Workshop, generate_key, make_key
from tests.core.rings import Ring


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop(
        token_key=make_key(generate_key(), Purpose.TOKEN),
        cookie_key=make_key(generate_key(), Purpose.COOKIE),
        foreign=generate_key(),
    )


@pytest.fixture(scope="session")
def ring(workshop: Workshop) -> Ring:
    return Ring(workshop)
