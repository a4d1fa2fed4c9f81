#!/usr/bin/env bash
# Runs the example workers against a server.  usage: run.sh SERVER_PROGRAM
# Their libraries are those of compat-tests/clients, installed into the same cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
clients=$here/../compat-tests/clients
source "$clients/common.sh"

use_python redis-py "$clients/requirements.txt"
use_node node "$clients/node/package.json"
cp "$here/node/worker.mjs" "$node/"
CARGO_TARGET_DIR=$cache/rust-client cargo build -q --locked --manifest-path "$here/rust/Cargo.toml"
serve
run() { use 300 "$python/bin/python" "$here/run.py" 127.0.0.1 "$port" "$@"; }
run redis-py "$python/bin/python" "$here/python/worker.py"
run node-redis node "$node/worker.mjs"
run rust "$cache/rust-client/debug/queue-worker"
close
