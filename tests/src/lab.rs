// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lab: namespaces for a client, the balancer, a switch and three backends, with addresses and links.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::leftovers::BPF_FOLDER;
use crate::netns::{Netns, unique};
use crate::{leftovers, needs, raw_xdp};

/// The interface of the balancer towards the client.
pub const FRONT: &str = "front";
/// The interface of the balancer towards the backends.
pub const BACK: &str = "back";
/// The interface of the client and of the switch towards the balancer.
pub const UPLINK: &str = "uplink";

/// The client, over IPv4.
pub const CLIENT4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));
/// What clients ask, over IPv4.
pub const VIP4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
/// What clients ask, over IPv6.
pub const VIP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10));
/// The balancer towards the backends, over IPv4.
pub const SNAT4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 1, 1));
/// The balancer towards the backends, over IPv6.
pub const SNAT6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));

/// Namespaces, links and addresses; all gone with the value.
#[derive(Debug)]
pub struct Lab {
    /// Who asks.
    pub client: Netns,
    /// Where lbd runs.
    pub balancer: Netns,
    switch: Netns,
    /// Who answers.
    pub backends: Vec<Backend>,
    folder: TempDir,
}

/// Whether the driver of the balancer's interfaces takes an XDP program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// As veth does.
    Native,
    /// Not: veth refuses where one end sends by more queues than the other receives by.
    Refuses,
}

/// A machine that answers.
#[derive(Debug)]
pub struct Backend {
    /// `b1`, `b2`, …
    pub name: String,
    /// Where it is.
    pub netns: Netns,
    /// Its IPv4 address.
    pub address4: IpAddr,
    /// Its IPv6 address.
    pub address6: IpAddr,
}

impl Lab {
    /// Makes a lab with three backends, VIPs on the balancer, and nothing running.
    pub fn new() -> Result<Self> {
        Self::with(Driver::Native)
    }

    /// The same with another driver.
    pub fn with(driver: Driver) -> Result<Self> {
        needs::privileges()?;
        needs::programs(&["ip", "nsenter", "ethtool", "curl", "nginx", "openssl", "iperf3", "wrk"])?;
        leftovers::remove()?;
        let name = unique();
        let netns = |part: &str| Netns::new(format!("{name}-{part}"));
        let backends = (1..=3).map(|number| Ok(Backend::new(number, netns(&format!("b{number}"))?)));
        let lab = Self {
            client: netns("client")?,
            balancer: netns("balancer")?,
            switch: netns("switch")?,
            backends: backends.collect::<Result<_>>()?,
            folder: tempfile::Builder::new()
                .prefix(&name)
                .tempdir()
                .context("making a folder for the lab")?,
        };
        fs::create_dir_all(lab.pins())?;
        lab.wire(driver)?;
        Ok(lab)
    }

    /// A folder for files of whatever runs in the lab.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets every user into the folder, for what runs without root.
    pub fn open_to_all(&self) -> Result<()> {
        fs::set_permissions(self.folder(), fs::Permissions::from_mode(0o777)).context("opening the folder")
    }

    /// A folder for pins of whatever runs in the lab.
    pub fn pins(&self) -> PathBuf {
        Path::new(BPF_FOLDER).join(self.name())
    }

    /// The pin of the link that holds a program beyond the balancer's back interface.
    pub fn switch_link(&self) -> PathBuf {
        self.pins().join("switch")
    }

    /// What its namespaces and files are called, before the part that tells them apart.
    pub fn name(&self) -> &str {
        self.client.name().trim_end_matches("-client")
    }

    /// Links, then addresses, then routes, then offloads and stubs.
    fn wire(&self, driver: Driver) -> Result<()> {
        link(&self.client, UPLINK, &self.balancer, FRONT, driver)?;
        link(&self.switch, UPLINK, &self.balancer, BACK, driver)?;
        self.switch.ip("link add bridge type bridge mcast_snooping 0 forward_delay 0")?;
        self.switch.ip("link set bridge up")?;
        self.switch.ip(&format!("link set dev {UPLINK} master bridge"))?;
        for backend in &self.backends {
            link(&backend.netns, "eth0", &self.switch, &backend.name, Driver::Native)?;
            self.switch.ip(&format!("link set dev {} master bridge", backend.name))?;
            address(&backend.netns, "eth0", backend.address4, 24)?;
            address(&backend.netns, "eth0", backend.address6, 64)?;
        }
        self.address_balancer()?;
        address(&self.client, UPLINK, CLIENT4, 24)?;
        address(&self.client, UPLINK, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).into(), 64)?;
        self.client.ip("route add default via 198.18.0.1")?;
        self.client.ip("route add default via 2001:db8::1")?;
        if driver == Driver::Refuses {
            // What leaves in the generic way needs no program at the far end, which would be refused as well.
            return Ok(());
        }
        raw_xdp::attach(&self.client, UPLINK, &raw_xdp::pass(), &self.pins().join("client"))?;
        raw_xdp::attach(&self.switch, UPLINK, &raw_xdp::pass(), &self.switch_link())
    }

    fn address_balancer(&self) -> Result<()> {
        let netns = &self.balancer;
        address(netns, FRONT, Ipv4Addr::new(198, 18, 0, 1).into(), 24)?;
        address(netns, FRONT, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), 64)?;
        address(netns, BACK, SNAT4, 24)?;
        address(netns, BACK, SNAT6, 64)?;
        address(netns, "lo", VIP4, 32)?;
        address(netns, "lo", VIP6, 128)?;
        netns.set("net/ipv4/ip_forward", "1")?;
        netns.set("net/ipv6/conf/all/forwarding", "1")?;
        for interface in ["all", "default", FRONT, BACK] {
            netns.set(&format!("net/ipv4/conf/{interface}/rp_filter"), "0")?;
            netns.set(&format!("net/ipv4/conf/{interface}/accept_local"), "1")?;
        }
        Ok(())
    }

    /// Routes from the backends to the client through the balancer. Full NAT does without, and so the lab has none;
    /// what we compare with needs them.
    pub fn route_backends(&self) -> Result<()> {
        for backend in &self.backends {
            backend.netns.ip(&format!("route add default via {SNAT4}"))?;
            backend.netns.ip(&format!("route add default via {SNAT6}"))?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.pins()) {
            eprintln!("pins stay in {}: {error}", self.pins().display());
        }
    }
}

impl Backend {
    fn new(number: u8, netns: Netns) -> Self {
        Self {
            name: format!("b{number}"),
            netns,
            address4: Ipv4Addr::new(198, 18, 1, 10 + number).into(),
            address6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10 + u16::from(number)).into(),
        }
    }
}

/// A veth pair between two namespaces, up at both ends, without transmit checksum offload: a program that rewrites a
/// frame must find the checksum that the header says.
fn link(a: &Netns, a_name: &str, b: &Netns, b_name: &str, driver: Driver) -> Result<()> {
    let queues = match driver {
        Driver::Native => "",
        Driver::Refuses => "numtxqueues 2",
    };
    a.ip(&format!("link add {a_name} {queues} type veth peer name {b_name} netns {}", b.name()))?;
    for (netns, interface) in [(a, a_name), (b, b_name)] {
        netns.run("ethtool", &format!("-K {interface} tx off"))?;
        netns.ip(&format!("link set dev {interface} up"))?;
    }
    Ok(())
}

fn address(netns: &Netns, interface: &str, address: IpAddr, length: u8) -> Result<()> {
    let no_dad = if address.is_ipv6() { "nodad" } else { "" };
    netns.ip(&format!("addr add {address}/{length} dev {interface} {no_dad}")).map(drop)
}
