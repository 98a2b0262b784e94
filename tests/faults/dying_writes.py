"""A program whose processes kill themselves at each await of each write of the stores.

`dying_writes.py DIRECTORY` prints a line of JSON for each process: which write it was at, whether
it lived, and how many rows of each table are gone and new behind it. Each begins with a copy of the
same database. What no signal from outside could time is timed from within.
"""

import json
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any, Final

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.keyring import Purpose
from sidecar.core.personal import PersonalToken
from sidecar.core.session import SessionKind, turn_session
from sidecar.ports import ClientChange, Reset, RingKey, StepProof, UserChange
from sidecar.stores.sql import SqlStore, open_store
from tests.contracts import programs
from tests.contracts.enrolled import DESK, HASHES, STEP, disabled, enabled, log_in, make_factor
from tests.contracts.links import LINK, spend
from tests.contracts.sql_stores import (
    BY,
    KEEP,
    NOW,
    add_user,
    change_user,
    end_everyone,
    end_user,
    make_user,
    open_session,
    remove_user,
)
from tests.faults.dying import MOST_AWAITS, Place, die_at, run_apart

Work = Callable[[SqlStore], Awaitable[object]]
Rows = dict[str, Counter[tuple[Any, ...]]]
Tell = Callable[[Any], None]

BOB: Final = make_user("bob")
CAROL: Final = make_user("carol")
OURS: Final = Author(BOB.id, DESK)
KEY: Final = RingKey("k-1", Purpose.TOKEN, "PEM\n", NOW, NOW + 10, NOW + 20)
OTHER_KEY: Final = RingKey("k-2", Purpose.COOKIE, "PEM\n", NOW, NOW + 10, NOW + 20)
TOKEN: Final = PersonalToken("t-1", BOB.id, "backup", (), (), NOW, NOW + 1000)
BOBS_LINK: Final = Reset(BOB.id, LINK.token_hash, NOW, LINK.expires_at)
RESET: Final = UserChange(password_hash="$another")


async def seed(store: SqlStore) -> None:
    """Have everything in the database that a write changes or takes away, all of it bob's."""
    await store.upgrade_schema()
    await add_user(store, "alice", "admin")
    await add_user(store, "bob")
    await add_user(store, "carol")
    await open_session(store, BOB, "s-1")
    await open_session(store, BOB, "s-2", kind=SessionKind.COOKIE)
    added = event(Action.TOKEN_ADDED, TOKEN.id)
    await store.personal.add_token(TOKEN, "0" * 64, added, sid=None, epoch=None)
    await store.resets.put_reset(BOBS_LINK, BY)
    await store.marks.put_marks(BOB.id, (0, 0), ["place"], NOW)
    await store.factors.add_pending(make_factor(BOB))
    await store.factors.confirm_factor(make_factor(BOB), STEP, HASHES, enabled(BOB))
    await store.factors.add_pending(make_factor(CAROL, "f-2"))
    await programs.add(store)
    await store.ring.remember_ring([KEY], "print", dated=frozenset())


def event(action: Action, subject: str) -> AuditEvent:
    return AuditEvent(NOW, action, BOB.id, subject, DESK)


async def change_own_password(store: SqlStore) -> None:
    found, account = await store.sessions.find_session("s-1"), await find_bob(store)
    assert found is not None
    turned = turn_session(found[0], NOW + 1, access=600, grace=30)
    await store.own_passwords.change_own_password(
        account, "$another", OURS, found[0], turned, keep_after=KEEP
    )


async def find_bob(store: SqlStore) -> Any:
    return await store.sessions.find_account("bob")


async def rotate_session(store: SqlStore) -> None:
    await store.sessions.rotate_session(
        "s-1", 0, rotated_at=NOW + 1, tokens_until=NOW + 601, device=DESK
    )


