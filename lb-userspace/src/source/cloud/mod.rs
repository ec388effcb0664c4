// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cloud source: polls the API v2 of a cloud account and serves its load balancers.
//!
//! ```text
//! client (GET, within limits) -> listing (pages that agree) -> answer -> convert -> admit (proved, or cut) -> DesiredState
//!                                                   directory (ids -> addresses) ^
//! ```
//!
//! The way goes over [`crate::model::spec`], not straight to the model, so that one validation judges files and clouds
//! alike, and so that what is served can be kept on disk in a form that is proved again at the next start.

pub mod admit;
mod answer;
mod client;
pub mod convert;
mod cut;
pub mod directory;
mod error;
mod follow;
mod kept;
mod listing;
mod pace;
mod poll;
mod refusal;
mod room;
mod status;
mod tls;
mod token;

pub use client::Limits;
pub use error::CloudError;
pub use follow::CloudSource;
pub use listing::Contradiction;
pub use refusal::{Refusal, Subject};
pub use status::CloudStatus;

#[cfg(test)]
mod tests;
