//! How the process fits into its machine.

use super::{setting, switch, text};
use crate::config::kind::Kind;
use crate::config::special;

const CPUS: &str = "binding threads to CPUs: use taskset or a service manager";
const SYSLOG: &str = "the system log: use a service manager";

group! {
    "system", super::cluster::END, "How the process fits into its machine.";

    DAEMONIZE = switch("daemonize", "no").start().doc("Leaves the terminal and runs in the background, unless a service manager supervises.");
    SUPERVISED = setting("supervised", Kind::Choice(&["upstart", "systemd", "auto", "no"]), "no")
        .start()
        .hint("the server stays in the foreground, which every service manager understands")
        .doc("Service manager to report to.");
    SET_PROC_TITLE = switch("set-proc-title", "yes").start().hint("the title stays the command line").doc("Sets the title of the process.");
    PROC_TITLE_TEMPLATE = setting("proc-title-template", Kind::Title, "{title} {listen-addr} {server-mode}")
        .hint("the title stays the command line")
        .doc("What the title of the process says.");
    SYSLOG_ENABLED = switch("syslog-enabled", "no").start().pending(SYSLOG).doc("Logs to the system log.");
    SYSLOG_IDENT = text("syslog-ident", "redis").start().hint("unused without syslog").doc("Name in the system log.");
    SYSLOG_FACILITY = setting(
            "syslog-facility",
            Kind::Choice(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]),
            "local0",
        )
        .start()
        .hint("unused without syslog")
        .doc("Facility in the system log.");
    OOM_SCORE_ADJ = setting("oom-score-adj", Kind::Choice(&["no", "yes", "relative", "absolute"]), "no")
        .doc("Tells the kernel when to kill this process for its memory.");
    OOM_SCORE_ADJ_VALUES = setting("oom-score-adj-values", Kind::Words(special::oom_scores), "0 200 800")
        .doc("Scores of a primary, a replica and a background process.");
    DISABLE_THP = switch("disable-thp", "no")
        .start()
        .doc("Uses no huge pages, which a large and dense data set is kept in otherwise.");
    IGNORE_WARNINGS = text("ignore-warnings", "").hint("none of these warnings are given").doc("Warnings at the start that are left out.");
    SERVER_CPULIST = text("server-cpulist", "").aliases(&["server_cpulist"]).start().pending(CPUS).doc("CPUs of the server's threads.");
    BIO_CPULIST = text("bio-cpulist", "").aliases(&["bio_cpulist"]).start().pending(CPUS).doc("CPUs of background work.");
    AOF_REWRITE_CPULIST = text("aof-rewrite-cpulist", "")
        .aliases(&["aof_rewrite_cpulist"])
        .start()
        .pending(CPUS)
        .doc("CPUs for rewriting the log.");
    BGSAVE_CPULIST = text("bgsave-cpulist", "").aliases(&["bgsave_cpulist"]).start().pending(CPUS).doc("CPUs for snapshots.");
}
