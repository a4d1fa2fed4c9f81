//! Several nodes as one keyspace.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG, MEMORY};

const CLUSTER: &str = "cluster mode";
const NO_CLUSTER: &str = "has no meaning outside cluster mode";
const PORT_NUMBER: Kind = Kind::Int(0, 65535);

group! {
    "cluster", super::replication::END, "Several nodes as one keyspace.";

    CLUSTER_ENABLED = switch("cluster-enabled", "no").start().pending(CLUSTER).doc("Joins a cluster.");
    CLUSTER_CONFIG_FILE = text("cluster-config-file", "nodes.conf")
        .start()
        .hint(NO_CLUSTER)
        .doc("File that holds what the node knows about its cluster.");
    CLUSTER_PORT = setting("cluster-port", PORT_NUMBER, "0")
        .start()
        .hint(NO_CLUSTER)
        .doc("Port for other nodes; 0 is the port plus 10000.");
    CLUSTER_NODE_TIMEOUT = setting("cluster-node-timeout", LONG, "15000")
        .hint(NO_CLUSTER)
        .doc("Milliseconds of silence after which a node is failing.");
    CLUSTER_ANNOUNCE_IP = text("cluster-announce-ip", "").hint(NO_CLUSTER).doc("Address others use for this node.");
    CLUSTER_ANNOUNCE_PORT = setting("cluster-announce-port", PORT_NUMBER, "0")
        .hint(NO_CLUSTER)
        .doc("Port others use for this node.");
    CLUSTER_ANNOUNCE_TLS_PORT = setting("cluster-announce-tls-port", PORT_NUMBER, "0")
        .hint(NO_CLUSTER)
        .doc("TLS port others use for this node.");
    CLUSTER_ANNOUNCE_BUS_PORT = setting("cluster-announce-bus-port", PORT_NUMBER, "0")
        .hint(NO_CLUSTER)
        .doc("Port other nodes use for this node.");
    CLUSTER_ANNOUNCE_HOSTNAME = text("cluster-announce-hostname", "")
        .hint(NO_CLUSTER)
        .doc("Host name others use for this node.");
    CLUSTER_ANNOUNCE_HUMAN_NODENAME = text("cluster-announce-human-nodename", "")
        .hint(NO_CLUSTER)
        .doc("Name of the node in logs.");
    CLUSTER_PREFERRED_ENDPOINT_TYPE = setting(
            "cluster-preferred-endpoint-type",
            Kind::Choice(&["ip", "hostname", "unknown-endpoint"]),
            "ip",
        )
        .hint(NO_CLUSTER)
        .doc("What clients are redirected to.");
    CLUSTER_REQUIRE_FULL_COVERAGE = switch("cluster-require-full-coverage", "yes")
        .hint(NO_CLUSTER)
        .doc("Stops serving when a slot has no node.");
    CLUSTER_ALLOW_READS_WHEN_DOWN = switch("cluster-allow-reads-when-down", "no")
        .hint(NO_CLUSTER)
        .doc("Answers reads when the cluster is down.");
    CLUSTER_ALLOW_PUBSUBSHARD_WHEN_DOWN = switch("cluster-allow-pubsubshard-when-down", "yes")
        .hint(NO_CLUSTER)
        .doc("Serves sharded channels when the cluster is down.");
    CLUSTER_REPLICA_VALIDITY_FACTOR = setting("cluster-replica-validity-factor", INT, "10")
        .aliases(&["cluster-slave-validity-factor"])
        .hint(NO_CLUSTER)
        .doc("Node timeouts after which a replica's data is too old to take over.");
    CLUSTER_REPLICA_NO_FAILOVER = switch("cluster-replica-no-failover", "no")
        .aliases(&["cluster-slave-no-failover"])
        .hint(NO_CLUSTER)
        .doc("A replica never takes over by itself.");
    CLUSTER_MIGRATION_BARRIER = setting("cluster-migration-barrier", INT, "1")
        .hint(NO_CLUSTER)
        .doc("Replicas a primary keeps when others need one.");
    CLUSTER_ALLOW_REPLICA_MIGRATION = switch("cluster-allow-replica-migration", "yes")
        .hint(NO_CLUSTER)
        .doc("Replicas move to primaries that have none.");
    CLUSTER_LINK_SENDBUF_LIMIT = setting("cluster-link-sendbuf-limit", MEMORY, "0")
        .hint(NO_CLUSTER)
        .doc("Bytes waiting for another node; 0 is no limit.");
    CLUSTER_COMPATIBILITY_SAMPLE_RATIO = setting("cluster-compatibility-sample-ratio", Kind::Int(0, 100), "0")
        .doc("Percent of commands looked at for what a cluster would refuse: INFO counts it as cluster_incompatible_ops.");
}
