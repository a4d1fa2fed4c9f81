#!/usr/bin/env bash
# Speaks TLS with a server.  usage: run.sh SERVER_PROGRAM
# What it needs is installed into ${XDG_CACHE_HOME:-~/.cache}/synap-tests, once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
server=${1:?usage: run.sh SERVER_PROGRAM}
python=${XDG_CACHE_HOME:-$HOME/.cache}/synap-tests/tls
if ! cmp -s "$here/requirements.txt" "$python/.installed"; then
    mkdir -p "$(dirname "$python")"
    /usr/bin/python3 -m venv "$python" && "$python/bin/pip" -q --disable-pip-version-check install -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/.installed"
fi
exec "$python/bin/python" "$here/tls.py" "$server"
