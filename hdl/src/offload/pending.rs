//! `pending`: locks held for the peer: blocks that are in the store and may not be shown before the peer has committed them,
//! and turns.
//!
//! ```text
//!              +---------------------------------+
//!    s_hold -->|  one word a slot of the peer    |---> m_release  lock given back
//!   s_grant -->|                                 |---> m_lock     lock wanted, for a turn
//!     s_ask -->|  one event at a time:           |---> m_verdict  what becomes of a request, to mirror
//!  s_commit -->|  read, decide, write            |---> m_ctl      asks for a COMMIT; ACK, BUSY
//!   s_trail -->|                                 |---> ev_*, quiet, init_done
//!     s_use -->|                                 |
//!       now -->|  scan                           |
//!              +---------------------------------+
//! ```
//!
//! The mirror hands over each block when its store has answered, with the block's lock. Readers wait for that lock, so nobody
//! here sees a value before the peer has completed its write. The lock goes back when the peer says COMMIT:
//!
//! | event | ends *pending* of |
//! |---|---|
//! | `s_commit`: a COMMIT frame | that slot and sequence |
//! | `s_trail`: the commit word of another frame | that slot, when the low bits of the sequence are right |
//! | `s_use`: a WRITE or REQUEST frame that was verified | that slot, when its sequence is older: a slot is used again only when complete |
//! | `s_hold`, `s_ask` | the same slot's block of before, for the same reason |
//! | the link is down, or in another generation | what the peer owns: the peer's lock keeps its readers until the block is sent again |
//!
//! A block that the peer requested stays held whatever becomes of the link: the peer does not have it yet, and sends it again.
//!
//! COMMITs may be lost. Every `period` cycles each slot is looked at; where a block has been pending for `ask_cycles`, the peer
//! is asked. It answers when it can.
//!
//! **Turns.** A request that finds its block locked comes here (`s_ask`):
//!
//! | the word of its slot | does |
//! |---|---|
//! | holds this very use | ACK again: it was lost with the link |
//! | a turn of this use, that has the lock | the lock is handed over: `m_verdict` says go |
//! | a turn of this use, that waits | BUSY with code 1 |
//! | a turn of an older use, that waits | BUSY with code 0 |
//! | otherwise, while fewer than [`TURNS`] turns wait | asks for the lock, BUSY with code 1 |
//! | otherwise | BUSY with code 0 |
//!
//! So a request that was told BUSY stands in the lock's queue among this site's own operations, in the order of arrival, and
//! the lock that it wins is kept for its repeat. A turn is no promise: it is dropped with the link, by a later use of its slot,
//! when this site hands over whatever it owns (R7), and when `ask_cycles` have passed (`ev_turn_dropped`).
//!
//! - Parameters: `slots`, `period`.
//! - Latency: 2 cycles an event; 4 in a deep build. Throughput: one event every 2 cycles, or 4; a frame brings at most four.
//! - Backpressure: `s_hold`, `s_ask` wait, and `s_commit`, `s_trail`, `s_use` come from FIFOs outside that may drop: what is
//!   lost is asked for. `s_grant` is always taken. An event waits while an output that it may need is not free.
//! - Reset: forgets all, which the lock table does as well. `init_done` after `slots` cycles.
//! - Errors: a COMMIT that names nothing pending: `ev_stale`.
//! - Source: the project's design, section 5, rules R1, R3, R4, R7. Tests: `tests/tests/pending.rs`.

use dyad_spec::FrameType;
use dyad_spec::wire::COMMIT_SEQ_BITS;

use super::slots::JUMP_PERIODS;
use crate::bundle::{
    Ask, HOLDER_W, Hold, LBA_W, LUN_W, LockGrant, LockRel, LockReq, Resolved, SLOT_W, SlotUse, TxCtl, Verdict,
};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::prim::next::{Next, Stages};
use crate::stream::{Mailer, event_out, pulse, stream_in};

