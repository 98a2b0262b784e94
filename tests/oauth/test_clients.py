"""`/clients`: programs, for administrators."""

import pytest

from tests.oauth.programs import Oauth, Program, manage, path_of, read_client
from tests.web.asked import claims_of
from tests.web.conftest import PUBLIC_URL

pytestmark = pytest.mark.asyncio

NEW = {"name": "exporter", "scopes": ["b", "a", "b"], "audience": ["files", "api"]}
MEMBERS = {"client_id", "name", "scopes", "audience", "created_at", "updated_at"}


async def test_a_new_program_is_told_its_secret_once(oauth: Oauth) -> None:
    answer = await manage(oauth, "POST", "/clients", NEW)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == MEMBERS | {"client_secret"}
    assert answer.json["scopes"] == ["a", "b"]
    assert answer.json["audience"] == ["files", "api"]
    made = Program(answer.json["client_id"], answer.json["client_secret"])
    assert answer.headers["Location"] == f"{PUBLIC_URL}{path_of(made)}"
    shown = await manage(oauth, "GET", path_of(made))
    assert (shown.status, set(shown.json)) == (200, MEMBERS)
    assert shown.json.items() <= answer.json.items()
    assert shown.headers["ETag"] == answer.headers["ETag"]
    claims = claims_of(await oauth.log_in(made))
    assert (claims["scope"], claims["aud"]) == ("a b", ["files", "api"])


async def test_what_is_left_out_is_nothing_and_the_audience_of_all(oauth: Oauth) -> None:
    answer = await manage(oauth, "POST", "/clients", {"name": "plain"})
    assert (answer.json["scopes"], answer.json["audience"]) == ([], ["api", "files"])


async def test_a_change_names_the_version_that_was_seen(oauth: Oauth) -> None:
    path, token = path_of(oauth.reports), await oauth.log_in(oauth.reports)
    seen = (await manage(oauth, "GET", path)).headers["ETag"]
    answer = await manage(oauth, "PATCH", path, {"scopes": ["x", "a"]}, If_Match=seen)
    assert (answer.status, answer.json["scopes"]) == (200, ["a", "x"])
    assert answer.json == await read_client(oauth, oauth.reports)
    assert answer.json["name"] == "reports"
    (await oauth.verify(token)).assert_problem(401, "revoked_user")
    assert answer.headers["ETag"] != seen
    stale = await manage(oauth, "PATCH", path, {"scopes": []}, If_Match=seen)
    stale.assert_problem(412, "version_mismatch")
    assert (await read_client(oauth, oauth.reports))["scopes"] == ["a", "x"]


async def test_a_change_that_changes_nothing_keeps_the_version(oauth: Oauth) -> None:
    path, token = path_of(oauth.reports), await oauth.log_in(oauth.reports)
    for body in ({}, {"name": "reports"}):
        answer = await manage(oauth, "PATCH", path, body, If_Match='"0"')
        assert (answer.status, answer.headers["ETag"]) == (200, '"0"')
    assert (await oauth.verify(token)).status == 200


async def test_any_version_may_be_meant(oauth: Oauth) -> None:
    path = path_of(oauth.reports)
    assert (await manage(oauth, "PATCH", path, {"name": "x"}, If_Match="*")).status == 200
    assert (await manage(oauth, "DELETE", path, If_Match="*")).status == 204


@pytest.mark.parametrize("seen", [{}, {"If_Match": '"0"'}])
async def test_a_removed_program_is_gone(oauth: Oauth, seen: dict[str, str]) -> None:
    path, token = path_of(oauth.reports), await oauth.log_in(oauth.reports)
    answer = await manage(oauth, "DELETE", path, **seen)
    assert (answer.status, answer.body) == (204, b"")
    (await oauth.verify(token)).assert_problem(401, "revoked_user")
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {}), ("POST", None)):
        asked = f"{path}/rotate" if method == "POST" else path
        answer = await manage(oauth, method, asked, body, If_Match='"0"')
        answer.assert_problem(404, "not_found")


@pytest.mark.parametrize(
    ("body", "stays"),
    [
        (None, True),
        ({}, True),
        ({"drop_previous": False}, True),
        ({"drop_previous": True}, False),
    ],
)
async def test_a_program_is_given_another_secret(
    oauth: Oauth, body: dict[str, bool] | None, *, stays: bool
) -> None:
    before = await read_client(oauth, oauth.reports)
    answer = await manage(oauth, "POST", f"{path_of(oauth.reports)}/rotate", body)
    assert (answer.status, set(answer.json)) == (200, {"client_id", "client_secret"})
    assert answer.headers["Cache-Control"] == "no-store"
    await oauth.log_in(Program(oauth.reports.client_id, answer.json["client_secret"]))
    old = await oauth.grant({"grant_type": "client_credentials"}, oauth.reports.basic)
    assert (old.status == 200) is stays
    assert await read_client(oauth, oauth.reports) == before


async def test_every_change_stands_in_the_audit_trail(oauth: Oauth) -> None:
    device = {"User_Agent": "browser", "X_Forwarded_For": "203.0.113.7"}
    made = (await manage(oauth, "POST", "/clients", NEW, **device)).json["client_id"]
    path = f"/clients/{made}"
    await manage(oauth, "PATCH", path, {"name": "other"}, If_Match='"0"', **device)
    await manage(oauth, "POST", f"{path}/rotate", **device)
    await manage(oauth, "DELETE", path, **device)
    items = (await manage(oauth, "GET", f"/audit?subject={made}")).json["items"]
    assert [each["action"] for each in items] == [
        *("client.removed", "client.rotated", "client.changed", "client.added"),
    ]
    root = claims_of(oauth.root["Authorization"])["sub"]
    assert {(each["actor"], each["address"], each["user_agent"]) for each in items} == {
        (root, "203.0.113.7", "browser")
    }
    assert items[-1]["details"]["name"] == "exporter"
