#!/usr/bin/env python3
"""Builds the Debian package, installs it in a clean root, starts the server from it, and removes it again.

usage: run.py SERVER_PROGRAM       as root; needs debootstrap, and cargo-deb, which it installs once into ~/.cache/synap-tests
"""

import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import free_port, judge

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "synap-tests"
CARGO_DEB = "3.8.0"
# What a directive of a Dockerfile may be.
DIRECTIVES = set("FROM RUN CMD LABEL EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG STOPSIGNAL HEALTHCHECK SHELL".split())


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, **more)


def cargo_deb():
    """cargo-deb, built once."""
    found = CACHE / "cargo-deb" / "bin" / "cargo-deb"
    if not found.exists() or CARGO_DEB not in run(found, "--version").stdout:
        ran = run("cargo", "install", "--quiet", "--locked", "--debug", "--root", CACHE / "cargo-deb", f"cargo-deb@{CARGO_DEB}")
        if ran.returncode:
            sys.exit(ran.stderr)
    return found


def clean_root(target):
    """A Debian with nothing but its base, made once."""
    base = CACHE / "bookworm.tar"
    if not base.exists():
        base.parent.mkdir(parents=True, exist_ok=True)
        made = run("debootstrap", "--variant=minbase", "--include=adduser", "bookworm", target / "base")
        if made.returncode:
            sys.exit(made.stdout + made.stderr)
        # Whole or not at all.
        run("tar", "-C", target / "base", "-cf", f"{base}.part", ".")
        pathlib.Path(f"{base}.part").rename(base)
        shutil.rmtree(target / "base")
    root = target / "root"
    root.mkdir()
    run("tar", "-C", root, "-xf", base)
    return root


def dockerfile():
    """No engine is here to build it: what can be checked without one."""
    text = (REPOSITORY / "packaging" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    words = [word for word, _ in lines]
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)$", text)
    yield "the Dockerfile has directives alone", set(words) <= DIRECTIVES and words[0] == "FROM"
    yield "it copies from stages that it has", set(re.findall(r"--from=(\S+)", text)) <= set(stages)
    last = words[len(words) - words[::-1].index("FROM"):]
    yield "its last stage is no root's, and is looked after", {"USER", "HEALTHCHECK", "ENTRYPOINT"} <= set(last)
    copied = re.search(r"COPY --from=build (.*) /usr/local/bin/", text)[1].split()
    yield "it copies the programs", [path.rsplit("/", 1)[1] for path in copied] == ["synap-server", "synap-migrate"]


def health(server, scratch):
    port, metrics = free_port(), free_port()
    flags = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", scratch, "--loglevel", "warning"]
    asked = run(server, "--healthcheck", *flags)
    yield "nobody there is not well", asked.returncode == 1 and "does not answer" in asked.stderr
    socket_path = scratch / "socket"
    process = subprocess.Popen([str(word) for word in [server, *flags, "--unixsocket", socket_path, "--metrics-listen", f"127.0.0.1:{metrics}"]])
    try:
        yield "a server is well", wait(lambda: run(server, "--healthcheck", *flags).returncode == 0)
        yield "over its socket, too", run(server, "--healthcheck", "--port", 0, "--unixsocket", socket_path).stdout == "+PONG\n"
        yield "over HTTP, too", run(server, "--port", 0, "--metrics-listen", f"127.0.0.1:{metrics}", "--healthcheck").returncode == 0
        run("redis-cli", "-p", port, "CONFIG", "SET", "requirepass", "secret")
        yield "with a password, too", run(server, "--healthcheck", *flags).stdout.startswith("-NOAUTH")
    finally:
        process.kill()
        process.wait()
    yield "with nothing to ask it says so", "there is nothing to ask" in run(server, "--healthcheck", "--port", 0).stderr


