"""What it costs to list and to find people among very many."""

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.filled import Filled, populated
from tests.bench.load import LoadFailed
from tests.bench.measure import Spread
from tests.bench.plan import Bench
from tests.bench.report import MOST_QUESTION, Limit
from tests.programs.postgres import serving_postgres

PAGE: Final = 100  # people, as `GET /users` gives them
ASKED: Final = 20  # in a round


@dataclass(frozen=True, slots=True)
class Listed:
    """Milliseconds of each question to one database with so many people."""

    people: int
    questions: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Question:
    """One page that is asked for, and how many people are on it."""

    name: str
    after: str
    q: str
    found: int


@dataclass(frozen=True, slots=True)
class People:
    """The figures of each database."""

    listed: Mapping[str, Listed]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        for name, listed in self.listed.items():
            for question, each in listed.questions.items():
                yield Limit(f"{question} in {name}", each.median, MOST_QUESTION, "ms")

    def lines(self) -> Iterator[str]:
        """Yield nothing: the limits say it."""
        yield from ()


async def measure_people(bench: Bench) -> People:
    """Return the figures of SQLite and PostgreSQL with very many people. Raises LoadFailed."""
    people = bench.plan.people
    with serving_postgres() as server:
        urls = {
            "SQLite": f"sqlite:///{bench.folder}/people.db",
            "PostgreSQL": server.make_database(),
        }
        listed = {}
        for database, url in urls.items():
            bench.tell(f"{people[database]} people in {database}")
            async with populated(url, people[database]) as filled:
                listed[database] = await _measure(filled, bench.plan.rounds)
    return People(listed)


async def _measure(filled: Filled, rounds: int) -> Listed:
    questions = await _make_questions(filled)
    figures: dict[str, list[float]] = {question.name: [] for question in questions}
    for _ in range(rounds):
        for question in questions:
            figures[question.name].append(await _ask(filled, question))
    return Listed(filled.people, {name: Spread.of(each) for name, each in figures.items()})


async def _make_questions(filled: Filled) -> tuple[Question, ...]:
    (somebody,) = await filled.store.users.read_users("p5", 1)
    assert somebody.name is not None
    part = somebody.name[6:16]
    return (
        Question("the first page", "", "", PAGE),
        Question("a page behind half of them", "p5", "", PAGE),
        Question("somebody by a part of their name", "", part, 1),
        Question("what nobody is called", "", "nobody at all", 0),
        Question("two letters that many have", "", part[:2], PAGE),
    )


async def _ask(filled: Filled, question: Question) -> float:
    """Return the milliseconds of a question, the median of some."""
    spent = []
    for _ in range(ASKED):
        began = time.perf_counter()
        found = await filled.store.users.read_users(question.after, PAGE, question.q)
        spent.append(time.perf_counter() - began)
        if len(found) != question.found:
            raise LoadFailed(f"{question.name}: {len(found)} people")
    return statistics.median(spent) * 1e3
