#!/bin/sh
# Puts Compose v2 of the next Debian release into a folder and prints where it is; installs nothing. Debian 12 has 1.29 alone.
set -eu
folder=$1 suite=trixie
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
cd "$folder"
plugin=$PWD/root/usr/libexec/docker/cli-plugins/docker-compose
if [ ! -x "$plugin" ]; then
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" > sources.list
    apt() {
        apt-get -qq -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$PWD/lists" \
            -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
    }
    apt update
    apt download docker-compose
    dpkg-deb --extract docker-compose_*.deb root
    rm -rf lists cache docker-compose_*.deb
fi
"$plugin" version >&2
echo "$plugin"
