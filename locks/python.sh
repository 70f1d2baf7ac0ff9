#!/bin/sh
# Names the Python that the environment is made with. Debian's own comes first, where it can do that: it is compiled with
# profiles, and one compiled without them (as pyenv does by itself) serves a tenth less. Else the first in the PATH.
own=/usr/bin/python3
if [ -e /etc/debian_version ] && [ -x $own ] &&
    $own -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo $own
else
    echo python3
fi
