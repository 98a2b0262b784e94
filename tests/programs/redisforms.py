"""Redis as operators run several of it: behind Sentinels, as a cluster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.programs.certificates import Certificates
from tests.programs.process import Program, await_listening, free_port, require, start
from tests.programs.redis import REDIS, RedisServer

PATIENCE: Final = 20.0  # seconds for a cluster to form, or Sentinels to choose
DOWN_AFTER: Final = 500  # milliseconds until a Sentinel, or a node, believes that one is gone
SERVICE: Final = "main"
OUR_SLOT: Final = 6817  # of {sidecar}
NODES: Final = ((0, 5460), (5461, 10922), (10923, 16383))  # slots; the second has ours


@dataclass(frozen=True, slots=True)
class Sentinels:
    """A primary, its replica and one Sentinel; the URL names one before it that is not there."""

    primary: RedisServer
    replica: RedisServer
    port: int
    url: str

    async def until_failed_over(self) -> None:
        """Wait until the Sentinel names the replica."""

        async def named() -> bool:
            async with Redis(port=self.port, decode_responses=True, protocol=2) as opened:
                client: Any = opened
                place = await client.sentinel_get_master_addr_by_name(SERVICE)
            return bool(place == ("127.0.0.1", self.replica.port))

        await until(named)


@asynccontextmanager
async def serving_sentinels(
    folder: Path,
    password: str | None = None,
    sentinel_password: str | None = None,
    tls: Certificates | None = None,
) -> AsyncIterator[Sentinels]:
    """Run them for the length of the block, from when the replica follows."""
    secret = ("--masterauth", password) if password else ()
    async with AsyncExitStack() as stack:
        servers: list[RedisServer] = []
        for name in ("primary", "replica"):
            directory = folder / name
            directory.mkdir()
            server = RedisServer(directory, free_port(), password, tls=tls)
            of = ("--replicaof", "127.0.0.1", str(servers[0].port)) if servers else ()
            server.arguments = (*secret, *of, "--repl-diskless-sync-delay", "0")
            await server.start()
            stack.push_async_callback(server.end)
            servers.append(server)
        primary, replica = servers
        program, port = await _start_sentinel(folder, primary, sentinel_password)
        stack.push_async_callback(program.end)
        await until(partial(_has_replica, primary))
        sentinel = RedisServer(folder, port, sentinel_password, tls=tls)
        await until(partial(_knows_replica, sentinel))
        user = f"default:{password}@" if password else ""
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{port}"
        yield Sentinels(
            primary, replica, port, f"{_scheme(tls)}+sentinel://{user}{hosts}/{SERVICE}/0"
        )


async def _start_sentinel(
    folder: Path, primary: RedisServer, password: str | None
) -> tuple[Program, int]:
    port, secret = free_port(), primary.password
    lines = [
        f"dir {folder}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
        f"sentinel failover-timeout {SERVICE} 3000",
        *([f"sentinel auth-pass {SERVICE} {secret}"] if secret else []),
        *([f"requirepass {password}"] if password else []),
    ]
    file = folder / "sentinel.conf"
    file.write_text("\n".join(lines) + "\n")
    listen = RedisServer(folder, port, tls=primary.tls).listen()
    command = [require(REDIS), str(file), *listen, "--sentinel"]
    program = await start(command, directory=folder)
    await await_listening(program, ("127.0.0.1", port))
    return program, port


async def _has_replica(primary: RedisServer) -> bool:
    async with primary.open() as client:
        state = await client.info("replication")
    return "online" in str(state.get("slave0", ""))


async def _knows_replica(sentinel: RedisServer) -> bool:
    async with sentinel.open() as client:
        return bool(await client.execute_command("SENTINEL", "REPLICAS", SERVICE))


def _scheme(tls: Certificates | None) -> str:
    return "redis" if tls is None else "rediss"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Three primaries; `owner` has our slot. The URL names a dead node first."""

    nodes: tuple[RedisServer, ...]
    url: str

    @property
    def owner(self) -> RedisServer:
        """The node that has our slot when all of it starts."""
        return self.nodes[1]

    async def until_ok(self) -> None:
        """Wait until every node says that all slots are served."""
        for node in self.nodes:
            await until(partial(_is_ok, node))

    async def until_down(self) -> None:
        """Wait until the nodes without our slot know that its owner is gone."""

        async def down(node: RedisServer) -> bool:
            return not await _is_ok(node)

        for node in self.nodes:
            if node is not self.owner:
                await until(partial(down, node))

    async def move_our_slot(self, target: RedisServer) -> None:
        """Give our slot, with all keys in it, to another node, as `redis-cli --cluster` does."""
        async with self.moving_our_slot(target) as move_keys:
            await move_keys()

    @asynccontextmanager
    async def moving_our_slot(
        self, target: RedisServer
    ) -> AsyncIterator[Callable[..., Awaitable[None]]]:
        """Have our slot on its way to another node for the length of the block; then it is there.

        Yields what moves these of its keys, or all.
        """
        async with self.owner.open() as source, target.open() as destination:
            ids = [
                await client.execute_command("CLUSTER", "MYID") for client in (source, destination)
            ]
            slot = ("CLUSTER", "SETSLOT", OUR_SLOT)
            await destination.execute_command(*slot, "IMPORTING", ids[0])
            await source.execute_command(*slot, "MIGRATING", ids[1])

            async def move_keys(*keys: str) -> None:
                there = await source.execute_command("CLUSTER", "GETKEYSINSLOT", OUR_SLOT, 100)
                for key in keys or there:
                    await source.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)

            yield move_keys
            for client in (destination, source):
                await client.execute_command(*slot, "NODE", ids[1])


