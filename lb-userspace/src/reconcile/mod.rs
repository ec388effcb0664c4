// SPDX-License-Identifier: MIT OR Apache-2.0
//! From desire to data path.

pub mod conditions;
