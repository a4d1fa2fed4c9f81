#!/usr/bin/env bash
# Runs the smokes of real clients against a server, and the suites that libraries bring.  usage: run.sh SERVER_PROGRAM
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"

use_python redis-py "$here/requirements.txt"
use_node node "$here/node/package.json"
cp "$here/node/smoke.mjs" "$node/"
CARGO_TARGET_DIR=$cache/rust-client cargo build -q --locked --manifest-path "$here/rust/Cargo.toml"
serve
use 600 "$python/bin/python" "$here/redis_py.py" 127.0.0.1 "$port"
use 600 node "$node/smoke.mjs" 127.0.0.1 "$port"
use 600 "$cache/rust-client/debug/client-smoke" 127.0.0.1 "$port"
use 2700 "$python/bin/python" "$here/vector_sets.py" "$server"
use 3600 /usr/bin/python3 "$here/suites.py" --server "$server"
use 600 /usr/bin/python3 "$here/hiredis_suite.py" "$server"
close