crate::bundle! {
    /// What is kept for each slot of the peer.
    State {
        /// What is held for the slot: nothing, a block that is pending, the place of a turn in a lock's queue, the lock that the
        /// turn has won.
        kind: 2,
        /// The block that is pending was requested of this site. Of a turn that waits: it is not wanted any more.
        request: 1,
        /// Link generation that it came in. Of a turn: how many times this site had given something up when it came.
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

const NONE: u64 = 0;
const HELD: u64 = 1;
const QUEUED: u64 = 2;
const TURN: u64 = 3;

/// Turns that can wait at a time; 16 in a lean build.
pub const TURNS: usize = 64;
/// First lock holder that is a slot of the peer.
pub const FIRST_HOLDER: u64 = 8192;

/// The pending blocks of a card.
pub fn pending(p: &Params) -> Module {
    p.check();
    let count = p.slots;
    let slot_w = clog2(count);
    let turns = p.queue(TURNS);
    module("pending", |m| {
        m.doc("The peer's blocks that wait for their COMMIT.");
        let now = m.input("now", 32);
        let generation = m.input("generation", 16);
        let link_ok = m.input("link_ok", 1);
        let handed_over = m.input("owner_granted", 1);
        let ask_cycles = m.input("resend_cycles", 32);
        let s_hold = stream_in(m, "s_hold", Hold::WIDTH);
        let s_ask = stream_in(m, "s_ask", Ask::WIDTH);
        let s_grant = stream_in(m, "s_grant", LockGrant::WIDTH);
        let s_commit = stream_in(m, "s_commit", SlotUse::WIDTH);
        let s_trail = stream_in(m, "s_trail", 32);
        let s_use = stream_in(m, "s_use", SlotUse::WIDTH);
        let m_release = Mailer::new(m, "m_release", LockRel::WIDTH);
        let m_lock = Mailer::new(m, "m_lock", LockReq::WIDTH);
        let m_resolved = Mailer::new(m, "m_resolved", Resolved::WIDTH);
        let m_ctl = Mailer::new(m, "m_ctl", TxCtl::WIDTH);
        let (verdict_valid, verdict_data) = event_out(m, "m_verdict", Verdict::WIDTH);
        let quiet = m.output("quiet", 1);
        let init_done = m.output("init_done", 1);
        let events = ["committed", "stale", "turn_kept", "turn_dropped"].map(|name| pulse(m, name));
        let [committed, stale, turn_kept, turn_dropped] = events;

        let filled = m.reg("filled", 13, 0);
        let filling = filled.ne(count).named("filling");
        when(filling, || filled.set(filled + 1));
        let clearing = m.reg("clearing", 1, 0);
        clearing.set(filling);
        init_done.set(!filling & !clearing);

        // Stage 0: choose an event, read the slot's word.
        let stages = Stages::new(m, p.deep);
        let busy = stages.busy;
        // Only what is in the registers counts: their readies come from afar.
        let sends = any_of(&[m_release.full(), m_ctl.full(), m_resolved.full()]);
        let idle = (!any_of(&[stages.under_way(), filling, clearing.get(), sends])).named("idle");
        // Locks that turns have won: the lock table is never kept waiting.
        let won = m.inst("u_won", &fifo(turns, LockGrant::WIDTH));
        won.set("s_valid", s_grant.valid);
        won.set("s_data", s_grant.data);
        s_grant.ready.set(won.get("s_ready"));
        let grant = LockGrant::unpack_in(p, won.get("m_data"));
        let ask_ok = s_ask.valid & !m_lock.full();
        // The scan follows the time; see `slots`.
        let scan_at = m.reg("scan_at", slot_w, 0);
        let scan_due = scan_at.ne(now.slice(clog2(p.pace()), slot_w));
        let wants = [won.get("m_valid"), s_hold.valid, ask_ok, s_commit.valid, s_trail.valid, s_use.valid, scan_due];
        let takes: Vec<E> = priority(&wants).iter().map(|first| *first & idle).collect();
        let take_scan = takes[6];
        when(take_scan, || scan_at.set(scan_at + 1));
        won.set("m_ready", takes[0]);
        for (stream, take) in [&s_hold, &s_ask, &s_commit, &s_trail, &s_use].into_iter().zip(&takes[1..]) {
            stream.ready.set(*take);
        }
        let asks_in = Ask::unpack_in(p, s_ask.data);
        let trail_slot = s_trail.data.slice(COMMIT_SEQ_BITS, SLOT_W);
        let slots = [
            grant.id.trunc(SLOT_W),
            Hold::unpack_in(p, s_hold.data).slot,
            asks_in.slot,
            SlotUse::unpack(s_commit.data).slot,
            trail_slot,
            SlotUse::unpack(s_use.data).slot,
            scan_at.zext(SLOT_W),
        ];
        let chosen = mux(filling, filled.slice(0, SLOT_W), onehot_mux(&takes, &slots)).named("chosen");
        let go = any_of(&takes).named("go");
        stages.begin(go);
        let slot = stages.hold("slot", chosen);
        let is: Vec<Var> = ["is_grant", "is_hold", "is_ask", "is_commit", "is_trail", "is_use", "is_scan"]
            .iter()
            .zip(&takes)
            .map(|(name, take)| stages.flag(name, *take))
            .collect();
        let [is_grant, is_hold, is_ask, is_commit, is_trail, is_use, is_scan] = is[..] else { unreachable!() };
        let hold = Hold::unpack_in(p, stages.hold("hold_q", s_hold.data));
        let asks = Ask::unpack_in(p, stages.hold("ask_q", s_ask.data));
        let granted = LockGrant::unpack_in(p, stages.hold("grant_q", won.get("m_data")));
        let trail_seq = s_trail.data.trunc(COMMIT_SEQ_BITS).zext(32);
        let seqs = [asks_in.seq, SlotUse::unpack(s_commit.data).seq, trail_seq, SlotUse::unpack(s_use.data).seq];
        let seq = stages.hold("seq_q", onehot_mux(&takes[2..6], &seqs));

        // The word is here, and in a deep build what it says goes into registers first. A slot that this build has no room
        // for is none of the peer's.
        let late = |name: &str, value: E| stages.late(name, value);
        let ram = m.ram("state_ram", count, State::WIDTH);
        let read = stages.fetched("word_f", ram.read(chosen.slice(0, slot_w)));
        let found = State::unpack_in(p, read);
        let word = late("word_q", read);
        let cur = State::unpack_in(p, word);
        let next = Next::new(m, State::FIELDS, word);
        let write = m.wire_or("write", 1, clearing.get());
        ram.write(write.get(), slot.slice(0, slot_w), next.pack());
        let in_table = if slot_w == SLOT_W { ones(1) } else { !slot.slice(slot_w, SLOT_W - slot_w).any() };
        when(clearing, || next.set("kind", NONE));

        let kinds = [NONE, HELD, QUEUED, TURN].map(|kind| late(&format!("kind_{kind}"), found.kind.eq(kind)));
        let is_kind = |kind: u64| kinds[kind as usize];
        let held = is_kind(HELD).named("held");
        let same_link = (link_ok & late("generation_now", found.generation.eq(generation))).named("same_link");
        // What this site has handed over since may be the block of a turn; so may what the link has taken with it.
        let era = m.reg("era", 16, 0);
        let was_ok = m.reg("was_ok", 1, 0);
        was_ok.set(link_ok);
        when(handed_over | (was_ok & !link_ok), || era.set(era + 1));
        let same_era = (link_ok & late("era_now", found.generation.eq(era))).named("same_era");
        // A block that was requested is pending in every generation.
        let present = (held & (same_link | (cur.request & link_ok))).named("present");
        let ahead = (seq - found.seq).named("ahead");
        let this = late("this_use", ahead.eq(0));
        let before = late("use_before", ahead.bit(31));
        let later = (!this & !before).named("later");
        let low = |e: E| e.trunc(COMMIT_SEQ_BITS);
        let ends = late("trail_ends", low(seq).eq(low(found.seq)));
        let named = any_of(&[is_commit & this, is_trail & ends, is_use & later]).named("named");
        let commit = (named & present & in_table & busy).named("commit");
        let gone = (is_scan & held & !same_link & !cur.request).named("gone");
        let age = (now - found.since).named("age");
        let due = late("due", age.ge(ask_cycles));

        // A request that found its block locked.
        let again = (is_ask & held & cur.request & this).named("again");
        let hand_over = (is_ask & is_kind(TURN) & this & same_era).named("hand_over");
        let waits = (is_ask & is_kind(QUEUED)).named("waits");
        let waiting = m.reg("waiting", clog2(turns + 1), 0);
        let place = is_kind(NONE) | (later & !is_kind(QUEUED));
        let keep = (is_ask & place & waiting.ne(turns) & in_table & link_ok).named("keep");
        let lost_turn = (is_scan | is_ask) & is_kind(TURN) & !same_era;
        let lost_turn = lost_turn | (is_scan & is_kind(TURN) & due);
        let passed = is_kind(TURN) & ((is_ask & later) | is_hold | (is_use & later));
        let drop_turn = (lost_turn | passed).named("drop_turn");
        when(busy & drop_turn, || turn_dropped.set(1));
        let implied = held & (is_hold | (is_ask & later));
        let release = (busy & (commit | gone | implied | drop_turn)).named("release");
        when(release, || {
            write.set(1);
            next.set("kind", NONE);
            m_release.send(LockRel { lun: cur.lun, lba: cur.lba, exclusive: lit(1, 1) }.pack());
            when(held & cur.request, || m_resolved.send(Resolved { lun: cur.lun, lba: cur.lba }.pack()));
        });
        when(commit | (busy & implied & present), || committed.set(1));
        when((is_commit | is_trail) & !commit, || stale.set(1));
        when(is_hold | keep, || {
            write.set(1);
            next.set("kind", mux(keep, lit(QUEUED, 2), lit(HELD, 2)));
            next.set("request", hold.request & !keep);
            next.set("generation", mux(keep, era, generation));
            next.set("seq", mux(keep, asks.seq, hold.seq));
            next.set("lun", mux(keep, asks.lun, hold.lun));
            next.set("lba", mux(keep, asks.lba, hold.lba));
            next.set("since", now);
        });
        when(keep, || {
            turn_kept.set(1);
            let id = cat(&[lit(FIRST_HOLDER >> SLOT_W, HOLDER_W - SLOT_W), slot]);
            m_lock.send(LockReq { id, lun: asks.lun, lba: asks.lba, exclusive: lit(1, 1), at_once: zero(1) }.pack());
        });
        when(hand_over, || {
            write.set(1);
            next.set("kind", NONE);
        });
        // A turn that waits, and whose slot shows a later use, is not wanted any more: it gives its lock back when it gets it.
        when(is_kind(QUEUED) & later & (is_ask | is_use) & in_table, || {
            write.set(1);
            next.set("request", 1);
        });
        // A turn has won its lock. If its word has become another's, the lock goes back.
        let same_block = late("same_block", found.lun.eq(granted.lun) & found.lba.eq(granted.lba));
        let mine = is_kind(QUEUED) & same_block & !cur.request & same_era;
        when(is_grant, || {
            when(mine, || {
                write.set(1);
                next.set("kind", TURN);
                next.set("since", now);
            })
            .otherwise(|| {
                turn_dropped.set(1);
                when(is_kind(QUEUED) & (cur.request | !same_era), || {
                    write.set(1);
                    next.set("kind", NONE);
                });
                m_release.send(LockRel { lun: granted.lun, lba: granted.lba, exclusive: lit(1, 1) }.pack());
            });
        });
        waiting.set(waiting + keep.zext(waiting.width()) - is_grant.zext(waiting.width()));

        // The mirror hears what becomes of its buffer, the peer what becomes of its request.
        let verdict = m.reg("verdict", 1, 0);
        let verdict_q = m.reg_nr("verdict_q", Verdict::WIDTH);
        verdict.set(is_ask);
        verdict_q.set(Verdict { buf: asks.buf, go: hand_over }.pack());
        verdict_valid.set(verdict);
        verdict_data.set(verdict_q);
        let stale_ask = (before & !is_kind(NONE)).named("stale_ask");
        when(is_ask & !hand_over & link_ok & !stale_ask, || {
            let answer = TxCtl {
                ftype: mux(again, lit(FrameType::Ack.code(), 4), lit(FrameType::Busy.code(), 4)),
                code: (keep | (waits & this)).zext(8),
                slot,
                seq: asks.seq,
                t_ref: asks.t_last,
                lun: zero(LUN_W),
                epoch: zero(32),
                lba_high: zero(LBA_W - 32),
            };
            m_ctl.send(answer.pack());
        });

        // Ask, and be awake when that is near.
        let ask = (is_scan & present & due).named("ask");
        when(ask, || {
            write.set(1);
            next.set("since", now);
            let question = TxCtl {
                ftype: lit(FrameType::AskCommit.code(), 4),
                code: zero(8),
                slot,
                seq: cur.seq,
                t_ref: now,
                lun: zero(LUN_W),
                epoch: zero(32),
                lba_high: zero(LBA_W - 32),
            };
            m_ctl.send(question.pack());
        });
        let horizon = lit((JUMP_PERIODS + 3) * p.period as u64, 32);
        let due_soon = late("due_soon", ask_cycles.lt(horizon) | age.ge(ask_cycles - horizon));
        let near = (is_scan & (present | is_kind(TURN)) & due_soon).named("near");
        let calm = m.reg("calm", 32, 0);
        let settled = calm.ge(p.period + 2).named("settled");
        when((go & !take_scan) | near | filling | release, || calm.set(0)).elsewhen(!settled, || calm.set(calm + 1));
        quiet.set(settled & (!busy | is_scan));
        m.prove("an_event_finds_room", !stages.under_way() | !m_release.full());
        m.prove("a_release_has_room", !release | !m_release.full());
    })
}
