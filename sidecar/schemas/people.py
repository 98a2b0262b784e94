"""Files of people: htpasswd, Authelia's users file, and JSON lines, read one person at a time."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO, Final

from marshmallow import fields

from sidecar.core.client import is_client_id
from sidecar.core.user import User, is_user_id
from sidecar.errors import BodyMalformed, DocumentInvalid, FieldsInvalid
from sidecar.schemas.documents import Document, read_document, show_key
from sidecar.schemas.fields import FIELD_MESSAGES, Moment, Parsed
from sidecar.schemas.requests import Switch, load_fields, parse_json
from sidecar.schemas.user import UserSchema

LONGEST_LINE: Final = 32_768  # octets; the longest user JSON has half of that
LARGEST_YAML: Final = 8_388_608  # characters; 40 000 people, and 100 MB while it is read
LONGEST_HASH: Final = 1024  # characters; which are too long for a hash, that of its kind says
SHORTEST_ID: Final = 16  # characters: no word that stands for something else in the audit trail

# What Authelia keeps of people and this service does not.
_LEFT_BEHIND: Final = frozenset(
    {"given_name", "middle_name", "family_name", "nickname", "gender", "birthdate", "website"}
    | {"profile", "picture", "zoneinfo", "locale", "phone_number", "phone_extension", "address"}
    | {"extra"}
)
_AUTHELIA: Final = {
    "displayname": "name",
    "password": "password_hash",
    "email": "email",
    "groups": "roles",
    "disabled": "disabled",
}


class PeopleFormat(StrEnum):
    """What a file of people is written in."""

    HTPASSWD = "htpasswd"
    AUTHELIA = "authelia"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a file, whose `line` and end, in octets, are told.

    `fields` are judged as those of the user JSON, and `password_hash`; with `problems` they do not
    count.
    """

    line: int
    end: int
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()


def _parse_id(text: str) -> str | None:
    # A program's is another's: applications go by it, and what ends one would end both.
    good = len(text) >= SHORTEST_ID and is_user_id(text) and not is_client_id(text)
    return text if good else None


def _parse_hash(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST_HASH else None


class _PersonSchema(UserSchema):
    id: fields.Field[str] = Parsed(
        _parse_id, f"must be {SHORTEST_ID} to 64 of A-Z a-z 0-9 . _ ~ -, and no program's"
    )
    disabled = Switch(error_messages=FIELD_MESSAGES)
    created_at: fields.Field[int] = Moment()
    updated_at: fields.Field[int] = Moment()
    password_hash = Parsed(
        _parse_hash,
        f"must be the hash of a password, of {LONGEST_HASH} characters or fewer",
        required=True,
    )


_PERSON: Final = _PersonSchema()
_SHOWN: Final = UserSchema()  # to make one takes longer than to use it


def dump_person(user: User, password_hash: str) -> str:
    """Return the line of a person: their user JSON with `password_hash`."""
    members = {**_SHOWN.dump(user), "password_hash": password_hash}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def guess_format(head: bytes) -> PeopleFormat | None:
    """Return what a file is written in that begins so; None where that is not clear."""
    for line in head.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("{"):
            return PeopleFormat.JSONL
        if text in {"---", "users:"} or text.startswith("users: "):
            return PeopleFormat.AUTHELIA
        if text and not text.startswith("#"):
            name, colon, rest = text.partition(":")
            return PeopleFormat.HTPASSWD if name and colon and rest.strip() else None
    return None


def read_people(file: BinaryIO, form: PeopleFormat, name: str) -> Iterator[Person]:
    """Yield the people of a file in its order; `name` is what the file is called.

    Of a file of lines one is in memory. Raises DocumentInvalid where the file as a whole is wrong.
    """
    if form is PeopleFormat.AUTHELIA:
        yield from _read_authelia(file, name)
        return
    read = _read_json if form is PeopleFormat.JSONL else _read_htpasswd
    number = end = 0
    while octets := file.readline(LONGEST_LINE + 1):
        number, end = number + 1, end + len(octets)
        if len(octets) > LONGEST_LINE and not octets.endswith(b"\n"):
            end += _skip_line(file)
            problem = f"the line has more than {LONGEST_LINE} octets"
            yield Person(number, end, problems=(problem,))
            continue
        line = octets.strip(b"\r\n")
        if line.strip() and not line.startswith(b"#"):
            yield _judge(number, end, partial(read, line))


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while octets := file.readline(LONGEST_LINE):
        skipped += len(octets)
        if octets.endswith(b"\n"):
            break
    return skipped


def _judge(line: int, end: int, read: Callable[[], Mapping[str, Any]]) -> Person:
    try:
        values = load_fields(_PERSON, read())
    except BodyMalformed as error:
        return Person(line, end, problems=(str(error).replace("the body", "the line"),))
    except FieldsInvalid as error:
        told = tuple(f"{pointer[1:]}: {text}" for pointer, text in error.errors)
        return Person(line, end, problems=told)
    return Person(line, end, values)


def _read_json(line: bytes) -> Mapping[str, Any]:
    return parse_json(line)


def _read_htpasswd(line: bytes) -> Mapping[str, Any]:
    try:
        name, colon, encoded = line.decode("utf-8").partition(":")
    except UnicodeDecodeError:
        raise BodyMalformed("the line is not UTF-8") from None
    if not colon:
        raise BodyMalformed("the line has no colon between a name and a hash")
    return {"username": name, "password_hash": encoded.rstrip()}


def _read_authelia(file: BinaryIO, name: str) -> Iterator[Person]:
    try:
        text = file.read(4 * LARGEST_YAML).decode("utf-8")
    except UnicodeDecodeError:
        raise DocumentInvalid((f"{name}: is not UTF-8",)) from None
    document = read_document(text, name, largest=LARGEST_YAML)
    users = _find_users(document)
    document.refuse_problems()
    size = len(text.encode())
    for username, members in users.items():
        line = document.line_of(("users", username))
        yield _judge(line, size, partial(_read_member, username, members))


def _find_users(document: Document) -> Mapping[str, object]:
    values = document.values
    users = values.get("users") if isinstance(values, dict) else None
    if not isinstance(users, dict):
        document.add_problem((), "is no users file: it has no mapping `users`")
        return {}
    for key in set(values) - {"users"}:
        document.add_problem((key,), "is not known beside `users`")
    return users


def _read_member(username: str, members: object) -> Mapping[str, Any]:
    if not isinstance(members, dict):
        raise BodyMalformed(f"the line begins no mapping: {show_key(username)}")
    unknown = sorted(set(members) - set(_AUTHELIA) - _LEFT_BEHIND)
    if unknown:
        raise BodyMalformed(f"{show_key(username)} has a key that is not known: {unknown[0]!a}")
    kept = {_AUTHELIA[key]: value for key, value in members.items() if key in _AUTHELIA}
    return {"username": username, **kept}