async def _is_ok(node: RedisServer) -> bool:
    async with node.open() as client:
        state = await client.execute_command("CLUSTER", "INFO")
    return "cluster_state:ok" in str(state)


@asynccontextmanager
async def serving_cluster(
    folder: Path,
    tls: Certificates | None = None,
    *,
    replica: bool = False,
    arguments: tuple[str, ...] = (),
) -> AsyncIterator[Cluster]:
    """Run a cluster for the length of the block, from when it serves all slots.

    With `replica`, a fourth node follows the owner of our slot. `arguments` are of every node.
    """
    async with AsyncExitStack() as stack:
        nodes: list[RedisServer] = []
        buses = [free_port() for _ in range(len(NODES) + replica)]
        for number, bus in enumerate(buses):
            directory = folder / f"node-{number}"
            directory.mkdir()
            node = RedisServer(directory, free_port(), tls=tls)
            node.arguments = (
                *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
                *("--cluster-node-timeout", str(2 * DOWN_AFTER)),
                *("--repl-diskless-sync-delay", "0"),
                *arguments,
            )
            await node.start()
            stack.push_async_callback(node.end)
            nodes.append(node)
        for node, slots in zip(nodes, NODES, strict=False):
            async with node.open() as client:
                await client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
        async with nodes[0].open() as client:
            for node, bus in list(zip(nodes, buses, strict=True))[1:]:
                await client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        hosts = ",".join(f"127.0.0.1:{port}" for port in (free_port(), *(n.port for n in nodes)))
        cluster = Cluster(tuple(nodes), f"{_scheme(tls)}+cluster://{hosts}")
        await cluster.until_ok()
        if replica:
            await _replicate(nodes[-1], cluster.owner)
        yield cluster


async def _replicate(replica: RedisServer, primary: RedisServer) -> None:
    """Have a node follow another one, from when it does."""
    async with primary.open() as client:
        followed = await client.execute_command("CLUSTER", "MYID")

    async def follows() -> bool:
        async with replica.open() as client:
            await client.execute_command("CLUSTER", "REPLICATE", followed)
        return await _has_replica(primary)

    await until(follows)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a server says so: nothing tells it, so it is asked twenty times a second."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if await condition():
                    return
            except (RedisError, OSError):
                pass  # it is starting, or choosing
            await asyncio.sleep(0.05)
