#!/usr/bin/env bash
# Runs the smokes of real clients against a server.  usage: run.sh SERVER_PROGRAM
# What they need is installed into ${XDG_CACHE_HOME:-~/.cache}/synap-tests, once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
server=${1:?usage: run.sh SERVER_PROGRAM}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/synap-tests
mkdir -p "$cache"
scratch=$(mktemp -d)
pid=
finish() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$scratch"; }
trap finish EXIT

# Installed anew only when what is asked for changes.
fresh() { cmp -s "$1" "$2/.installed"; }
python=$cache/redis-py
if ! fresh "$here/requirements.txt" "$python"; then
    /usr/bin/python3 -m venv "$python" && "$python/bin/pip" -q --disable-pip-version-check install -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/.installed"
fi
node=$cache/node
if ! fresh "$here/node/package.json" "$node"; then
    mkdir -p "$node" && cp "$here/node/package.json" "$node/"
    (cd "$node" && npm install --silent --no-audit --no-fund --no-package-lock)
    cp "$here/node/package.json" "$node/.installed"
fi
cp "$here/node/smoke.mjs" "$node/"
CARGO_TARGET_DIR=$cache/rust-client cargo build -q --locked --manifest-path "$here/rust/Cargo.toml"

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$server" --port "$port" --bind 127.0.0.1 --save '' --dir "$scratch" >"$scratch/log" 2>&1 &
pid=$!
for _ in $(seq 200); do
    if redis-cli -p "$port" ping >/dev/null 2>&1; then break; fi
    sleep 0.05
done

passed=0 failed=0 skipped=0
# Adds the closing line of one smoke to the sums; a smoke without one has failed.
smoke() {
    local last
    PYTHONUNBUFFERED=1 timeout "${limit:-180}" "$@" >"$scratch/out" 2>&1 || true
    cat "$scratch/out"
    last=$(tail -n 1 "$scratch/out")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2], skipped += BASH_REMATCH[3])) || true
    else
        echo "FAIL $1 did not come to its end"
        ((failed += 1))
    fi
}
smoke "$python/bin/python" "$here/redis_py.py" 127.0.0.1 "$port"
smoke node "$node/smoke.mjs" 127.0.0.1 "$port"
smoke "$cache/rust-client/debug/client-smoke" 127.0.0.1 "$port"
limit=480 smoke /usr/bin/python3 "$here/suites.py" --server "$server"
if ! kill -0 "$pid" 2>/dev/null; then
    echo "FAIL the server ended; its log:"
    tail -n 20 "$scratch/log"
    ((failed += 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
