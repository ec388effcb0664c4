// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands beside load balancers: the machines that receive, their networks, regions, the account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient;
use crate::secret::Secret;

/// A virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// A UUID.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its operating system's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os: String,
    /// Memory in MB.
    #[serde(default, deserialize_with = "lenient::number")]
    pub ram: i64,
    /// Disk in GB.
    #[serde(default, deserialize_with = "lenient::number")]
    pub disk: i64,
    /// Its plan's id; the type of the node in Kubernetes.
    #[serde(default, deserialize_with = "lenient::text")]
    pub plan: String,
    /// Its public IPv4 address; empty or `0.0.0.0` while there is none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub main_ip: String,
    /// Whether it has no public address.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub vpc_only: bool,
    /// Virtual processors.
    #[serde(default, deserialize_with = "lenient::number")]
    pub vcpu_count: i64,
    /// The region's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub region: String,
    /// Set only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_password: Option<Secret>,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient::text")]
    pub date_created: String,
    /// `active`, `pending`, `suspended` or `resizing`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: String,
    /// Traffic in GB a month.
    #[serde(default, deserialize_with = "lenient::number")]
    pub allowed_bandwidth: i64,
    /// The mask of its public network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub netmask_v4: String,
    /// The router of its public network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub gateway_v4: String,
    /// `running` or `stopped`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub power_status: String,
    /// `none`, `locked`, `installingbooting` or `ok`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub server_status: String,
    /// Its IPv6 network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub v6_network: String,
    /// Its IPv6 address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub v6_main_ip: String,
    /// The prefix length of its IPv6 network.
    #[serde(default, deserialize_with = "lenient::number")]
    pub v6_network_size: i64,
    /// The user's name for it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: String,
    /// Its address in the VPC; empty without one.
    #[serde(default, deserialize_with = "lenient::text")]
    pub internal_ip: String,
    /// The address of its console.
    #[serde(default, deserialize_with = "lenient::text")]
    pub kvm: String,
    /// Its operating system's id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub os_id: i64,
    /// Its application's id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub app_id: i64,
    /// Its image's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub image_id: String,
    /// Its snapshot's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub snapshot_id: String,
    /// Its firewall group's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub firewall_group_id: String,
    /// As `ipv6`, `ddos_protection`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub features: Vec<String>,
    /// Its host name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub hostname: String,
    /// The user's tags.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
    /// `root` or `limited`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_scheme: String,
}

/// A machine of one's own. Unlike an instance it has no `internal_ip`, and `ram` and `disk` are texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BareMetal {
    /// A UUID.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its operating system's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os: String,
    /// As `32768 MB`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ram: String,
    /// As `2x 240GB SSD`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub disk: String,
    /// Its public IPv4 address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub main_ip: String,
    /// Processors.
    #[serde(default, deserialize_with = "lenient::number")]
    pub cpu_count: i64,
    /// The region's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub region: String,
    /// Set only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_password: Option<Secret>,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient::text")]
    pub date_created: String,
    /// `active` or `pending`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: String,
    /// The mask of its public network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub netmask_v4: String,
    /// The router of its public network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub gateway_v4: String,
    /// Its plan's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub plan: String,
    /// Its IPv6 network.
    #[serde(default, deserialize_with = "lenient::text")]
    pub v6_network: String,
    /// Its IPv6 address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub v6_main_ip: String,
    /// The prefix length of its IPv6 network.
    #[serde(default, deserialize_with = "lenient::number")]
    pub v6_network_size: i64,
    /// Its hardware address as a number.
    #[serde(default, deserialize_with = "lenient::number")]
    pub mac_address: i64,
    /// The user's name for it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: String,
    /// Its operating system's id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub os_id: i64,
    /// Its application's id.
    #[serde(default, deserialize_with = "lenient::number")]
    pub app_id: i64,
    /// Its image's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub image_id: String,
    /// Its snapshot's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub snapshot_id: String,
    /// As `ipv6`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub features: Vec<String>,
    /// The user's tags.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
    /// `root` or `limited`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_scheme: String,
}

/// A private network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vpc {
    /// A UUID.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The region's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub region: String,
    /// The user's name for it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: String,
    /// Its first address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub v4_subnet: String,
    /// Its prefix length.
    #[serde(default, deserialize_with = "lenient::number")]
    pub v4_subnet_mask: i64,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient::text")]
    pub date_created: String,
}

/// An instance's or bare metal's place in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceVpc {
    /// The VPC's id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its hardware address there: text for instances, a number for bare metals.
    #[serde(default, deserialize_with = "lenient::text")]
    pub mac_address: String,
    /// Its address there.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ip_address: String,
}

/// A region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// As `ewr`.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The city.
    #[serde(default, deserialize_with = "lenient::text")]
    pub city: String,
    /// As `US`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub country: String,
    /// The continent.
    #[serde(default, deserialize_with = "lenient::text")]
    pub continent: String,
    /// Features that are offered there.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub options: Vec<String>,
}

/// Whose the API token is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Account {
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its address.
    #[serde(deserialize_with = "lenient::text")]
    pub email: String,
    /// What the token may do.
    #[serde(deserialize_with = "lenient::or_default")]
    pub acls: Vec<String>,
    /// Money; negative is credit.
    pub balance: f64,
    /// Money not yet charged.
    pub pending_charges: f64,
    /// When it was paid last.
    #[serde(deserialize_with = "lenient::text")]
    pub last_payment_date: String,
    /// How much was paid last.
    pub last_payment_amount: f64,
}
