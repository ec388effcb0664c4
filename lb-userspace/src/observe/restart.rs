// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the file says and only a restart brings about: what is bound or allocated once. Said in the log and the status,
//! so that no change is ignored in silence.

use std::net::SocketAddr;
use std::sync::Arc;

use lb_common::abi::names;
use tokio_util::sync::CancellationToken;

use super::observer::Observer;
use crate::datapath::view::Facts;
use crate::model::{Balancer, TableSizes};

/// What waits for a restart, a line each with what to do; `listening` is the admin address that the daemon started with.
pub fn waiting(desired: &Balancer, listening: Option<SocketAddr>, facts: &Facts) -> Vec<String> {
    let address = (desired.admin_address != listening).then(|| {
        let shown =
            |address: Option<SocketAddr>| address.map_or("none".to_owned(), |address| address.to_string());
        format!(
            "balancer.admin_address: {} is in force; restart lbd to change it to {}",
            shown(listening),
            shown(desired.admin_address)
        )
    });
    address.into_iter().chain(tables(&desired.tables, facts)).collect()
}

/// Tables keep their size for as long as they are pinned.
fn tables(desired: &TableSizes, facts: &Facts) -> impl Iterator<Item = String> {
    let settings = [
        ("flows", desired.flows, names::FLOWS4),
        ("unproven_flows", desired.unproven_flows, names::UNPROVEN4),
        ("services", desired.services, names::SERVICES4),
        ("backends", desired.backends, names::BACKENDS),
        ("next_hops", desired.next_hops, names::NEXT_HOPS),
    ];
    settings.into_iter().filter_map(|(setting, wanted, table)| {
        let found = facts.tables.get(&table.to_lowercase())?.capacity;
        (found != wanted).then(|| {
            format!(
                "balancer.tables.{setting}: {found} is in force; to change it to {wanted} stop lbd, run `lbd detach`, \
                 which ends open flows, and start it again"
            )
        })
    })
}

/// Warns whenever something else waits for a restart, until told to stop.
pub async fn warn(observer: Arc<Observer>, shutdown: CancellationToken) {
    let mut source = observer.source.clone();
    let mut said = Vec::new();
    loop {
        source.mark_unchanged();
        let lines = observer.waiting();
        if lines != said {
            for line in &lines {
                tracing::warn!("needs a restart: {line}");
            }
            said = lines;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = source.changed() => if changed.is_err() {
                return shutdown.cancelled().await;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixture;

    #[test]
    fn what_was_bound_or_allocated_waits() {
        let mut desired = fixture::desired().balancer;
        let facts = fixture::facts();
        let old = "127.0.0.1:9180".parse().ok();
        desired.admin_address = old;
        assert_eq!(waiting(&desired, old, &facts), [""; 0]);
        desired.admin_address = None;
        desired.tables.flows *= 2;
        desired.interfaces.push("eth1".to_owned());
        assert_eq!(
            waiting(&desired, old, &facts),
            [
                "balancer.admin_address: 127.0.0.1:9180 is in force; restart lbd to change it to none",
                "balancer.tables.flows: 262144 is in force; to change it to 524288 stop lbd, run `lbd detach`, \
                 which ends open flows, and start it again",
            ]
        );
    }
}
