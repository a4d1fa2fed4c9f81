#!/usr/bin/env python3
"""The console in a real browser, and over plain HTTP.

usage: run.py SERVER_PROGRAM [DIRECTORY]      needs chromium, chromedriver and redis-cli; keeps its screenshots in DIRECTORY
"""

import pathlib
import socket
import subprocess
import sys
import tempfile

import wire
from browser import Browser, wait
from picture import Picture

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import free_port, judge

HOSTILE = "<img src=x onerror=document.title='owned'>"


class Server:
    """A server with a console, and a way to send it commands."""

    def __init__(self, program, scratch, listen="127.0.0.1"):
        self.port, self.metrics = free_port(), free_port()
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", str(scratch),
             "--metrics-listen", f"{listen}:{self.metrics}", "--slowlog-log-slower-than", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait(lambda: self("PING").strip() == "PONG", "the server")

    def __call__(self, *words, password=None):
        login = ["--no-auth-warning", "-a", password] if password else []
        ran = subprocess.run(["redis-cli", "-p", str(self.port), *login, *words], capture_output=True, text=True, timeout=60)
        return ran.stdout

    def stop(self):
        self.process.kill()
        self.process.wait()


def fill(server):
    """Gives every view something to show; names and bodies try to be markup."""
    calls = [f"SET user:{i}:name {'v' * 50} EX 3600" for i in range(500)] + ["GET user:1:name", "GET nobody", "LPUSH user:1:name x"]
    calls += [f"SET \"key {HOSTILE}\" \"{HOSTILE}\"", f"QPUSH \"{HOSTILE}\" \"{HOSTILE}\"", "QPUSH other x", "QPUSH jobs:\\xff\\x00 x"]
    calls += [f"QPUSH jobs:mail \"message {i} {HOSTILE}\"" for i in range(20)]
    subprocess.run(["redis-cli", "-p", str(server.port)], input="\n".join(calls), text=True, stdout=subprocess.DEVNULL, timeout=60, check=True)
    popped = server("QPOP", "jobs:mail", "COUNT", "12").split("\n")
    for receipt in popped[:24:2]:
        server("QNACK", "jobs:mail", receipt, "DEAD", "REASON", f"smtp 550 {HOSTILE}")


