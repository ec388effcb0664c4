// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which flows a query selects. Pure.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::datapath::view::{FlowState, FlowView};

/// Flows in an answer unless `limit` says otherwise.
const LIMIT: usize = 100;

/// The most that `limit` may say: an answer of about 30 MiB.
const MOST: usize = 100_000;

/// The query of `GET /v1/flows`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowQuery {
    limit: Option<usize>,
    client: Option<String>,
    vip: Option<String>,
    backend: Option<String>,
    state: Option<FlowState>,
}

/// A query that was understood.
#[derive(Debug)]
pub struct Selection {
    /// How many flows are wanted.
    pub limit: usize,
    client: Option<Endpoint>,
    vip: Option<Endpoint>,
    backend: Option<Endpoint>,
    state: Option<FlowState>,
}

/// An address with any port, or with one.
#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Any(IpAddr),
    One(SocketAddr),
}

impl TryFrom<FlowQuery> for Selection {
    type Error = String;

    fn try_from(query: FlowQuery) -> Result<Self, String> {
        let endpoint =
            |name: &str, text: Option<String>| text.map(|text| Endpoint::parse(name, &text)).transpose();
        Ok(Self {
            limit: query.limit.unwrap_or(LIMIT).min(MOST),
            client: endpoint("client", query.client)?,
            vip: endpoint("vip", query.vip)?,
            backend: endpoint("backend", query.backend)?,
            state: query.state,
        })
    }
}

impl Selection {
    /// Whether it selects a flow.
    pub fn holds(&self, flow: &FlowView) -> bool {
        let fits = |wanted: Option<Endpoint>, address| wanted.is_none_or(|wanted| wanted.fits(address));
        fits(self.client, flow.client)
            && fits(self.vip, flow.vip)
            && fits(self.backend, flow.backend)
            && self.state.is_none_or(|state| state == flow.state)
    }
}

impl Endpoint {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self::Any)
            .or_else(|_| text.parse().map(Self::One))
            .map_err(|_| format!("{name}: `{text}` is neither an address nor address:port"))
    }

    fn fits(self, address: SocketAddr) -> bool {
        match self {
            Self::Any(wanted) => wanted == address.ip(),
            Self::One(wanted) => wanted == address,
        }
    }
}
