#!/usr/bin/env bash
# Runs applications' libraries against a server: job queues, caches, sessions, channels, limiters.  usage: run.sh SERVER_PROGRAM
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../common.sh"

use_python apps-py "$here/requirements.txt"
use_node apps-node "$here/node/package.json"
cp "$here/node/apps.mjs" "$here/../uses.mjs" "$node/"
serve
use 600 "$python/bin/python" "$here/apps.py" 127.0.0.1 "$port"
use 600 node "$node/apps.mjs" 127.0.0.1 "$port"
close
