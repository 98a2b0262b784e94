"""The fields of a user, as commands and administrators give them."""

import pytest

from sidecar.core.user import User
from sidecar.errors import FieldsInvalid
from sidecar.schemas.user import dump_user, load_user_fields

USERNAME = "must be 1 to 64 letters, digits or signs of one script, without space, `:` and `,`"
EMAIL = "is not an e-mail address"
NAME = (
    "must be 1 to 256 characters with a letter or digit, no control character and no space at"
    " either end"
)
ROLE = "must be 1 to 64 of A-Z a-z 0-9 . _ : / -, a letter or digit first"
ROLES = "must be 256 or fewer, of 4096 characters or fewer together"


def _refuse(members: dict[str, object], *, partial: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(FieldsInvalid) as raised:
        load_user_fields(members, partial=partial)
    return list(raised.value.errors)


def test_a_user_is_kept_in_canonical_form() -> None:
    given = {
        "username": "ALICE",
        "email": "Alice@example.com",
        "name": "Alice Liddell",
        "roles": ["staff", "admin", "staff"],
    }
    assert load_user_fields(given) == {
        "username": "alice",
        "email": "Alice@example.com",
        "name": "Alice Liddell",
        "roles": ("admin", "staff"),
    }


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("username", "", USERNAME),
        ("username", "a b", USERNAME),
        ("username", "x" * 65, USERNAME),
        ("username", "\udcff", USERNAME),
        ("username", None, "must have a value"),
        ("username", 1, f"{USERNAME}; quote it"),
        ("username", ["a"], USERNAME),
        ("email", "alice", EMAIL),
        ("email", "a@b\n", EMAIL),
        ("email", 1, EMAIL),
        ("name", "x" * 257, NAME),
        ("name", " Alice", NAME),
        ("name", "Al\x07ice", NAME),
        ("name", ["Alice"], NAME),
        ("roles", "admin", "must be a list, such as [a, b]"),
        ("roles", None, "must have a value"),
    ],
)
def test_a_field_that_is_wrong_is_named(field: str, value: object, problem: str) -> None:
    assert _refuse({"username": "alice", field: value}) == [(f"/{field}", problem)]
    assert _refuse({field: value}, partial=True) == [(f"/{field}", problem)]


@pytest.mark.parametrize("role", ["", "-a", "a b", "a,b", "x" * 65, "\u00e9", ["a"], 1.5])
def test_each_role_has_the_form_of_one(role: object) -> None:
    assert _refuse({"username": "alice", "roles": ["admin", role]}) == [("/roles/1", ROLE)]


@pytest.mark.parametrize(
    ("roles", "fits"),
    [
        ([], True),
        ([f"{n:064}" for n in range(64)], True),
        ([f"{n:064}" for n in range(64)] + ["a"], False),
        ([f"{n:064}" for n in range(64)] * 2, True),
        ([str(n) for n in range(256)], True),
        ([str(n) for n in range(257)], False),
    ],
)
def test_roles_travel_with_every_request_and_are_bounded(roles: list[str], *, fits: bool) -> None:
    if fits:
        assert load_user_fields({"username": "a", "roles": roles})["roles"] == tuple(
            sorted(set(roles))
        )
    else:
        assert _refuse({"username": "a", "roles": roles}) == [("/roles", ROLES)]


def test_every_wrong_field_is_told_at_once() -> None:
    wrong = {"username": "a b", "email": "x", "name": "\n", "roles": ["-"]}
    assert _refuse({**wrong, "password": "x"}) == [
        ("/username", USERNAME),
        ("/email", EMAIL),
        ("/name", NAME),
        ("/roles/0", ROLE),
        ("/password", "is not known"),
    ]


@pytest.mark.parametrize("field", ["id", "disabled", "created_at", "updated_at"])
def test_what_the_service_decides_cannot_be_given(field: str) -> None:
    assert _refuse({field: 1}, partial=True) == [(f"/{field}", "is not known")]


def test_a_new_user_needs_a_name_and_a_change_needs_nothing() -> None:
    assert _refuse({"email": "a@b"}) == [("/username", "is missing")]
    assert load_user_fields({}, partial=True) == {}
    assert load_user_fields({"username": "a", "email": "", "name": None}) == {
        "username": "a",
        "email": None,
        "name": None,
    }
    cleared = {"email": "", "name": "", "roles": []}
    assert load_user_fields(cleared, partial=True) == {"email": "", "name": "", "roles": ()}


def test_what_a_user_does_not_have_is_null() -> None:
    user = User("u-1", "bob", None, None, (), disabled=True, created_at=0, updated_at=60)
    assert dump_user(user) == {
        "id": "u-1",
        "username": "bob",
        "email": None,
        "name": None,
        "roles": [],
        "disabled": True,
        "created_at": "1970-01-01T00:00:00Z",
        "updated_at": "1970-01-01T00:01:00Z",
    }
