# What the runs of clients and example workers share; sourced by them with SERVER_PROGRAM as the first argument.
# What they need is installed into ${XDG_CACHE_HOME:-~/.cache}/synap-tests, once.
server=${1:?usage: run.sh SERVER_PROGRAM}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/synap-tests
mkdir -p "$cache"
scratch=$(mktemp -d)
pid=
finish() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$scratch"; }
trap finish EXIT

# Installed anew only when what is asked for changes.
fresh() { cmp -s "$1" "$2/.installed"; }

# Sets `python` to an environment of the cache, called $1, with the packages that the file $2 asks for.
use_python() {
    python=$cache/$1
    fresh "$2" "$python" && return
    /usr/bin/python3 -m venv "$python" && "$python/bin/pip" -q --disable-pip-version-check install -r "$2"
    cp "$2" "$python/.installed"
}

# Sets `node` to a folder of the cache, called $1, with the packages that the package.json $2 asks for.
use_node() {
    node=$cache/$1
    fresh "$2" "$node" && return
    mkdir -p "$node" && cp "$2" "$node/"
    (cd "$node" && npm install --silent --no-audit --no-fund --no-package-lock)
    cp "$2" "$node/.installed"
}

# Starts the server on a free port, `port`, and waits until it answers.
serve() {
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$server" --port "$port" --bind 127.0.0.1 --save '' --appendonly yes --dir "$scratch" >"$scratch/log" 2>&1 &
    pid=$!
    for _ in $(seq 1200); do
        if redis-cli -p "$port" ping >/dev/null 2>&1 || ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.05
    done
}

passed=0 failed=0 skipped=0
# Runs a program for at most $1 seconds and adds its closing line to the sums; one without it has failed.
use() {
    local limit=$1 last
    shift
    PYTHONUNBUFFERED=1 timeout "$limit" "$@" >"$scratch/out" 2>&1 || true
    cat "$scratch/out"
    last=$(tail -n 1 "$scratch/out")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2], skipped += BASH_REMATCH[3])) || true
    else
        echo "FAIL $* did not come to its end"
        ((failed += 1))
    fi
}

# Prints the sums; fails when something has failed, or the server has ended meanwhile.
close() {
    if ! kill -0 "$pid" 2>/dev/null; then
        echo "FAIL the server ended; its log:"
        tail -n 20 "$scratch/log"
        ((failed += 1))
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}
