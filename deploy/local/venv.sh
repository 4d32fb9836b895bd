#!/bin/sh
# Make the virtual environment $2 with the Python $1, which must be 3.11 or newer. Debian has the
# module venv in a package of its own; this script installs it if it is missing and that is allowed.
set -eu
python=$1 venv=$2

command -v "$python" >/dev/null || {
    echo "$python is not installed: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2
    exit 1
}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "$python is $version: Secretary needs 3.11 or newer, e.g. make PYTHON=python3.12" >&2
    exit 1
}

if log=$("$python" -m venv --clear "$venv" 2>&1); then exit 0; fi

package="python$version-venv"
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "$log" >&2
    echo "on Debian or Ubuntu: apt-get install $package" >&2
    exit 1
fi
echo "== installing $package (apt-get)"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -qq update
$as_root apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$package" >/dev/null
"$python" -m venv --clear "$venv"
