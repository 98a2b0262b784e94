"""What the use cases need from stores.

Each method is one transaction: a change, the move of an epoch, the revocation and its outbox entry,
and the audit row together. All raise StoreUnavailable where the store did not answer; nothing is
half done then.
"""

from sidecar.ports.accounts import (
    Account,
    AccountStore,
    ChangeRules,
    OwnPasswordStore,
    SessionBound,
    UserChange,
    UserStore,
)
from sidecar.ports.audit import AuditStore
from sidecar.ports.clients import ClientAccount, ClientChange, ClientStore
from sidecar.ports.factors import Factor, FactorStore, Proof, RecoveryProof, StepProof
from sidecar.ports.imports import Differs, ImportStore, Newcomer, Outcome
from sidecar.ports.personal import OwnedToken, PersonalTokenStore, ShownTokenStore
from sidecar.ports.resets import Reset, ResetStore
from sidecar.ports.revocations import (
    Announcer,
    Entry,
    FeedStore,
    Outbox,
    RevocationStore,
    SweepStore,
)
from sidecar.ports.ring import KeyFolder, RingKey, RingStore
from sidecar.ports.sessions import SessionStore

__all__ = [
    "Account",
    "AccountStore",
    "Announcer",
    "AuditStore",
    "ChangeRules",
    "ClientAccount",
    "ClientChange",
    "ClientStore",
    "Differs",
    "Entry",
    "Factor",
    "FactorStore",
    "FeedStore",
    "ImportStore",
    "KeyFolder",
    "Newcomer",
    "Outbox",
    "Outcome",
    "OwnPasswordStore",
    "OwnedToken",
    "PersonalTokenStore",
    "Proof",
    "RecoveryProof",
    "Reset",
    "ResetStore",
    "RevocationStore",
    "RingKey",
    "RingStore",
    "SessionBound",
    "SessionStore",
    "ShownTokenStore",
    "StepProof",
    "SweepStore",
    "UserChange",
    "UserStore",
]
