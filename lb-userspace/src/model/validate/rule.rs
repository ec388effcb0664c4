// SPDX-License-Identifier: MIT OR Apache-2.0
//! Forwarding rules.

use std::num::NonZeroU16;

use super::{number, word};
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{ForwardingRuleSpec, bounds};
use crate::model::{ForwardingRule, Protocol};

/// Reads one rule; `proxied` if instances are to get a PROXY header.
pub(super) fn read(
    spec: &ForwardingRuleSpec,
    proxied: bool,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ForwardingRule> {
    let frontend = protocol(&path.key("frontend_protocol"), &spec.frontend_protocol, problems);
    let frontend_port = frontend_port(&path.key("frontend_port"), spec.frontend_port, problems);
    let backend = protocol(&path.key("backend_protocol"), &spec.backend_protocol, problems);
    let backend_port = port(&path.key("backend_port"), spec.backend_port, problems);
    let (protocol, other) = (frontend?, backend?);
    if protocol != other {
        let message = format!("must be {protocol}, as the frontend_protocol is");
        problems.value(&path.key("backend_protocol"), other, message, "make both the same");
    }
    if proxied && protocol == Protocol::Tcp {
        let message = "with proxy_protocol needs the proxy, which comes with a later release";
        let fix = "leave proxy_protocol out: instances then see the balancer's address";
        problems.value(&path.key("frontend_protocol"), protocol, message, fix);
    }
    Some(ForwardingRule { protocol, frontend_port: frontend_port?, backend_port: backend_port? })
}

/// Reads a port.
pub(super) fn port(path: &Path<'_>, written: i64, problems: &mut Problems) -> Option<NonZeroU16> {
    number::<u16>(path, Some(written), &bounds::PORT, problems).and_then(NonZeroU16::new)
}

fn frontend_port(path: &Path<'_>, written: i64, problems: &mut Problems) -> Option<NonZeroU16> {
    if bounds::RESERVED_PORTS.contain(written) {
        let message = format!("is reserved, as all of {}", bounds::RESERVED_PORTS);
        problems.value(path, written, message, "choose another port");
        return None;
    }
    port(path, written, problems)
}

fn protocol(path: &Path<'_>, written: &str, problems: &mut Problems) -> Option<Protocol> {
    if matches!(written, "http" | "https") {
        let message = "needs the proxy, which comes with a later release";
        problems.value(path, written, message, "forward it unread with tcp on both sides");
        return None;
    }
    let known = word(path, Some(written), &bounds::PROTOCOLS, problems)?;
    [Protocol::Tcp, Protocol::Udp].get(known).copied()
}
