//! Which event `slots` takes next.

use crate::bundle::{Admit, Answer, Compared, LocalDone, OpEnd, OpInfo, Sent};
use crate::prelude::*;
use crate::prim::next::Stages;
use crate::stream::{StreamIn, stream_in};

/// The streams that events come from.
pub(super) struct Sources {
    pub op: StreamIn,
    pub admit: StreamIn,
    pub sent: StreamIn,
    pub local: StreamIn,
    pub answer: StreamIn,
    pub end: StreamIn,
    pub compared: StreamIn,
}

impl Sources {
    pub fn new(m: &M) -> Self {
        Self {
            op: stream_in(m, "s_op", OpInfo::WIDTH),
            admit: stream_in(m, "s_admit", Admit::WIDTH),
            sent: stream_in(m, "s_sent", Sent::WIDTH),
            local: stream_in(m, "s_local", LocalDone::WIDTH),
            answer: stream_in(m, "s_answer", Answer::WIDTH),
            end: stream_in(m, "s_end", OpEnd::WIDTH),
            compared: stream_in(m, "s_compared", Compared::WIDTH),
        }
    }
}

/// What the choice depends on beside the streams.
pub(super) struct Conditions {
    /// An event may be taken.
    pub idle: E,
    /// An operation, an admission, a block to send again: what each may need is free.
    pub op_ok: E,
    pub admit_ok: E,
    pub again_ok: E,
    /// A comparison has ended, and what may follow is free.
    pub compared_ok: E,
    /// Slots of the last and of the first of these.
    pub again_slot: E,
    pub new_slot: E,
    /// Slot whose turn in the scan it is, in cycles in which `scan` is 1.
    pub scan_slot: E,
    pub scan: E,
    /// A slot whose word is cleared goes before all.
    pub clear: E,
    pub clear_slot: E,
}

/// The event in work.
pub(super) struct Event {
    /// Stage 0: an event is taken; which of these.
    pub go: E,
    pub take_again: E,
    pub take_op: E,
    pub take_scan: E,
    /// Stage 0: its slot.
    pub chosen: E,
    /// Later: its slot; what it is, and what came with it.
    pub slot: E,
    pub is_sent: Var,
    pub is_answer: Var,
    pub is_local: Var,
    pub is_end: Var,
    pub is_again: Var,
    pub is_op: Var,
    pub is_admit: Var,
    pub is_compared: Var,
    pub is_scan: Var,
    pub sent: Sent,
    pub answer: Answer,
    pub local: LocalDone,
    pub end: OpEnd,
    pub op: E,
    pub admit: Admit,
    pub compared: Compared,
}

impl Event {
    /// Chooses, in order of priority.
    pub fn choose(stages: &Stages, s: &Sources, c: &Conditions) -> Self {
        let Conditions { op_ok, admit_ok, again_ok, .. } = *c;
        let idle = (c.idle & !stages.under_way()).named("may_take");
        // What waits for an output or for a free slot does not hold up the scan, for only the scan may help it.
        let early = [s.sent.valid, s.answer.valid, s.local.valid, s.end.valid];
        let late = [again_ok, op_ok, admit_ok, c.compared_ok, c.scan];
        let wants = [&early[..], &late].concat();
        let mut above = zero(1);
        let takes: Vec<E> = ["sent", "answer", "local", "end", "again", "op", "admit", "compared", "scan"]
            .iter()
            .zip(wants)
            .map(|(name, want)| {
                let take = (idle & want & !above).named(format!("take_{name}"));
                above = above | want;
                take
            })
            .collect();
        for (n, stream) in
            [(0, &s.sent), (1, &s.answer), (2, &s.local), (3, &s.end), (5, &s.op), (6, &s.admit), (7, &s.compared)]
        {
            stream.ready.set(takes[n]);
        }
        let slots = [
            Sent::unpack(s.sent.data).slot,
            Answer::unpack(s.answer.data).slot,
            LocalDone::unpack(s.local.data).slot,
            OpEnd::unpack(s.end.data).slot,
            c.again_slot,
            c.new_slot,
            Admit::unpack(s.admit.data).slot,
            Compared::unpack(s.compared.data).slot,
            c.scan_slot,
        ];
        let chosen = mux(c.clear, c.clear_slot, onehot_mux(&takes, &slots)).named("chosen");
        let go = any_of(&takes).named("go");
        stages.begin(go);
        let slot = stages.hold("event_slot", chosen);
        let is = |name: &str, n: usize| stages.flag(name, takes[n]);
        let hold = |name: &str, data: E| stages.hold(name, data);
        Self {
            go,
            take_again: takes[4],
            take_op: takes[5],
            take_scan: takes[8],
            chosen,
            slot,
            is_sent: is("is_sent", 0),
            is_answer: is("is_answer", 1),
            is_local: is("is_local", 2),
            is_end: is("is_end", 3),
            is_again: is("is_again", 4),
            is_op: is("is_op", 5),
            is_admit: is("is_admit", 6),
            is_compared: is("is_compared", 7),
            is_scan: is("is_scan", 8),
            sent: Sent::unpack(hold("sent_q", s.sent.data)),
            answer: Answer::unpack(hold("answer_q", s.answer.data)),
            local: LocalDone::unpack(hold("local_q", s.local.data)),
            end: OpEnd::unpack(hold("end_q", s.end.data)),
            op: hold("op_q", s.op.data),
            admit: Admit::unpack(hold("admit_q", s.admit.data)),
            compared: Compared::unpack(hold("compared_q", s.compared.data)),
        }
    }
}
