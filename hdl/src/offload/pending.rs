//! `pending`: the peer's blocks that are in the store, and may not be shown before the peer has committed them.
//!
//! ```text
//!              +---------------------------------+
//!    s_hold -->|  one word a slot of the peer    |---> m_release  lock given back
//!  s_commit -->|  one event, 2 cycles:           |---> m_ctl      asks for a COMMIT
//!   s_trail -->|  read, decide, write            |---> ev_*, quiet, init_done
//!     s_use -->|                                 |
//!       now -->|  scan                           |
//!              +---------------------------------+
//! ```
//!
//! The mirror hands over each block when its store has answered, with the block's lock. Readers wait for that lock, so nobody
//! here sees a value before the owner has completed its write. The lock goes back when the owner says COMMIT:
//!
//! | event | ends *pending* of |
//! |---|---|
//! | `s_commit`: a COMMIT frame | that slot and sequence |
//! | `s_trail`: the commit word of another frame | that slot, when the low bits of the sequence are right |
//! | `s_use`: a WRITE frame that was verified | that slot, when its sequence is older: a slot is used again only when complete |
//! | `s_hold` | the same slot's block of before, for the same reason |
//! | the link is down, or in another generation | all: the owner's lock keeps its readers until the block is sent again |
//!
//! COMMITs may be lost. Every `period` cycles each slot is looked at; where a block has been pending for `ask_cycles`, the owner
//! is asked. It answers when it can.
//!
//! - Parameters: `slots`, `period`.
//! - Latency: 2 cycles an event. Throughput: one event every 2 cycles; a frame brings at most three.
//! - Backpressure: `s_hold` waits, and `s_commit`, `s_trail`, `s_use` come from FIFOs outside that may drop: what is lost is
//!   asked for. An event waits while `m_release` or `m_ctl` is not free.
//! - Reset: forgets all, which the lock table does as well. `init_done` after `slots` cycles.
//! - Errors: a COMMIT that names nothing pending: `ev_stale`.
//! - Source: the project's design, section 5, rules R1, R3, R4. Tests: `tests/tests/pending.rs`.

use dyad_spec::FrameType;
use dyad_spec::wire::COMMIT_SEQ_BITS;

use super::slots::JUMP_PERIODS;
use crate::bundle::{Hold, LBA_W, LUN_W, LockRel, SLOT_W, SlotUse, TxCtl};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::next::Next;
use crate::stream::{Mailer, stream_in};

crate::bundle! {
    /// What is kept for each slot of the peer.
    State {
        /// A block is pending, and its lock is held.
        held: 1,
        /// Link generation that it came in.
        generation: 16,
        /// Sequence of the slot's use.
        seq: 32,
        /// LUN.
        lun: LUN_W,
        /// Block.
        lba: LBA_W,
        /// `now` when it became pending, or when the peer was last asked.
        since: 32,
    }
}