def wait(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def package(server, scratch):
    programs, manual = server.parent, REPOSITORY / "target" / "manual"
    made = run(REPOSITORY / "packaging" / "generate.sh", programs, manual)
    yield f"manuals and completions are written: {made.stderr}", made.returncode == 0
    for shell, name in [("bash", "synap-server.bash"), ("bash", "synap-migrate.bash")]:
        yield f"{name} is {shell}", run(shell, "-n", manual / name).returncode == 0
    page = run("man", "--warnings", "-l", manual / "synap-server.1", env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}) if shutil.which("man") else None
    yield "the manual page is one", page is None or "maxmemory" in page.stdout and not page.stderr
    deb = scratch / "synap.deb"
    built = run(cargo_deb(), "--no-build", "--profile", "dev", "--no-dbgsym", "--strip", "--fast", "--output", deb, cwd=REPOSITORY,
                env={**os.environ, "PATH": f"{CACHE}/cargo-deb/bin:{os.environ['PATH']}"})
    yield f"cargo-deb builds the package: {built.stderr[-600:]}", deb.exists()
    root = clean_root(scratch)
    shutil.copy(deb, root / "synap.deb")
    inside = lambda *words: run("chroot", root, *words)
    installed = inside("dpkg", "-i", "/synap.deb")
    yield f"it installs in a clean root: {installed.stdout}{installed.stderr}", installed.returncode == 0
    yield "its user is there", "/var/lib/synap" in inside("getent", "passwd", "synap").stdout
    yield "its directory is its user's alone", inside("stat", "-c", "%U %a", "/var/lib/synap").stdout == "synap 700\n"
    yield "its configuration is not everybody's", inside("stat", "-c", "%U:%G %a", "/etc/synap/synap.conf").stdout == "root:synap 640\n"
    checked = inside("synap-server", "/etc/synap/synap.conf", "--check-config")
    yield f"its configuration is fine: {checked.stdout}{checked.stderr}", checked.stdout == "the configuration is fine\n"
    for path in ["/usr/share/man/man1/synap-server.1.gz", "/usr/share/bash-completion/completions/synap-server", "/usr/share/doc/synap/docs/console.md",
                 "/usr/share/synap/grafana/dashboards/overview.json", "/usr/lib/systemd/system/synap.service", "/usr/bin/synap-migrate"]:
        yield f"{path} is there", (root / path[1:]).exists()
    if shutil.which("systemd-analyze"):
        # On its own, with the targets that it names: the clean root has no systemd.
        verified = run("systemd-analyze", "verify", "--man=no", f"--root={root}", "synap.service")
        faults = [line for line in (verified.stdout + verified.stderr).splitlines() if "synap.service:" in line and "not found" not in line]
        yield f"systemd understands its unit: {faults}", not faults
    yield from service(root, inside)
    yield "it is removed", inside("dpkg", "-r", "synap").returncode == 0
    yield "what it stored stays", (root / "var/lib/synap").exists() and (root / "etc/synap/synap.conf").exists()
    yield "it is purged", inside("dpkg", "-P", "synap").returncode == 0
    yield "then nothing stays", not (root / "var/lib/synap").exists() and not (root / "etc/synap").exists() and not inside("getent", "passwd", "synap").stdout


def service(root, inside):
    """Starts the server as its unit does."""
    port, metrics = free_port(), free_port()
    unit = (root / "usr/lib/systemd/system/synap.service").read_text()
    command = re.search(r"(?m)^ExecStart=(.*)$", unit)[1].split() + ["--port", str(port), "--metrics-listen", f"127.0.0.1:{metrics}"]
    (root / "dev/urandom").exists() or run("mknod", "-m", "444", root / "dev/urandom", "c", "1", "9")
    start = lambda: subprocess.Popen(["chroot", "--userspec=synap:synap", root, *command], stdout=subprocess.DEVNULL)
    is_well = lambda: inside("synap-server", "--healthcheck", "--port", str(port)).returncode == 0
    for expected in ["", "kept"]:
        process = start()
        try:
            yield "the server starts from it, and is well", wait(is_well)
            yield f"it has {expected or 'nothing'}", run("redis-cli", "-p", port, "GET", "k").stdout.strip() == expected
            run("redis-cli", "-p", port, "SET", "k", "kept")
            process.send_signal(signal.SIGTERM)
            yield "it ends when it is told to", process.wait(60) == 0
        finally:
            process.kill()


def main():
    skipped = 0
    server = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="synap-package-") as scratch:
        scratch = pathlib.Path(scratch)
        parts = [dockerfile(), health(server, scratch)]
        if os.geteuid() == 0:
            parts.append(package(server, scratch))
        else:
            skipped += 1
            print("skipped: a clean root needs root")
        return judge(itertools.chain.from_iterable(parts), skipped)


sys.exit(main())
