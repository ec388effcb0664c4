// SPDX-License-Identifier: MIT OR Apache-2.0
//! What answers are wrapped in: `{"load_balancer": …}`, `{"load_balancers": […], "meta": …}`, `{"error": …}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, BareMetal, FirewallRule, ForwardingRule, Instance, InstanceVpc, LoadBalancer, Region, Vpc,
    lenient,
};

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// How many items the whole list has.
    #[serde(deserialize_with = "lenient::number")]
    pub total: i64,
    /// Cursors of the neighbours.
    pub links: Links,
}

/// Cursors to feed back as `cursor`; empty at the ends of the list. They are not URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Links {
    /// Of the next page.
    #[serde(deserialize_with = "lenient::text")]
    pub next: String,
    /// Of the page before.
    #[serde(deserialize_with = "lenient::text")]
    pub prev: String,
}

/// Why a request failed. Clients match on the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Why.
    pub error: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
}

/// A page of a list. The items' type is a parameter of each page, so that a reader may take items one by one.
pub trait Paged {
    /// What the list is of.
    type Item;
    /// The items and the page's place.
    fn into_parts(self) -> (Vec<Self::Item>, Meta);
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $key:ident: $item:ty })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            /// The one.
            pub $key: $item,
        }
    )+};
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident { $key:ident: $item:ty })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct $name<T = $item> {
            /// The items of this page.
            pub $key: Vec<T>,
            /// Where it stands.
            pub meta: Meta,
        }

        impl<T> Paged for $name<T> {
            type Item = T;

            fn into_parts(self) -> (Vec<T>, Meta) {
                (self.$key, self.meta)
            }
        }
    )+};
}

bodies! {
    /// One load balancer.
    LoadBalancerBody { load_balancer: LoadBalancer }
    /// One forwarding rule.
    ForwardingRuleBody { forwarding_rule: ForwardingRule }
    /// One firewall rule.
    FirewallRuleBody { firewall_rule: FirewallRule }
    /// One instance.
    InstanceBody { instance: Instance }
    /// One bare metal.
    BareMetalBody { bare_metal: BareMetal }
    /// One VPC.
    VpcBody { vpc: Vpc }
    /// The account.
    AccountBody { account: Account }
}

pages! {
    /// Load balancers.
    LoadBalancerPage { load_balancers: LoadBalancer }
    /// Forwarding rules.
    ForwardingRulePage { forwarding_rules: ForwardingRule }
    /// Firewall rules.
    FirewallRulePage { firewall_rules: FirewallRule }
    /// Instances.
    InstancePage { instances: Instance }
    /// Bare metals.
    BareMetalPage { bare_metals: BareMetal }
    /// VPCs.
    VpcPage { vpcs: Vpc }
    /// VPCs of one instance or bare metal.
    InstanceVpcPage { vpcs: InstanceVpc }
    /// Regions.
    RegionPage { regions: Region }
}
