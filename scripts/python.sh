#!/bin/sh
# Prints the path of a Python that can run the service: 3.11 or newer, with ssl and sqlite3.
set -eu

# Asked for what it is, not for its name: `python3` may be an old one, or a launcher of another.
question='
import sqlite3, ssl, sys
if sys.version_info < (3, 11):
    sys.exit(1)
print(sys.executable)
'

for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    if path=$("$name" -c "$question" 2>/dev/null </dev/null); then
        echo "$path"
        exit 0
    fi
done

echo "missing: Python 3.11 or newer with ssl and sqlite3 (set PYTHON to its path)" >&2
exit 1