def pages(server, browser, shots):
    home = f"http://127.0.0.1:{server.metrics}/console/"
    expected = {}

    def shot(name):
        picture = Picture(browser.screenshot(shots / f"{name}.png"))
        expected[name] = picture
        return picture.colors() > 20 and picture.drawn() > 0.02

    def shows(text, selector="body"):
        return wait(lambda: text in browser.text(selector), f"{text} on the page")

    browser.open(home)
    yield "it asks who one is", shows("Log in")
    yield "the first field to fill has the focus", browser.run("return document.activeElement.id") == "password"
    yield "the login is drawn", shot("login")
    browser.press("Enter")
    yield "the overview is there", shows("Busiest commands")
    yield "its numbers are", wait(lambda: "/s" in browser.text("[data-card=ops] strong") and "iB" in browser.text("[data-card=memory] strong"), "numbers")
    yield "commands are listed", shows("qpush", "main")
    yield "a chart has lines", wait(lambda: browser.run("return document.querySelectorAll('.chart path.line').length") >= 8, "charts")
    yield "a chart says what it shows", "commands/s" in browser.run("return document.querySelector('.chart').getAttribute('aria-label')")
    yield "the overview is drawn", shot("overview")

    browser.press("t")
    yield "t makes it dark", browser.run("return document.documentElement.dataset.theme") == "dark"
    yield "the dark overview is drawn", shot("overview-dark")
    light, dark = expected["overview"].brightness(), expected["overview-dark"].brightness()
    yield f"dark is dark, light is light: {dark:.0f}, {light:.0f}", dark < 90 and light > 180
    browser.call("POST", "/refresh", {})
    yield "it stays dark, and logged in", shows("Busiest commands") and browser.run("return document.documentElement.dataset.theme") == "dark"
    browser.press("t")
    browser.run("localStorage.clear()")
    for scheme, is_right in [("dark", lambda n: n < 90), ("light", lambda n: n > 180)]:
        browser.chrome("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.call("POST", "/refresh", {})
        shows("Busiest commands")
        yield f"without a choice it is {scheme} as the system is", is_right(Picture(browser.screenshot(shots / f"system-{scheme}.png")).brightness())

    browser.press("2")
    yield "2 leads to slow calls", shows("SLOWLOG GET", "main") and "#slow" in browser.run("return location.hash")
    yield "they are drawn", shot("slow")
    browser.press("3")
    # Not by the console's own name: the table of slow calls shows it as well, until the view changes.
    yield "3 leads to clients", shows("Last command", "main table") and shows("console", "main table")
    browser.press("/", *"nobody-is-called-so")
    yield "/ filters", wait(lambda: "0 shown" in browser.text("main"), "a filtered list")
    browser.press("Escape")
    yield "clients are drawn", shot("clients")

    browser.press("4")
    yield "4 leads to queues", shows("jobs:mail", "main")
    yield f"a name that is markup is text: {browser.text('main')}", HOSTILE in browser.text("main") and browser.run("return document.querySelectorAll('main img').length") == 0
    yield "a name that is no text is shown", "jobs:\\xff\\x00" in browser.text("main")
    yield "queues are drawn", shot("queues")
    browser.press("j")
    yield "j goes to the queue with dead messages", browser.run("return document.activeElement.textContent") == "jobs:mail"
    browser.press("Enter")
    yield "Enter opens it", shows("Redrive all 12")
    yield "its dead messages tell why", f"smtp 550 {HOSTILE}" in browser.text("main")
    yield "the queue is drawn", shot("queue")
    browser.press("j", "Space")
    yield "a message can be chosen by keys", shows("Redrive 1 chosen")
    browser.run("document.querySelector('main .primary').focus()")
    browser.press("Enter")
    yield "redriving asks first", shows("Redrive messages", "dialog")
    browser.press("Escape")
    yield "Escape does nothing", wait(lambda: not browser.text("dialog"), "no dialog") is True and server("QLEN", "jobs:mail", "DEAD").strip() == "12"
    for left, done in [("11", "1 message ready again"), ("0", "11 messages ready again")]:
        browser.run("document.querySelector('main .primary').focus()")
        browser.press("Enter")
        shows("Redrive messages", "dialog")
        browser.press("Enter")
        yield f"redriving leaves {left} dead messages", wait(lambda: server("QLEN", "jobs:mail", "DEAD").strip() == left, f"{left} dead messages")
        yield f"the page says so: {done}", shows(done)
    yield "it has no more to redrive", shows("Nothing died", "main")
    browser.press("Escape")
    yield "Escape leads back to the list", shows("Waiting clients", "main") and wait(lambda: browser.run("return document.activeElement?.textContent") == "jobs:mail", "the focus on the queue")
    browser.press("?")
    yield "? tells the keys", shows("next, previous row", "dialog")

    browser.press("Escape")
    wait(lambda: not browser.text("dialog"), "no dialog")
    browser.press("5")
    yield "5 leads to keys by prefix and type", shows("user:", "main") and shows("By type", "main") and shows("string", "main")
    yield "they are drawn", shot("keys")
    yield "no markup of others ran", "owned" not in browser.run("return document.title")
    loaded = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    yield f"nothing is loaded from elsewhere: {loaded[:3]}", loaded and all(name.startswith(home) for name in loaded)
    browser.chrome("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    browser.press("1")
    shows("Busiest commands")
    yield "on a phone nothing is cut off", browser.run("return document.documentElement.scrollWidth <= innerWidth + 1")
    yield "it is drawn there", shot("phone")
    browser.chrome("Emulation.clearDeviceMetricsOverride")
    yield f"the browser found no fault: {browser.faults()}", not browser.faults()
    server("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    yield "whoever is disconnected is asked again who it is", shows("Log in")


def from_elsewhere(program, scratch):
    """Over an address that is not the loopback: where there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: the kernel only chooses the address it would send from.
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return
    if address.startswith("127."):
        return
    server = Server(program, scratch, "0.0.0.0")
    try:
        near, far = wire.Client(server.metrics), wire.Client(server.metrics, at=address)
        yield "the console is for the machine itself", near.send("GET", "/console/")[0] == 200
        yield "not for others", far.send("GET", "/console/")[0] == 404 and far.log_in() == 404
        yield "metrics are", far.send("GET", "/metrics")[0] == 200
        server("CONFIG", "SET", "console", "yes")
        yield "it is for others when it is set so", far.send("GET", "/console/")[0] == 200
        yield "but not as a user without a password", far.log_in() == 403
        server("ACL", "SETUSER", "operator", "on", ">pw", "~*", "+info")
        yield "as one with a password it is", far.log_in("operator", "pw") == 200
        yield "a name is no address of it", wire.Client(server.metrics, "synap.example").view("session")[0] == 403
        server("CONFIG", "SET", "console-hosts", "other.example synap.example")
        yield "unless it is named", wire.Client(server.metrics, "synap.example").view("session")[0] == 200
    finally:
        server.stop()


def checks(program, scratch, shots):
    server = Server(program, scratch)
    try:
        fill(server)
        browser = Browser()
        try:
            yield from pages(server, browser, shots)
        finally:
            browser.close()
        fill(server)
        port = server.metrics
        yield from wire.pages(port)
        yield from wire.logins(port, server)
        yield from wire.forgeries(port)
        yield from wire.hostile(port)
        server("CONFIG", "SET", "console", "no")
        yield "it can be switched off", wire.Client(port).send("GET", "/console/")[0] == 404
        yield "metrics stay", wire.Client(port).send("GET", "/metrics")[0] == 200
        server("CONFIG", "SET", "console", "local")
        server("CONFIG", "SET", "requirepass", "secret")
        yield from wire.guesses(port, lambda *words: server(*words, password="secret"))
    finally:
        server.stop()
    yield from from_elsewhere(program, scratch)


def main():
    with tempfile.TemporaryDirectory(prefix="synap-console-") as scratch:
        shots = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else scratch)
        shots.mkdir(parents=True, exist_ok=True)
        return judge(checks(sys.argv[1], scratch, shots))


sys.exit(main())
