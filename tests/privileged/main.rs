// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that need root: the packet table, and scenarios in network namespaces with real clients and servers.

mod packets;
mod scenarios;
