#!/bin/sh
# Makes .venv: every package of requirements.lock, by its hash, and this checkout as an editable one.
# It needs Python and pip alone, brings its own uv, and leaves the machine's packages as they are.
set -eu
cd "$(dirname "$0")/.."
. scripts/root.sh

python=$(scripts/python.sh)
tools=requirements-tools.lock # uv installs, hatchling and editables build

# .tools: known by the lock it was made from, so that a second call does nothing.
if ! cmp -s "$tools" .tools/made-from; then
    if ! "$python" -m pip --version >/dev/null 2>&1 && can_install; then
        # Debian keeps pip in a package of its own. It is of use only to Debian's own Python.
        debian_install python3-pip || true
    fi
    rm -rf .tools
    if "$python" -m pip --version >/dev/null 2>&1; then
        # --target touches nothing outside .tools, and so is allowed on "externally managed" systems.
        PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install \
            --quiet --no-input --only-binary :all: --require-hashes --target .tools -r "$tools"
    elif command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$python" --only-binary :all: --require-hashes \
            --target .tools -r "$tools"
    else
        echo "missing: pip for $python (Debian: python3-pip), or uv" >&2
        exit 1
    fi
    cp "$tools" .tools/made-from
fi

export UV_PYTHON_DOWNLOADS=never # the Python that was asked for, or none
export UV_HTTP_TIMEOUT=120       # seconds; the largest package has 60 MB
export UV_NO_PROGRESS=1
uv=.tools/bin/uv

# A .venv whose Python went away (an upgrade of the system) is of no use.
.venv/bin/python -c '' 2>/dev/null || "$uv" venv --quiet --clear --python "$python" .venv
# Compiled here, once: where nothing may write byte code later (a read-only root, or an environment
# that forbids it) every start would compile anew, for a whole second.
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.lock
# hatchling comes from .tools: an isolated build would fetch it anew, without hashes.
PYTHONPATH=.tools "$uv" pip install --quiet --python .venv/bin/python --no-deps \
    --no-build-isolation --editable .
.venv/bin/python -m compileall -q sidecar
touch .venv/installed
