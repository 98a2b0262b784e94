"""What a Redis is, as far as it tells: a replica, or one that evicts what it is to keep.

Our log has no expiry, so policies that evict keys with one alone (`volatile-…`) leave it. Without a
bound on its memory (`maxmemory 0`) a Redis evicts nothing, whatever the policy.
"""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError


@dataclass(frozen=True, slots=True)
class ServerState:
    """`evicts` is the policy by which it evicts any key; None where it does not, or is silent."""

    is_replica: bool
    evicts: str | None


async def inspect(client: Redis) -> ServerState:
    """Return what INFO says: services that hide CONFIG have it. Raises RedisError."""
    asked: Any = client
    try:
        memory = await asked.info("memory")
        replication = await asked.info("replication")
    except ResponseError:
        return ServerState(is_replica=False, evicts=None)  # nobody may ask: nothing is known
    policy = str(memory.get("maxmemory_policy", ""))
    bounded = memory.get("maxmemory", 0) not in {0, ""}
    return ServerState(
        is_replica=replication.get("role") == "slave",
        evicts=policy if bounded and policy.startswith("allkeys") else None,
    )
