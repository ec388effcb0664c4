// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's links, routes and neighbours, over netlink.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lb_common::abi::{NeighbourKey, NextHop};
use lb_common::net::{Addr4, Addr6, Address as _, Mac};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};

use super::table::resolved;

type Messages = futures_channel::mpsc::UnboundedReceiver<(
    NetlinkMessage<RouteNetlinkMessage>,
    rtnetlink::sys::SocketAddr,
)>;

/// A netlink socket that hears of changes.
pub struct Netlink {
    handle: Handle,
    messages: Messages,
    connection: tokio::task::JoinHandle<()>,
}

/// What has changed, beyond neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// A link came, went or changed.
    pub links: bool,
    /// A route did.
    pub routes: bool,
}

impl News {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self { links: self.links || other.links, routes: self.routes || other.routes }
    }

    fn of(message: &NetlinkMessage<RouteNetlinkMessage>) -> Self {
        use RouteNetlinkMessage as M;
        match &message.payload {
            NetlinkPayload::InnerMessage(M::NewLink(_) | M::DelLink(_)) => {
                Self { links: true, routes: false }
            }
            NetlinkPayload::InnerMessage(M::NewRoute(_) | M::DelRoute(_)) => {
                Self { links: false, routes: true }
            }
            _ => Self::default(),
        }
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Netlink {
    /// Opens the socket.
    pub fn open() -> anyhow::Result<Self> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ];
        let (connection, handle, messages) =
            rtnetlink::new_multicast_connection(&groups).context("opening netlink")?;
        Ok(Self { handle, messages, connection: tokio::spawn(connection) })
    }

    /// Waits for a change.
    pub async fn next(&mut self) -> anyhow::Result<News> {
        let (message, _) = self.messages.next().await.context("netlink has ended")?;
        Ok(News::of(&message))
    }

    /// Takes the changes that are there already.
    pub fn drain(&mut self) -> anyhow::Result<News> {
        let mut news = News::default();
        loop {
            match self.messages.try_recv() {
                Ok((message, _)) => news = news.and(News::of(&message)),
                Err(error) if error.is_closed() => anyhow::bail!("netlink has ended"),
                Err(_) => return Ok(news),
            }
        }
    }

    /// Every neighbour whose link-layer address is known, with the next hop that it makes.
    pub async fn neighbours(&mut self) -> anyhow::Result<BTreeMap<NeighbourKey, NextHop>> {
        let links = self.links().await?;
        let mut found = BTreeMap::new();
        let mut neighbours = std::pin::pin!(self.handle.neighbours().get().execute());
        while let Some(message) = neighbours.try_next().await.context("reading neighbours")? {
            if let Some((key, destination)) = neighbour(&message)
                && let Some((source, mtu)) = links.get(&key.interface)
            {
                found.insert(key, resolved(key.interface, destination, *source, *mtu));
            }
        }
        Ok(found)
    }

    /// The link-layer address and the MTU of every interface that has one.
    async fn links(&mut self) -> anyhow::Result<BTreeMap<u32, (Mac, u32)>> {
        let mut found = BTreeMap::new();
        let mut links = std::pin::pin!(self.handle.link().get().execute());
        while let Some(link) = links.try_next().await.context("reading links")? {
            let (mut address, mut mtu) = (None, 0);
            for attribute in &link.attributes {
                match attribute {
                    LinkAttribute::Address(bytes) => address = Mac::try_from(bytes.as_slice()).ok(),
                    LinkAttribute::Mtu(bytes) => mtu = *bytes,
                    _ => {}
                }
            }
            if let Some(address) = address {
                found.insert(link.header.index, (address, mtu));
            }
        }
        Ok(found)
    }

    /// The neighbour that packets to an address go to; none if there is no route, or the address is our own.
    pub async fn route(&mut self, address: IpAddr) -> Option<NeighbourKey> {
        let request = match address {
            IpAddr::V4(address) => {
                RouteMessageBuilder::<std::net::Ipv4Addr>::new().destination_prefix(address, 32).build()
            }
            IpAddr::V6(address) => {
                RouteMessageBuilder::<std::net::Ipv6Addr>::new().destination_prefix(address, 128).build()
            }
        };
        let mut routes = std::pin::pin!(self.handle.route().get(request).execute());
        let route = routes.try_next().await.ok().flatten()?;
        via(address, &route)
    }
}

fn via(address: IpAddr, route: &RouteMessage) -> Option<NeighbourKey> {
    let mut interface = None;
    let mut gateway = address;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => gateway = IpAddr::V4(*address),
            RouteAttribute::Gateway(RouteAddress::Inet6(address)) => gateway = IpAddr::V6(*address),
            _ => {}
        }
    }
    (route.header.kind == rtnetlink::packet_route::route::RouteType::Unicast)
        .then(|| interface.map(|interface| key(interface, gateway)))
        .flatten()
}

fn neighbour(message: &NeighbourMessage) -> Option<(NeighbourKey, Mac)> {
    use NeighbourState as S;
    if !matches!(message.header.state, S::Reachable | S::Stale | S::Delay | S::Probe | S::Permanent) {
        return None;
    }
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => {
                address = Some(IpAddr::V4(*found));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => {
                address = Some(IpAddr::V6(*found));
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = Mac::try_from(bytes.as_slice()).ok(),
            _ => {}
        }
    }
    Some((key(message.header.ifindex, address?), mac?))
}

fn key(interface: u32, address: IpAddr) -> NeighbourKey {
    match address {
        IpAddr::V4(address) => NeighbourKey { interface, family: 4, address: Addr4::from(address).wide() },
        IpAddr::V6(address) => NeighbourKey { interface, family: 6, address: Addr6::from(address).wide() },
    }
}
