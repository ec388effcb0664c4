// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel side and user space share, so that it cannot differ: the layout of every map, the arithmetic on
//! headers, the flow hash, the life of a TCP flow, and the reason for every verdict.
//!
//! Everything here is pure and `no_std`. Integers in map types are in host order unless their type is [`net::Be16`] or
//! [`net::Be32`].
#![no_std]
#![deny(unsafe_code)]

pub mod abi;
pub mod checksum;
pub mod hash;
pub mod limits;
pub mod mss;
pub mod nat;
pub mod net;
#[cfg(feature = "user")]
mod pod;
pub mod rate;
pub mod reason;
pub mod tcp;
