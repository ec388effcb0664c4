// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads the program over its pinned maps. A pinned map keeps its size: resizing would lose its flows, so a changed
//! setting waits until the maps are made anew, which `observe::restart` reports.

use std::collections::BTreeMap;
use std::path::Path;

use aya::EbpfLoader;
use aya::maps::{MapData, MapInfo};
use lb_common::abi::names;
use lb_common::limits::CACHE_SETS_MAX;

use super::pins::Pins;
use super::{OBJECT, OpenError, xdp};
use crate::model::TableSizes;

/// The program, loaded and not attached.
pub struct Loaded {
    pub program: aya::Ebpf,
    /// Entries of each map.
    pub sizes: BTreeMap<&'static str, u32>,
    /// Maps were there already.
    pub adopted: bool,
    /// Instructions that the verifier walked.
    pub verified_instructions: u32,
}

/// Loads the program; its maps are pinned ones where there are such, else new.
pub fn load(tables: &TableSizes, pins: &Pins) -> Result<Loaded, OpenError> {
    let mut sizes = wanted(tables);
    let mut adopted = false;
    for (name, size) in &mut sizes {
        let path = pins.maps().join(name);
        if path.exists() {
            adopted = true;
            *size = entries(&path)?;
        }
    }
    let mut loader = EbpfLoader::new();
    for name in names::ALL {
        loader.map_pin_path(name, pins.maps().join(name));
    }
    for (name, size) in &sizes {
        loader.map_max_entries(name, *size);
    }
    let cpus = possible_cpus()?;
    let sets = cache_sets(tables.flows, cpus);
    loader.map_max_entries("CACHE4", cpus * sets).map_max_entries("CACHE6", cpus * sets);
    loader.override_global("CACHE_CPUS", &cpus, true).override_global("CACHE_SETS", &sets, true);
    let mut program = loader.load(OBJECT).map_err(|error| OpenError::Load(Box::new(error)))?;
    let verified_instructions = {
        let xdp = xdp(&mut program)?;
        xdp.load().map_err(|source| OpenError::Program { action: "verifying", source })?;
        xdp.info().ok().and_then(|info| info.verified_instruction_count()).unwrap_or_default()
    };
    verify(pins)?;
    Ok(Loaded { program, sizes, adopted, verified_instructions })
}

fn possible_cpus() -> Result<u32, OpenError> {
    let count = aya::util::nr_cpus().map_err(|(path, source)| OpenError::Cpus { path, source })?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Sets of two lines in each CPU's flow cache: room for the flows that may be there, which are two entries each, spread
/// over the CPUs; a power of two, as the program masks with it. The cache is not pinned: it holds nothing to lose.
fn cache_sets(flows: u32, cpus: u32) -> u32 {
    (flows / cpus.max(1) / 2).clamp(64, CACHE_SETS_MAX).next_power_of_two()
}

/// Entries of the maps whose size is a setting.
fn wanted(tables: &TableSizes) -> BTreeMap<&'static str, u32> {
    BTreeMap::from([
        (names::FLOWS4, tables.flows),
        (names::FLOWS6, tables.flows),
        (names::UNPROVEN4, tables.unproven_flows),
        (names::UNPROVEN6, tables.unproven_flows),
        (names::SERVICES4, tables.services),
        (names::SERVICES6, tables.services),
        (names::VIPS4, tables.services),
        (names::VIPS6, tables.services),
        (names::SERVICE_TRAFFIC, tables.services),
        (names::TURNS, tables.services),
        (names::SERVICE_RATES, tables.services),
        // A list that changes is made beside the one before.
        (names::FIREWALL4, tables.firewall_networks * 2),
        (names::FIREWALL6, tables.firewall_networks * 2),
        (names::POOLS, tables.services),
        (names::BACKENDS, tables.backends),
        (names::BACKEND_TRAFFIC, tables.backends),
        (names::LOADS, tables.backends),
        (names::NEXT_HOPS, tables.next_hops),
        (names::NEIGHBOURS, tables.next_hops),
    ])
}

/// The size of a pinned map, which stays.
fn entries(path: &Path) -> Result<u32, OpenError> {
    let foreign = |error: aya::maps::MapError| OpenError::ForeignMap {
        path: path.to_path_buf(),
        detail: error.to_string(),
    };
    Ok(MapInfo::from_pin(path).map_err(foreign)?.max_entries())
}

/// Compares what is pinned to what the program was built for: a loader takes whatever a pin names, and a value of
/// another size would be read past its end.
fn verify(pins: &Pins) -> Result<(), OpenError> {
    let object = aya_obj::Object::parse(OBJECT).map_err(|error| OpenError::Load(Box::new(error.into())))?;
    for name in names::ALL {
        let path = pins.maps().join(name);
        let Some(built) = object.maps.get(name) else { continue };
        let data = MapData::from_pin(&path)
            .and_then(|data| data.info())
            .map_err(|error| OpenError::ForeignMap { path: path.clone(), detail: error.to_string() })?;
        let found = (data.key_size(), data.value_size());
        let expected = (built.key_size(), built.value_size());
        if found != expected {
            let detail = format!("keys and values of {found:?} bytes, not {expected:?}");
            return Err(OpenError::ForeignMap { path, detail });
        }
    }
    Ok(())
}
