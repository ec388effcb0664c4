// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data path with a few services and with flows that came about as real ones do: by packets that the program was
//! given. Attached to nothing; test runs say that a frame came in by the first interface, the loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aya::maps::{Array, HashMap, Map, MapData};
use aya::programs::ProgramFd;
use lb_benches::frames::{self, FRAME, Flags, SEQUENCE};
use lb_common::abi::{
    ABI_VERSION, Algorithm, BackendEntry, Control, FlowEntry, FlowKey, NEXT_HOP_RESOLVED, NextHop, names,
};
use lb_common::net::{Addr4, Be16, PROTOCOL_TCP};
use lb_common::reason::Reason;
use lb_tests::leftovers::BPF_FOLDER;
use lb_tests::netns::unique;
use lb_userspace::datapath::kernel::{KernelDatapath, Options, boot_seconds};
use lb_userspace::datapath::view::Inspect as _;
use lb_userspace::datapath::{Change, Datapath as _};
use lb_userspace::model::{
    AllDown, Balancer, DesiredState, ForwardingRule, Instance, Label, LoadBalancer, Policy, Protocol,
    TableSizes, Weight,
};
use lb_userspace::reconcile::apply::apply;
use lb_userspace::reconcile::conditions::Conditions;
use lb_userspace::reconcile::diff::diff;

const VIP4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
const VIP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10));
const CLIENT4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));
const CLIENT6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
/// A number of backends that shares no factor with the number of ports that new flows come from.
const BACKENDS: u8 = 17;
/// The next hop of all.
const HOP: u32 = 1;
/// The interface that frames of test runs come in by.
const INBOUND: u32 = 1;

/// Something to measure.
#[derive(Debug)]
pub struct Case {
    /// As in the names of rows.
    pub name: &'static str,
    /// What every packet is.
    pub frame: [u8; FRAME],
    /// Whether every packet is of another client.
    pub varies: bool,
    /// What every packet is to be counted as.
    pub reason: Reason,
    /// The interface to leave by: the one that the packet came in by, or another.
    pub interface: u32,
}

/// The data path.
pub struct Rig {
    datapath: KernelDatapath,
    options: Options,
    maps: PathBuf,
}

impl Rig {
    /// Loads the program, and puts services and backends in place.
    pub fn new() -> Result<Self> {
        let options =
            Options { pin_root: Path::new(BPF_FOLDER).join(unique()), instance: "bench".to_owned() };
        let maps = options.pin_root.join("bench").join(format!("v{ABI_VERSION}")).join("maps");
        let desired = desired();
        let datapath = KernelDatapath::open(&desired.balancer, &options)?;
        let mut rig = Self { datapath, options, maps };
        let plan = diff(&desired, &Conditions::default(), &rig.datapath.observe(false)?, boot_seconds());
        apply(&mut rig.datapath, &plan)?;
        rig.leave_by(INBOUND)?;
        let mut backends: Array<_, BackendEntry> = Array::try_from(rig.array(names::BACKENDS)?)?;
        for change in &plan.changes {
            if let Change::PutBackend { slot, .. } = change {
                let entry = backends.get(slot, 0)?;
                backends.set(*slot, BackendEntry { next_hop: HOP, ..entry }, 0)?;
            }
        }
        Ok(rig)
    }

