"""What is wrong with a database, in words that hold nothing of what was sent to it.

Texts of PostgreSQL quote values, those of its driver parts of the URL, those of SQLAlchemy the
statement. SQLite's are short and fixed, but for the names of tables.
"""

import sqlite3
from typing import Final

import sqlalchemy as sa

from sidecar.stores.sql.hosts import NoPrimary

# PostgreSQL's documentation, appendix A.
SQLSTATES: Final = {
    "08003": "the connection ended",
    "08P01": "what answers is no PostgreSQL",
    "25006": "is read-only: name the primary, or all hosts, in database.url",
    "25P03": "ended a transaction in which nothing was done",
    "28000": "refuses the user",
    "28P01": "refuses the password",
    "3D000": "there is no such database",
    "42501": "the user lacks rights",
    "42P01": "lacks a table: run `sidecar db upgrade`",
    "53100": "its disk is full: make room there, nothing has to be restarted",
    "53300": "takes no more connections: raise max_connections, or run fewer processes",
    "57P01": "the connection ended",
    "57P03": "is starting or stopping: it is tried again",
}

# How SQLite fails where the disk is full, or what it needs beside its file cannot be made.
WANTING: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
HINT: Final = ": is there room, and may this process write the file and its folder?"


def describe_problem(error: Exception) -> str:
    """Return what is wrong, without a statement, a value or a password."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        room = getattr(cause, "sqlite_errorname", "").startswith(WANTING)
        return f"{cause}{HINT if room else ''}"
    if isinstance(cause, sa.exc.TimeoutError):
        return "every connection is busy"
    if isinstance(cause, NoPrimary):
        return str(cause)
    if isinstance(cause, TimeoutError):
        return "does not answer in time"
    if isinstance(cause, FileNotFoundError | PermissionError):
        return "a file that the URL names cannot be read"
    if isinstance(cause, OSError):
        return f"cannot be reached ({type(cause).__name__})"
    state = getattr(cause, "sqlstate", None)
    if state is None:
        raised = cause.__cause__ or cause
        if isinstance(raised, ValueError):
            return "the URL cannot be used"
        return f"the driver gave up ({type(raised).__name__})"
    return SQLSTATES.get(state, f"PostgreSQL says {state}: see its log")
