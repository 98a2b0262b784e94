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
    # Username, name and e-mail, folded (stores/sql/userrows.py): what `q` is looked for in.
    sa.Column("search", sa.Text, nullable=False, server_default=""),
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
    sa.Column("used_at", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("address", sa.String(64)),
    sa.Column("user_agent", sa.String(256)),
    # The sweep looks for each kind that was not used for long; they differ in how long that is.
    sa.Index("ix_sessions_kind_used_at", "kind", "used_at"),
)

# Programs. Two secrets may be valid at once, so that one is changed without an outage.
clients: Final = sa.Table(
    "clients",
    metadata,
    sa.Column("client_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("previous_secret_hash", sa.String(64)),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

# People's tokens for their scripts.
personal_tokens: Final = sa.Table(
    "personal_tokens",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("networks", sa.Text, nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("used_at", sa.BigInteger),
)

# What somebody proves beside their password who they are; `kind` leaves room for others than TOTP.
# The secret is encrypted. What is not confirmed yet counts for nothing.
factors: Final = sa.Table(
    "factors",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("confirmed_at", sa.BigInteger),
    # The sweep looks for what was never confirmed.
    sa.Index("ix_factors_confirmed_at_created_at", "confirmed_at", "created_at"),
)

recovery_codes: Final = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("code_hash", sa.String(64), primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

# One-time links that set a password: the newest of a user alone counts.
resets: Final = sa.Table(
    "resets",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    # Who may be gone by now: hence no reference.
    sa.Column("made_by", sa.String(64), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)

# From where somebody logged in before: the id of a device, or a network.
marks: Final = sa.Table(
    "marks",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("place", sa.String(64), primary_key=True),
    sa.Column("marked_at", sa.BigInteger, nullable=False),
    sa.Column("forget_at", sa.BigInteger, nullable=False, index=True),
)

# How often somebody tried to log in.
throttle: Final = sa.Table(
    "throttle",
    metadata,
    sa.Column("key", sa.String(96), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("forget_at", sa.BigInteger, nullable=False, index=True),
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
    sa.Column("revoked_at", sa.BigInteger),
)

audit: Final = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("address", sa.String(64)),
    sa.Column("user_agent", sa.String(256)),
    sa.Column("details", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
