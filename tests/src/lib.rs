// SPDX-License-Identifier: MIT OR Apache-2.0
//! The harness of tests, demo and benches: a lab of network namespaces with a client, the balancer and three backends,
//! real servers and real load in it, and lbd as a user runs it.
//!
//! ```text
//! client --- lb [balancer] back --- (switch) --+-- b1
//!                                              +-- b2
//!                                              +-- b3
//! ```
//!
//! Everything is a guard value: dropping it ends the process or removes the namespace. Names carry the process id, so
//! that runs do not meet and [`leftovers`] of killed runs can be told from those alive.
#![forbid(unsafe_code)]

pub mod command;
pub mod config;
pub mod lab;
pub mod lbd;
pub mod leftovers;
pub mod load;
pub mod needs;
pub mod netns;
pub mod packet;
pub mod process;
pub mod raw_xdp;
pub mod scene;
pub mod servers;
pub mod tally;
pub mod wait;
