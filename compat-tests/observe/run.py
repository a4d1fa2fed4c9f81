#!/usr/bin/env python3
"""Real Prometheus scrapes a loaded server; every query of every dashboard and rule has to find data.

usage: run.py SERVER_PROGRAM       needs Debian's packages prometheus and redis-tools
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import free_port, judge

GRAFANA = pathlib.Path(__file__).resolve().parent.parent.parent / "grafana"
# What stays empty on a server that is well: rules that compare. Their metrics have to exist all the same.
METRIC = re.compile(r"\bsynap_\w+")


def wait(url, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def load(port):
    """Gives every metric something to tell."""
    calls = [f"SET k{i} {'v' * 100} EX 3600" for i in range(2000)] + [f"GET k{i}" for i in range(0, 4000, 3)]
    calls += ["NOSUCH", "GET", "LPUSH k1 x", "EVAL return(1) 0", "ACL SETUSER alice on nopass", "AUTH alice x", "GET a", "AUTH nobody x"]
    calls += [f"QPUSH jobs {'m' * 20}" for _ in range(20)]
    subprocess.run(
        ["redis-cli", "-p", str(port)], input="\n".join(calls), text=True, stdout=subprocess.DEVNULL, timeout=120, check=True
    )
    subprocess.run(
        ["redis-cli", "-p", str(port)], input="\n".join(calls[-20:]), text=True, stdout=subprocess.DEVNULL, timeout=120, check=True
    )


def queries():
    for path in sorted(GRAFANA.glob("dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield path.name, target["expr"]


def rule_metrics():
    for path in sorted(GRAFANA.glob("alerts/*.yml")):
        for expression in re.findall(r"^\s+expr: (.*)$", path.read_text(), re.M):
            for metric in METRIC.findall(expression):
                yield path.name, metric


def ask(base, query):
    url = f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def checks(server, scratch, started):
    port, metrics, prometheus = free_port(), free_port(), free_port()
    started.append(subprocess.Popen(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", str(scratch),
         "--metrics-listen", f"127.0.0.1:{metrics}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ))
    yield "the server is well", wait(f"http://127.0.0.1:{metrics}/healthz") == "ok\n"
    load(port)
    page = wait(f"http://127.0.0.1:{metrics}/metrics")
    linted = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True, timeout=60)
    yield f"promtool finds no fault: {linted.stdout}{linted.stderr}", linted.returncode in (0, 3)
    for path in sorted(GRAFANA.glob("alerts/*.yml")):
        checked = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, timeout=60)
        yield f"{path.name} is valid", checked.returncode == 0
    (scratch / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s}}\nrule_files: ['{GRAFANA}/alerts/*.yml']\n"
        f"scrape_configs:\n  - job_name: synap\n    static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]\n"
    )
    started.append(subprocess.Popen(
        ["prometheus", f"--config.file={scratch}/prometheus.yml", f"--storage.tsdb.path={scratch}/tsdb",
         f"--web.listen-address=127.0.0.1:{prometheus}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ))
    base = f"http://127.0.0.1:{prometheus}"
    wait(f"{base}/-/ready")
    # A rate needs two scrapes, and something that happened between them. On a busy machine a scrape comes late, or not within
    # its second, and then the series are gone until the next.
    end = time.monotonic() + 90

    def finds(query):
        while not (found := ask(base, query)) and time.monotonic() < end:
            load(port)
            time.sleep(0.5)
        return bool(found)

    for name, query in [("Prometheus", "rate(synap_commands_total[1m]) > 0"), *queries()]:
        yield f"{name}: {query} finds nothing", finds(query)
    for name, metric in rule_metrics():
        yield f"{name}: {metric} is not there", finds(metric)
    for method, path, expected in [("GET", "/nothing", 404), ("POST", "/metrics", 405)]:
        request = urllib.request.Request(f"http://127.0.0.1:{metrics}{path}", method=method)
        try:
            status = urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            status = error.code
        yield f"{method} {path} is answered {status}", status == expected


def main():
    started = []
    with tempfile.TemporaryDirectory(prefix="synap-observe-") as scratch:
        try:
            return judge(checks(sys.argv[1], pathlib.Path(scratch), started))
        finally:
            for process in started:
                process.kill()
                process.wait()


sys.exit(main())
