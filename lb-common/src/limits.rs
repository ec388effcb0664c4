// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes and bounds that both sides rely on, each with its reason.

/// Slots of a selection table in one element of its map: with the 4-byte slots one element is 1 KiB, so that small
/// pools stay small and the largest table takes a few hundred writes.
pub const TABLE_CHUNK: usize = 256;

/// The longest selection table, in slots: the next prime after 2^16 keeps Maglev's imbalance at or under 1 % up to 655
/// backends of equal weight; a schedule of weighted round robin is scaled down to fit.
pub const TABLE_SLOTS: u32 = 65_537;

/// Elements of the largest table's map: the header, then the chunks.
pub const TABLE_ELEMENTS: u32 = 1 + TABLE_SLOTS.div_ceil(TABLE_CHUNK as u32);

/// Backends that `leastconn` compares for one new flow. All of them up to this number; a window that starts at random
/// beyond it, which keeps the cost of a SYN bounded.
pub const LEASTCONN_WINDOW: u32 = 32;

/// Source ports tried for one new flow before it is refused: at 90 % use of a backend's ports one attempt in 5,000 runs
/// out of 80 tries.
pub const SNAT_PROBES: u32 = 80;

/// The lowest source port used towards backends: those below belong to services of this host.
pub const SNAT_PORT_MIN: u16 = 1024;

/// The first source port that is *not* used towards backends: from here on they are the balancer's own, so that a
/// health check can never share a tuple with a flow.
pub const PROBE_PORT_MIN: u16 = 64_512;

/// SNAT addresses of one family.
pub const SNAT_ADDRESSES: u32 = 64;

/// Seconds until a flow that both sides closed is forgotten; twice the maximum segment lifetime that Linux uses.
pub const TIME_WAIT_SECONDS: u32 = 60;

/// Seconds until a flow that a RST ended is forgotten, so that late packets are still translated.
pub const RESET_SECONDS: u32 = 10;

/// Seconds until an unproven flow is forgotten: longer than a client repeats its SYN at the intervals of RFC 6298 for
/// four tries (1 + 2 + 4 + 8).
pub const UNPROVEN_SECONDS: u32 = 30;

/// Seconds until an idle UDP flow is forgotten.
pub const UDP_SECONDS: u32 = 60;

/// Seconds for which the ports of a first fragment are remembered: what Linux gives fragments to come together.
pub const FRAGMENT_SECONDS: u32 = 30;

/// Packets in fragments that are remembered at a time, for each family.
pub const FRAGMENT_ENTRIES: u32 = 16_384;

/// IPv6 extension headers that are skipped to find TCP or UDP; a packet with more is left to the kernel.
pub const EXTENSION_HEADERS: u32 = 6;

/// How far past the handshake's acknowledgement number a client's first ACK may be and still prove it: one unscaled
/// receive window times sixteen, for a client whose bare ACK was lost and that has gone on sending.
pub const PROOF_WINDOW: u32 = 1 << 20;

/// Sources of one family whose new flows are counted at a time; the one that was heard least recently gives way, and is
/// new when it comes again. 65,536 take 5 MiB, and that many sources are held back by the service's limit.
pub const SOURCE_RATES: u32 = 1 << 16;

/// VLAN tags skipped in front of the IP header (QinQ has two).
pub const VLAN_TAGS: usize = 2;

/// Jiffies for which a line of the flow cache is believed; the packet after that looks its flow up, and refreshes its
/// last-seen time: 0.26 s at 1,000 Hz, 1 s at 250. In jiffies because they cost nothing to read, where a clock costs as
/// much as the rest of the packet.
pub const TOUCH_JIFFIES: u32 = 256;

/// The most sets of two lines that a CPU has in its flow cache: 8 MiB for IPv4, beyond which a CPU's own caches no
/// longer help.
pub const CACHE_SETS_MAX: u32 = 1 << 16;
