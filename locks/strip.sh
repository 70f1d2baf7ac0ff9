#!/bin/sh
# Take out of a virtual environment what only made it: for an image that is never added to.
set -eu
"$1/bin/uv" pip uninstall --quiet --python "$1/bin/python" \
  pip editables hatchling pathspec pluggy tomlkit trove-classifiers uv
