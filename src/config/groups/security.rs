//! Who may do what, and TLS.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG};

const GUARD: Kind = Kind::Choice(&["no", "yes", "local"]);
const LINKS: &str = "replication and cluster mode";

group! {
    "security", super::limits::END, "Who may connect and what they may do.";

    PROTECTED_MODE = switch("protected-mode", "yes")
        .doc("Without a password, serves only clients of this machine.");
    REQUIREPASS = text("requirepass", "").secret().doc("Password of the default user; empty asks for none.");
    ENABLE_PROTECTED_CONFIGS = setting("enable-protected-configs", GUARD, "no")
        .start()
        .doc("Who may CONFIG SET dir and dbfilename.");
    ENABLE_DEBUG_COMMAND = setting("enable-debug-command", GUARD, "no").start().doc("Who may use DEBUG.");
    ENABLE_MODULE_COMMAND = setting("enable-module-command", GUARD, "no")
        .start()
        .pending("modules")
        .doc("Who may use MODULE.");
    ACLFILE = text("aclfile", "").start().doc("File with the users and their rights.");
    ACLLOG_MAX_LEN = setting("acllog-max-len", LONG, "128").doc("Entries of ACL LOG.");
    ACL_PUBSUB_DEFAULT = setting("acl-pubsub-default", Kind::Choice(&["allchannels", "resetchannels"]), "resetchannels")
        .doc("Whether a new user may use every channel.");

    TLS_PORT = setting("tls-port", Kind::Int(0, 65535), "0").doc("TCP port for TLS; 0 is none.");
    TLS_CERT_FILE = text("tls-cert-file", "").reloads().doc("Certificate of the server, with those that vouch for it.");
    TLS_KEY_FILE = text("tls-key-file", "").reloads().doc("Private key of the server.");
    TLS_KEY_FILE_PASS = text("tls-key-file-pass", "").secret().doc("Password of that key.");
    TLS_CLIENT_CERT_FILE = text("tls-client-cert-file", "").pending(LINKS).doc("Certificate for outgoing connections.");
    TLS_CLIENT_KEY_FILE = text("tls-client-key-file", "").pending(LINKS).doc("Private key for outgoing connections.");
    TLS_CLIENT_KEY_FILE_PASS = text("tls-client-key-file-pass", "").secret().pending(LINKS).doc("Password of that key.");
    TLS_DH_PARAMS_FILE = text("tls-dh-params-file", "")
        .hint("keys are exchanged over elliptic curves, which need none")
        .doc("Parameters of the key exchange.");
    TLS_CA_CERT_FILE = text("tls-ca-cert-file", "").reloads().doc("Certificates that may vouch for clients.");
    TLS_CA_CERT_DIR = text("tls-ca-cert-dir", "").reloads().doc("Directory of certificates that may vouch for clients.");
    TLS_AUTH_CLIENTS = setting("tls-auth-clients", Kind::Choice(&["no", "yes", "optional"]), "yes")
        .doc("Whether clients have to show a certificate.");
    TLS_AUTH_CLIENTS_USER = setting("tls-auth-clients-user", Kind::Choice(&["off", "CN", "URI"]), "off")
        .doc("What of a client's certificate names the user it is logged in as.");
    TLS_AUTO_RELOAD_INTERVAL = setting("tls-auto-reload-interval", INT, "0")
        .doc("Seconds after which certificates and keys are read again if their files have changed; 0 is never.");
    TLS_REPLICATION = switch("tls-replication", "no").pending(LINKS).doc("Uses TLS towards the primary.");
    TLS_CLUSTER = switch("tls-cluster", "no").pending(LINKS).doc("Uses TLS between the nodes of a cluster.");
    TLS_PROTOCOLS = text("tls-protocols", "").doc("Versions of TLS that are allowed: TLSv1.2 TLSv1.3.");
    TLS_CIPHERS = text("tls-ciphers", "").doc("Ciphers of TLS 1.2 that are allowed, in OpenSSL's names.");
    TLS_CIPHERSUITES = text("tls-ciphersuites", "").doc("Ciphers of TLS 1.3 that are allowed.");
    TLS_PREFER_SERVER_CIPHERS = switch("tls-prefer-server-ciphers", "no").doc("The server's order of ciphers wins.");
    TLS_SESSION_CACHING = switch("tls-session-caching", "yes").doc("Keeps TLS sessions for resumption.");
    TLS_SESSION_CACHE_SIZE = setting("tls-session-cache-size", INT, "20480").doc("Sessions that are kept.");
    TLS_SESSION_CACHE_TIMEOUT = setting("tls-session-cache-timeout", INT, "300")
        .hint("the oldest sessions make room for newer ones")
        .doc("Seconds a session is kept.");
}
