// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the ids of instances and bare metals to their addresses. Pure.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::wire::{BareMetal, Instance, InstanceVpc};

/// The machines of an account by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    machines: HashMap<String, Machine>,
}

/// The addresses of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Machine {
    public: Vec<IpAddr>,
    /// In which VPC, if that is known, and where there.
    internal: Vec<(Option<String>, IpAddr)>,
}

/// Why a machine has no address to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Neither an instance nor a bare metal has the id.
    Unknown,
    /// It has none in the load balancer's VPC.
    NotInVpc,
    /// It has no public one.
    NotPublic,
}

impl Directory {
    /// Notes an instance.
    pub fn add_instance(&mut self, instance: &Instance) {
        let machine = Machine {
            public: addresses(&[&instance.main_ip, &instance.v6_main_ip]),
            internal: addresses(&[&instance.internal_ip])
                .into_iter()
                .map(|address| (None, address))
                .collect(),
        };
        self.machines.insert(instance.id.clone(), machine);
    }

    /// Notes a bare metal and its places in VPCs.
    pub fn add_bare_metal(&mut self, metal: &BareMetal, vpcs: &[InstanceVpc]) {
        let internal = vpcs.iter().flat_map(|vpc| {
            addresses(&[&vpc.ip_address]).into_iter().map(|address| (Some(vpc.id.clone()), address))
        });
        let machine =
            Machine { public: addresses(&[&metal.main_ip, &metal.v6_main_ip]), internal: internal.collect() };
        self.machines.insert(metal.id.clone(), machine);
    }

    /// Whether a machine with that id is known.
    pub fn knows(&self, id: &str) -> bool {
        self.machines.contains_key(id)
    }

    /// Where a load balancer in the VPC `network`, or in none, sends to the machine: one address of each family.
    pub fn resolve(&self, id: &str, network: Option<&str>) -> Result<Vec<IpAddr>, Unresolved> {
        let machine = self.machines.get(id).ok_or(Unresolved::Unknown)?;
        let (found, otherwise) = match network {
            None => (machine.public.clone(), Unresolved::NotPublic),
            Some(network) => {
                let in_it =
                    |(vpc, _): &&(Option<String>, IpAddr)| vpc.as_deref().is_none_or(|id| id == network);
                let found = machine.internal.iter().filter(in_it).map(|(_, address)| *address).collect();
                (found, Unresolved::NotInVpc)
            }
        };
        if found.is_empty() { Err(otherwise) } else { Ok(one_of_each_family(found)) }
    }
}

/// Those texts that are addresses; a machine that is being made has `0.0.0.0` and `::`.
fn addresses(texts: &[&String]) -> Vec<IpAddr> {
    let parsed = texts.iter().filter_map(|text| text.parse().ok());
    parsed.filter(|address: &IpAddr| !address.is_unspecified()).collect()
}

fn one_of_each_family(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut seen = [false; 2];
    addresses.retain(|address| !std::mem::replace(&mut seen[usize::from(address.is_ipv4())], true));
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let mut directory = Directory::default();
        directory.add_instance(&Instance {
            id: "vm".to_owned(),
            main_ip: "192.0.2.1".to_owned(),
            v6_main_ip: "2001:db8::1".to_owned(),
            internal_ip: "10.99.0.10".to_owned(),
            ..Instance::default()
        });
        directory.add_instance(&Instance {
            id: "new".to_owned(),
            main_ip: "0.0.0.0".to_owned(),
            ..Instance::default()
        });
        let vpc = |id: &str, address: &str| InstanceVpc {
            id: id.to_owned(),
            mac_address: String::new(),
            ip_address: address.to_owned(),
        };
        let metal =
            BareMetal { id: "metal".to_owned(), main_ip: "192.0.2.2".to_owned(), ..BareMetal::default() };
        directory.add_bare_metal(&metal, &[vpc("a", "10.1.0.2"), vpc("b", "10.2.0.2"), vpc("b", "10.2.0.3")]);
        directory
    }

    #[test]
    fn the_network_decides_which_address() {
        let resolve = |id, network| {
            let found = directory().resolve(id, network);
            found.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(resolve("vm", None), Ok(vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()]));
        assert_eq!(resolve("vm", Some("a")), Ok(vec!["10.99.0.10".to_owned()]));
        assert_eq!(resolve("metal", None), Ok(vec!["192.0.2.2".to_owned()]));
        assert_eq!(resolve("metal", Some("b")), Ok(vec!["10.2.0.2".to_owned()]));
        assert_eq!(resolve("metal", Some("c")), Err(Unresolved::NotInVpc));
        assert_eq!(resolve("new", None), Err(Unresolved::NotPublic));
        assert_eq!(resolve("gone", None), Err(Unresolved::Unknown));
    }
}
