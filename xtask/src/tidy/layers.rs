// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which part may know which: pure code neither waits nor looks at the world, and one folder talks to the kernel.

use super::{Finding, Source};

struct Layer {
    /// Paths without `.rs`; a folder of that name belongs to it too.
    parts: &'static [&'static str],
    except: &'static [&'static str],
    forbidden: &'static [&'static str],
    why: &'static str,
}

const LAYERS: [Layer; 2] = [
    Layer {
        parts: &[
            "lb-common/src",
            "lb-userspace/src/model",
            "lb-userspace/src/wire",
            "lb-userspace/src/source/cloud/admit",
            "lb-userspace/src/source/cloud/answer",
            "lb-userspace/src/source/cloud/convert",
            "lb-userspace/src/source/cloud/cut",
            "lb-userspace/src/source/cloud/directory",
            "lb-userspace/src/source/cloud/listing",
            "lb-userspace/src/source/cloud/pace",
            "lb-userspace/src/source/cloud/room",
            "lb-userspace/src/balance",
            "lb-userspace/src/reconcile/backends",
            "lb-userspace/src/reconcile/backoff",
            "lb-userspace/src/reconcile/conditions",
            "lb-userspace/src/reconcile/diff",
            "lb-userspace/src/reconcile/encode",
            "lb-userspace/src/reconcile/index",
            "lb-userspace/src/reconcile/plan",
            "lb-userspace/src/reconcile/pools",
            "lb-userspace/src/health/schedule",
            "lb-userspace/src/health/state",
        ],
        except: &["lb-common/src/pod"],
        forbidden: &[
            "tokio::",
            "aya::",
            "aya_obj::",
            "SystemTime::now",
            "Instant::now",
            "std::env",
            "std::fs",
        ],
        why: "is pure: it is given the time, a seed and its input, and touches nothing else",
    },
    Layer {
        parts: &["lb-userspace/src"],
        except: &["lb-userspace/src/datapath/kernel"],
        forbidden: &["aya::", "aya_obj::", "aya_log::"],
        why: "does not know how the kernel is spoken to; only datapath::kernel does",
    },
];

/// Finds uses of what a layer must not know.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let rust = || sources.iter().filter(|source| source.is_rust());
    LAYERS.iter().flat_map(|layer| rust().flat_map(|source| layer.check(source))).collect()
}

impl Layer {
    fn check(&self, source: &Source) -> Vec<Finding> {
        let within = |parts: &[&str]| parts.iter().any(|part| is_within(&source.path, part));
        if !within(self.parts) || within(self.except) || source.path.ends_with("/tests.rs") {
            return Vec::new();
        }
        // Tests may read fixtures and clocks.
        let before_tests = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let code = before_tests.map(|line| line.split("//").next().unwrap_or_default());
        let mut findings = Vec::new();
        for (number, line) in code.enumerate() {
            for word in self.forbidden.iter().filter(|word| line.contains(*word)) {
                let place = format!("{}:{}", source.path, number + 1);
                findings.push(Finding::error(place, format!("`{word}`, but this part {}", self.why)));
            }
        }
        findings
    }
}

fn is_within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&[Source { path: path.to_owned(), text: text.to_owned() }]).len()
    }

    #[test]
    fn pure_parts_may_not_look_at_the_clock() {
        assert_eq!(found("lb-userspace/src/reconcile/diff.rs", "let now = Instant::now();"), 1);
        assert_eq!(found("lb-userspace/src/reconcile/diff/tests.rs", "use tokio::time;"), 0);
        assert_eq!(found("lb-userspace/src/model/spec.rs", "#[cfg(test)]\nuse std::fs;"), 0);
        assert_eq!(found("lb-userspace/src/reconcile/driver.rs", "let now = Instant::now();"), 0);
        assert_eq!(found("lb-userspace/src/reconcile/diff.rs", "// not Instant::now(), it is given"), 0);
    }

    #[test]
    fn only_the_kernel_folder_names_aya() {
        assert_eq!(found("lb-userspace/src/app.rs", "use aya::Ebpf;"), 1);
        assert_eq!(found("lb-userspace/src/datapath/kernel/load.rs", "use aya::Ebpf;"), 0);
        assert_eq!(found("lb-common/src/pod.rs", "unsafe impl aya::Pod for X {}"), 0);
    }
}
