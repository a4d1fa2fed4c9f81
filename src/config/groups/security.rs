//! Who may do what, and TLS.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG};

const GUARD: Kind = Kind::Choice(&["no", "yes", "local"]);
const TLS: &str = "TLS";

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

    TLS_PORT = setting("tls-port", Kind::Int(0, 65535), "0").pending(TLS).doc("TCP port for TLS; 0 is none.");
    TLS_CERT_FILE = text("tls-cert-file", "").pending(TLS).doc("Certificate of the server.");
    TLS_KEY_FILE = text("tls-key-file", "").pending(TLS).doc("Private key of the server.");
    TLS_KEY_FILE_PASS = text("tls-key-file-pass", "").secret().pending(TLS).doc("Password of that key.");
    TLS_CLIENT_CERT_FILE = text("tls-client-cert-file", "").pending(TLS).doc("Certificate for outgoing connections.");
    TLS_CLIENT_KEY_FILE = text("tls-client-key-file", "").pending(TLS).doc("Private key for outgoing connections.");
    TLS_CLIENT_KEY_FILE_PASS = text("tls-client-key-file-pass", "").secret().pending(TLS).doc("Password of that key.");
    TLS_DH_PARAMS_FILE = text("tls-dh-params-file", "").pending(TLS).doc("Parameters of the key exchange.");
    TLS_CA_CERT_FILE = text("tls-ca-cert-file", "").pending(TLS).doc("Certificates that are trusted.");
    TLS_CA_CERT_DIR = text("tls-ca-cert-dir", "").pending(TLS).doc("Directory of certificates that are trusted.");
    TLS_AUTH_CLIENTS = setting("tls-auth-clients", Kind::Choice(&["no", "yes", "optional"]), "yes")
        .pending(TLS)
        .doc("Whether clients have to show a certificate.");
    TLS_REPLICATION = switch("tls-replication", "no").pending(TLS).doc("Uses TLS towards the primary.");
    TLS_CLUSTER = switch("tls-cluster", "no").pending(TLS).doc("Uses TLS between the nodes of a cluster.");
    TLS_PROTOCOLS = text("tls-protocols", "").pending(TLS).doc("Versions of TLS that are allowed.");
    TLS_CIPHERS = text("tls-ciphers", "").pending(TLS).doc("Ciphers of TLS 1.2 that are allowed.");
    TLS_CIPHERSUITES = text("tls-ciphersuites", "").pending(TLS).doc("Ciphers of TLS 1.3 that are allowed.");
    TLS_PREFER_SERVER_CIPHERS = switch("tls-prefer-server-ciphers", "no")
        .pending(TLS)
        .doc("The server's order of ciphers wins.");
    TLS_SESSION_CACHING = switch("tls-session-caching", "yes").pending(TLS).doc("Keeps TLS sessions for resumption.");
    TLS_SESSION_CACHE_SIZE = setting("tls-session-cache-size", INT, "20480").pending(TLS).doc("Sessions that are kept.");
    TLS_SESSION_CACHE_TIMEOUT = setting("tls-session-cache-timeout", INT, "300")
        .pending(TLS)
        .doc("Seconds a session is kept.");
}
