// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packet table: frames through the real program by `BPF_PROG_TEST_RUN`, configured by the real reconcile. A [`row`]
//! says what came before, what comes in, and what comes out, byte for byte; nothing is sent anywhere.

mod fixture;
mod row;
mod setting;
mod talk;

mod answers;
mod backends;
mod counting;
mod fragments;
mod icmp;
mod life;
mod mutations;
mod odd;
mod passed;
mod policy;
mod rewriting;
mod selection;
mod snat;
mod tables;
