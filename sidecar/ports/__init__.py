"""What the use cases need from stores.

Each method is one transaction: a change, the move of an epoch, the revocation and its outbox entry,
and the audit row together. All raise StoreUnavailable where the store did not answer; nothing is
half done then.
"""

from sidecar.ports.accounts import Account, AccountStore, UserChange, UserStore
from sidecar.ports.revocations import Announcer, Entry, FeedStore, Outbox, RevocationStore
from sidecar.ports.ring import RingKey, RingStore
from sidecar.ports.sessions import SessionStore

__all__ = [
    "Account",
    "AccountStore",
    "Announcer",
    "Entry",
    "FeedStore",
    "Outbox",
    "RevocationStore",
    "RingKey",
    "RingStore",
    "SessionStore",
    "UserChange",
    "UserStore",
]
