// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the reports and the criterion benches share.
#![forbid(unsafe_code)]

pub mod cloud;
pub mod cpu;
pub mod frames;
pub mod programs;
pub mod row;
pub mod scale;
