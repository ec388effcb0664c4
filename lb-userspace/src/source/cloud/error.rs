// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why the cloud could not be understood. Each changes nothing but what is shown.

use std::io;
use std::time::Duration;

use hyper::StatusCode;

use super::listing::Contradiction;
use crate::model::problem::Problem;

/// Why a look at the cloud gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// There is no token.
    #[error(
        "{place}: the API's token cannot be read: {source}; see cloud.token_file and cloud.token_variable"
    )]
    Token {
        /// Where it should be.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be sent.
    #[error(
        "{place}: this is not an API token: it is empty, or has characters that no token has; write it alone"
    )]
    NoToken {
        /// Where it is.
        place: String,
    },
    /// There is nothing to know the cloud by.
    #[error(
        "the certificates of {place} cannot be used: {source}; install ca-certificates, or see cloud.ca_file"
    )]
    Certificates {
        /// Where they should be.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// Nobody answered.
    #[error("{path}: the cloud cannot be reached: {why}; check cloud.url, the network and its certificates")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// The chain of causes.
        why: String,
    },
    /// It took too long.
    #[error("{path}: no full answer within {} s; it is asked again", limit.as_secs_f32())]
    Slow {
        /// What was asked for.
        path: String,
        /// The limit.
        limit: Duration,
    },
    /// It did not fit.
    #[error("{path}: the answer has more than {limit} bytes; it is not read")]
    TooLarge {
        /// What was asked for.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// It refused.
    #[error("{path}: the cloud answered {status}: {text}; {}", advice(*status))]
    Refused {
        /// What was asked for.
        path: String,
        /// The status.
        status: StatusCode,
        /// The error's text.
        text: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It is not what the API says.
    #[error("{path}: the answer is not understood: {source}; it is asked again")]
    Invalid {
        /// What was asked for.
        path: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// It cannot be true.
    #[error("{path}: the answer contradicts itself: {source}; it is asked again")]
    Contradiction {
        /// What was asked for.
        path: String,
        /// How.
        source: Contradiction,
    },
    /// What it says cannot be served together with the balancer's settings.
    #[error("the load balancers of the cloud cannot be served: {}", joined(problems))]
    Unservable {
        /// Why not.
        problems: Vec<Problem>,
    },
}

impl CloudError {
    /// Whether asking again at once may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Slow { .. } => true,
            Self::Refused { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
            _ => false,
        }
    }

    /// How long the cloud wants to be left alone, if it said.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "check the token, and that the account lets this machine's address in"
        }
        StatusCode::TOO_MANY_REQUESTS => "lower cloud.request_rate if this goes on",
        status if status.is_server_error() => "it is asked again",
        _ => "check cloud.url and what the token may read",
    }
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
