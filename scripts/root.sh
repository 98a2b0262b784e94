# Sourced by the scripts beside it: what root may do on Debian.
# shellcheck shell=sh

# True where packages can be installed.
can_install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1
}

# Installs Debian packages, as root. The lists are fetched only when the first try fails: a machine
# that never fetched them, or whose lists name versions that are gone.
debian_install() {
    export DEBIAN_FRONTEND=noninteractive
    barred=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        # nginx, Redis and PostgreSQL would start as services otherwise, and hold their ports.
        barred=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$barred"
        chmod 755 "$barred"
        trap 'rm -f "$barred"' EXIT
        trap 'exit 130' INT TERM
    fi
    status=0
    apt_get install --no-install-recommends "$@" 2>/dev/null ||
        { apt_get update && apt_get install --no-install-recommends "$@"; } || status=$?
    [ -z "$barred" ] || rm -f "$barred"
    return "$status"
}

# Debian's own notes go to standard error; two calls at once wait for each other.
apt_get() {
    apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2 </dev/null
}
