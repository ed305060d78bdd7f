//! A way through the states, in words.

use super::state::Frames;
use super::{Action, Scenario, State, Violation};
use crate::protocol::{Op, SiteId};
use std::fmt::Write;

const NAMES: [&str; 2] = ["A", "B"];

fn name(site: SiteId) -> &'static str {
    NAMES[site as usize]
}

fn command(op: &Op) -> String {
    match op {
        Op::Read { lba } => format!("read block {lba}"),
        Op::Write { lba, data, .. } => format!("write value {} to block {lba}", data.0[0]),
        Op::CompareWrite { lba, expect, data } => {
            format!("write value {} to block {lba} if it holds {}", data.0[0], expect.0[0])
        }
        Op::Zero { lba, count } => format!("zero blocks {lba}+{count}"),
        other => format!("{other:?}"),
    }
}

/// The actions, one a line, with what each puts on the link; at the end, what went wrong.
pub fn print(sc: &Scenario, frames: &mut Frames, actions: &[Action], violation: Option<&Violation>) -> String {
    let mut text = format!("scenario {}: {}\n", sc.name, sc.doc);
    if let Some(m) = sc.cfg.mutation {
        let _ = writeln!(text, "defect {}: {}", m.name(), m.doc().trim());
    }
    let mut state = State::new(sc);
    for (n, action) in actions.iter().enumerate() {
        let what = match *action {
            Action::Submit(site) => {
                let op = &sc.ops[site as usize][state.begun[site as usize] as usize];
                format!("{}  host: {}", name(site), command(op))
            }
            Action::Deliver(k) => {
                let (to, frame) = frames.get(k);
                format!("{}  gets {frame}", name(to))
            }
            Action::Store(site, k) => {
                let (tag, op) = state.pending[site as usize][k as usize];
                format!("{}  store answers {op:?} of {tag:?}", name(site))
            }
            Action::Scan(site, k) => format!("{}  scans {k}", name(site)),
            Action::Down(site) => format!("{}  link down", name(site)),
            Action::Up(site) => format!("{}  link up", name(site)),
            Action::Expire(site, k) => format!("{}  deadline of the command in slot {k}", name(site)),
            Action::Live => "B  LUN live or not, the other way round".into(),
        };
        let _ = writeln!(text, "{:3}  {what}", n + 1);
        let mut sent = Vec::new();
        let _ = state.act(sc, frames, *action, &mut sent);
        for k in sent {
            let (to, frame) = frames.get(k);
            let _ = writeln!(text, "          {} sends {frame}", name(1 - to));
        }
    }
    if let Some(v) = violation {
        let _ = writeln!(text, "     => {}", v.0);
    }
    text
}
