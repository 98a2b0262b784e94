#!/bin/sh
# Looks for the programs that the tests start, but those that packages of requirements.lock bring
# (Traefik, Caddy, Envoy); as root on Debian it installs those that are missing.
# What is still missing is named, one line each: its tests are skipped, or, under CI=true, this fails.
set -eu
cd "$(dirname "$0")/.."
. scripts/root.sh
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # where Debian keeps servers, and users often do not look

# program, Debian package
programs='
nginx nginx
haproxy haproxy
redis-server redis-server
initdb postgresql
chromium chromium
wrk wrk
curl curl
systemd-analyze systemd
'

present() {
    command -v "$1" >/dev/null 2>&1 && return 0
    # Debian keeps the programs of PostgreSQL off the PATH, one folder for each version.
    [ "$1" = initdb ] && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# Prints a line "program package" for each that is missing.
missing() {
    echo "$programs" | while read -r program package; do
        [ -z "$program" ] || present "$program" || echo "$program $package"
    done
}

lacking=$(missing)
if [ -n "$lacking" ] && can_install; then
    # shellcheck disable=SC2046 # one word for each package
    debian_install $(echo "$lacking" | cut -d ' ' -f 2) || true
    lacking=$(missing)
fi
[ -n "$lacking" ] || exit 0

echo "$lacking" | while read -r program package; do
    echo "missing: $program (Debian: $package); its tests cannot run" >&2
done
[ "${CI:-}" != true ]
