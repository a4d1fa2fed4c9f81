"""TLS from outside: real clients, and certificates of every kind.  usage: tls.py SERVER_PROGRAM"""

import datetime
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import servers

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = base(subject, subject, self.key, NOW - DAY, NOW + DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.subject = subject
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(pem(builder.sign(self.key, hashes.SHA256())))

    def issue(self, file, cn, until=NOW + DAY, uri=None, password=None, second_cn=None):
        """Writes FILE.pem and FILE.key; returns their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, cn, _validate=False)]
        if second_cn:
            names.append(x509.NameAttribute(NameOID.COMMON_NAME, second_cn))
        builder = base(x509.Name(names), self.subject, key, NOW - 2 * DAY, until)
        others = [x509.DNSName("localhost"), x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))]
        if uri:
            others.append(x509.UniformResourceIdentifier(uri))
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        cert_path, key_path = self.directory / f"{file}.pem", self.directory / f"{file}.key"
        cert_path.write_bytes(pem(certificate))
        key_path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
        return str(cert_path), str(key_path)


def base(subject, issuer, key, since, until):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Server(servers.Server):
    """A server that speaks nothing but TLS."""

    listens = "--tls-port"

    def __init__(self, program, directory, *settings):
        super().__init__(program, directory, "--port", "0", "--save", "", *settings)

    def reach(self):
        return socket.create_connection(("127.0.0.1", self.port), 1)

    def end(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, "the server did not stop as it should"


def client(server, authority, identity=None, **more):
    cert, key = identity or (None, None)
    return redis.Redis(
        host="127.0.0.1", port=server.port, ssl=True, ssl_ca_certs=str(authority.path), ssl_certfile=cert,
        ssl_keyfile=key, ssl_check_hostname=False, socket_timeout=60, retry=None, **more,
    )


def refuses(call):
    try:
        call()
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, ssl.SSLError, OSError):
        return True
    return False


def checks(program, directory):
    ours, others = Authority(directory, "ours"), Authority(directory, "others")
    server_cert = ours.issue("server", "localhost")
    renewed = ours.issue("renewed", "renewed")
    locked = ours.issue("locked", "locked", password=b"open sesame")
    alice, bob = ours.issue("alice", "alice"), ours.issue("bob", "bob")
    with_uri = ours.issue("uri", "nobody", uri="urn:alice")
    torn = ours.issue("nul", "alice\x00evil")
    doubled = ours.issue("two", "alice", second_cn="bob")
    expired = ours.issue("expired", "alice", until=NOW - DAY)
    foreign = others.issue("foreign", "alice")
    flags = ["--tls-cert-file", server_cert[0], "--tls-key-file", server_cert[1], "--tls-ca-cert-file", str(ours.path)]

    server = Server(program, directory, *flags, "--tls-auth-clients-user", "CN").start()
    server.wait().close()
    try:
        admin = client(server, ours, bob)
        yield "a client with a certificate is served", admin.ping()
        yield "one without is not", refuses(client(server, ours).ping)
        yield "one of another authority is not", refuses(client(server, ours, foreign).ping)
        yield "one whose certificate has expired is not", refuses(client(server, ours, expired).ping)

        admin.execute_command("ACL SETUSER alice on nopass +@all ~*")
        admin.execute_command("ACL SETUSER urn:alice on nopass +@all ~*")
        yield "a certificate names its user", client(server, ours, alice).execute_command("ACL WHOAMI") == "alice"
        yield "one that names nobody stays default", admin.execute_command("ACL WHOAMI") == "default"
        yield "a name with a NUL names nobody", client(server, ours, torn).execute_command("ACL WHOAMI") == "default"
        yield "two names name nobody", client(server, ours, doubled).execute_command("ACL WHOAMI") == "default"
        admin.config_set("tls-auth-clients-user", "URI")
        yield "a URI may name the user", client(server, ours, with_uri).execute_command("ACL WHOAMI") == "urn:alice"

        value = b"x" * (8 << 20)
        admin.set("large", value)
        yield "large values go through", admin.get("large") == value
        pipe = admin.pipeline(transaction=False)
        for i in range(20_000):
            pipe.set(f"k{i}", "v" * 100)
        yield "so do long pipelines", all(pipe.execute()) and admin.dbsize() == 20_001
        listener = admin.pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        servers.until("the subscription", lambda: admin.pubsub_numsub("news")[0][1] == 1)
        admin.publish("news", "hello")
        messages = []
        servers.until("the message", lambda: messages.append(listener.get_message(timeout=1)) or messages[-1])
        message = messages[-1]
        yield "messages are pushed", message and message["data"] == b"hello"

        cli = ["redis-cli", "-p", str(server.port), "--tls", "--cacert", str(ours.path), "--cert", bob[0], "--key", bob[1]]
        said = subprocess.run([*cli, "--no-auth-warning", "get", "k7"], capture_output=True, timeout=60).stdout
        yield "redis-cli speaks with it", said.strip() == b"v" * 100

        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            plain.sendall(b"*1\r\n$4\r\nPING\r\n" * 10)
            plain.settimeout(10)
            try:
                answer = plain.recv(4096)
            except ConnectionError:
                answer = b""
        yield "plain text is turned away", not answer.startswith((b"+", b"-"))
        yield "and the server goes on", client(server, ours, bob).ping()
        idle = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(50)]
        yield "those who never greet hold nobody up", client(server, ours, bob).ping()
        [one.close() for one in idle]

        yield "a file that is none is refused", said_no(admin, "tls-cert-file", str(directory / "nothing.pem"))
        yield "and nothing has changed", client(server, ours, bob).ping() and admin.config_get("tls-cert-file")["tls-cert-file"] == server_cert[0]
        admin.execute_command("CONFIG", "SET", "tls-cert-file", renewed[0], "tls-key-file", renewed[1])
        yield "certificates are replaced while it runs", peer_name(server, ours, bob) == "renewed"
        admin.execute_command("CONFIG", "SET", "tls-cert-file", locked[0], "tls-key-file", locked[1], "tls-key-file-pass", "open sesame")
        yield "keys may have a password", peer_name(server, ours, bob) == "locked"
        yield "a wrong one is refused", said_no(admin, "tls-key-file-pass", "wrong")
        pathlib.Path(locked[0]).write_bytes(pathlib.Path(server_cert[0]).read_bytes())
        pathlib.Path(locked[1]).write_bytes(pathlib.Path(server_cert[1]).read_bytes())
        admin.config_set("tls-cert-file", locked[0])
        yield "a file is read again when it is set again", peer_name(server, ours, bob) == "localhost"
        admin.config_set("tls-auth-clients", "optional")
        yield "certificates may be optional", client(server, ours).ping()
        yield "a foreign one is refused even then", refuses(client(server, ours, foreign).ping)
        admin.config_set("tls-auth-clients", "no")
        yield "or not asked for", client(server, ours).ping()
        admin.config_set("tls-protocols", "TLSv1.2")
        yield "versions are chosen", version(server, ours) == "TLSv1.2"
        yield "unknown versions are refused", said_no(admin, "tls-protocols", "SSLv3")
        admin.execute_command("CONFIG", "SET", "tls-protocols", "", "tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
        yield "so are ciphers", cipher(server, ours) == "TLS_CHACHA20_POLY1305_SHA256"
        yield "unknown ciphers are refused", said_no(admin, "tls-ciphers", "RC4-MD5")
        other = servers.free_port()
        admin.config_set("tls-port", str(other))
        server.port = other
        yield "the port may change", client(server, ours).ping()
    finally:
        server.end()


def said_no(admin, name, value):
    try:
        admin.config_set(name, value)
    except redis.exceptions.ResponseError:
        return True
    return False


def secured(server, authority, identity=None):
    context = ssl.create_default_context(cafile=str(authority.path))
    context.check_hostname = False
    if identity:
        context.load_cert_chain(*identity)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), 10))


def peer_name(server, authority, identity):
    with secured(server, authority, identity) as stream:
        certificate = x509.load_der_x509_certificate(stream.getpeercert(binary_form=True))
        return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def version(server, authority):
    with secured(server, authority) as stream:
        return stream.version()


def cipher(server, authority):
    with secured(server, authority) as stream:
        return stream.cipher()[0]


def main():
    with tempfile.TemporaryDirectory(prefix="synap-tls-") as scratch:
        return servers.judge(checks(sys.argv[1], pathlib.Path(scratch)))


sys.exit(main())
