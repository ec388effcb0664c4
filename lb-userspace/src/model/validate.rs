// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only way from a [`Spec`] to a [`DesiredState`]: all of it is proved, or all problems are named.
//!
//! Three steps: each part is read on its own into a draft that keeps gaps where something is wrong; then what several
//! parts must agree on is checked over the drafts, so that one mistake does not hide another; then the drafts, if no
//! problem was found, become the state.

mod address;
mod balancer;
mod capacity;
mod cloud;
mod conflicts;
mod families;
mod firewall;
mod frontends;
mod health_check;
mod load_balancer;
mod roles;
mod rule;

use super::path::Path;
use super::problem::{Problem, Problems};
use super::spec::bounds::{self, Bounds};
use super::spec::{LoadBalancerSpec, Spec};
use super::suggest::{closest, sentence};
use super::{Balancer, DesiredState};
use balancer::BalancerDraft;
use firewall::Ranges;
use load_balancer::LoadBalancerDraft;

/// Proves a spec, or names everything that is wrong with it.
#[expect(clippy::needless_pass_by_value, reason = "what was proved is not to be used unproved any more")]
pub fn validate(spec: Spec) -> Result<DesiredState, Vec<Problem>> {
    let mut problems = Problems::default();
    version(spec.version, &mut problems);
    let mut balancer = BalancerDraft::read(&spec.balancer, &mut problems);
    balancer.cloud = cloud::read(&spec, &mut problems);
    prove(balancer, &spec.load_balancers, problems)
}

/// Proves load balancers that come from elsewhere than the file whose settings are `balancer`. Problems have paths as if
/// they stood in the file.
pub fn validate_for(
    balancer: &Balancer,
    load_balancers: &[LoadBalancerSpec],
) -> Result<DesiredState, Vec<Problem>> {
    prove(BalancerDraft::from(balancer), load_balancers, Problems::default())
}

fn prove(
    balancer: BalancerDraft,
    specs: &[LoadBalancerSpec],
    mut problems: Problems,
) -> Result<DesiredState, Vec<Problem>> {
    let load_balancers = load_balancers(specs, &balancer.ranges, &mut problems);

    conflicts::check(&balancer, &load_balancers, &mut problems);
    capacity::check(&balancer, &load_balancers, &mut problems);

    let state = finish(balancer, load_balancers);
    match state {
        Some(state) if problems.0.is_empty() => Ok(state),
        _ => Err(problems.0),
    }
}

fn version(version: i64, problems: &mut Problems) {
    if !bounds::VERSION.contain(version) {
        problems.value(
            &Path::ROOT.key("version"),
            version,
            "is not a version of the format that this lbd knows",
            format!("write the file for version {}, or use the lbd it was written for", bounds::VERSION),
        );
    }
}

fn load_balancers(
    specs: &[LoadBalancerSpec],
    ranges: &Ranges,
    problems: &mut Problems,
) -> Vec<LoadBalancerDraft> {
    let read =
        |(index, spec)| LoadBalancerDraft::read(spec, &Path::LOAD_BALANCERS.index(index), ranges, problems);
    specs.iter().enumerate().map(read).collect()
}

fn finish(balancer: BalancerDraft, load_balancers: Vec<LoadBalancerDraft>) -> Option<DesiredState> {
    let balancer: Balancer = balancer.finish()?;
    let load_balancers = load_balancers.into_iter().map(LoadBalancerDraft::finish).collect::<Option<_>>()?;
    Some(DesiredState { balancer, load_balancers })
}

/// A number within bounds, or their default when it is not written.
fn number<T: TryFrom<i64>>(
    path: &Path<'_>,
    written: Option<i64>,
    bounds: &Bounds,
    problems: &mut Problems,
) -> Option<T> {
    let number = written.unwrap_or(bounds.default);
    let converted = T::try_from(number).ok().filter(|_| bounds.contain(number));
    if converted.is_none() {
        problems.value(path, number, format!("must be {bounds}"), "choose a number in that range");
    }
    converted
}

/// The place of a word among the known ones; the first when it is not written.
fn word(path: &Path<'_>, written: Option<&str>, known: &[&str], problems: &mut Problems) -> Option<usize> {
    let Some(written) = written else { return Some(0) };
    let found = known.iter().position(|word| *word == written);
    if found.is_none() {
        let fix = match closest(written, known) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "write one of these".to_owned(),
        };
        problems.value(path, written, format!("must be {}", sentence(known, "or")), fix);
    }
    found
}

#[cfg(test)]
mod tests;
