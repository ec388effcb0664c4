// SPDX-License-Identifier: MIT OR Apache-2.0
//! Health checks.

use std::time::Duration;

use super::{number, rule, word};
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{HealthCheckSpec, bounds};
use crate::model::{HealthCheck, Probe};

/// Reads a check.
pub(super) fn read(spec: &HealthCheckSpec, path: &Path<'_>, problems: &mut Problems) -> Option<HealthCheck> {
    let probe = probe(spec, path, problems);
    let port = rule::port(&path.key("port"), spec.port, problems);
    let mut count = |key, written, bounds| number::<u32>(&path.key(key), written, bounds, problems);
    let interval = count("check_interval", spec.check_interval, &bounds::CHECK_INTERVAL);
    let timeout = count("response_timeout", spec.response_timeout, &bounds::RESPONSE_TIMEOUT);
    let unhealthy_threshold =
        count("unhealthy_threshold", spec.unhealthy_threshold, &bounds::UNHEALTHY_THRESHOLD);
    let healthy_threshold = count("healthy_threshold", spec.healthy_threshold, &bounds::HEALTHY_THRESHOLD);
    let (interval, timeout) = (interval?, timeout?);
    if timeout > interval {
        let message = format!("must not be longer than the check_interval, which is {interval}");
        let default = if spec.response_timeout.is_none() { ", the default" } else { "" };
        let fix = format!("write at most {interval}, or a longer check_interval");
        problems.value(&path.key("response_timeout"), format!("{timeout}{default}"), message, fix);
    }
    Some(HealthCheck {
        probe: probe?,
        port: port?,
        check_interval: Duration::from_secs(interval.into()),
        response_timeout: Duration::from_secs(timeout.into()),
        unhealthy_threshold: unhealthy_threshold?,
        healthy_threshold: healthy_threshold?,
    })
}

fn probe(spec: &HealthCheckSpec, check: &Path<'_>, problems: &mut Problems) -> Option<Probe> {
    let protocol = word(&check.key("protocol"), Some(&spec.protocol), &bounds::PROBES, problems)?;
    if bounds::PROBES[protocol] == "tcp" {
        if let Some(path) = &spec.path {
            let message = "means nothing to a check by tcp";
            problems.value(&check.key("path"), path, message, "remove it, or check by http or https");
        }
        return Some(Probe::Tcp);
    }
    let path = spec.path.as_deref().unwrap_or(bounds::PROBE_PATH);
    if !is_request_path(path) {
        let message = "must start with / and be made of printable ASCII without blanks and #";
        problems.value(&check.key("path"), path, message, "write it as /healthz, other characters as %XX");
        return None;
    }
    let path = path.to_owned();
    Some(if bounds::PROBES[protocol] == "http" { Probe::Http { path } } else { Probe::Https { path } })
}

/// Whether a text can stand in a request line as it is.
fn is_request_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_requests() {
        for path in ["/", "/healthz?full=1", "/a%20b"] {
            assert!(is_request_path(path), "{path}");
        }
        for path in ["", "healthz", "/a b", "/a\r\nHost: x", "/#top", "/ä"] {
            assert!(!is_request_path(path), "{path}");
        }
    }
}
