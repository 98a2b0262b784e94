"""People: they are added, found, changed and removed."""

from sidecar.accounts.own import OwnPassword
from sidecar.accounts.people import Accounts, NewUser, generate_password

__all__ = ["Accounts", "NewUser", "OwnPassword", "generate_password"]
