// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command lines of `lbd` and `lbctl`: what they take, how `lbctl` asks `lbd`, and how answers look.

pub mod check;
pub mod client;
pub mod exit;
pub mod lbctl;
pub mod lbd;
pub mod render;
