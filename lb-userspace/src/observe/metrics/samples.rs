// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a [`Status`] to samples. Pure.

use std::collections::BTreeMap;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily};

use super::families::{self as family, Family, Kind};
use crate::datapath::view::AttachMode;
use crate::observe::api::{BackendState, BackendStatus, CloudView, ServiceStatus, Status};
use crate::observe::state::readiness;

/// Samples of one scrape.
#[derive(Debug, Default)]
pub struct Samples {
    by_family: BTreeMap<&'static str, Vec<Metric>>,
}

impl Samples {
    /// Adds a value under the values of the family's labels.
    pub fn put(&mut self, family: &Family, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        let mut metric = Metric::from_label(family.labels.iter().zip(labels).map(pair).collect());
        match family.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge => metric.set_gauge(gauge(value)),
        }
        self.by_family.entry(family.name).or_default().push(metric);
    }

    /// The families that have samples, as the registry wants them.
    pub fn into_families(mut self) -> Vec<MetricFamily> {
        let filled = family::ALL.iter().filter_map(|family| {
            let metrics = self.by_family.remove(family.name)?;
            let mut filled = MetricFamily::default();
            filled.set_name(family.name.to_owned());
            filled.set_help(family.help.to_owned());
            filled.set_field_type(family.kind.into());
            filled.set_metric(metrics);
            Some(filled)
        });
        filled.collect()
    }

    /// Adds everything that a status says.
    pub fn put_status(&mut self, status: &Status) {
        self.put_control(status);
        self.put_datapath(status);
        for balancer in &status.load_balancers {
            let label = balancer.label.as_str();
            balancer.services.iter().for_each(|service| self.put_service(label, service));
            balancer.backends.iter().for_each(|backend| self.put_backend(backend));
        }
    }

    fn put_control(&mut self, status: &Status) {
        let abi = status.datapath.abi_version.to_string();
        self.put(&family::BUILD_INFO, &[&status.daemon.version, &abi], 1.0);
        self.put(&family::READY, &[], flag(readiness(status).ready));
        self.put(&family::SOURCE_REVISION, &[], status.source.revision as f64);
        self.put(&family::SOURCE_ERROR, &[], flag(!status.source.ok));
        status.cloud.iter().for_each(|cloud| self.put_cloud(cloud));
        let reconcile = &status.reconcile;
        self.put(&family::RECONCILE_LAST_SUCCESS, &[], reconcile.last_success.unwrap_or(0) as f64);
        self.put(&family::RECONCILE_SUCCESSES, &[], reconcile.successes as f64);
        self.put(&family::RECONCILE_ERRORS, &[], reconcile.errors as f64);
        self.put(&family::RECONCILE_CHANGES, &[], reconcile.changes as f64);
        self.put(&family::RECONCILE_REPAIRED, &[], reconcile.repaired as f64);
        self.put(&family::PROCESS_START, &[], status.daemon.started as f64);
    }

    fn put_cloud(&mut self, cloud: &CloudView) {
        self.put(&family::CLOUD_LAST_SUCCESS, &[], cloud.last_success.unwrap_or(0) as f64);
        self.put(&family::CLOUD_POLLS, &[], cloud.polls as f64);
        self.put(&family::CLOUD_FAILURES, &[], cloud.failures as f64);
        self.put(&family::CLOUD_REQUESTS, &[], cloud.requests as f64);
        self.put(&family::CLOUD_ERROR, &[], flag(cloud.error.is_some()));
        for refused in cloud.refused.chunk_by(|one, other| one.load_balancer == other.load_balancer) {
            self.put(&family::CLOUD_REFUSED, &[&refused[0].load_balancer], refused.len() as f64);
        }
    }

    fn put_datapath(&mut self, status: &Status) {
        let facts = &status.datapath;
        self.put(&family::DATAPATH_READABLE, &[], flag(status.datapath_error.is_none()));
        self.put(&family::VERIFIED_INSTRUCTIONS, &[], f64::from(facts.verified_instructions));
        for interface in &facts.interfaces {
            let mode = match interface.mode {
                AttachMode::Native => "native",
                AttachMode::Generic => "generic",
            };
            self.put(&family::INTERFACE, &[&interface.name, mode], 1.0);
        }
        for (table, fill) in &facts.tables {
            self.put(&family::TABLE_USED, &[table], f64::from(fill.used));
            self.put(&family::TABLE_CAPACITY, &[table], f64::from(fill.capacity));
        }
        // Counters that could not be read are left out: a zero would look like a restart.
        if status.datapath_error.is_none() {
            for reason in &status.reasons {
                let labels: [&str; 2] = [&reason.name, &reason.outcome];
                self.put(&family::REASON_PACKETS, &labels, reason.packets as f64);
                self.put(&family::REASON_BYTES, &labels, reason.bytes as f64);
            }
        }
    }

    fn put_service(&mut self, balancer: &str, service: &ServiceStatus) {
        let Some(traffic) = service.traffic else { return };
        let (vip, protocol) = (service.vip.to_string(), service.protocol.to_string());
        let port = service.port.to_string();
        let labels = |direction| [balancer, &vip, &protocol, &port, direction];
        self.put(&family::SERVICE_PACKETS, &labels("in"), traffic.packets_in as f64);
        self.put(&family::SERVICE_PACKETS, &labels("out"), traffic.packets_out as f64);
        self.put(&family::SERVICE_BYTES, &labels("in"), traffic.bytes_in as f64);
        self.put(&family::SERVICE_BYTES, &labels("out"), traffic.bytes_out as f64);
        self.put(&family::SERVICE_FLOWS, &[balancer, &vip, &protocol, &port], traffic.flows as f64);
    }

    fn put_backend(&mut self, backend: &BackendStatus) {
        let address = backend.id.address.to_string();
        let labels = [backend.id.load_balancer.as_str(), backend.instance.as_str(), &address];
        let healthy = backend.health.as_ref().and_then(|health| health.healthy).unwrap_or(true);
        self.put(&family::BACKEND_UP, &labels, flag(healthy));
        self.put(&family::BACKEND_WEIGHT, &labels, f64::from(backend.weight));
        self.put(&family::BACKEND_DRAINING, &labels, flag(backend.state == BackendState::Draining));
        if let Some(health) = &backend.health {
            self.put(&family::PROBES, &labels, health.probes as f64);
            self.put(&family::PROBE_FAILURES, &labels, health.failures as f64);
        }
        let Some(traffic) = backend.traffic else { return };
        let with = |direction| [labels[0], labels[1], labels[2], direction];
        self.put(&family::BACKEND_OPEN_FLOWS, &labels, f64::from(backend.open_flows));
        self.put(&family::BACKEND_PACKETS, &with("in"), traffic.packets_in as f64);
        self.put(&family::BACKEND_PACKETS, &with("out"), traffic.packets_out as f64);
        self.put(&family::BACKEND_BYTES, &with("in"), traffic.bytes_in as f64);
        self.put(&family::BACKEND_BYTES, &with("out"), traffic.bytes_out as f64);
        self.put(&family::BACKEND_FLOWS, &labels, traffic.flows as f64);
    }
}

fn gauge(value: f64) -> Gauge {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    gauge
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
