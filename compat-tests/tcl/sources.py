"""Where the suites come from: Debian's source packages, fetched with apt into a cache outside of the repository.

apt works with a state directory and a list of sources of its own. The sources are the machine's own entries of its
release, asking for deb-src and for the releases that a suite names (`releases` in its floor), so the mirror is the one
that this machine already trusts. The newest version served that begins with the suite's `version` is taken; once
unpacked it stays, whatever the release serves later.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "synap-tests"
HOME = CACHE / "tcl-suites"


class Missing(Exception):
    """Why a suite is not to be had."""


def fetch(name, suite):
    """The directory of the unpacked suite `name`; raises Missing with the reason."""
    tree = HOME / name
    if not (tree / "tests/test_helper.tcl").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        try:
            unpack(name, suite, tree)
        except subprocess.CalledProcessError as error:
            raise Missing(f"{' '.join(error.cmd[:1] + error.cmd[-2:])} ended with status {error.returncode}") from error
    return tree


def unpack(name, suite, tree):
    apt = CACHE / "apt" / "-".join(suite["releases"])
    options = prepare(apt, suite["releases"])
    shown = subprocess.run(
        ["apt-cache", *options, "showsrc", "--only-source", suite["package"]], capture_output=True, text=True
    ).stdout
    served = re.findall(r"^Version: (\S+)", shown, re.M)
    fitting = [version for version in served if re.sub(r"^\d+:", "", version).startswith(suite["version"])]
    if not fitting:
        where = " and ".join(suite["releases"])
        raise Missing(f"{where} serve {suite['package']} {', '.join(served) or 'not at all'}, not {suite['version']}*")
    download = HOME / f".{name}.{os.getpid()}"
    download.mkdir()
    try:
        subprocess.run(
            ["apt-get", *options, "source", "--download-only", "--only-source", f"{suite['package']}={newest(fitting)}"],
            check=True, cwd=download, stdout=sys.stderr,
        )
        (archive,) = download.glob("*.orig.tar.*")
        (download / "tree").mkdir()
        subprocess.run(["tar", "-xf", archive, "--strip-components=1", "-C", download / "tree"], check=True)
        # Another run may have been faster: one tree is as good as the other.
        if not tree.exists():
            (download / "tree").rename(tree)
    finally:
        shutil.rmtree(download)


def prepare(apt, releases):
    """Fetches the lists of sources of the releases; returns apt's options for them."""
    for part in ["lists/partial", "archives/partial", "parts"]:
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "parts/source.sources").write_text(source_entries(releases))
    options = [
        "-qq", "-oDir::Etc::sourcelist=/dev/null", f"-oDir::Etc::sourceparts={apt / 'parts'}",
        f"-oDir::State::lists={apt / 'lists'}", f"-oDir::Cache={apt}", "-oAPT::Sandbox::User=",
    ]
    subprocess.run(["apt-get", *options, "update"], check=True, stdout=sys.stderr)
    return options


def newest(versions):
    best = versions[0]
    for version in versions[1:]:
        if subprocess.run(["dpkg", "--compare-versions", version, "gt", best]).returncode == 0:
            best = version
    return best


def source_entries(releases):
    """The machine's own entries of its release, asking for sources of `releases`."""
    own = re.search(r"^VERSION_CODENAME=(\S+)", pathlib.Path("/etc/os-release").read_text(), re.M)[1]
    entries = [entry for found in own_entries(own) for release in releases for entry in moved(found, own, release)]
    if not entries:
        raise Missing("no package source of this release with a component 'main' is configured below /etc/apt")
    return "\n\n".join(dict.fromkeys(entries)) + "\n"


def own_entries(own):
    """URI, suites and key of each entry of the release `own`, in either of apt's notations."""
    for path in sorted(pathlib.Path("/etc/apt").glob("sources.list.d/*.sources")):
        for entry in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", entry, re.M))
            suites = fields.get("Suites", "").split()
            if any(suite.startswith(own) for suite in suites) and "main" in fields.get("Components", "").split():
                yield fields["URIs"], suites, fields.get("Signed-By", "")
    for path in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt").glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            match = re.match(rf"deb(?:\s+\[(.*?)\])?\s+(\S+)\s+({own}\S*)\s+main\b", line)
            if match:
                key = re.search(r"signed-by=(\S+)", match[1] or "")
                yield match[2], [match[3]], key[1] if key else ""


def moved(entry, own, release):
    """An entry of the release `own` as one of `release`. What is always unstable has no updates and no security."""
    uris, suites, key = entry
    suites = [suite.replace(own, release) for suite in suites]
    if release in ("sid", "unstable", "experimental"):
        suites = [suite for suite in suites if suite == release]
    signed = f"\nSigned-By: {key}" if key else ""
    return [f"Types: deb-src\nURIs: {uris}\nSuites: {' '.join(suites)}\nComponents: main{signed}"] if suites else []
