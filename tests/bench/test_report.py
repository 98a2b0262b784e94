import json
from typing import Any

import pytest

from tests.bench.hearing import Heard
from tests.bench.measure import Spread
from tests.bench.people import Listed
from tests.bench.report import Report
from tests.bench.revocations import Crowded
from tests.bench.servers import Cores
from tests.bench.sessions import Growth, Stored

AT_THE_LIMITS: dict[str, Any] = {
    "ratio": 2.0,
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
    "resident": 90.0,
}


def make_growth(ratio: float) -> Growth:
    return Growth(Spread(1.0, 1.0, 1.0), Spread(9.0, 9.0, 9.0), Spread(ratio, 0.0, 99.0))


def make_report(**figures: float) -> Report:
    values = AT_THE_LIMITS | figures
    return Report(
        cores=Cores(0, 1),
        rows={"bare": Spread(10.0, 9.0, 11.0)},
        ratio=Spread(values["ratio"], 0.0, 9.0),  # the median decides, whatever one round did
        rules_ratio=Spread(values["rules_ratio"], 0.0, 9.0),
        loading=values["loading"],
        turn=values["turn"],
        cold_path=values["cold_path"],
        sessions={
            "SQLite": Stored(
                100_000,
                {
                    "refresh": make_growth(values["growth"]),
                    "purge a batch": make_growth(values["purge_growth"]),
                },
                values["lock"],
            )
        },
        people={
            "SQLite": Listed(9, {"the first page": Spread(values["question"], 0.0, 999.0)}),
        },
        flood=Spread(values["flood"], 0.0, 9.0),
        crowd=Crowded(
            revocations=9,
            octets=values["octets"],
            loading=99.0,
            turn=values["crowd_turn"],
            deciding=99.0,
            ratio=Spread(values["view_ratio"], 0.0, 9.0),
            anew=Spread(9.0, 9.0, 9.0),
        ),
        heard={"told": Heard(9.0, values["heard"])},
        statements=values["statements"],
        ready=values["ready"],
        resident=values["resident"],
        resident_loaded=500.0,
    )


def test_figures_at_their_limits_hold() -> None:
    assert make_report().holds


@pytest.mark.parametrize(
    "figure",
    [
        {"ratio": 2.01},
        {"rules_ratio": 1.21},
        {"loading": 2.1},
        {"turn": 5.1},
        {"cold_path": 15.1},
        {"growth": 1.51},
        {"purge_growth": 4.01},
        {"lock": 50.1},
        {"question": 50.1},
        {"flood": 1.26},
        {"octets": 200.1},
        {"view_ratio": 1.11},
        {"crowd_turn": 5.1},
        {"heard": 1000.1},
        {"statements": 3},
        {"ready": 1.01},
        {"resident": 90.1},
    ],
)
def test_one_figure_above_its_limit_is_enough(figure: dict[str, float]) -> None:
    report = make_report(**figure)
    assert not report.holds
    assert [line.endswith("TOO MUCH") for line in report.to_table()].count(True) == 1


def test_a_spread_is_not_moved_by_one_round() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 50.0, 2.0]) == Spread(2.0, 1.0, 50.0)


def test_programs_read_the_same_figures() -> None:
    read = json.loads(make_report(ratio=2.5).to_json())
    assert read["rows"] == {"bare": {"median": 10.0, "least": 9.0, "most": 11.0}}
    assert [(limit["figure"], limit["holds"]) for limit in read["limits"]] == [
        (2.5, False),
        (1.2, True),
        (2.0, True),
        (5.0, True),
        (15.0, True),
        (1.5, True),
        (4.0, True),
        (50.0, True),
        (50.0, True),
        (1.25, True),
        (200.0, True),
        (1.1, True),
        (5.0, True),
        (1000.0, True),
        (2, True),
        (1.0, True),
        (90.0, True),
    ]
