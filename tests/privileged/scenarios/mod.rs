// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a user sees of the whole, a topic a module. Each test has a lab of its own.

mod bpffs;
mod drain;
mod health;
mod lab;
mod modes;
mod neighbour;
mod operator;
mod refusal;
mod reload;
mod restart;
mod spread;
mod transfer;
