import json
from typing import Any

import pytest

from tests.bench.cold import Cold
from tests.bench.connections import Connections
from tests.bench.flood import Guessed
from tests.bench.hearing import Heard, Hearing
from tests.bench.measure import Spread
from tests.bench.memory import Flooded, Memory
from tests.bench.people import Listed, People
from tests.bench.report import Part, Report
from tests.bench.revocations import Crowded
from tests.bench.rules import Ruled
from tests.bench.servers import Cores
from tests.bench.sessions import Growth, Sessions, Stored
from tests.bench.speed import Compared
from tests.bench.statements import Statements
from tests.bench.warm import Warm

AT_THE_LIMITS: dict[str, Any] = {
    "by_bare": 0.6,
    "by_constant": 3.0,
    "cookie": 1.1,
    "cold": 90.0,  # by a verification that takes 20 µs
    "refusal": 1.0,
    "rules_ratio": 1.2,
    "loading": 2.0,
    "turn": 5.0,
    "cold_path": 15.0,
    "growth": 1.5,
    "purge_growth": 4.0,
    "lock": 50.0,
    "question": 50.0,
    "flood": 1.25,
    "octets": 200.0,
    "view_ratio": 1.1,
    "crowd_turn": 5.0,
    "heard": 1000.0,
    "statements": 2,
    "ready": 1.0,
    "rest": 90.0,
    "loaded": 150.0,
    "grown": 103.0,  # MB in the flood, which began at 100
}
ROW = Spread(10.0, 9.0, 11.0)


def around(figure: float) -> Spread:
    return Spread(figure, 0.0, 99.0)  # the median decides, whatever one round did


def make_growth(ratio: float) -> Growth:
    return Growth(Spread(1.0, 1.0, 1.0), Spread(9.0, 9.0, 9.0), around(ratio))


def make_parts(values: dict[str, Any]) -> dict[str, Part]:
    growth = {
        "refresh": make_growth(values["growth"]),
        "purge a batch": make_growth(values["purge_growth"]),
    }
    flooded = Flooded(1250, 1000, [100.0, values["grown"], 101.0])
    questions = {"the first page": around(values["question"])}
    return {
        "warm": Warm(
            rows={"bare": {"uvloop": ROW, "asyncio": ROW}},
            by_bare=around(values["by_bare"]),
            by_constant=around(values["by_constant"]),
            cookie=around(values["cookie"]),
            octets=1500,
        ),
        "cold": Cold(
            rows={"cold token": around(values["cold"])},
            verification=20.0,
            refusals={"expired": around(values["refusal"])},
        ),
        "rules": Ruled(
            rows={"10 rules": ROW},
            ratio=around(values["rules_ratio"]),
            loading=values["loading"],
            turn=values["turn"],
            cold_path=values["cold_path"],
        ),
        "connections": Connections({"warm token, TCP, kept": ROW}),
        "sessions": Sessions({"SQLite": Stored(100_000, growth, values["lock"])}),
        "people": People({"SQLite": Listed(9, questions)}),
        "flood": Guessed(around(values["flood"])),
        "revocations": Crowded(
            revocations=9,
            octets=values["octets"],
            loading=99.0,
            turn=values["crowd_turn"],
            deciding=99.0,
            ratio=around(values["view_ratio"]),
            anew=Spread(9.0, 9.0, 9.0),
        ),
        "hearing": Hearing({"told": Heard(9.0, values["heard"])}),
        "statements": Statements(values["statements"]),
        "memory": Memory(values["ready"], values["rest"], values["loaded"], 100_000, flooded),
    }


def make_report(**figures: float) -> Report:
    return Report(Cores(0, 1), make_parts(AT_THE_LIMITS | figures))


def test_figures_at_their_limits_hold() -> None:
    assert make_report().holds


@pytest.mark.parametrize("figure", AT_THE_LIMITS)
def test_one_figure_above_its_limit_is_enough(figure: str) -> None:
    report = make_report(**{figure: AT_THE_LIMITS[figure] * 1.1 + 0.1})
    assert not report.holds
    assert [line.endswith("TOO MUCH") for line in report.to_table()].count(True) == 1


def test_a_spread_is_not_moved_by_one_round() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 50.0, 2.0]) == Spread(2.0, 1.0, 50.0)


def test_every_row_and_every_limit_is_in_the_table() -> None:
    table = "\n".join(make_report().to_table())
    assert table.count("10.00     9.00    11.00") == 4  # bare on both loops, 10 rules, TCP
    assert table.count("at most") == len(AT_THE_LIMITS)
    assert max(map(len, table.splitlines())) <= 100


def test_programs_read_the_same_figures() -> None:
    read = json.loads(make_report(by_bare=2.5).to_json())
    row = {"median": 10.0, "least": 9.0, "most": 11.0}
    assert read["parts"]["warm"]["rows"]["bare"] == {"uvloop": row, "asyncio": row}
    assert read["parts"]["memory"]["flood"]["resident"] == [100.0, 103.0, 101.0]
    assert len(read["limits"]) == len(AT_THE_LIMITS)
    assert [limit["name"] for limit in read["limits"] if not limit["holds"]] == [
        "warm token / bare Application"
    ]


def test_the_quick_look_compares_the_best_of_each() -> None:
    assert Compared(bare=[10.0, 30.0, 11.0], warm=[99.0, 12.0, 10.0]).holds
    assert not Compared(bare=[10.0, 30.0, 11.0], warm=[99.0, 12.0, 10.1]).holds
