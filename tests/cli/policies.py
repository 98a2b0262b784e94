"""A policy that has a rule of each kind, and the settings beside it."""

from pathlib import Path
from typing import Final

POLICY: Final = """\
hosts:
  app.example.com:
    - {path: /public/**, allow: anyone}
    - {path: /orders/**, methods: [GET], allow: {scope: [orders:read]}}
    - {path: /orders/**, allow: {scope: [orders:write], roles: [staff]}}
    - {path: /admin/**, allow: {roles: [admin], max_age: 15m, amr: [otp]}}
    - {path: /inside/**, allow: {roles: [staff], networks: [10.0.0.0/8]}}
    - {path: /mine/**, allow: {users: [alice]}}
    - {path: /shared/**, allow: preflight}
    - {path: /home/**, allow: signed-in}
"""
SETTINGS: Final = """\
server: {public_url: "https://auth.example.com"}
session: {domain: example.com}
tokens: {role_scopes: {staff: [orders:read, orders:write], guest: [orders:read]}}
"""
APP: Final = "https://app.example.com"


def write_policy(folder: Path, policy: str = POLICY) -> Path:
    """Write both into a folder, and return it."""
    (folder / "policy.yaml").write_text(policy)
    (folder / "sidecar.yaml").write_text(SETTINGS)
    return folder
