"""`/account` in a browser: what people change of their own, and what is said of a mistake."""

import logging
import re

import pytest

from sidecar.core.audit import Action
from tests.programs.service import PASSWORD
from tests.web.asked import claims_of, given_cookies, read_trail
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.phones import Phone, forget_step
from tests.web.visiting import OWN, Seen, Visitor, visit, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEXT = "another long enough passphrase"


async def test_a_profile_is_changed_and_the_session_goes_on(web: Web, person: Visitor) -> None:
    version = await person.version("/account")
    fields = {"name": "Ada Lovelace", "email": "ada@example.org", "version": version}
    answer = await person.send("/account", fields)
    assert answer.headers["Location"] == f"{PUBLIC_URL}/account?done=profile"
    assert given_cookies(answer)
    page = await person.follow(answer)
    assert page.status == 200
    assert "Your profile is changed." in words_of(page)
    seen = Seen(page.text)
    assert (seen.values["name"], seen.values["email"]) == ("Ada Lovelace", "ada@example.org")
    assert (await read_trail(web))[0].action == Action.USER_CHANGED


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("email", "no address"),
        ("email", "a@b\u202e"),
        ("email", "x" * 300 + "@example.com"),
        ("name", " spaces "),
        ("name", "two\nlines"),
        ("name", "x" * 257),
        ("name", "turned \u202e round"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    person: Visitor, field: str, typed: str
) -> None:
    version = await person.version("/account")
    fields = {"name": "Kept", "email": "kept@example.org", "version": version, field: typed}
    answer = await person.send("/account", fields)
    assert answer.status == 422
    seen = Seen(answer.text)
    assert seen.wrong == {field}
    assert f'aria-describedby="{field}-error"' in answer.text
    assert f'id="{field}-error"' in answer.text
    other = "name" if field == "email" else "email"
    assert seen.values[other] == fields[other]
    assert seen.values[field].split() == typed.split()
    assert Seen((await person.look("/account")).text).values["name"].startswith("Person")


@pytest.mark.parametrize("version", ["0", "7", "", "x", "1.0", "9" * 30, None])
async def test_a_change_of_what_was_not_seen_shows_what_is_there_now(
    person: Visitor, version: str | None
) -> None:
    first = await person.version("/account")
    done = await person.send("/account", {"name": "Now", "email": "", "version": first})
    assert done.status == 303
    fields = {"name": "Late", "email": "late@example.org"}
    if version is not None:
        fields["version"] = version
    answer = await person.send("/account", fields)
    assert answer.status == 412
    assert "Somebody else changed this meanwhile" in words_of(answer)
    seen = Seen(answer.text)
    assert (seen.values["name"], seen.values["email"]) == ("Now", "")
    again = await person.send("/account", {**fields, "version": seen.values["version"]})
    assert again.status == 303


async def test_a_password_is_changed_for_the_present_one(web: Web, person: Visitor) -> None:
    name = await person.find_name()
    other = await visit(web, name)
    fields = {"current_password": PASSWORD, "new_password": NEXT, "again": NEXT}
    answer = await person.send("/account/password", fields)
    page = await person.follow(answer)
    assert "Your password is changed" in words_of(page)
    assert (await other.look("/account")).status == 303
    assert (await read_trail(web))[0].action == Action.USER_PASSWORD


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"current_password": "not it at all, sorry"}, "current_password"),
        ({"current_password": ""}, "current_password"),
        ({"current_password": "x" * 1025}, "current_password"),
        ({"new_password": "short", "again": "short"}, "new_password"),
        ({"new_password": "", "again": ""}, "new_password"),
        ({"new_password": "x" * 257, "again": "x" * 257}, "new_password"),
        ({"new_password": "passwordpassword", "again": "passwordpassword"}, "new_password"),
        ({"new_password": PASSWORD, "again": PASSWORD}, "new_password"),
        ({"again": NEXT.upper()}, "again"),
        ({"again": ""}, "again"),
    ],
)
async def test_a_password_that_is_not_taken_is_told_and_never_shown(
    person: Visitor, changed: dict[str, str], wrong: str
) -> None:
    fields = {"current_password": PASSWORD, "new_password": NEXT, "again": NEXT, **changed}
    answer = await person.send("/account/password", fields)
    assert answer.status == 422
    seen = Seen(answer.text)
    assert seen.wrong == {wrong}
    names = ("current_password", "new_password", "again")
    assert [seen.values[name] for name in names] == ["", "", ""]
    assert not [typed for typed in fields.values() if typed and typed in answer.text]
    assert (await person.look("/account")).status == 200


