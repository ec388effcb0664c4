// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firewall lists in the two prefix tries. A trie is walked key by key: its batch walk wants a place for a whole key.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use aya::Pod;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{IterableMap as _, MapData};
use lb_common::abi::{FirewallKey, names, prefix_length};
use lb_common::net::{Addr4, Addr6, Be32};

use super::maps::{Maps, failed, failed_io};
use crate::datapath::DatapathError;
use crate::model::{Network, Sources};

/// The networks of one family of all lists.
pub type FirewallMap<A> = LpmTrie<MapData, FirewallKey<A>, u32>;

/// What a list has in the trie of one family.
type Keys<A> = Vec<Key<FirewallKey<A>>>;

/// The lists as they are in both tries.
pub fn read(maps: &Maps) -> Result<BTreeMap<u32, Sources>, DatapathError> {
    let mut lists: BTreeMap<u32, BTreeSet<Network>> = BTreeMap::new();
    read_family(&maps.firewall4, names::FIREWALL4, &mut lists)?;
    read_family(&maps.firewall6, names::FIREWALL6, &mut lists)?;
    Ok(lists.into_iter().map(|(list, networks)| (list, Arc::new(networks))).collect())
}

fn read_family<A>(
    map: &FirewallMap<A>,
    name: &'static str,
    lists: &mut BTreeMap<u32, BTreeSet<Network>>,
) -> Result<(), DatapathError>
where
    A: Into<IpAddr> + Copy + 'static,
    FirewallKey<A>: Pod,
{
    for key in map.keys() {
        let key = key.map_err(failed("reading", name))?;
        let FirewallKey { list, address } = key.data();
        let bits = key.prefix_len().checked_sub(prefix_length(0)).and_then(|bits| u8::try_from(bits).ok());
        lists
            .entry(list.host())
            .or_default()
            .extend(bits.and_then(|bits| Network::new(address.into(), bits)));
    }
    Ok(())
}

/// Writes a list whose number is free.
pub fn write(maps: &Maps, list: u32, sources: &Sources) -> Result<(), DatapathError> {
    let (v4, v6) = keys(list, sources);
    write_family(maps, &maps.firewall4, names::FIREWALL4, &v4)?;
    write_family(maps, &maps.firewall6, names::FIREWALL6, &v6)
}

fn write_family<A>(
    maps: &Maps,
    map: &FirewallMap<A>,
    name: &'static str,
    keys: &[Key<FirewallKey<A>>],
) -> Result<(), DatapathError>
where
    FirewallKey<A>: Pod,
{
    lb_sys::update(fd(map), keys, &vec![1_u32; keys.len()]).map_err(|source| {
        if source.kind() == io::ErrorKind::StorageFull {
            return DatapathError::Full {
                map: name,
                capacity: maps.size(name),
                setting: "firewall_networks",
            };
        }
        DatapathError::Map { action: "writing", map: name, source }
    })
}

/// Removes a list; one that is there in part goes as well.
pub fn remove(maps: &Maps, list: u32, sources: &Sources) -> Result<(), DatapathError> {
    let (v4, v6) = keys(list, sources);
    lb_sys::delete(fd(&maps.firewall4), &v4).map_err(failed_io("removing from", names::FIREWALL4))?;
    lb_sys::delete(fd(&maps.firewall6), &v6).map_err(failed_io("removing from", names::FIREWALL6))?;
    Ok(())
}

/// The keys of a list, by family.
fn keys(list: u32, sources: &Sources) -> (Keys<Addr4>, Keys<Addr6>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    let list = Be32::new(list);
    for network in sources.iter() {
        let length = prefix_length(network.bits().into());
        match network.address() {
            IpAddr::V4(address) => v4.push(Key::new(length, FirewallKey { list, address: address.into() })),
            IpAddr::V6(address) => v6.push(Key::new(length, FirewallKey { list, address: address.into() })),
        }
    }
    (v4, v6)
}

fn fd<A>(map: &FirewallMap<A>) -> BorrowedFd<'_>
where
    FirewallKey<A>: Pod,
{
    map.map().fd().as_fd()
}
