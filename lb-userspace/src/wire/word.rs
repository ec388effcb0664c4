// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words of the API. Each is a closed list in the documents and an open one in practice: they are read in any case,
//! written in lower case, and one that is not known is kept.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$about])* $word,)+
            /// Another word, in lower case; empty where none was written.
            Other(String),
        }

        impl $name {
            /// The words that are known.
            pub const KNOWN: &[&str] = &[$($text),+];

            /// The word, in lower case.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                let word = word.to_ascii_lowercase();
                match word.as_str() {
                    $($text => Self::$word,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Option::<Cow<'de, str>>::deserialize(deserializer)
                    .map(|word| word.map_or_else(Self::default, |word| Self::from(word.as_ref())))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": Self::KNOWN})
            }
        }
    )+};
}

words! {
    /// The protocol of one side of a forwarding rule.
    Protocol {
        /// TCP, byte for byte.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// HTTP.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
    }
    /// What a health check asks.
    ProbeProtocol {
        /// Whether a TCP connection is accepted.
        Tcp = "tcp",
        /// Whether a GET answers 200.
        Http = "http",
        /// The same over TLS.
        Https = "https",
        /// Whatever a UDP probe is: the CCM sends it, no document says what it does.
        Udp = "udp",
    }
    /// How an instance is chosen.
    Algorithm {
        /// In turn.
        RoundRobin = "roundrobin",
        /// The one with the fewest connections.
        LeastConn = "leastconn",
    }
    /// How far a load balancer is.
    Status {
        /// It balances.
        Active = "active",
        /// It was accepted.
        Pending = "pending",
        /// It is being made.
        Installing = "installing",
    }
    /// The family of a firewall rule's source.
    IpType {
        /// IPv4.
        V4 = "v4",
        /// IPv6.
        V6 = "v6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_kept_if_unknown() {
        assert_eq!(Protocol::from("HTTPS"), Protocol::Https);
        assert_eq!(Protocol::from("Quic"), Protocol::Other("quic".to_owned()));
        assert_eq!(serde_json::from_str::<Algorithm>("\"LeastConn\"").unwrap(), Algorithm::LeastConn);
        assert_eq!(serde_json::from_str::<Status>("null").unwrap(), Status::default());
        assert_eq!(serde_json::to_string(&Status::Active).unwrap(), "\"active\"");
        assert!(serde_json::from_str::<IpType>("4").is_err());
    }
}
