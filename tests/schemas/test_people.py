"""Files of people, as operators bring them."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.user import User, canonical_email, canonical_name, canonical_username
from sidecar.errors import DocumentInvalid
from sidecar.schemas.people import (
    LONGEST_LINE,
    PeopleFormat,
    Person,
    dump_person,
    guess_format,
    read_people,
)

HTPASSWD, AUTHELIA, JSONL = PeopleFormat.HTPASSWD, PeopleFormat.AUTHELIA, PeopleFormat.JSONL
ID = "aaaaaaaaaaaaaaaa"


def read(octets: bytes | str, form: PeopleFormat) -> list[Person]:
    text = octets.encode() if isinstance(octets, str) else octets
    return list(read_people(io.BytesIO(text), form, "people"))


def problems(octets: bytes | str, form: PeopleFormat) -> tuple[str, ...]:
    (person,) = read(octets, form)
    return person.problems


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"alice:$2y$05$x", HTPASSWD),
        (b"\r\n# people\r\n\r\nalice:x\r\n", HTPASSWD),
        (b"users:\n  alice:\n", AUTHELIA),
        (b"---\n", AUTHELIA),
        (b"# yaml-language-server: x\n\nusers: # all\n", AUTHELIA),
        (b"users: {alice: {password: x}}\n", AUTHELIA),
        (b"users:$2y$05$x\n", HTPASSWD),
        (b'{"username": "alice"}', JSONL),
        (b"\n  {", JSONL),
        (b"", None),
        (b"# nothing but this", None),
        (b"alice", None),
        (b"alice:\n", None),
        (b":hash\n", None),
        (b"[users]\n", None),
    ],
)
def test_a_format_is_known_by_its_first_line_or_not_at_all(
    head: bytes, form: PeopleFormat | None
) -> None:
    assert guess_format(head) is form


def test_lines_of_htpasswd_are_people() -> None:
    people = read("# all\n\nAlice:hash\r\n  \nbob:a:b\nlast:x", HTPASSWD)
    assert [(each.line, each.fields) for each in people] == [
        (3, {"username": "alice", "password_hash": "hash"}),
        (5, {"username": "bob", "password_hash": "a:b"}),
        (6, {"username": "last", "password_hash": "x"}),
    ]
    assert people[-1].end == len("# all\n\nAlice:hash\r\n  \nbob:a:b\nlast:x")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"alice", "the line has no colon between a name and a hash"),
        (b"alice:", "password_hash: must be the hash of a password, of 1024 characters or fewer"),
        (b":hash", "username: must be 1 to 64"),
        (b"al ice:hash", "username: must be 1 to 64"),
        (b"ali\xffce:hash", "the line is not UTF-8"),
        (b"\xef\xbb\xbfalice:hash", "username: must be 1 to 64"),
        (b"alice:" + b"x" * 1025, "password_hash: must be the hash"),
        (b"a" * 70 + b":hash", "username: must be 1 to 64"),
        (b"alice\x00:hash", "username: must be 1 to 64"),
    ],
)
def test_a_wrong_line_of_htpasswd_is_told(line: bytes, problem: str) -> None:
    assert problems(line, HTPASSWD)[0].startswith(problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"password_hash": "x"}', "username: is missing"),
        ('{"username": "alice"}', "password_hash: is missing"),
        ('{"username": "alice", "password_hash": null}', "password_hash: must have a value"),
        ('{"username": "alice", "password_hash": 7}', "password_hash: must be the hash"),
        ('{"username": "alice", "password_hash": "x", "password": "y"}', "password: is not known"),
        ('{"username": "alice", "password_hash": "x", "username": "bob"}',
         "the line has a member that stands twice"),
        ('{"username": "alice", "password_hash": NaN}', "the line has NaN, which is not JSON"),
        ('{"username": "alice",', "the line is not JSON in UTF-8"),
        ('["alice"]', "the line is not a JSON object"),
        ("alice:x", "the line is not JSON in UTF-8"),
        ('{"username": "alice", "password_hash": "x", "roles": "ops"}', "roles: must be a list"),
        ('{"username": "alice", "password_hash": "x", "roles": ["a b"]}', "roles/0: must be 1 to"),
        ('{"username": "alice", "password_hash": "x", "email": "x"}', "email: is not an e-mail"),
        ('{"username": "alice", "password_hash": "x", "disabled": "false"}',
         "disabled: must be true or false"),
        ('{"username": "alice", "password_hash": "x", "created_at": "yesterday"}',
         "created_at: must be a date"),
        ('{"username": "alice", "password_hash": "x", "created_at": -1}',
         "created_at: must be a date"),
        ('{"username": "alice", "password_hash": "x", "id": "operator"}', "id: must be 16 to 64"),
        (f'{{"username": "alice", "password_hash": "x", "id": "{ID[1:]}"}}', "id: must be 16 to"),
        (f'{{"username": "alice", "password_hash": "x", "id": "{ID}/.."}}', "id: must be 16 to"),
        (f'{{"username": "alice", "password_hash": "x", "id": "{ID * 5}"}}', "id: must be 16 to"),
        (f'{{"username": "alice", "password_hash": "x", "id": "App-{ID}aaaaaa"}}', "id: must be"),
        (f'{{"username": "alice", "password_hash": "x", "roles": {json.dumps(["r"] * 40_000)}}}',
         f"the line has more than {LONGEST_LINE} octets"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_json_is_told(line: str, problem: str) -> None:
    assert problems(line, JSONL)[0].startswith(problem)


def test_every_field_that_is_wrong_is_told() -> None:
    told = problems('{"username": "a b", "email": "x", "disabled": 1}', JSONL)
    assert sorted(each.partition(":")[0] for each in told) == [
        *("disabled", "email", "password_hash", "username")
    ]


def test_a_line_may_be_so_long_and_no_longer() -> None:
    line = b"alice:x" + b" " * (LONGEST_LINE - len(b"alice:x\n")) + b"\n"
    assert problems(line, HTPASSWD) == ()
    too_long, after = read(b"a" * 3 * LONGEST_LINE + b"\nbob:x\n", HTPASSWD)
    assert (too_long.line, after.line, after.fields["username"]) == (1, 2, "bob")
    assert after.end == 3 * LONGEST_LINE + len(b"\nbob:x\n")
    one_more, after = read(b"a" * LONGEST_LINE + b"\nbob:x\n", HTPASSWD)
    assert (len(one_more.problems), after.line) == (1, 2)


def test_authelias_file_is_read_with_what_this_service_keeps() -> None:
    people = read(
        "---\nusers:\n"
        "  John:\n"
        "    disabled: true\n"
        "    displayname: 'John Doe'\n"
        "    password: '$argon2id$x'\n"
        "    email: john@example.com\n"
        "    groups: [admins, dev]\n"
        "    given_name: John\n"
        "    address: {country: X}\n"
        "  harry:\n"
        "    displayname: Harry\n"
        "    password: z\n"
        "    groups: []\n",
        AUTHELIA,
    )
    assert [(each.line, each.problems) for each in people] == [(3, ()), (11, ())]
    assert people[0].fields == {
        "username": "john",
        "disabled": True,
        "name": "John Doe",
        "password_hash": "$argon2id$x",
        "email": "john@example.com",
        "roles": ["admins", "dev"],
    }
    assert people[1].fields == {
        "username": "harry",
        "name": "Harry",
        "password_hash": "z",
        "roles": [],
    }


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ("password: 7", "password_hash: must be the hash"),
        ("displayname: J", "password_hash: is missing"),
        ("{password: x, groups: admins}", "roles: must be a list"),
        ("{password: x, groups: [Domain Admins]}", "roles/0: must be 1 to 64"),
        ("{password: x, disabled: 'true'}", "disabled: must be true or false"),
        ("{password: x, mail: j@example.com}", "john has a key that is not known: 'mail'"),
        ("[password, x]", "the line begins no mapping: john"),
        ("x", "the line begins no mapping: john"),
    ],
)
def test_a_person_of_authelias_file_who_is_wrong_is_told(member: str, problem: str) -> None:
    people = read(f"users:\n  john:\n    {member}\n  harry: {{password: x}}\n", AUTHELIA)
    assert people[0].problems[0].startswith(problem)
    assert people[1].problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"users:\n  a: {password: x}\n  a: {password: y}\n", "people:3: users.a: stands twice"),
        (b"users:\n  7: {password: x}\n", "people:2: users.7: a key must be text: quote it"),
        (b"users:\n  a: &x {password: x}\n  b: *x\n", "people:2: users.a: anchors and aliases"),
        (b"users:\n  a: !!python/object:x {}\n", "people:2: users.a: tags are not read"),
        (b"users: [a]\n", "people:1: is no users file: it has no mapping `users`"),
        (b"alice: {password: x}\n", "people:1: is no users file"),
        (b"users: {a: {password: x}}\nmore: 1\n", "people:2: more: is not known beside `users`"),
        (b"users: {a: {password: x}\n", "people:2: is not YAML"),
        (b"users: {a: {password: \xff}}\n", "people: is not UTF-8"),
        (b"", "people:1: is no users file"),
        (b"users: {" + b"a: {" * 20 + b"}" * 21, "people:1: is not YAML: nested too deeply"),
    ],
)
def test_a_file_that_two_readers_read_differently_is_refused_whole(
    text: bytes, problem: str
) -> None:
    with pytest.raises(DocumentInvalid) as raised:
        read(text, AUTHELIA)
    assert raised.value.problems[0].startswith(problem)


names = st.text(min_size=1, max_size=20).map(canonical_username).filter(bool)
users = st.builds(
    User,
    id=st.text("abcXYZ012._~-", min_size=16, max_size=64),
    username=names,
    email=st.text(max_size=20).map(lambda text: canonical_email(f"{text}@x.y")),
    name=st.text(max_size=20).map(canonical_name),
    roles=st.sets(st.text("abc012:/.", min_size=1, max_size=8).map(lambda text: f"r{text}")).map(
        lambda roles: tuple(sorted(roles))
    ),
    disabled=st.booleans(),
    created_at=st.integers(0, 2**31),
    updated_at=st.integers(0, 2**31),
)


@given(users, st.text(min_size=1, max_size=40))
def test_reading_is_the_inverse_of_writing(user: User, password_hash: str) -> None:
    line = dump_person(user, password_hash)
    assert "\n" not in line
    (person,) = read(line + "\n", JSONL)
    assert person.problems == ()
    fields = dict(person.fields)
    assert fields.pop("password_hash") == password_hash
    assert User(**{**fields, "roles": tuple(fields["roles"])}) == user


@given(st.binary(max_size=200), st.sampled_from([HTPASSWD, JSONL]))
def test_any_octets_are_people_or_problems(octets: bytes, form: PeopleFormat) -> None:
    for person in read(octets, form):
        assert bool(person.problems) is not bool(person.fields)


@given(st.binary(max_size=200))
def test_any_octets_are_a_users_file_or_none(octets: bytes) -> None:
    guess_format(octets)
    with suppress(DocumentInvalid):
        read(b"users: " + octets, AUTHELIA)
