#!/bin/sh
# Make a virtual environment that holds uv: with the venv module where it is whole, else with pip alone.
set -eu
python=$1 venv=$2
dir=$(dirname "$0")

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "EventStream needs Python 3.11 or later; PYTHON=/path/to/python3.11 names another one." >&2
    exit 1
}
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
else
    "$python" -m venv --without-pip "$venv"
    "$python" -m pip --python "$venv/bin/python" --version >/dev/null 2>&1 || {
        echo "Python has neither ensurepip nor pip here; install one of them (Debian: python3-venv)." >&2
        exit 1
    }
    exec "$python" -m pip --python "$venv/bin/python" install --quiet --require-hashes -r "$dir/bootstrap.txt"
fi
exec "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$dir/bootstrap.txt"
