// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a packet costs in the XDP program, beside one look-up in a kernel hash map, and what building a selection table
//! and comparing large states cost. The method is in the README of this package.
#![forbid(unsafe_code)]

mod meter;
mod rig;
mod user;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use lb_benches::cpu::stay_here;
use lb_benches::row::{Row, median, publish};
use lb_tests::needs;

use crate::meter::{Floor, Meter};
use crate::rig::{Case, Rig};

/// How often each is measured, in turn; the median counts.
const ROUNDS: usize = 11;

/// Reports what things cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// Also write the numbers here, as an array of `{name, value, unit, floor, ratio}`.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    needs::privileges()?;
    stay_here()?;
    let mut rig = Rig::new()?;
    let mut meter = Meter::new()?;
    let cases = rig.cases()?;
    let mut rows = packets(&mut rig, &mut meter, &cases)?;
    rows.push(Row::alone("verified-instructions", f64::from(rig.verified_instructions()), "instructions"));
    rows.push(Row::alone("maglev/build/65537", user::maglev(), "ms"));
    rows.push(Row::alone("diff/10k-rules", user::diff(), "ms"));
    publish(&rows, arguments.json.as_deref())
}

/// Measures floors and cases in turn, so that what disturbs one round disturbs all of them.
fn packets(rig: &mut Rig, meter: &mut Meter, cases: &[Case]) -> Result<Vec<Row>> {
    let mut floors = vec![Vec::new(); Floor::ALL.len()];
    let mut costs = vec![Vec::new(); cases.len()];
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for (floor, values) in Floor::ALL.iter().zip(&mut floors) {
            values.push(meter.floor(*floor)?);
        }
        for (case, values) in cases.iter().zip(&mut costs) {
            values.push(case_cost(rig, meter, case)?);
        }
    }
    let floors: Vec<f64> = floors.iter_mut().map(|values| median(values)).collect();
    let hash = floors[Floor::Hash as usize];
    let of_case = |(case, values): (&Case, &mut Vec<f64>)| {
        Row::beside(case.name.to_owned(), median(values), "ns/packet", hash)
    };
    let mut rows: Vec<_> = cases.iter().zip(&mut costs).map(of_case).collect();
    let of_floor = |(floor, value): (&Floor, &f64)| Row::alone(floor.name(), *value, "ns/packet");
    rows.extend(Floor::ALL.iter().zip(&floors).map(of_floor));
    Ok(rows)
}

/// Measures a case, and makes sure that every packet took the way that is meant.
fn case_cost(rig: &mut Rig, meter: &mut Meter, case: &Case) -> Result<f64> {
    rig.leave_by(case.interface)?;
    let before = rig.counted(case.reason)?;
    let (cost, runs) = meter.cost(&rig.program()?, &case.frame, case.varies)?;
    let counted = rig.counted(case.reason)? - before;
    let name = case.reason.name();
    ensure!(counted >= runs - runs / 100, "{}: only {counted} of {runs} packets were {name}", case.name);
    Ok(cost)
}
