// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proves what the cloud says as a file is proved, but cuts out what is wrong, so that a mistake costs only the rule, the
//! instance or the load balancer concerned. A load balancer that cannot be served at all as it is now stays what it was.
//! Pure.
//!
//! Each is judged alone first, then all together, so that what has to go anyway takes nothing from the others. Cutting may
//! uncover another problem (an address that leads nowhere without the instance that was cut), so it is done until
//! nothing is wrong; each round takes something away, so it ends.

use std::collections::BTreeMap;

use super::convert::Converted;
use super::cut::{Part, place, with_names};
use super::refusal::{Refusal, Subject};
use super::room;
use crate::model::problem::Problem;
use crate::model::spec::LoadBalancerSpec;
use crate::model::validate::validate_for;
use crate::model::{Balancer, DesiredState};

/// What is served, and what is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// The proved state.
    pub desired: DesiredState,
    /// What it was proved from, to be kept.
    pub specs: Vec<LoadBalancerSpec>,
    /// What is not served as the cloud says.
    pub refused: Vec<Refusal>,
}

/// A load balancer on its way.
pub(super) struct Candidate {
    pub(super) subject: Subject,
    pub(super) spec: LoadBalancerSpec,
    /// What it was before, for when it cannot be what it is to be.
    pub(super) before: Option<LoadBalancerSpec>,
}

/// Proves `wanted` for a balancer on which `in_force` is served now. The error is what concerns no load balancer.
pub fn admit(
    balancer: &Balancer,
    wanted: Vec<Converted>,
    in_force: &[LoadBalancerSpec],
) -> Result<Admitted, Vec<Problem>> {
    let mut refused = Vec::new();
    let mut sound = Vec::with_capacity(wanted.len());
    for mut candidate in candidates(wanted, in_force, &mut refused) {
        room::families(balancer, &mut candidate, &mut refused);
        sound.extend(prove(balancer, vec![candidate], &mut refused)?.1);
    }
    let fitting = room::fit(balancer, sound, in_force, &mut refused);
    let (desired, served) = prove(balancer, fitting, &mut refused)?;
    refused.sort();
    Ok(Admitted { desired, specs: served.into_iter().map(|candidate| candidate.spec).collect(), refused })
}

/// Proves the candidates, less and less of them until nothing is wrong.
fn prove(
    balancer: &Balancer,
    mut candidates: Vec<Candidate>,
    refused: &mut Vec<Refusal>,
) -> Result<(DesiredState, Vec<Candidate>), Vec<Problem>> {
    loop {
        let specs: Vec<LoadBalancerSpec> =
            candidates.iter().map(|candidate| candidate.spec.clone()).collect();
        match validate_for(balancer, &specs) {
            Ok(desired) => return Ok((desired, candidates)),
            Err(problems) => candidates = cut(candidates, problems, refused)?,
        }
    }
}

fn candidates(
    wanted: Vec<Converted>,
    in_force: &[LoadBalancerSpec],
    refused: &mut Vec<Refusal>,
) -> Vec<Candidate> {
    let before: BTreeMap<&str, &LoadBalancerSpec> =
        in_force.iter().map(|spec| (spec.label.as_str(), spec)).collect();
    let mut candidates = Vec::with_capacity(wanted.len());
    for Converted { subject, spec, refused: own } in wanted {
        refused.extend(own);
        let before = before.get(subject.id.as_str()).map(|&spec| spec.clone());
        match (spec, before) {
            (Some(spec), before) => candidates.push(Candidate { subject, spec, before }),
            (None, Some(before)) => candidates.push(Candidate { subject, spec: before, before: None }),
            (None, None) => {}
        }
    }
    candidates
}

/// The candidates without what is wrong with them. Fails if a problem is none of theirs.
fn cut(
    mut candidates: Vec<Candidate>,
    problems: Vec<Problem>,
    refused: &mut Vec<Refusal>,
) -> Result<Vec<Candidate>, Vec<Problem>> {
    let mut parts: BTreeMap<(usize, Part), Problem> = BTreeMap::new();
    let mut foreign = Vec::new();
    for mut problem in problems {
        let name = |index: usize| candidates.get(index).map(|candidate| candidate.subject.id.clone());
        problem.message = with_names(&problem.message, name);
        match place(&problem.path) {
            // The first problem of a part says why it goes.
            Some(place) => drop(parts.entry(place).or_insert(problem)),
            None => foreign.push(problem),
        }
    }
    if !foreign.is_empty() || parts.is_empty() {
        return Err(foreign);
    }
    let mut gone = Vec::new();
    // From the last part to the first, so that places stay right; of a whole load balancer nothing else matters.
    for ((index, part), problem) in parts.iter().rev() {
        let candidate = &mut candidates[*index];
        if *part == Part::Whole {
            gone.extend(whole(candidate, problem, refused).then_some(*index));
        } else if !parts.contains_key(&(*index, Part::Whole)) {
            refused.push(part.remove(&candidate.subject, &mut candidate.spec, problem));
        }
    }
    for index in gone {
        candidates.remove(index);
    }
    Ok(candidates)
}

/// Puts back what the load balancer was; true if it has to go.
fn whole(candidate: &mut Candidate, problem: &Problem, refused: &mut Vec<Refusal>) -> bool {
    let before = candidate.before.take().filter(|before| *before != candidate.spec);
    let effect =
        if before.is_some() { ", so that it stays what it was" } else { ", so that it is not served" };
    refused.push(candidate.subject.refuse_for("", problem, effect));
    match before {
        Some(before) => {
            candidate.spec = before;
            false
        }
        None => true,
    }
}

#[cfg(test)]
mod tests;