# Each is one method of a port that writes, done to what `seed` has left.
WRITES: Final[dict[str, Work]] = {
    "add_user": lambda store: add_user(store, "dave"),
    "change_user": lambda store: change_user(store, UserChange(roles=("staff",)), "bob"),
    "set_password": lambda store: change_user(store, RESET, "bob"),
    "disable_user": lambda store: change_user(store, UserChange(disabled=True), "bob"),
    "remove_user": lambda store: remove_user(store, "bob"),
    "change_own_password": change_own_password,
    "make_reset": lambda store: store.resets.put_reset(BOBS_LINK, OURS),
    "spend_reset": spend,
    "begin_factor": lambda store: store.factors.add_pending(make_factor(CAROL, "f-3")),
    "confirm_factor": lambda store: store.factors.confirm_factor(
        make_factor(CAROL, "f-2"), STEP, HASHES, enabled(CAROL)
    ),
    "remove_factor": lambda store: store.factors.remove_factor(BOB.id, disabled(BOB)),
    "add_client": lambda store: programs.add(store, "other"),
    "change_client": lambda store: programs.change(store, ClientChange(scopes=("a",))),
    "rotate_client": lambda store: programs.rotate(store, programs.NEW),
    "rotate_client_at_once": lambda store: programs.rotate(store, programs.NEW, drop=True),
    "remove_client": programs.remove,
    "add_personal_token": lambda store: store.personal.add_token(
        PersonalToken("t-2", BOB.id, "more", (), (), NOW, NOW + 1000),
        "1" * 64,
        event(Action.TOKEN_ADDED, "t-2"),
        sid="s-1",
        epoch=(0, 0),
    ),
    "remove_personal_token": lambda store: store.personal.remove_token(
        TOKEN.id, BOB.id, event(Action.TOKEN_REMOVED, TOKEN.id), forget_at=NOW + KEEP
    ),
    "log_in_as_one_too_many": lambda store: log_in(
        store, BOB, StepProof("f-1", STEP + 1), "s-3", most=2
    ),
    "refresh": rotate_session,
    "revoke_token": lambda store: store.revocations.revoke_token("j-1", forget_at=NOW + KEEP),
    "end_session": lambda store: store.revocations.end_session(
        "s-1", forget_at=0, keep_after=KEEP, event=event(Action.SESSION_ENDED, "s-1")
    ),
    "end_idle_sessions": lambda store: store.revocations.end_idle_sessions(
        used_before=NOW + 1, keep_after=KEEP
    ),
    "end_user": lambda store: end_user(store, BOB.id, personal_tokens=True),
    "end_everyone": end_everyone,
    "learn_key": lambda store: store.ring.remember_ring([OTHER_KEY], "print", dated=frozenset()),
    "revoke_key": lambda store: store.ring.revoke_key(
        KEY.kid, keep_after=KEEP, event=event(Action.KEY_REVOKED, KEY.kid)
    ),
}


async def begin(file: Path, tell: Tell) -> None:
    """Make the database that every process has a copy of."""
    async with open_store(f"sqlite:///{file}", outbox=True) as store:
        await seed(store)
    tell(None)


async def act(file: Path, work: Work, place: Place, tell: Tell) -> None:
    """Write, or die of it; the connection is open before."""
    async with open_store(f"sqlite:///{file}", outbox=True) as store:
        await store.prepare_schema()
        await die_at(work(store), partial(eq, place))
        tell(None)


def read(file: Path) -> Rows:
    """Return the rows of every table, once what was begun has been undone, as by the next start."""
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: Counter(connection.execute(f"SELECT * FROM {name}"))  # noqa: S608 - as it says
            for (name,) in names
            if name != "sqlite_sequence"
        }


def compare(before: Rows, after: Rows) -> dict[str, tuple[int, int]]:
    """Return how many rows of each table are gone and new, where any are."""
    changes = {
        name: ((before[name] - after[name]).total(), (after[name] - before[name]).total())
        for name in before
    }
    return {name: change for name, change in changes.items() if any(change)}


def main() -> None:
    """Let processes die of each write until one lives."""
    directory = Path(sys.argv[1])
    template, file = directory / "template.db", directory / "sidecar.db"
    run_apart(partial(begin, template))
    before = read(template)
    for name, work in WRITES.items():
        for number in range(1, MOST_AWAITS):
            shutil.copy(template, file)
            lived = run_apart(partial(act, file, work, Place(number, done=True))) != []
            found = {"write": name, "lived": lived, "changes": compare(before, read(file))}
            print(json.dumps(found))  # noqa: T201 - what this program is for
            for left in directory.glob("sidecar.db*"):
                left.unlink()
            if lived:
                break


if __name__ == "__main__":
    main()
