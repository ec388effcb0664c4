// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prometheus metrics. Nothing is counted here: a scrape reads the state at that moment, most of all the counters that
//! the program in the kernel keeps.

pub mod families;
mod process;
pub mod reference;
mod samples;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Registry, TextEncoder};

use crate::observe::api::Status;
use samples::Samples;

/// The content type of what [`Metrics::render`] returns.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Where a scrape reads the state.
pub type Snapshot = Arc<dyn Fn() -> Status + Send + Sync>;

/// The metrics of a daemon.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics of what `snapshot` returns at each scrape.
    pub fn new(snapshot: Snapshot) -> Result<Self, prometheus::Error> {
        let describe = |family: &&families::Family| {
            let labels = family.labels.iter().map(|&label| label.to_owned()).collect();
            Desc::new(family.name.to_owned(), family.help.to_owned(), labels, HashMap::new())
        };
        let descriptions = families::ALL.iter().map(describe).collect::<Result<_, _>>()?;
        let registry = Registry::new();
        registry.register(Box::new(StatusCollector { descriptions, snapshot }))?;
        Ok(Self { registry })
    }

    /// Scrapes: everything in Prometheus' text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

struct StatusCollector {
    descriptions: Vec<Desc>,
    snapshot: Snapshot,
}

impl fmt::Debug for StatusCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StatusCollector").finish_non_exhaustive()
    }
}

impl Collector for StatusCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut samples = Samples::default();
        samples.put_status(&(self.snapshot)());
        process::put(&mut samples);
        samples.into_families()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixture;

    fn render(status: &Status) -> String {
        let status = status.clone();
        Metrics::new(Arc::new(move || status.clone())).unwrap().render().unwrap()
    }

    #[test]
    fn every_family_has_samples() {
        let text = render(&fixture::status());
        for family in families::ALL {
            assert!(text.contains(&format!("# HELP {} {}\n", family.name, family.help)), "{}", family.name);
            assert!(
                text.contains(&format!("# TYPE {} {}\n", family.name, family.kind.name())),
                "{}",
                family.name
            );
        }
    }

    #[test]
    fn samples_carry_their_labels() {
        let text = render(&fixture::status());
        let expected = [
            "lb_packets_total{reason=\"established\",outcome=\"forward\"} 1234\n",
            "lb_service_packets_total{load_balancer=\"web\",vip=\"192.0.2.10\",protocol=\"tcp\",port=\"80\",\
             direction=\"in\"} 900\n",
            "lb_backend_up{load_balancer=\"web\",instance=\"node-2\",address=\"10.0.3.12\"} 0\n",
            "lb_backend_open_flows{load_balancer=\"web\",instance=\"node-1\",address=\"10.0.3.11\"} 7\n",
            "lb_interface_attached{interface=\"eth0\",mode=\"generic\"} 1\n",
            "lb_cloud_poll_failures_total 3\n",
            "lb_cloud_refused{load_balancer=\"web\"} 1\n",
            "lb_table_capacity{table=\"flows4\"} 262144\n",
        ];
        for line in expected {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn unreadable_counters_are_left_out() {
        let mut status = fixture::status();
        status.datapath_error = Some("reading REASONS failed".to_owned());
        let text = render(&status);
        assert!(text.contains("lb_datapath_readable 0\n"), "{text}");
        assert!(!text.contains("lb_packets_total"), "{text}");
    }
}