async def test_nothing_is_judged_for_who_does_not_know_the_present_password(
    person: Visitor,
) -> None:
    fields = {"current_password": "not it at all", "new_password": "passwordpassword"}
    answer = await person.send("/account/password", {**fields, "again": "passwordpassword"})
    assert (answer.status, Seen(answer.text).wrong) == (422, {"current_password"})


async def test_too_many_wrong_passwords_are_told_to_wait(person: Visitor) -> None:
    statuses = []
    for number in range(40):
        fields = {"current_password": f"wrong {number}", "new_password": NEXT, "again": NEXT}
        answer = await person.send("/account/password", fields)
        statuses.append(answer.status)
        if answer.status == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "Too many attempts" in words_of(answer)
            break
    assert statuses[-1] == 429
    assert set(statuses) == {422, 429}


async def test_a_second_factor_is_set_up_confirmed_and_removed(web: Web, person: Visitor) -> None:
    begun = await person.send("/account/factor")
    assert begun.status == 200
    assert begun.headers["Cache-Control"] == "no-store"
    assert "<svg" in begun.text
    secret = re.search(r'<code class="code">([A-Z2-7 ]+)</code>', begun.text)
    assert secret is not None
    phone = Phone.of(secret[1].replace(" ", ""))
    wrong = await person.send("/account/factor/confirm", {"otp": phone.misread()})
    assert wrong.status == 422
    assert Seen(wrong.text).wrong == {"otp"}
    assert secret[1] not in wrong.text
    confirmed = await person.send("/account/factor/confirm", {"otp": phone.read()})
    codes = re.findall(r'<li><code class="code">([^<]+)</code>', confirmed.text)
    assert len(set(codes)) == 10
    shown = await person.look("/account/factor")
    assert "Remove the second factor" in words_of(shown)
    assert not [code for code in codes if code in shown.text]
    assert (await person.send("/account/factor")).status == 409
    await forget_step(web)
    refused = await person.send("/account/factor/remove", {"password": "not it at all"})
    assert (refused.status, Seen(refused.text).wrong) == (422, {"password"})
    removed = await person.follow(
        await person.send("/account/factor/remove", {"password": PASSWORD})
    )
    assert "The second factor is removed." in words_of(removed)
    assert "Set it up" in words_of(removed)
    again = await person.send("/account/factor/remove", {"password": PASSWORD})
    assert again.status == 409
    assert "There is no second factor." in words_of(again)


FAILING = [
    ("/account/factor/remove", {"password": "not it at all"}, "invalid_credentials"),
    ("/account/factor/confirm", {"otp": "123456"}, "otp_invalid"),
    (
        "/account/password",
        {"current_password": "not it at all", "new_password": NEXT, "again": NEXT},
        "invalid_credentials",
    ),
    ("/account/tokens/remove", {"csrf": "stale"}, "csrf_token"),
]


@pytest.mark.parametrize(("path", "fields", "reason"), FAILING)
async def test_a_form_that_is_refused_leaves_a_line_that_says_which(
    person: Visitor,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fields: dict[str, str],
    reason: str,
) -> None:
    caplog.set_level(logging.INFO, "sidecar.web")
    own = {} if reason == "csrf_token" else OWN
    answer = await person.send(path, fields, own)
    (line,) = [vars(each) for each in caplog.records if each.message == "request refused"]
    assert (line["method"], line["path"], line["reason"]) == ("POST", path, reason)
    assert (line["sub"], line["request_id"]) == (
        claims_of(person.cookie)["sub"],
        answer.headers["X-Request-Id"],
    )


@pytest.mark.parametrize(
    "otp", ["", "123", "abcdef", "x" * 500, "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
async def test_a_code_that_is_none_is_told(person: Visitor, otp: str) -> None:
    await person.send("/account/factor")
    answer = await person.send("/account/factor/confirm", {"otp": otp})
    assert (answer.status, Seen(answer.text).wrong) == (422, {"otp"})


async def test_who_was_disabled_a_moment_ago_is_led_to_the_login(web: Web, person: Visitor) -> None:
    await web.change_user(await person.find_name(), disabled=True)
    for path in ("/account", "/account/password", "/account/tokens"):
        assert (await person.look(path)).status == 303
        assert (await person.send(path, {"version": "0"})).status == 303
