// SPDX-License-Identifier: MIT OR Apache-2.0
//! The balancer's own settings.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::firewall::Ranges;
use super::{address, number};
use crate::model::cloud::Cloud;
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{BalancerSpec, TablesSpec, bounds};
use crate::model::{Balancer, TableSizes};

/// The longest name of an interface: the kernel's `IFNAMSIZ` without the zero at the end.
const INTERFACE_LENGTH: usize = 15;

/// The settings as far as they could be read.
pub(super) struct BalancerDraft {
    interfaces: Vec<String>,
    pub(super) snat_addresses: Vec<Option<IpAddr>>,
    pub(super) tables: Option<TableSizes>,
    pub(super) ranges: Ranges,
    admin_address: Option<SocketAddr>,
    pub(super) cloud: Option<Cloud>,
}

/// What was proved before needs no second look.
impl From<&Balancer> for BalancerDraft {
    fn from(proved: &Balancer) -> Self {
        let Balancer { interfaces, snat_addresses, tables, admin_address, cloud } = proved.clone();
        let snat_addresses = snat_addresses.into_iter().map(Some).collect();
        Self { interfaces, snat_addresses, tables: Some(tables), ranges: Ranges::Unset, admin_address, cloud }
    }
}

impl BalancerDraft {
    /// Reads the settings, each on its own.
    pub(super) fn read(spec: &BalancerSpec, problems: &mut Problems) -> Self {
        interfaces(&Path::BALANCER.key("interfaces"), &spec.interfaces, problems);
        Self {
            interfaces: spec.interfaces.clone(),
            snat_addresses: address::read_all(&Path::SNAT_ADDRESSES, &spec.snat_addresses, problems),
            tables: tables(&Path::BALANCER.key("tables"), spec.tables.as_ref(), problems),
            ranges: Ranges::read(&Path::BALANCER.key("cloudflare_ranges"), spec, problems),
            admin_address: admin_address(
                &Path::BALANCER.key("admin_address"),
                spec.admin_address.as_deref(),
                problems,
            ),
            cloud: None,
        }
    }

    /// The settings, if nothing is missing.
    pub(super) fn finish(self) -> Option<Balancer> {
        Some(Balancer {
            interfaces: self.interfaces,
            snat_addresses: self.snat_addresses.into_iter().collect::<Option<_>>()?,
            tables: self.tables?,
            admin_address: self.admin_address,
            cloud: self.cloud,
        })
    }
}

fn interfaces(list: &Path<'_>, names: &[String], problems: &mut Problems) {
    if names.is_empty() {
        problems.place(list, "must name at least one interface", "add the interface that packets arrive at");
    }
    let mut seen = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let path = list.index(index);
        if !is_interface_name(name) {
            let message = "is not an interface's name: 1 to 15 bytes without slash, colon and blank";
            problems.value(&path, name, message, "write a name as `ip link` shows it");
        } else if let Some(first) = seen.insert(name, index) {
            let message = format!("is already named by {}", list.index(first));
            problems.value(&path, name, message, "remove one of them");
        }
    }
}

/// What the kernel's `dev_valid_name` accepts.
fn is_interface_name(name: &str) -> bool {
    let has_length = (1..=INTERFACE_LENGTH).contains(&name.len());
    let forbidden =
        |letter: char| letter.is_whitespace() || letter.is_control() || matches!(letter, '/' | ':');
    has_length && name != "." && name != ".." && !name.contains(forbidden)
}

fn tables(path: &Path<'_>, spec: Option<&TablesSpec>, problems: &mut Problems) -> Option<TableSizes> {
    let unset = TablesSpec::default();
    let spec = spec.unwrap_or(&unset);
    let mut size = |key, written, bounds| number(&path.key(key), written, bounds, problems);
    let flows = size("flows", spec.flows, &bounds::FLOWS);
    let unproven_flows = size("unproven_flows", spec.unproven_flows, &bounds::UNPROVEN_FLOWS);
    let services = size("services", spec.services, &bounds::SERVICES);
    let backends = size("backends", spec.backends, &bounds::BACKENDS);
    let next_hops = size("next_hops", spec.next_hops, &bounds::NEXT_HOPS);
    let firewall_networks = size("firewall_networks", spec.firewall_networks, &bounds::FIREWALL_NETWORKS);
    Some(TableSizes {
        flows: flows?,
        unproven_flows: unproven_flows?,
        services: services?,
        backends: backends?,
        next_hops: next_hops?,
        firewall_networks: firewall_networks?,
    })
}

fn admin_address(path: &Path<'_>, text: Option<&str>, problems: &mut Problems) -> Option<SocketAddr> {
    let text = text?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let fix = "write it as 127.0.0.1:9180 or [::1]:9180";
        problems.value(path, text, "is not an IP address with a port", fix);
        return None;
    };
    if !address.ip().is_loopback() {
        let message =
            "must be a loopback address: elsewhere it would need a password and TLS, which it has not yet";
        let fix = format!("write 127.0.0.1:{}, and let an agent on this machine pass it on", address.port());
        problems.value(path, text, message, fix);
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_kernel_accepts() {
        for name in ["eth0", "lo", "enp0s31f6np0123", "a-b.100", "é"] {
            assert!(is_interface_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a:b", "a b", "a\n", "sixteen-bytes-xx"] {
            assert!(!is_interface_name(name), "{name:?}");
        }
    }
}