    /// Makes the flows that are needed, and says what to measure.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let client4 = SocketAddr::new(CLIENT4, 40_000);
        let (vip4, vip6) = (SocketAddr::new(VIP4, 80), SocketAddr::new(VIP6, 80));
        let elsewhere = SocketAddr::new(VIP4, 81);
        let (tcp4, reply) = self.connection(client4, vip4)?;
        let (tcp6, _) = self.connection(SocketAddr::new(CLIENT6, 40_000), vip6)?;
        let udp4 = self.exchange(client4, vip4)?;
        self.settle_reply(&reply)?;
        let case = |name, frame, reason| Case { name, frame, varies: false, reason, interface: INBOUND };
        let syn = frames::tcp(client4, vip4, Flags::Syn, 0)?;
        let redirected =
            Case { interface: INBOUND + 1, ..case("established/tcp4-redirect", tcp4, Reason::Established) };
        Ok(vec![
            case("established/tcp4", tcp4, Reason::Established),
            case("established/tcp6", tcp6, Reason::Established),
            case("established/udp4", udp4, Reason::Established),
            case("reply/tcp4", reply, Reason::Established),
            redirected,
            Case { varies: true, ..case("new-flow/tcp4", syn, Reason::NewFlow) },
            case("not-ours", frames::tcp(client4, elsewhere, Flags::Ack, 0)?, Reason::NotOurs),
        ])
    }

    /// Instructions that the verifier walked.
    pub fn verified_instructions(&self) -> u32 {
        self.datapath.facts().verified_instructions
    }

    /// The program.
    pub fn program(&self) -> Result<ProgramFd> {
        Ok(self.datapath.program_fd()?)
    }

    /// Packets that were counted as this.
    pub fn counted(&self, reason: Reason) -> Result<u64> {
        let counters = self.datapath.counters()?;
        Ok(counters.reasons.get(&reason).map_or(0, |tally| tally.packets))
    }

    /// Lets all packets leave by this interface.
    pub fn leave_by(&mut self, interface: u32) -> Result<()> {
        let mut hops: Array<_, NextHop> = Array::try_from(self.array(names::NEXT_HOPS)?)?;
        let hop = NextHop {
            interface,
            flags: NEXT_HOP_RESOLVED,
            addresses: NextHop::addresses([2, 0, 0, 0, 0, 3], [2, 0, 0, 0, 0, 2]),
            mtu: 1500,
        };
        Ok(hops.set(HOP, hop, 0)?)
    }

    /// A handshake; gives a segment of each direction.
    fn connection(&self, client: SocketAddr, vip: SocketAddr) -> Result<([u8; FRAME], [u8; FRAME])> {
        let (snat, backend) = self.translated(&frames::tcp(client, vip, Flags::Syn, 0)?)?;
        let _ = self.given(&frames::tcp(backend, snat, Flags::SynAck, SEQUENCE + 1)?)?;
        let segment = frames::tcp(client, vip, Flags::Ack, SEQUENCE + 1)?;
        let _ = self.given(&segment)?;
        Ok((segment, frames::tcp(backend, snat, Flags::Ack, SEQUENCE + 1)?))
    }

    /// A datagram and its answer; gives the datagram.
    fn exchange(&self, client: SocketAddr, vip: SocketAddr) -> Result<[u8; FRAME]> {
        let datagram = frames::udp(client, vip)?;
        let (snat, backend) = self.translated(&datagram)?;
        let _ = self.given(&frames::udp(backend, snat)?)?;
        Ok(datagram)
    }

    fn given(&self, frame: &[u8; FRAME]) -> Result<[u8; FRAME]> {
        let (_, output) = self.datapath.test_run(frame, 0, 1)?;
        frames::whole(&output)
    }

    /// The source and the destination that the program gives a frame.
    fn translated(&self, frame: &[u8; FRAME]) -> Result<(SocketAddr, SocketAddr)> {
        let output = self.given(frame)?;
        ensure!(output != *frame, "the program did not translate a packet that opens a flow");
        frames::ends(&output)
    }

    /// Gives the direction to the client its next hop, as the first packet does where there is a route.
    fn settle_reply(&self, reply: &[u8; FRAME]) -> Result<()> {
        let control: Array<_, Control> = Array::try_from(self.array(names::CONTROL)?)?;
        let mut flows: HashMap<_, FlowKey<Addr4>, FlowEntry<Addr4>> =
            HashMap::try_from(Map::HashMap(MapData::from_pin(self.maps.join(names::FLOWS4))?))?;
        let (backend, snat) = frames::ends(reply)?;
        let key = key4(backend, snat).context("a reply over IPv6")?;
        let mut entry = flows.get(&key, 0)?;
        entry.meta.next_hop = HOP;
        entry.meta.route_epoch = control.get(&0, 0)?.route_epoch;
        Ok(flows.insert(key, entry, 0)?)
    }

    fn array(&self, name: &str) -> Result<Map> {
        Ok(Map::Array(MapData::from_pin(self.maps.join(name))?))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Err(error) = KernelDatapath::detach(&self.options) {
            eprintln!("pins stay in {}: {error}", self.options.pin_root.display());
        }
        let _ = std::fs::remove_dir(&self.options.pin_root);
    }
}

fn key4(source: SocketAddr, destination: SocketAddr) -> Option<FlowKey<Addr4>> {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (source.ip(), destination.ip()) else { return None };
    Some(FlowKey {
        source: from.into(),
        destination: to.into(),
        source_port: Be16::new(source.port()),
        destination_port: Be16::new(destination.port()),
        protocol: PROTOCOL_TCP,
        ..FlowKey::default()
    })
}

/// One load balancer with a TCP and a UDP rule on both VIPs, with the default sizes of tables.
fn desired() -> DesiredState {
    let label = |text: &str| Label::new(text).unwrap_or_else(|| unreachable!("{text} is a label"));
    let port = |port: u16| NonZeroU16::MIN.saturating_add(port - 1);
    let rule = |protocol| ForwardingRule { protocol, frontend_port: port(80), backend_port: port(30_080) };
    let instance = |number: u8| Instance {
        label: label(&format!("node-{number}")),
        addresses: vec![
            Ipv4Addr::new(198, 18, 1, number).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, u16::from(number)).into(),
        ],
        weight: Weight::new(1).unwrap_or(Weight::ZERO),
    };
    let tables = TableSizes {
        flows: 262_144,
        unproven_flows: 65_536,
        services: 16_384,
        backends: 131_072,
        next_hops: 4096,
        firewall_networks: 16,
    };
    let snat_addresses =
        vec![Ipv4Addr::new(198, 18, 1, 254).into(), Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe).into()];
    DesiredState {
        balancer: Balancer {
            interfaces: Vec::new(),
            snat_addresses,
            tables,
            admin_address: None,
            cloud: None,
        },
        load_balancers: vec![LoadBalancer {
            label: label("bench"),
            vips: vec![VIP4, VIP6],
            algorithm: Algorithm::RoundRobin,
            timeout: Duration::from_mins(10),
            drain_timeout: Duration::from_mins(1),
            all_down: AllDown::Reject,
            forwarding_rules: vec![rule(Protocol::Tcp), rule(Protocol::Udp)],
            health_check: None,
            policy: Policy::default(),
            instances: (1..=BACKENDS).map(instance).collect(),
        }],
    }
}
