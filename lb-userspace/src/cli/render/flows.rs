// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flows.

use super::duration;
use super::table::Table;
use crate::datapath::view::FlowState;
use crate::observe::api::Flows;

/// The answer to `flows`.
pub fn list(answer: &Flows, colour: bool) -> String {
    let mut table = Table::new(&["PROTO", "CLIENT", "VIP", "SNAT", "BACKEND", "STATE", ">IDLE"]);
    for flow in &answer.flows {
        table.row([
            flow.protocol.to_string().into(),
            flow.client.into(),
            flow.vip.into(),
            flow.snat.into(),
            flow.backend.into(),
            state(flow.state).into(),
            duration(flow.idle_seconds.into()).into(),
        ]);
    }
    let shown = answer.flows.len();
    let end = if shown < answer.total {
        format!(
            "{shown} of {} flows; --limit shows more, --client, --vip, --backend and --state fewer\n",
            answer.total
        )
    } else {
        format!("{shown} flows\n")
    };
    table.render(0, colour) + &end
}

fn state(state: FlowState) -> &'static str {
    match state {
        FlowState::Unproven => "unproven",
        FlowState::Answered => "answered",
        FlowState::Established => "established",
        FlowState::HalfClosed => "half-closed",
        FlowState::TimeWait => "time-wait",
        FlowState::Reset => "reset",
    }
}
