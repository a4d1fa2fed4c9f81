#!/usr/bin/env bash
# Runs libraries that do their work in Lua against a server: locks, rate limiters, job queues.  usage: run.sh SERVER_PROGRAM
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../common.sh"

use_python script-users-py "$here/requirements.txt"
use_node script-users-node "$here/node/package.json"
cp "$here/node/users.mjs" "$here/../uses.mjs" "$node/"
serve
use 600 "$python/bin/python" "$here/users.py" 127.0.0.1 "$port"
use 600 node "$node/users.mjs" 127.0.0.1 "$port"
close
