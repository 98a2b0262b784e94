"""`kill -9` at every await of every write: it is done or undone, and never half."""

import json
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from typing import Any, Final

import pytest

from tests.docs.markdown import ROOT
from tests.faults.dying_writes import WRITES

DEADLINE: Final = 300.0  # seconds for all of them; a tenth of it is enough
FEWEST: Final = 3  # deaths of each: within its transaction there are as many awaits

NEW: Final = [0, 1]
GONE: Final = [1, 0]
CHANGED: Final = [1, 1]
REVOKED: Final = {"audit": NEW, "revocations": NEW, "outbox": NEW}
BOTH_SESSIONS: Final = {"sessions": [2, 0], "resets": GONE, "marks": GONE}
ALL_CREDENTIALS: Final = {**BOTH_SESSIONS, "personal_tokens": GONE}

# What each changes: rows that are gone and new, in each table. Whatever takes a right away has its
# revocation, the place of that in the outbox, and its row in the trail.
DONE: Final[dict[str, dict[str, list[int]]]] = {
    "add_user": {"users": NEW, "audit": NEW},
    "change_user": {"users": CHANGED, **REVOKED},
    "set_password": {"users": CHANGED, **ALL_CREDENTIALS, **REVOKED},
    "disable_user": {"users": CHANGED, **ALL_CREDENTIALS, **REVOKED},
    "remove_user": {
        "users": GONE,
        "factors": GONE,
        "recovery_codes": [3, 0],
        **ALL_CREDENTIALS,
        **REVOKED,
    },
    "change_own_password": {
        "users": CHANGED,
        **ALL_CREDENTIALS,
        "sessions": [2, 1],
        **REVOKED,
    },
    "make_reset": {"resets": CHANGED, "audit": NEW},
    "spend_reset": {"users": CHANGED, **ALL_CREDENTIALS, **REVOKED},
    "begin_factor": {"factors": CHANGED},
    "confirm_factor": {"factors": CHANGED, "recovery_codes": [0, 3], "audit": NEW},
    "remove_factor": {"factors": GONE, "recovery_codes": [3, 0], "audit": NEW},
    "add_client": {"clients": NEW, "audit": NEW},
    "change_client": {"clients": CHANGED, **REVOKED},
    "rotate_client": {"clients": CHANGED, "audit": NEW},
    "rotate_client_at_once": {"clients": CHANGED, **REVOKED},
    "remove_client": {"clients": GONE, **REVOKED},
    "add_personal_token": {"personal_tokens": NEW, "audit": NEW},
    "remove_personal_token": {"personal_tokens": GONE, **REVOKED},
    "log_in_as_one_too_many": {
        "sessions": CHANGED,
        "factors": CHANGED,
        "revocations": NEW,
        "outbox": NEW,
    },
    "refresh": {"sessions": CHANGED},
    "revoke_token": {"revocations": NEW, "outbox": NEW},
    "end_session": {"sessions": GONE, **REVOKED},
    "end_idle_sessions": {"sessions": GONE, "revocations": NEW, "outbox": NEW},
    "end_user": {**ALL_CREDENTIALS, "users": CHANGED, **REVOKED},
    "end_everyone": {**ALL_CREDENTIALS, "deployment": CHANGED, **REVOKED},
    "learn_key": {"ring_keys": NEW},
    "revoke_key": {"ring_keys": CHANGED, **REVOKED},
}


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Return what was found behind each death of each write, and behind the one who lived."""
    directory = str(tmp_path_factory.mktemp("dying"))
    command = [sys.executable, "-m", "tests.faults.dying_writes", directory]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=DEADLINE)
    assert ran.returncode == 0, ran.stderr.decode()
    found = defaultdict(list)
    for line in ran.stdout.splitlines():
        each = json.loads(line)
        found[each["write"]].append(each)
    return found


def test_every_write_is_among_them() -> None:
    assert set(DONE) == set(WRITES)


@pytest.mark.parametrize("write", DONE)
def test_it_is_done_or_undone(deaths: dict[str, list[dict[str, Any]]], write: str) -> None:
    *died, lived = deaths[write]
    assert [each["lived"] for each in (*died, lived)] == [False] * len(died) + [True]
    assert len(died) >= FEWEST
    found = [each["changes"] for each in (*died, lived)]
    assert found[-1] == DONE[write]
    assert all(each in ({}, DONE[write]) for each in found), found
    assert found[0] == {}
    assert all(not before or after for before, after in pairwise(found)), found
    assert died[-1]["changes"] == DONE[write], "the last await is behind the commit"
