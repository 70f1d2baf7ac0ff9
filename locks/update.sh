#!/bin/sh
# Pin what pyproject.toml allows, with hashes and without download addresses. Give uv's path; more arguments go to uv.
set -eu
uv=$1
shift
out=${OUT:-locks}
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header --no-annotate "$@"
}
echo 'uv==0.13.9' | compile - -o "$out/bootstrap.txt" "$@"
compile pyproject.toml --group build -o "$out/run.txt" "$@"
compile pyproject.toml --group build --group dev -o "$out/dev.txt" "$@"
