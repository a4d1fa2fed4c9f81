#!/usr/bin/env bash
# Runs the example workers against a server.  usage: run.sh SERVER_PROGRAM
# Their libraries are those of compat-tests/clients, installed into the same cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
server=${1:?usage: run.sh SERVER_PROGRAM}
clients=$here/../compat-tests/clients
cache=${XDG_CACHE_HOME:-$HOME/.cache}/synap-tests
mkdir -p "$cache"
scratch=$(mktemp -d)
pid=
finish() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$scratch"; }
trap finish EXIT

python=$cache/redis-py
if ! cmp -s "$clients/requirements.txt" "$python/.installed"; then
    /usr/bin/python3 -m venv "$python" && "$python/bin/pip" -q --disable-pip-version-check install -r "$clients/requirements.txt"
    cp "$clients/requirements.txt" "$python/.installed"
fi
node=$cache/node
if ! cmp -s "$clients/node/package.json" "$node/.installed"; then
    mkdir -p "$node" && cp "$clients/node/package.json" "$node/"
    (cd "$node" && npm install --silent --no-audit --no-fund --no-package-lock)
    cp "$clients/node/package.json" "$node/.installed"
fi
cp "$here/node/worker.mjs" "$node/"
CARGO_TARGET_DIR=$cache/rust-client cargo build -q --locked --manifest-path "$here/rust/Cargo.toml"

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$server" --port "$port" --bind 127.0.0.1 --save '' --dir "$scratch" >"$scratch/log" 2>&1 &
pid=$!
for _ in $(seq 200); do
    if redis-cli -p "$port" ping >/dev/null 2>&1; then break; fi
    sleep 0.05
done

passed=0 failed=0
# Runs one worker, and adds what was found to the sums.
run() {
    timeout 120 "$python/bin/python" "$here/run.py" 127.0.0.1 "$port" "$@" >"$scratch/out" 2>&1 || true
    cat "$scratch/out"
    if [[ $(tail -n 1 "$scratch/out") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2])) || true
    else
        echo "FAIL $1 did not come to its end"
        ((failed += 1))
    fi
}
run redis-py "$python/bin/python" "$here/python/worker.py"
run node-redis node "$node/worker.mjs"
run rust "$cache/rust-client/debug/queue-worker"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
