#!/bin/sh
# What some tests need beside Python, where it can be had (on Debian or Ubuntu, as root): Chromium for those of the live
# page, PostgreSQL for those of the records on a server. Never fails: without it these tests are skipped, and say so.

chromium_is_here() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

postgresql_is_here() {
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    command -v initdb >/dev/null 2>&1
}

# The tests start a server of their own in a temporary folder: no other one is made, and none is started.
no_server_of_the_system() {
    settings=/etc/postgresql-common/createcluster.conf
    [ -e "$settings" ] || { mkdir -p "${settings%/*}" && echo "create_main_cluster = false" >"$settings"; }
}

# A network that does not answer must not hold the tests up for ever.
limited() {
    DEBIAN_FRONTEND=noninteractive timeout -k 10 300 "$@" </dev/null
}

want() { # package, its name, what is skipped without it
    "$1_is_here" && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "No $2 here: the tests of $3 are skipped. On Debian or Ubuntu: apt-get install $1"
        return
    fi
    echo "Installing $2 for the tests of $3 …"
    [ "$1" = postgresql ] && no_server_of_the_system
    said=$({ limited apt-get update -qq && limited apt-get install -y -qq --no-install-recommends "$1"; } 2>&1)
    "$1_is_here" && return
    echo "$2 can't be installed here: the tests of $3 are skipped. The last that apt-get said:"
    printf '%s\n' "${said:-nothing, within 5 minutes}" | tail -n 5 | sed 's/^/    /'
}

want chromium Chromium "the live page in a browser"
want postgresql PostgreSQL "the records on a server"
exit 0
