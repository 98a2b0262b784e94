"""The terminals of somebody who follows a page from top to bottom.

Commands run in one shell, in their order, and must succeed. What keeps running (a service, a
gateway) runs beside it until another takes its place, as in a terminal of its own.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.docs.markdown import Block
from tests.programs.process import PATHS, STOP_TIMEOUT

MARK = "sidecar-command-ended"
PATIENCE = 45.0  # seconds: a command may start several programs, beside other tests
LANGUAGES = frozenset({"sh", "console", "yaml", "python"})


@dataclass(frozen=True, slots=True)
class Lasting:
    """A command that keeps running: what it takes the place of, and when it is ready."""

    begins: str
    role: str
    ready: Callable[["Running"], bool]
    brief: bool = False


@dataclass(slots=True)
class Running:
    """Such a command as it runs, in a session of its own."""

    lasting: Lasting
    process: asyncio.subprocess.Process
    output: Path

    def says(self, text: str) -> bool:
        """Say whether its output has this text."""
        return text in self.output.read_text(errors="replace")


def says(text: str) -> Callable[[Running], bool]:
    """Return what holds once a program has said this."""
    return lambda running: running.says(text)


@dataclass(slots=True)
class Terminal:
    """Runs blocks; `replaced` are words of the page that mean others here (ports are not fixed)."""

    directory: Path
    lasting: tuple[Lasting, ...]
    replaced: dict[str, str]
    environ: Mapping[str, str]
    running: dict[str, Running] = field(default_factory=dict)
    shell: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the shell."""
        paths = os.pathsep.join((str(Path(sys.executable).parent), PATHS))
        self.shell = await asyncio.create_subprocess_exec(
            "sh",
            cwd=self.directory,
            env={
                **{name: value for name, value in os.environ.items() if name != "CDPATH"},
                "PATH": paths,
                "HOME": str(self.directory),
                "TMPDIR": str(self.directory),
                **self.environ,
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        """End everything, the youngest first."""
        for role in list(reversed(self.running)):
            await self._end(role)
        assert self.shell is not None
        assert self.shell.stdin is not None
        self.shell.stdin.close()
        await self.shell.wait()

    async def follow(self, block: Block) -> None:
        """Do what a block says. Raises AssertionError where it does not do what the page says."""
        assert block.language in LANGUAGES, f"line {block.line}: unknown language"
        match block.language:
            case "sh":
                for command in _commands(block.text):
                    await self._run_or_start(self.replace(command))
            case "console":
                for command, expected in _examples(block.text):
                    told = await self.run(self.replace(command))
                    pattern = _pattern(self.replace(expected))
                    assert pattern.fullmatch(told), f"line {block.line}: $ {command}\n{told}"
            case _:
                assert block.file is not None, f"line {block.line}: names no file"
                place = Path((await self.run("pwd")).strip())
                (place / block.file).write_text(self.replace(block.text), encoding="utf-8")

    async def run(self, command: str) -> str:
        """Run a command and return its output."""
        assert self.shell is not None
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        script = f"{{ {command}\n}} </dev/null\necho; echo {MARK} $?\n"
        self.shell.stdin.write(script.encode())
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while not (lines and lines[-1].startswith(MARK)):
                line = await self.shell.stdout.readline()
                assert line, f"the shell ended after {command}"
                lines.append(line.decode())
        told = "".join(lines[:-1])[:-1]
        assert lines[-1].split() == [MARK, "0"], f"{command}\n{told}"
        self._learn(command, told)
        return told

    def _learn(self, command: str, told: str) -> None:
        """Keep what a reader would put in place of these words."""
        if "--generate" in command:
            self.replaced["PASSWORD"] = told.rsplit(maxsplit=1)[-1]
        if told.startswith("{") and "access_token" in told:
            self.replaced["TOKEN"] = json.loads(told)["access_token"]
        if told.startswith('{"id"'):
            self.replaced["USER_ID"] = json.loads(told)["id"]
        for name, value in re.findall(r"^(client_id|client_secret): (\S+)$", told, re.MULTILINE):
            self.replaced[name.upper()] = value
        for kid in re.findall(r"^(\S{43})  \S+ +token +active", told, re.MULTILINE):
            self.replaced["KEY_ID"] = kid
        for token_id, text in re.findall(r"^added (\S+)\n(sidecar_pat_\S+)$", told, re.MULTILINE):
            self.replaced |= {"TOKEN_ID": token_id, "SHOWN_TOKEN": text}
        if told.startswith("{") and "request_id" in told:
            self.replaced["ID"] = json.loads(told)["request_id"]

    def replace(self, text: str) -> str:
        """Return a text with the words that mean others here."""
        for word, meaning in self.replaced.items():
            edge = r"\d" if word.isdigit() else r"\w"
            pattern = rf"(?<!{edge}){re.escape(word)}(?!{edge})"
            text = re.sub(pattern, meaning.replace("\\", r"\\"), text)
        return text

    async def _run_or_start(self, command: str) -> None:
        for lasting in self.lasting:
            if re.match(lasting.begins, command):
                await self._end(lasting.role)
                await self._start(lasting, command)
                return
        await self.run(command)

    async def _start(self, lasting: Lasting, command: str) -> None:
        place, path = (await self.run('pwd; echo "$PATH"')).split("\n")[:2]
        output = self.directory / f"{lasting.role}-{len(list(self.directory.iterdir()))}.log"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-c", command),
                cwd=place,
                env={**os.environ, **self.environ, "PATH": path, "TMPDIR": str(self.directory)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        running = self.running[lasting.role] = Running(lasting, process, output)
        try:
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(lasting.ready, running):
                    assert process.returncode is None, output.read_text(errors="replace")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{command}\n{output.read_text(errors='replace')}") from None
        if lasting.brief:
            await self._end(lasting.role)

    async def _end(self, role: str) -> None:
        """Press Ctrl-C."""
        running = self.running.pop(role, None)
        if running is None or running.process.returncode is not None:
            return
        os.killpg(running.process.pid, signal.SIGINT)
        async with asyncio.timeout(STOP_TIMEOUT):
            await running.process.wait()


def _commands(text: str) -> list[str]:
    """Return the commands of a block, one for each line that no backslash continues."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _examples(text: str) -> list[tuple[str, str]]:
    """Return each command of a session with the output that it shows."""
    assert text.startswith("$ "), f"a session begins with a command: {text}"
    return [
        (command, expected)
        for each in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
        for command, _, expected in [each.partition("\n")]
    ]


def _pattern(expected: str) -> re.Pattern[str]:
    """Return what an output must match; `...` stands for anything within a line."""
    lines = [re.escape(line).replace(r"\.\.\.", ".*") for line in expected.splitlines()]
    return re.compile("".join(f"{line}\n?" for line in lines))
