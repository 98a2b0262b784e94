"""zxcvbn is asked by a process of its own, where others wait for this one."""

import sys

import pytest

from sidecar.credentials import guesses
from sidecar.credentials.guesses import is_hard_to_guess, is_hard_to_guess_apart
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import PasswordFault, PasswordRules
from sidecar.errors import Overloaded

RULES = PasswordRules(12, "https://login.example.com")


@pytest.mark.parametrize(
    ("password", "names"),
    [
        ("iloveyou2024!", ()),
        ("four words that nobody knows", ()),
        ("wren.ottoline1", ("wren", "ottoline")),
        ("p\u00e4ssw\u00f6rter \U0001f511 \u5c71\u5ddd", ("\u5c71\u5ddd",)),
        ("aA" * 128, ()),
    ],
)
def test_the_other_process_says_what_this_one_would(password: str, names: tuple[str, ...]) -> None:
    assert is_hard_to_guess_apart(password, names) is is_hard_to_guess(password, names)


@pytest.mark.parametrize(
    "start", ["raise SystemExit(3)", "print('true')", "pass", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_process_without_an_answer_says_nothing_of_the_password(
    monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(guesses, "_START", start)
    with pytest.raises(Overloaded, match="could not be judged"):
        is_hard_to_guess_apart("four words that nobody knows", ())


def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "_START", "import signal; signal.pause()")
    monkeypatch.setattr(guesses, "LONGEST_TIME", 0.2)
    with pytest.raises(Overloaded, match="TimeoutExpired"):
        is_hard_to_guess_apart("four words that nobody knows", ())


def test_a_machine_that_starts_no_process_says_nothing_of_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Overloaded, match="FileNotFoundError"):
        is_hard_to_guess_apart("four words that nobody knows", ())


@pytest.mark.asyncio
async def test_what_serves_does_not_take_the_words_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "zxcvbn", raising=False)
    hasher = PasswordHasher()
    try:
        fault = await hasher.judge(RULES, "iloveyou2024!", chooser="a")
        assert fault is PasswordFault.COMMON
        assert await hasher.judge(RULES, "four words that nobody knows", chooser="a") is None
    finally:
        hasher.close()
    assert "zxcvbn" not in sys.modules
