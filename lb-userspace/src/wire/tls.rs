// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates: uploaded, or obtained by the load balancer itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient;
use crate::secret::Secret;

/// A certificate in a request: three PEM texts, or the same three in base64, not a mix. `{}` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ssl {
    /// PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Secret>,
    /// PEM; the CCM puts the chain in here, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// PEM in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_b64: Option<Secret>,
    /// PEM in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_b64: Option<String>,
    /// PEM in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_b64: Option<String>,
}

impl Ssl {
    /// Whether it holds nothing, as in requests of clients that always send the key.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.certificate, &self.chain, &self.certificate_b64, &self.chain_b64];
        let keys = [&self.private_key, &self.private_key_b64];
        texts.iter().all(|text| text.as_deref().is_none_or(str::is_empty))
            && keys.iter().all(|key| key.as_ref().is_none_or(Secret::is_empty))
    }
}

/// Automatic certificates in an answer; `{}` where they are off, since a client crashes without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AutoSsl {
    /// The zone.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub domain_zone: String,
    /// The full name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

/// Automatic certificates in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AutoSslRequest {
    /// The zone.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub domain_zone: String,
    /// The name within the zone; empty is the zone itself.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "String::is_empty")]
    pub domain_sub: String,
}
