// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that need root: scenarios in network namespaces with real clients and servers.

mod scenarios;
