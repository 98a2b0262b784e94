"""A refusal that is asked for after something has changed."""

import asyncio
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.core.revocation import RevocationView
from sidecar.sources.watch import PERIOD
from tests.web.conftest import serving_web
from tests.web.gated import GATE_POLICY, HOST, gate_people
from tests.web.test_operations import operate

pytestmark = pytest.mark.asyncio


async def test_it_is_explained_by_the_policy_that_refused_and_says_that_it_has_changed(
    tmp_path: Path,
) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        refused = await people.ask("traefik", "/admin/x", people.credentials["alice"])
        (before,) = (await operate(web, _path(refused.headers["X-Request-Id"]))).json["items"]
        assert before["rule_stands"] is True

        changed: dict[str, Any] = deepcopy(dict(GATE_POLICY))
        changed["hosts"][HOST][1]["allow"] = {"roles": ["staff"]}
        text = yaml.safe_dump(changed, sort_keys=False)
        await asyncio.to_thread((tmp_path / "policy.yaml").write_text, text)
        web.serving.reload()
        async with asyncio.timeout(10 * PERIOD):
            status = 403
            while status != 200:
                status = (
                    await people.ask("traefik", "/admin/x", people.credentials["alice"])
                ).status

        (after,) = (await operate(web, _path(refused.headers["X-Request-Id"]))).json["items"]
        assert after == before | {"rule_stands": False}
        assert after["needs"] == ["one of the roles admin, ops"]


async def test_a_moment_without_a_verdict_is_no_refusal(tmp_path: Path) -> None:
    async with serving_web(tmp_path, policy=GATE_POLICY) as web:
        people = await gate_people(web)
        web.serving.gate.view = RevocationView()
        answer = await people.ask("traefik", "/x", people.credentials["alice"])
        assert answer.status == 503
        unknown = await operate(web, _path(answer.headers["X-Request-Id"]))
        unknown.assert_problem(404, "not_remembered")


def _path(request_id: str) -> str:
    return f"/refusals/{request_id}"
