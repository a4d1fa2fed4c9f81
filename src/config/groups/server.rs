//! Where the server listens, what it calls itself, and what it writes about itself.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind};
use crate::config::special;

const PORT_NUMBER: Kind = Kind::Int(0, 65535);

group! {
    "server", 0, "Where the server listens, and what it says about itself.";

    BIND = setting("bind", Kind::Words(special::addresses), "127.0.0.1 -::1")
        .doc("Addresses to listen on; one with a leading '-' may be missing, '*' is every IPv4 address.");
    PORT = setting("port", PORT_NUMBER, "6379").doc("TCP port; 0 listens on no TCP port.");
    TCP_BACKLOG = setting("tcp-backlog", INT, "511")
        .start()
        .doc("Connections that the kernel keeps waiting to be accepted.");
    TCP_KEEPALIVE = setting("tcp-keepalive", INT, "300")
        .doc("Seconds of silence after which the kernel probes a connection; 0 never probes.");
    UNIXSOCKET = text("unixsocket", "").start().doc("Path of a Unix socket to listen on as well.");
    UNIXSOCKETPERM = setting("unixsocketperm", Kind::Mode, "0")
        .start()
        .doc("Permissions of the Unix socket; 0 leaves what the umask gives.");
    DIR = setting("dir", Kind::Directory, ".").protected().doc("Directory of everything the server stores.");
    LOGLEVEL = setting("loglevel", Kind::Choice(&["debug", "verbose", "notice", "warning", "nothing"]), "notice")
        .doc("The least important messages that are logged.");
    LOG_FORMAT = setting("log-format", Kind::Choice(&["legacy", "logfmt", "json"]), "legacy")
        .doc("How a line of the log is written: legacy is for people, logfmt and json for programs.");
    LOGFILE = text("logfile", "").start().doc("File to append the log to; empty logs to standard output.");
    PIDFILE = text("pidfile", "").start().doc("File that holds the process id while the server runs.");
    DATABASES = setting("databases", Kind::Int(1, 65536), "16").start().doc("Number of databases for SELECT.");
    IO_THREADS = setting("io-threads", Kind::Int(0, 128), "0")
        .start()
        .doc("Threads that run connections and their commands; 0 takes half of the machine's cores.");
    SHUTDOWN_TIMEOUT = setting("shutdown-timeout", INT, "10")
        .hint(super::replication::NO_REPLICAS)
        .doc("Seconds a stopping server waits for its replicas to catch up.");
    SHUTDOWN_ON_SIGTERM = setting("shutdown-on-sigterm", Kind::Shutdown, "default")
        .doc("How SIGTERM stops the server.");
    SHUTDOWN_ON_SIGINT = setting("shutdown-on-sigint", Kind::Shutdown, "default")
        .doc("How SIGINT stops the server.");
    ALWAYS_SHOW_LOGO = switch("always-show-logo", "no").start().hint("there is no logo").doc("Starts the log with a logo.");
    HIDE_USER_DATA_FROM_LOG = switch("hide-user-data-from-log", "no")
        .hint("keys and values are never logged")
        .doc("Keeps keys and values out of the log.");
    ENABLE_DEBUG_ASSERT = switch("enable-debug-assert", "no").hidden()
        .start()
        .hint("a broken invariant always ends the process")
        .doc("Checks invariants that are costly to check.");
    CRASH_LOG_ENABLED = switch("crash-log-enabled", "yes")
        .hint("a panic is always logged with its place")
        .doc("Logs what is known about a crash.");
    CRASH_MEMCHECK_ENABLED = switch("crash-memcheck-enabled", "yes")
        .hint("there is no memory test after a crash")
        .doc("Tests the memory after a crash.");
    SOCKET_MARK_ID = setting("socket-mark-id", Kind::Int(0, u32::MAX as i64), "0")
        .start()
        .pending("marked sockets")
        .doc("Mark of the listening sockets, for packet filters.");
    AVAILABILITY_ZONE = text("availability-zone", "")
        .doc("Where the server runs; HELLO and INFO tell it to clients that prefer servers near them.");
    BIND_SOURCE_ADDR = text("bind-source-addr", "")
        .pending("replication")
        .doc("Address from which the server connects to other servers.");
}
