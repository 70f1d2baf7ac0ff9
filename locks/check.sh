#!/bin/sh
# The lock files must fit pyproject.toml and name no addresses.
set -eu
uv=$1
if grep -nE 'https?://' locks/*.txt; then
    echo "Lock files must hold names, versions and hashes only." >&2
    exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp locks/*.txt "$copy"
OUT=$copy sh locks/update.sh "$uv"
for lock in bootstrap run dev; do
    diff -q "locks/$lock.txt" "$copy/$lock.txt" >/dev/null || {
        echo "locks/$lock.txt does not fit pyproject.toml: run make lock." >&2
        exit 1
    }
done
