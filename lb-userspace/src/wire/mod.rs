// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cloud's API v2 as JSON: every object, request and answer of its load-balancer part, and of what stands beside it.
//! Pure. The cloud source reads these types, our own API serves them, `lbctl lb` speaks them.
//!
//! Reading is as lenient as the clouds and clients are: numbers and booleans may be strings, `null` is nothing, unknown
//! keys are ignored, and an unknown word is kept as `Other` for whoever has to judge it. What must be there has no
//! default: an answer without it is not understood, rather than understood as empty. Writing is as strict as the
//! strictest client: every key is there, with its type.

mod envelope;
mod firewall_rule;
mod forwarding_rule;
mod health_check;
mod inventory;
pub mod lenient;
mod load_balancer;
mod patch;
mod request;
mod tls;
mod word;

pub use envelope::{
    AccountBody, BareMetalBody, BareMetalPage, ErrorBody, FirewallRuleBody, FirewallRulePage,
    ForwardingRuleBody, ForwardingRulePage, InstanceBody, InstancePage, InstanceVpcPage, Links,
    LoadBalancerBody, LoadBalancerPage, Meta, Paged, RegionPage, VpcBody, VpcPage,
};
pub use firewall_rule::{CreateFirewallRules, FirewallRule, FirewallRuleRequest};
pub use forwarding_rule::{ForwardingRule, ForwardingRuleRequest};
pub use health_check::{HealthCheck, HealthCheckRequest};
pub use inventory::{Account, BareMetal, Instance, InstanceVpc, Region, Vpc};
pub use load_balancer::{
    GenericInfo, LoadBalancer, NodeIps, ReverseDns, ReverseDnsEntry, ReverseDnsRequest, StickySession,
};
pub use patch::Patch;
pub use request::{CreateLoadBalancer, GlobalRegion, UpdateLoadBalancer};
pub use tls::{AutoSsl, AutoSslRequest, Ssl};
pub use word::{Algorithm, IpType, ProbeProtocol, Protocol, Status};

#[cfg(test)]
mod tests;
