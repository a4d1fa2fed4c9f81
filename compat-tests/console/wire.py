"""The console over plain HTTP: who gets in, what is refused, what hostile clients can do."""

import http.client
import json
import socket
import time

JSON = {"Content-Type": "application/json"}


class Client:
    """A browser without a page: keeps its cookie."""

    def __init__(self, port, host=None, at="127.0.0.1"):
        self.port, self.at = port, at
        self.host = host or f"{at}:{port}"
        self.cookie = ""

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.at, self.port, timeout=20)
        sent = {"Host": self.host, **(JSON if method == "POST" else {}), **(headers or {})}
        if self.cookie:
            sent["Cookie"] = self.cookie
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        if cookie := answer.getheader("Set-Cookie"):
            self.cookie = cookie.split(";")[0]
        connection.close()
        return answer.status, json.loads(text) if "json" in answer.getheader("Content-Type", "") else text, dict(answer.getheaders())

    def log_in(self, user="default", password="", **more):
        return self.send("POST", "/console/api/login", {"user": user, "password": password}, **more)[0]

    def view(self, name):
        return self.send("GET", f"/console/api/{name}")

    def do(self, action, **body):
        return self.send("POST", f"/console/api/{action}", body)


def pages(port):
    status, text, headers = Client(port).send("GET", "/console/")
    yield "the page is there", status == 200 and "<script type=\"module\" src=\"console.js\"" in text
    yield "it may load its own files alone", headers["Content-Security-Policy"].startswith("default-src 'none'")
    yield "nobody may frame it", headers["X-Frame-Options"] == "DENY"
    yield "/ leads to it", Client(port).send("GET", "/")[2].get("Location") == "/console/"
    for name in ["console.css", "console.js", "dom.js", "chart.js", "views.js", "queues.js", "icon.svg"]:
        yield f"{name} is there", Client(port).send("GET", f"/console/{name}")[0] == 200
    for path in ["/console/../etc/passwd", "/console/%2e%2e/x", "/console/api/", "/nothing"]:
        yield f"{path} is not there", Client(port).send("GET", path)[0] in (400, 401, 404)


def logins(port, redis):
    redis("ACL", "SETUSER", "reader", "on", ">pw-reader", "%R~jobs:*", "+qinfo", "+qpeek")
    redis("ACL", "SETUSER", "keeper", "on", ">pw-keeper", "~*", "+@queue", "+@read", "+info", "+slowlog")
    stranger = Client(port)
    yield "a stranger sees nothing", stranger.view("overview")[0] == 401
    yield "a stranger does nothing", stranger.do("redrive", db=0, key="jobs%3Amail")[0] == 401
    yield "nobody is told as nobody", stranger.view("session")[1] == {"user": None}
    reader = Client(port)
    yield "a user logs in", reader.log_in("reader", "pw-reader") == 200
    yield "and is told who it is", reader.view("session")[1] == {"user": "reader"}
    yield "its rules say what it sees: no INFO", "refused" in reader.view("overview")[1]["info"]
    yield "and no history of it", reader.view("overview")[1]["history"] is None
    yield "no clients", "refused" in reader.view("clients")[1]["clients"]
    yield "no keys", "refused" in reader.view("keys")[1]["prefixes"] and "types" not in reader.view("keys")[1]
    yield "no slow calls", "refused" in reader.view("slow")[1]["slow"]
    names = [queue["name"] for queue in reader.view("queues")[1]["queues"]]
    yield f"queues under its keys alone: {names}", names and all(name.startswith("jobs:") for name in names)
    yield "a queue under no key of its own is refused", reader.view("queue?db=0&key=other")[0] == 403
    before = redis("ACL", "LOG").count("redrive")
    status, answer, _ = reader.do("redrive", db=0, key="jobs%3Amail")
    yield f"it may not redrive: {answer}", status == 403 and "NOPERM" in answer["error"]
    yield "which ACL LOG tells", redis("ACL", "LOG").count("redrive") > before
    yield "looking filled no ACL LOG", redis("ACL", "LOG").count("slowlog") == 0
    yield "no password is among the slow calls", "pw-reader" not in redis("SLOWLOG", "GET", "-1")
    keeper = Client(port)
    yield "another user logs in", keeper.log_in("keeper", "pw-keeper") == 200
    yield "and may redrive", keeper.do("redrive", db=0, key="jobs%3Amail", ids=[keeper.view("queue?key=jobs%3Amail&db=0")[1]["messages"][0]["id"]])[1] == {"count": 1}
    yield "a client is named console", "name=console" in redis("CLIENT", "LIST")
    redis("ACL", "SETUSER", "keeper", "-qredrive")
    yield "a right that is taken back is gone at once", keeper.do("redrive", db=0, key="jobs%3Amail")[0] == 403
    redis("ACL", "DELUSER", "keeper")
    yield "a user that is removed is logged out", keeper.view("session")[1] == {"user": None}
    identity = next(line.split()[0][3:] for line in redis("CLIENT", "LIST").splitlines() if "user=reader" in line)
    redis("CLIENT", "KILL", "ID", identity)
    yield "CLIENT KILL logs out", reader.view("overview")[0] == 401
    reader.log_in("reader", "pw-reader")
    old = reader.cookie
    yield "logging out answers", reader.do("logout")[0] == 200
    reader.cookie = old
    yield "and ends the session", reader.view("overview")[0] == 401
    yield "its client is gone", "user=reader" not in redis("CLIENT", "LIST")


