"""What people prove who they are with, and how often somebody tried to."""

import logging
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

log = logging.getLogger("sidecar.store")


def upgrade() -> None:
    """Make factors, recovery_codes, resets, marks and throttle, and what people are searched by."""
    op.add_column("users", sa.Column("search", sa.Text, nullable=False, server_default=""))
    _fill_search(op.get_bind())
    _index_search(op.get_bind())
    op.create_table(
        "factors",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger),
    )
    op.create_index("ix_factors_user_id", "factors", ["user_id"])
    op.create_index(
        "ix_factors_confirmed_at_created_at", "factors", ["confirmed_at", "created_at"]
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(64), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("code_hash", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "resets",
        sa.Column("user_id", sa.String(64), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_resets_expires_at", "resets", ["expires_at"])
    op.create_table(
        "marks",
        sa.Column("user_id", sa.String(64), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("marked_at", sa.BigInteger, nullable=False),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_marks_forget_at", "marks", ["forget_at"])
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(96), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_throttle_forget_at", "throttle", ["forget_at"])


def _fill_search(connection: sa.Connection) -> None:
    """Fold what people are called, as whoever writes them does from now on."""
    read = sa.text("SELECT id, username, name, email FROM users")
    found = [
        {"id": user_id, "search": "\n".join(_fold(text) for text in texts if text is not None)}
        for user_id, *texts in connection.execute(read)
    ]
    if found:
        connection.execute(sa.text("UPDATE users SET search = :search WHERE id = :id"), found)


def _fold(text: str) -> str:
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _index_search(connection: sa.Connection) -> None:
    """Make the index by which PostgreSQL finds a part of them, where its role may."""
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute("CREATE INDEX ix_users_search ON users USING gin (search gin_trgm_ops)")
    except sa.exc.DBAPIError:
        log.warning("pg_trgm cannot be switched on: looking for people reads every row of them")
