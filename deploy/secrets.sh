#!/bin/sh
# Makes what the parts need to know of each other, once: random, in files that only this folder's owner reaches.
set -eu
umask 077
cd "$(dirname "$0")/.."
mkdir -p secrets
new() {
    [ -s "secrets/$1" ] || printf '%s' "$2$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" > "secrets/$1"
    chmod 0444 "secrets/$1" # the folder keeps others out; in the container another user reads it
}
new shiftwatch_database_password ""
new prefect_database_password ""
new prefect_auth "shiftwatch:"
