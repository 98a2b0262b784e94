"""The tables. Times are Unix seconds; lists are JSON text."""

from typing import Final

import sqlalchemy as sa

metadata: Final = sa.MetaData()

# SQLite draws sequences only for INTEGER, PostgreSQL ought to have 64 bits.
_SEQUENCE: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

users: Final = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("email", sa.String(254)),
    sa.Column("name", sa.String(256)),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

sessions: Final = sa.Table(
    "sessions",
    metadata,
    sa.Column("sid", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("rotated_at", sa.BigInteger, nullable=False),
    sa.Column("tokens_until", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("amr", sa.Text, nullable=False),
)

# `sequence` grows in the order of the commits; no number is ever used twice.
revocations: Final = sa.Table(
    "revocations",
    metadata,
    sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("level", sa.String(8), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("forget_at", sa.BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)

outbox: Final = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "sequence", sa.ForeignKey("revocations.sequence", ondelete="CASCADE"), primary_key=True
    ),
)

# One row: what is true of the deployment as a whole.
deployment: Final = sa.Table(
    "deployment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("secret_fingerprint", sa.String(64)),
)

ring_keys: Final = sa.Table(
    "ring_keys",
    metadata,
    sa.Column("kid", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(8), nullable=False),
    sa.Column("public_pem", sa.Text, nullable=False),
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("sign_until", sa.BigInteger, nullable=False),
    sa.Column("publish_until", sa.BigInteger, nullable=False),
)
