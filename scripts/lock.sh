#!/bin/sh
# Writes the four locks anew: for all platforms, with hashes, without any host or path
# (docs/decisions/0002). What is locked stays as it is unless pyproject.toml asks for something else;
# `scripts/lock.sh --upgrade` takes the newest of everything.
set -eu
cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    .tools/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --no-header --no-annotate --output-file "$output" "$@" >/dev/null
}

compile requirements-tools.lock scripts/tools.in "$@"
compile requirements-least.lock scripts/least.in --no-deps
compile requirements.lock pyproject.toml --all-extras --group dev "$@"
# What the image runs is what the tests ran: the second lock may only be a part of the first.
compile requirements-runtime.lock pyproject.toml --extra postgres --extra hiredis --extra gunicorn --extra bcrypt \
    --constraints requirements.lock "$@"