/// The pending blocks of a card.
pub fn pending(p: &Params) -> Module {
    p.check();
    let count = p.slots;
    let slot_w = clog2(count);
    module("pending", |m| {
        m.doc("The peer's blocks that wait for their COMMIT.");
        let now = m.input("now", 32);
        let generation = m.input("generation", 16);
        let link_ok = m.input("link_ok", 1);
        let ask_cycles = m.input("resend_cycles", 32);
        let s_hold = stream_in(m, "s_hold", Hold::WIDTH);
        let s_commit = stream_in(m, "s_commit", SlotUse::WIDTH);
        let s_trail = stream_in(m, "s_trail", 32);
        let s_use = stream_in(m, "s_use", SlotUse::WIDTH);
        let m_release = Mailer::new(m, "m_release", LockRel::WIDTH);
        let m_ctl = Mailer::new(m, "m_ctl", TxCtl::WIDTH);
        let quiet = m.output("quiet", 1);
        let init_done = m.output("init_done", 1);
        let events = ["committed", "stale"].map(|name| {
            let q = m.reg(format!("{name}_q"), 1, 0);
            q.set(0);
            m.output(format!("ev_{name}"), 1).set(q);
            q
        });
        let [committed, stale] = events;

        let filled = m.reg("filled", 13, 0);
        let filling = filled.ne(count).named("filling");
        when(filling, || filled.set(filled + 1));
        let clearing = m.reg("clearing", 1, 0);
        clearing.set(filling);
        init_done.set(!filling & !clearing);

        // Stage 0: choose an event, read the slot's word.
        let busy = m.reg("busy", 1, 0);
        let idle = (!busy & !filling & !clearing & m_release.free() & m_ctl.free()).named("idle");
        let wants = [s_hold.valid, s_commit.valid, s_trail.valid, s_use.valid, !now.bit(0)];
        let takes: Vec<E> = priority(&wants).iter().map(|first| *first & idle).collect();
        let take_scan = takes[4];
        for (stream, take) in [&s_hold, &s_commit, &s_trail, &s_use].into_iter().zip(&takes) {
            stream.ready.set(*take);
        }
        let trail_slot = s_trail.data.slice(COMMIT_SEQ_BITS, SLOT_W);
        let slots = [
            Hold::unpack(s_hold.data).slot,
            SlotUse::unpack(s_commit.data).slot,
            trail_slot,
            SlotUse::unpack(s_use.data).slot,
            now.slice(1, SLOT_W) & lit(count as u64 - 1, SLOT_W),
        ];
        let chosen = mux(filling, filled.slice(0, SLOT_W), onehot_mux(&takes, &slots)).named("chosen");
        let go = any_of(&takes).named("go");
        busy.set(go);
        let slot = m.reg_nr("slot", SLOT_W);
        slot.set(chosen);
        let is: Vec<Var> = ["is_hold", "is_commit", "is_trail", "is_use", "is_scan"]
            .iter()
            .zip(&takes)
            .map(|(name, take)| {
                let q = m.reg(*name, 1, 0);
                q.set(*take);
                q
            })
            .collect();
        let [is_hold, is_commit, is_trail, is_use, is_scan] = is[..] else { unreachable!() };
        let hold_q = m.reg_nr("hold_q", Hold::WIDTH);
        let seq_q = m.reg_nr("seq_q", 32);
        when(!busy, || {
            hold_q.set(s_hold.data);
            let trail_seq = s_trail.data.trunc(COMMIT_SEQ_BITS).zext(32);
            let seqs = [SlotUse::unpack(s_commit.data).seq, trail_seq, SlotUse::unpack(s_use.data).seq];
            seq_q.set(onehot_mux(&takes[1..4], &seqs));
        });
        let hold = Hold::unpack(hold_q.get());

        // Stage 1: the word is here. A slot that this build has no room for is none of the peer's.
        let ram = m.ram("state_ram", count, State::WIDTH);
        let word = ram.read(chosen.slice(0, slot_w));
        let cur = State::unpack(word);
        let next = Next::new(m, State::FIELDS, word);
        let write = m.wire_or("write", 1, clearing.get());
        ram.write(write.get(), slot.slice(0, slot_w), next.pack());
        let in_table = if slot_w == SLOT_W { ones(1) } else { !slot.slice(slot_w, SLOT_W - slot_w).any() };
        when(clearing, || next.set("held", 0));

        let present = (cur.held & link_ok & cur.generation.eq(generation)).named("present");
        let ahead = (seq_q - cur.seq).named("ahead");
        let low = |e: E| e.trunc(COMMIT_SEQ_BITS);
        let named = any_of(&[
            is_commit & ahead.eq(0),
            is_trail & low(seq_q.get()).eq(low(cur.seq)),
            is_use & ahead.any() & !ahead.bit(31),
        ]);
        let commit = (named & present & in_table & busy).named("commit");
        let gone = (is_scan & cur.held & !present).named("gone");
        let release = (commit | gone | (is_hold & cur.held)).named("release");
        when(release, || {
            write.set(1);
            next.set("held", 0);
            m_release.send(LockRel { lun: cur.lun, lba: cur.lba, exclusive: lit(1, 1) }.pack());
        });
        when(commit | (is_hold & present), || committed.set(1));
        when((is_commit | is_trail) & !commit, || stale.set(1));
        when(is_hold, || {
            write.set(1);
            next.set("held", 1);
            next.set("generation", generation);
            next.set("seq", hold.seq);
            next.set("lun", hold.lun);
            next.set("lba", hold.lba);
            next.set("since", now);
        });

        // Ask, and be awake when that is near.
        let age = (now - cur.since).named("age");
        let ask = (is_scan & present & age.ge(ask_cycles)).named("ask");
        when(ask, || {
            write.set(1);
            next.set("since", now);
            let question = TxCtl {
                ftype: lit(FrameType::AskCommit.code(), 4),
                code: zero(8),
                slot: slot.get(),
                seq: cur.seq,
                t_ref: now,
            };
            m_ctl.send(question.pack());
        });
        let horizon = lit((JUMP_PERIODS + 3) * p.period as u64, 32);
        let due_soon = (ask_cycles.lt(horizon) | age.ge(ask_cycles - horizon)).named("due_soon");
        let near = (is_scan & present & due_soon).named("near");
        let calm = m.reg("calm", 32, 0);
        let settled = calm.ge(p.period + 2).named("settled");
        when((go & !take_scan) | near | filling | release, || calm.set(0)).elsewhen(!settled, || calm.set(calm + 1));
        quiet.set(settled & (!busy | is_scan));
        m.prove("a_release_has_room", !release | !m_release.full());
    })
}
