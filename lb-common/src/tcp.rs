// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a flow as far as a packet forwarder can see it.
//!
//! ```text
//!             SYN               reply                 ACK from client
//!  (nothing) -----> unproven ----------> answered ------------------> established --FIN both ways--> time-wait
//!                                                                          |  RST either way --> reset
//! ```
//!
//! State is a set of bits that packets only ever add to, so two CPUs need no lock. Whether a flow is proven is not a bit
//! but the table it is in.

use crate::limits;

/// FIN of the TCP flags byte (RFC 9293 section 3.1).
pub const FIN: u8 = 0x01;
/// SYN of the TCP flags byte.
pub const SYN: u8 = 0x02;
/// RST of the TCP flags byte.
pub const RST: u8 = 0x04;
/// ACK of the TCP flags byte.
pub const ACK: u8 = 0x10;

/// The backend has answered (SYN-ACK, or any datagram).
pub const ANSWERED: u32 = 1 << 1;
/// The client has sent its FIN.
pub const CLIENT_FIN: u32 = 1 << 2;
/// The backend has sent its FIN.
pub const BACKEND_FIN: u32 = 1 << 3;
/// One of the two has sent a RST.
pub const RESET: u32 = 1 << 4;

/// The entry may be in the flow cache of some CPU; see `lb-ebpf`'s `cache`.
pub const CACHED: u32 = 1 << 5;

/// What a segment does to the state bits of its flow; zero for most.
#[inline(always)]
pub const fn bits(flags: u8, from_client: bool) -> u32 {
    let fin = if flags & FIN == 0 {
        0
    } else if from_client {
        CLIENT_FIN
    } else {
        BACKEND_FIN
    };
    let reset = if flags & RST == 0 { 0 } else { RESET };
    fin | reset
}

/// True for the segment that opens a flow. SYN with FIN or RST is nonsense and opens none.
#[inline(always)]
pub const fn opens(flags: u8) -> bool {
    flags & (SYN | ACK | FIN | RST) == SYN
}

/// True when both sides are done with the flow, so that a SYN of the same tuple opens another.
#[inline(always)]
pub const fn closed(state: u32) -> bool {
    const BOTH: u32 = CLIENT_FIN | BACKEND_FIN;
    state & RESET != 0 || state & BOTH == BOTH
}

/// True once one side has begun to close.
#[inline(always)]
pub const fn closing(state: u32) -> bool {
    state & (CLIENT_FIN | BACKEND_FIN | RESET) != 0
}

/// Seconds of silence after which a proven flow in `state` is forgotten; `idle` is the forwarding rule's.
#[inline(always)]
pub const fn timeout(state: u32, idle: u32) -> u32 {
    if state & RESET != 0 {
        limits::RESET_SECONDS
    } else if closed(state) {
        limits::TIME_WAIT_SECONDS
    } else {
        idle
    }
}

/// True when an acknowledgement number proves that the client received the SYN-ACK: `expected` is the backend's initial
/// sequence number plus one.
#[inline(always)]
pub const fn proves(acknowledged: u32, expected: u32) -> bool {
    acknowledged.wrapping_sub(expected) < limits::PROOF_WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_syn_opens() {
        assert!(opens(SYN));
        assert!(opens(SYN | 0xc0), "ECN setup (RFC 3168)");
        for flags in [0, ACK, SYN | ACK, SYN | FIN, SYN | RST, FIN, RST] {
            assert!(!opens(flags), "{flags:#x}");
        }
    }

    #[test]
    fn closing_takes_both_sides_or_a_reset() {
        let client = bits(FIN | ACK, true);
        let backend = bits(FIN | ACK, false);
        assert!(!closed(client) && !closed(backend));
        assert!(closed(client | backend));
        assert!(closed(bits(RST, true)));
        assert_eq!(bits(ACK, true), 0);
    }

    #[test]
    fn timeouts_shorten_as_a_flow_ends() {
        assert_eq!(timeout(ANSWERED, 600), 600);
        assert_eq!(timeout(CLIENT_FIN, 600), 600);
        assert_eq!(timeout(CLIENT_FIN | BACKEND_FIN, 600), limits::TIME_WAIT_SECONDS);
        assert_eq!(timeout(CLIENT_FIN | BACKEND_FIN | RESET, 600), limits::RESET_SECONDS);
    }

    #[test]
    fn proof_is_wrap_safe_and_bounded() {
        assert!(proves(5, 5));
        assert!(proves(3, u32::MAX));
        assert!(!proves(4, 5));
        assert!(!proves(5 + limits::PROOF_WINDOW, 5));
    }
}
