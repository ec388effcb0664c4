// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the packet table plays: addresses, hardware addresses, and what the balancer is to do.
//!
//! ```text
//! client ... gateway --- front [balancer] back --- three backends, and one that nobody has heard of
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use lb_common::abi::Algorithm;
use lb_common::net::Mac;
use lb_userspace::model::{
    AllDown, Balancer, DesiredState, ForwardingRule, Instance, Label, LoadBalancer, Policy, Protocol,
    TableSizes, Weight,
};

/// The balancer's hardware address towards clients.
pub const FRONT: Mac = [2, 0, 0, 0, 1, 1];
/// The hardware address of the gateway to the clients.
pub const GATEWAY: Mac = [2, 0, 0, 0, 1, 0xfe];
/// The balancer's hardware address towards backends.
pub const BACK: Mac = [2, 0, 0, 0, 3, 1];

/// The MTU of both interfaces: more than the largest frame that is to go through, and no more than a page holds.
pub const MTU: u16 = 3200;

/// The port of every TCP service, and of its backends.
pub const TCP_PORTS: (u16, u16) = (80, 8080);
/// The port of every UDP service, and of its backends.
pub const UDP_PORTS: (u16, u16) = (53, 5353);

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// Both.
pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Family {
    fn address(self, four: [u8; 4], six: [u16; 2]) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::from(four).into(),
            Self::V6 => Ipv6Addr::new(six[0], 0, 0, 0, 0, 0, 0, six[1]).into(),
        }
    }

    /// A client, behind the gateway.
    pub fn client(self, number: u8) -> IpAddr {
        self.address([198, 51, 100, number], [0x2001, u16::from(number)])
    }

    /// The VIP of a load balancer.
    pub fn vip(self, pool: Pool) -> IpAddr {
        self.address([192, 0, 2, pool as u8], [0x2002, pool as u16])
    }

    /// The source address towards backends.
    pub fn snat(self) -> IpAddr {
        self.address([10, 0, 3, 2], [0xfd03, 2])
    }

    /// A backend.
    pub fn backend(self, number: u8) -> IpAddr {
        self.address([10, 0, 3, number], [0xfd03, u16::from(number)])
    }
}

/// A backend's hardware address.
pub fn backend_mac(number: u8) -> Mac {
    [2, 0, 0, 0, 3, number]
}

/// The backends that there are.
pub const BACKENDS: [u8; 3] = [11, 12, 13];
/// One that the kernel has no hardware address of.
pub const UNHEARD_OF: u8 = 99;

/// A load balancer of the setting; the number is the VIP's last part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// One backend, the first.
    One = 10,
    /// Three in turn.
    Three = 20,
    /// The one with the fewest flows of two.
    Least = 30,
    /// Three by the hash of the flow.
    Maglev = 40,
    /// Three by the hash of the client.
    Source = 50,
    /// None.
    Nobody = 60,
    /// The one that nobody has heard of.
    Unheard = 70,
}

/// The state that the packet table starts from.
pub fn desired() -> DesiredState {
    use Algorithm::{LeastConn, Maglev, RoundRobin, Source};

    let tables = TableSizes {
        flows: 1024,
        unproven_flows: 1024,
        services: 64,
        backends: 64,
        next_hops: 64,
        firewall_networks: 4096,
    };
    DesiredState {
        balancer: Balancer {
            interfaces: Vec::new(),
            snat_addresses: vec![Family::V4.snat(), Family::V6.snat()],
            tables,
            admin_address: None,
            cloud: None,
        },
        load_balancers: vec![
            load_balancer(Pool::One, RoundRobin, &[11]),
            load_balancer(Pool::Three, RoundRobin, &BACKENDS),
            load_balancer(Pool::Least, LeastConn, &BACKENDS[..2]),
            load_balancer(Pool::Maglev, Maglev, &BACKENDS),
            load_balancer(Pool::Source, Source, &BACKENDS),
            load_balancer(Pool::Nobody, RoundRobin, &[]),
            load_balancer(Pool::Unheard, RoundRobin, &[UNHEARD_OF]),
        ],
    }
}

/// The load balancer that is `pool`, to be changed.
pub fn pool_mut(desired: &mut DesiredState, pool: Pool) -> &mut LoadBalancer {
    let label = label(pool);
    desired.load_balancers.iter_mut().find(|found| found.label == label).expect("every pool is there")
}

/// The name of a pool's load balancer.
pub fn label(pool: Pool) -> Label {
    Label::new(&format!("{pool:?}")).expect("letters")
}

fn load_balancer(pool: Pool, algorithm: Algorithm, backends: &[u8]) -> LoadBalancer {
    LoadBalancer {
        label: label(pool),
        vips: FAMILIES.map(|family| family.vip(pool)).to_vec(),
        algorithm,
        timeout: Duration::from_mins(10),
        drain_timeout: Duration::from_mins(1),
        all_down: AllDown::Reject,
        forwarding_rules: vec![rule(Protocol::Tcp, TCP_PORTS), rule(Protocol::Udp, UDP_PORTS)],
        health_check: None,
        policy: Policy::default(),
        instances: backends.iter().map(|number| instance(*number)).collect(),
    }
}

fn rule(protocol: Protocol, (frontend, backend): (u16, u16)) -> ForwardingRule {
    let port = |port| NonZeroU16::new(port).expect("not zero");
    ForwardingRule { protocol, frontend_port: port(frontend), backend_port: port(backend) }
}

/// A node with an address of each family.
pub fn instance(number: u8) -> Instance {
    Instance {
        label: Label::new(&format!("node-{number}")).expect("letters"),
        addresses: FAMILIES.map(|family| family.backend(number)).to_vec(),
        weight: Weight::new(1).expect("in range"),
    }
}
