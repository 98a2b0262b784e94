"""`sidecar healthcheck`: whether the service on this machine is ready. Starts in milliseconds."""

import http.client
import socket
from pathlib import Path

import click
