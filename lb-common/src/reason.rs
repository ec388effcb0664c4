// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a packet got its verdict. Every verdict has exactly one reason, counted once. Numbers are stable: they index a
//! map that outlives the daemon, and names are metric labels.

/// What happens to the packet, as far as a reader of counters cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Left to the kernel, untouched.
    Pass,
    /// Translated and sent on.
    Forward,
    /// Translated and handed to the kernel to send on.
    Handover,
    /// Answered by us.
    Reply,
    /// Dropped.
    Drop,
}

impl Outcome {
    /// The outcome in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Forward => "forward",
            Self::Handover => "handover",
            Self::Reply => "reply",
            Self::Drop => "drop",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $outcome:ident, $name:literal;)+) => {
        /// The reason for a verdict.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Reason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name: lower case, words joined by hyphens.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What happens to packets with this reason.
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome,)+ }
            }

            /// What it means, for an operator.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+),)+ }
            }
        }
    };
}

/// Length of the counters' array; numbers of reasons stay below.
pub const REASON_SLOTS: u32 = 128;

reasons! {
    /// For none of our services and of none of our flows.
    NotOurs = 0, Pass, "not-ours";
    /// Neither IPv4 nor IPv6.
    NotIp = 1, Pass, "not-ip";
    /// Shorter than its headers say, or not the version its EtherType says.
    Malformed = 2, Pass, "malformed";
    /// A fragment that is none of ours; the kernel puts them together.
    Fragment = 3, Pass, "fragment";
    /// Neither TCP nor UDP, or behind an IPv6 extension header that is not skipped.
    OtherProtocol = 4, Pass, "other-protocol";
    /// Sent to a group or to everybody on the link.
    NotUnicast = 5, Pass, "not-unicast";
    /// An ICMP error about a packet of no flow.
    ErrorOfNoFlow = 6, Pass, "error-of-no-flow";

    /// Of a flow that is in the table.
    Established = 16, Forward, "established";
    /// Opened a flow.
    NewFlow = 17, Forward, "new-flow";
    /// Of a flow that has yet to prove itself.
    Unproven = 18, Forward, "unproven";
    /// Proved its flow, which moved to the big table.
    Proved = 19, Forward, "proved";
    /// A later fragment, of a packet whose first one was of a flow.
    LaterFragment = 20, Forward, "later-fragment";
    /// An ICMP error about a packet of a flow.
    IcmpError = 21, Forward, "icmp-error";

    /// The next hop's link-layer address is not known; the kernel finds it and sends the packet.
    NextHopUnresolved = 24, Handover, "next-hop-unresolved";
    /// Longer than the next hop's MTU, and may be fragmented, which the kernel does.
    TooLong = 25, Handover, "too-long";

    /// A new flow to a service without a backend that takes it: RST or ICMP port unreachable.
    NoBackend = 32, Reply, "no-backend";
    /// A TCP segment of no flow that does not open one: RST.
    NoFlow = 33, Reply, "no-flow";
    /// The flow's backend is gone: RST, and the flow ends.
    BackendGone = 34, Reply, "backend-gone";
    /// TTL or hop limit used up: ICMP time exceeded.
    TtlExceeded = 35, Reply, "ttl-exceeded";
    /// No source port towards the backend is free: RST or ICMP port unreachable.
    SnatExhausted = 36, Reply, "snat-exhausted";
    /// The flow table has no room: RST or ICMP port unreachable.
    TableFull = 37, Reply, "table-full";
    /// No SNAT address of the family is configured: RST or ICMP port unreachable.
    NoSnatAddress = 38, Reply, "no-snat-address";
    /// Longer than the next hop's MTU, and must not be fragmented: ICMP fragmentation needed or packet too big.
    TooBig = 39, Reply, "too-big";
    /// An echo request to a VIP: echo reply.
    Echo = 40, Reply, "echo";

    /// A RST of no flow: there is nobody to tell.
    StrayReset = 48, Drop, "stray-reset";
    /// No route to the destination.
    NoRoute = 49, Drop, "no-route";
    /// A route that says to drop, or that administration prohibits it.
    RouteProhibits = 50, Drop, "route-prohibits";
    /// The kernel does not forward on the interface: `net.ipv4.conf.*.forwarding` or its IPv6 counterpart is 0.
    ForwardingDisabled = 51, Drop, "forwarding-disabled";
    /// The next hop's link layer is not Ethernet, or the lookup failed in another way.
    RouteUnusable = 52, Drop, "route-unusable";
    /// The answer we owed could not be made, for want of room in the frame.
    ReplyFailed = 53, Drop, "reply-failed";
    /// TTL or hop limit used up on the way from the backend.
    TtlExpired = 54, Drop, "ttl-expired";
    /// The tables contradict each other; a bug, please report it.
    Inconsistent = 55, Drop, "inconsistent";
    /// A new flow from a source that the service's firewall rules do not admit; it learns nothing.
    Firewalled = 56, Drop, "firewalled";
    /// A new flow from a source that has opened as many this second as it may.
    RateLimitedSource = 57, Drop, "rate-limited-source";
    /// A new flow to a service that has got as many this second as it may.
    RateLimitedService = 58, Drop, "rate-limited-service";
    /// To a VIP by a source route: IPv4's LSRR and SSRR, IPv6's routing header type 0 (RFC 5095, RFC 7126).
    SourceRouted = 59, Drop, "source-routed";
    /// To a VIP from an address that nobody can have there: RFC 6890's, or a VIP.
    Martian = 60, Drop, "martian";
    /// UDP over IPv6 to a VIP without a checksum, which RFC 8200 does not allow.
    NoChecksum = 61, Drop, "no-checksum";
    /// A later fragment to a VIP whose first one has not been seen.
    FirstFragmentMissing = 62, Drop, "first-fragment-missing";
    /// To a VIP, and longer by its own account than the frame is.
    Truncated = 64, Drop, "truncated";
    /// To a VIP, and its headers contradict themselves or each other.
    BadHeader = 65, Drop, "bad-header";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_range() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert!((*reason as u32) < REASON_SLOTS);
            for other in &Reason::ALL[at + 1..] {
                assert!((*reason as u32) < *other as u32, "{reason:?} before {other:?}");
                assert_ne!(reason.name(), other.name());
            }
        }
    }

    #[test]
    fn names_are_labels() {
        for reason in Reason::ALL {
            assert!(
                reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{reason:?}"
            );
            assert!(!reason.meaning().trim().is_empty());
        }
    }
}
