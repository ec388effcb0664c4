// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the whole that need neither root nor a kernel feature, one module a topic.

mod spec;
