#!/usr/bin/env bash
# Runs libraries that do their work in Lua against a server: locks, rate limiters, job queues.  usage: run.sh SERVER_PROGRAM
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
python=$cache/script-users-py
if ! fresh "$here/requirements.txt" "$python"; then
    /usr/bin/python3 -m venv "$python" && "$python/bin/pip" -q --disable-pip-version-check install -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/.installed"
fi
node=$cache/script-users-node
if ! fresh "$here/node/package.json" "$node"; then
    mkdir -p "$node" && cp "$here/node/package.json" "$node/"
    (cd "$node" && npm install --silent --no-audit --no-fund --no-package-lock)
    cp "$here/node/package.json" "$node/.installed"
fi
cp "$here/node/users.mjs" "$node/"

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$server" --port "$port" --bind 127.0.0.1 --save '' --dir "$scratch" >"$scratch/log" 2>&1 &
pid=$!
for _ in $(seq 200); do
    if redis-cli -p "$port" ping >/dev/null 2>&1; then break; fi
    sleep 0.05
done

passed=0 failed=0 skipped=0
# Adds the closing line of one program to the sums; one without it has failed.
use() {
    local last
    PYTHONUNBUFFERED=1 timeout 300 "$@" >"$scratch/out" 2>&1 || true
    cat "$scratch/out"
    last=$(tail -n 1 "$scratch/out")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2], skipped += BASH_REMATCH[3])) || true
    else
        echo "FAIL $1 did not come to its end"
        ((failed += 1))
    fi
}
use "$python/bin/python" "$here/users.py" 127.0.0.1 "$port"
use node "$node/users.mjs" 127.0.0.1 "$port"
if ! kill -0 "$pid" 2>/dev/null; then
    echo "FAIL the server ended; its log:"
    tail -n 20 "$scratch/log"
    ((failed += 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
