// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file that lbd is given in the lab, as a value that scenarios change and write again.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::lab::{BACK, FRONT, Lab, SNAT4, SNAT6, VIP4, VIP6};
use crate::servers::{IPERF_PORT, PORT, TLS_PORT};

/// Every algorithm with the port on which the lab's VIPs offer it over HTTP.
pub const ALGORITHMS: [(&str, u16); 4] =
    [("roundrobin", 80), ("leastconn", 81), ("maglev", 82), ("source", 83)];
/// Where the VIPs offer UDP, by round robin.
pub const UDP_PORT: u16 = 5300;

/// The whole file.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    version: u32,
    /// The balancer's own part.
    pub balancer: Balancer,
    /// What is balanced.
    pub load_balancers: Vec<LoadBalancer>,
}

/// The balancer's own part.
#[derive(Clone, Debug, Serialize)]
pub struct Balancer {
    /// Where it attaches.
    pub interfaces: Vec<String>,
    /// Its addresses towards backends.
    pub snat_addresses: Vec<IpAddr>,
    /// Where it serves metrics.
    pub admin_address: SocketAddr,
    /// Entries of tables by their names, where they are not as many as usual.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<&'static str, u32>,
}

/// One load balancer.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancer {
    /// Its name.
    pub label: String,
    /// Its addresses.
    pub vips: Vec<IpAddr>,
    /// How it chooses.
    pub balancing_algorithm: String,
    /// How long flows may go on when their backend is drained.
    pub drain_timeout: u32,
    /// What it forwards.
    pub forwarding_rules: Vec<Rule>,
    /// How it probes.
    pub health_check: HealthCheck,
    /// Who receives.
    pub instances: Vec<Instance>,
}

/// A forwarding rule.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    frontend_protocol: &'static str,
    frontend_port: u16,
    backend_protocol: &'static str,
    backend_port: u16,
}

/// How backends are probed.
#[derive(Clone, Debug, Serialize)]
pub struct HealthCheck {
    protocol: &'static str,
    port: u16,
    path: &'static str,
    check_interval: u32,
    response_timeout: u32,
    unhealthy_threshold: u32,
    healthy_threshold: u32,
}

/// A backend with its addresses.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// Its name.
    pub label: String,
    /// One of each family.
    pub addresses: Vec<IpAddr>,
    /// Its share.
    pub weight: u32,
}

impl Config {
    /// One load balancer, `web`, on both VIPs: HTTP by round robin, HTTPS, UDP and iperf3.
    pub fn web(lab: &Lab) -> Self {
        let rules = vec![
            Rule::new("tcp", 80, PORT),
            Rule::new("tcp", 443, TLS_PORT),
            Rule::new("udp", UDP_PORT, PORT),
            Rule::new("tcp", IPERF_PORT, IPERF_PORT),
            Rule::new("udp", IPERF_PORT, IPERF_PORT),
        ];
        let balancer = Balancer {
            interfaces: vec![FRONT.to_owned(), BACK.to_owned()],
            snat_addresses: vec![SNAT4, SNAT6],
            admin_address: SocketAddr::from(([127, 0, 0, 1], 9180)),
            tables: BTreeMap::new(),
        };
        Self {
            version: 1,
            balancer,
            load_balancers: vec![LoadBalancer::new(lab, "web", "roundrobin", rules)],
        }
    }

    /// `web`, and a load balancer for every other algorithm on the same VIPs.
    pub fn all_algorithms(lab: &Lab) -> Self {
        let mut config = Self::web(lab);
        for (algorithm, port) in &ALGORITHMS[1..] {
            let rules = vec![Rule::new("tcp", *port, PORT)];
            config.load_balancers.push(LoadBalancer::new(lab, algorithm, algorithm, rules));
        }
        config
    }

    /// The same where everything is slow, an emulated machine for one: tables are small, and late answers take no backend
    /// out of service.
    #[must_use]
    pub fn patient(mut self) -> Self {
        let small = [
            ("flows", 4096),
            ("unproven_flows", 4096),
            ("services", 64),
            ("backends", 64),
            ("next_hops", 64),
        ];
        self.balancer.tables = small.into();
        for load_balancer in &mut self.load_balancers {
            let check = &mut load_balancer.health_check;
            (check.check_interval, check.response_timeout) = (5, 5);
            (check.unhealthy_threshold, check.healthy_threshold) = (300, 1);
        }
        self
    }

    /// The first load balancer.
    pub fn first(&mut self) -> &mut LoadBalancer {
        &mut self.load_balancers[0]
    }

    /// The first load balancer's instance of that name.
    pub fn instance(&mut self, label: &str) -> Result<&mut Instance> {
        let mut instances = self.first().instances.iter_mut();
        instances.find(|instance| instance.label == label).with_context(|| format!("no instance {label}"))
    }

    /// Puts it in the place of the file, whole, as editors do. JSON is YAML.
    pub fn write(&self, file: &Path) -> Result<()> {
        write_whole(file, &serde_json::to_string_pretty(self)?)
    }
}

/// Puts a text in the place of a file, so that no reader sees half of it.
pub fn write_whole(file: &Path, text: &str) -> Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, text).with_context(|| format!("writing {}", beside.display()))?;
    fs::rename(&beside, file).with_context(|| format!("replacing {}", file.display()))
}

impl LoadBalancer {
    fn new(lab: &Lab, label: &str, algorithm: &str, forwarding_rules: Vec<Rule>) -> Self {
        let instances = lab.backends.iter().map(|backend| Instance {
            label: backend.name.clone(),
            addresses: vec![backend.address4, backend.address6],
            weight: 1,
        });
        Self {
            label: label.to_owned(),
            vips: vec![VIP4, VIP6],
            balancing_algorithm: algorithm.to_owned(),
            drain_timeout: 60,
            forwarding_rules,
            health_check: HealthCheck::fast(),
            instances: instances.collect(),
        }
    }
}

impl Rule {
    /// From a port of the VIPs to a port of the backends.
    pub fn new(protocol: &'static str, frontend_port: u16, backend_port: u16) -> Self {
        Self { frontend_protocol: protocol, frontend_port, backend_protocol: protocol, backend_port }
    }
}

impl HealthCheck {
    /// The fastest that the API allows: every second, down after two failures, up after two successes.
    fn fast() -> Self {
        Self {
            protocol: "http",
            port: PORT,
            path: "/",
            check_interval: 1,
            response_timeout: 1,
            unhealthy_threshold: 2,
            healthy_threshold: 2,
        }
    }
}