def forgeries(port):
    client = Client(port)
    client.log_in()
    cookie = client.cookie
    status, _, headers = client.send("POST", "/console/api/login", {"user": "default", "password": ""})
    attributes = headers["Set-Cookie"]
    yield f"no script and no other site gets the cookie: {attributes}", "HttpOnly" in attributes and "SameSite=Strict" in attributes
    client.cookie = cookie
    for what, headers in {
        "a form of another site": {"Content-Type": "application/x-www-form-urlencoded"},
        "text of another site": {"Content-Type": "text/plain"},
        "another origin": {"Origin": "http://evil.example"},
        "the origin of a sandbox": {"Origin": "null"},
        "another port's origin": {"Origin": "http://127.0.0.1:1"},
        "a page of another site": {"Sec-Fetch-Site": "cross-site"},
        "a page of another port": {"Sec-Fetch-Site": "same-site"},
        "a name that was pointed here": {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        "no host": {"Host": ""},
    }.items():
        for path in ["redrive", "discard", "login"]:
            status = client.send("POST", f"/console/api/{path}", {"db": 0, "key": "jobs%3Amail"}, headers)[0]
            yield f"{what} is refused at {path}: {status}", status in (403, 415)
    yield "reading through such a name is refused, too", Client(port, f"evil.example:{port}").view("session")[0] == 403
    yield "localhost is no such name", Client(port, f"localhost:{port}").view("session")[0] == 200
    yield "nor is ::1", Client(port, f"[::1]:{port}").view("session")[0] == 200
    for body in [{}, {"key": 1}, {"key": "x", "ids": []}, {"key": "x", "db": -1}, {"key": "x", "db": 1 << 40}, {"key": "x", "ids": ["1-1"] * 1001}]:
        yield f"{str(body)[:40]} is refused", client.send("POST", "/console/api/redrive", body)[0] == 400
    yield "a key with an odd id is told so", "invalid message id" in client.do("redrive", key="jobs%3Amail", ids=["x\r\n"])[1]["error"]
    yield "no action by GET", client.view("redrive")[0] == 404


def hostile(port):
    def raw(*parts, pause=0.0):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
            try:
                for part in parts:
                    peer.sendall(part)
                    time.sleep(pause)
                answer = b""
                while more := peer.recv(65536):
                    answer += more
            except ConnectionError:
                pass
            return answer.split(b"\r\n")[0]

    yield "a head without an end is refused", b"431" in raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
    yield "so are very many headers", b"431" in raw(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1000 + b"\r\n")
    yield "and a huge body", b"413" in raw(b"POST /console/api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
    yield "and a length that is none", b"400" in raw(b"POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n")
    yield "and chunks", b"501" in raw(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    yield "and what is no HTTP", b"400" in raw(b"*1\r\n$4\r\nPING\r\n\r\n\r\n")
    yield "a client that stops in the middle is closed in time", raw(b"GET / HT") == b""
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(400)]
    for peer in slow:
        try:
            peer.sendall(b"GET /console/ HTTP/1.1\r\nHost: ")
        except ConnectionError:
            pass
    start = time.monotonic()
    yield "400 slow clients keep nobody out", Client(port).send("GET", "/healthz")[0] == 200
    took = time.monotonic() - start
    yield f"nor slow anybody down ({took:.2f} s)", took < 5
    for peer in slow:
        peer.close()


def guesses(port, redis):
    """Last: it leaves this address waiting. Three guesses are free; those behind wait since the last that was heard, twice as long
    each time. On a busy machine one may come so late that it has waited enough."""
    client, told, heard, last = Client(port), [], 0, 0.0
    while told.count(429) < 2 and len(told) < 12:
        sent = time.monotonic()
        status, _, headers = client.send("POST", "/console/api/login", {"user": "default", "password": f"guess {len(told)}"})
        told.append(status)
        if status == 401:
            if heard >= 3 and time.monotonic() - last < 2 ** (heard - 3):
                told.append("too early")
            heard, last = heard + 1, sent
    yield f"guessing is slowed down: {told}", told[:3] == [401] * 3 and told.count(429) == 2 and set(told) == {401, 429}
    seconds = int(headers.get("Retry-After", 0))
    yield "and told when to come back", status == 429 and seconds >= 1
    yield "ACL LOG knows of it", "auth" in redis("ACL", "LOG")
    time.sleep(seconds + 0.1)
    yield "then the right one gets in", client.log_in("default", "secret") == 200
