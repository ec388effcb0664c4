// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every metric there is: name, kind, labels and help. The registry, the scrape and `docs/metrics.md` come from here.

use prometheus::proto::MetricType;

/// A metric with its labels.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Its labels, in the order in which samples give their values.
    pub labels: &'static [&'static str],
    /// What it says, with its unit.
    pub help: &'static str,
}

/// Whether a metric only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does, until a restart or a new owner of the slot.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    /// The kind in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl From<Kind> for MetricType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::COUNTER,
            Kind::Gauge => Self::GAUGE,
        }
    }
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Family =
                Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };
        )+

        /// All of them, in the order of the reference page.
        pub const ALL: &[&Family] = &[$(&$constant,)+];
    };
}

families! {
    BUILD_INFO = Gauge "lb_build_info" ["version", "abi"] "Always 1; what is running.";
    READY = Gauge "lb_ready" [] "1 when traffic is balanced as desired, as `/ready` says.";

    SOURCE_REVISION = Gauge "lb_source_revision" [] "How often the desired state has changed since the start.";
    SOURCE_ERROR = Gauge "lb_source_error" [] "1 while the file is bad and the last good state is in force.";

    CLOUD_LAST_SUCCESS = Gauge "lb_cloud_last_success_timestamp_seconds" []
        "When the cloud last gave a good answer, in seconds since 1970; 0 when it has not since the start.";
    CLOUD_POLLS = Counter "lb_cloud_polls_total" [] "Looks at the cloud that gave an answer.";
    CLOUD_FAILURES = Counter "lb_cloud_poll_failures_total" []
        "Looks at the cloud that gave none, so that the last good answer stayed in force.";
    CLOUD_REQUESTS = Counter "lb_cloud_requests_total" [] "Requests made to the cloud.";
    CLOUD_ERROR = Gauge "lb_cloud_error" [] "1 while the last look gave no answer.";
    CLOUD_REFUSED = Gauge "lb_cloud_refused" ["load_balancer"]
        "Parts of a load balancer that are not served as the cloud says; only where there are any.";

    RECONCILE_LAST_SUCCESS = Gauge "lb_reconcile_last_success_timestamp_seconds" []
        "When the kernel was last known to be as desired, in seconds since 1970; 0 when it never was.";
    RECONCILE_SUCCESSES = Counter "lb_reconcile_successes_total" [] "Reconciliations that succeeded.";
    RECONCILE_ERRORS = Counter "lb_reconcile_errors_total" [] "Reconciliations that failed.";
    RECONCILE_CHANGES = Counter "lb_reconcile_changes_total" [] "Changes made to the data path.";
    RECONCILE_REPAIRED = Counter "lb_reconcile_repaired_total" []
        "Changes that put right what something else had changed in the kernel.";

    DATAPATH_READABLE = Gauge "lb_datapath_readable" []
        "1 when the counters of the data path could be read for this scrape.";
    INTERFACE = Gauge "lb_interface_attached" ["interface", "mode"]
        "1 for each interface that carries the program; mode is native or generic.";
    VERIFIED_INSTRUCTIONS = Gauge "lb_verified_instructions" [] "Instructions that the verifier walked.";
    TABLE_USED = Gauge "lb_table_entries" ["table"] "Entries in use, as of the last sweep.";
    TABLE_CAPACITY = Gauge "lb_table_capacity" ["table"] "Entries there is room for.";

    REASON_PACKETS = Counter "lb_packets_total" ["reason", "outcome"] "Packets by the reason for their verdict.";
    REASON_BYTES = Counter "lb_bytes_total" ["reason", "outcome"] "Bytes by the reason for the packet's verdict.";

    SERVICE_PACKETS = Counter "lb_service_packets_total" ["load_balancer", "vip", "protocol", "port", "direction"]
        "Packets through a service; direction is in (from clients) or out (to clients).";
    SERVICE_BYTES = Counter "lb_service_bytes_total" ["load_balancer", "vip", "protocol", "port", "direction"]
        "Bytes of those packets, Ethernet header included.";
    SERVICE_FLOWS = Counter "lb_service_flows_total" ["load_balancer", "vip", "protocol", "port"]
        "Flows created by a service.";

    BACKEND_PACKETS = Counter "lb_backend_packets_total" ["load_balancer", "instance", "address", "direction"]
        "Packets to (in) and from (out) a backend.";
    BACKEND_BYTES = Counter "lb_backend_bytes_total" ["load_balancer", "instance", "address", "direction"]
        "Bytes of those packets, Ethernet header included.";
    BACKEND_FLOWS = Counter "lb_backend_flows_total" ["load_balancer", "instance", "address"]
        "Flows given to a backend.";
    BACKEND_OPEN_FLOWS = Gauge "lb_backend_open_flows" ["load_balancer", "instance", "address"]
        "Flows that a backend has now.";
    BACKEND_UP = Gauge "lb_backend_up" ["load_balancer", "instance", "address"]
        "0 while the health check fails, else 1; 1 as well without a check or before its first result.";
    BACKEND_WEIGHT = Gauge "lb_backend_weight" ["load_balancer", "instance", "address"]
        "The share of new flows that the operator set.";
    BACKEND_DRAINING = Gauge "lb_backend_draining" ["load_balancer", "instance", "address"]
        "1 while the backend takes no new flows by the operator's word or weight 0.";

    PROBES = Counter "lb_health_probes_total" ["load_balancer", "instance", "address"] "Health probes made.";
    PROBE_FAILURES = Counter "lb_health_probe_failures_total" ["load_balancer", "instance", "address"]
        "Health probes that failed.";

    PROCESS_CPU = Counter "process_cpu_seconds_total" [] "Processor time that lbd has used, in seconds.";
    PROCESS_RESIDENT = Gauge "process_resident_memory_bytes" [] "Memory of lbd that is in RAM, in bytes.";
    PROCESS_VIRTUAL = Gauge "process_virtual_memory_bytes" [] "Address space of lbd, in bytes.";
    PROCESS_THREADS = Gauge "process_threads" [] "Threads of lbd.";
    PROCESS_OPEN_FDS = Gauge "process_open_fds" [] "File descriptors that lbd has open.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" [] "File descriptors that lbd may have open.";
    PROCESS_START = Gauge "process_start_time_seconds" [] "When lbd started, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<&str> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len(), "names are unique");
        for family in ALL {
            assert!(family.name.starts_with("lb_") || family.name.starts_with("process_"), "{}", family.name);
            assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }
}
