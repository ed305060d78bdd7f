//! `admit`: what may begin, and who owns: every admission, and every change of owner, one after the other.
//!
//! ```text
//!               +----------------------+---> m_dir      lookup wanted (s_dir: its answer)
//!    s_grant -->|  lock had: own op    |---> m_admit    to slots
//!    s_claim -->|  lock had: request   |---> m_claimed  to mirror
//! s_resolved -->|  a write has ended   |---> m_update, lun_update   a change of owner
//!    s_frame -->|  OWN_REQ, GRANT,     |---> m_own      OWN_REQ, GRANT, TAKEN frames
//!               |  TAKEN               |
//!      s_job -->|  acquire, release    |---> m_local    to slots: done
//!               |                      |---> m_note     whose write was admitted, to follow
//!               +----------------------+
//! ```
//!
//! **Theory.** Each event asks the directory about its address, and is decided in one step with the answer; so no write is
//! admitted between the moment in which an extent is closed and the one in which it is handed over. A count for each extent,
//! and one for each LUN, says how many writes this site has admitted as owner and not resolved. An own write is resolved when
//! both stores have it, a request of the peer's with its COMMIT (R6).
//!
//! | event | of this site's extent | of the peer's |
//! |---|---|---|
//! | lock of an own write | open: counted. Closing: `closing`, it waits | a request |
//! | claim of a request | open, and in the claim's epoch: counted, go | not the owner |
//! | resolved | one less; none left of a closing one: granted | |
//! | OWN_REQ | idle: granted. Busy: closing, BUSY. Of another epoch: nothing (R9) | of an epoch before: GRANT again (R10) |
//! | GRANT | had before: answered again | of the next epoch: taken. Otherwise nothing (R9) |
//! | acquire | done. Closing: not yet (status Locked) | OWN_REQ |
//! | release | idle: granted. Busy: closing, not yet | done; a repeat: GRANT again |
//!
//! A grant is one step: the entry gets its new owner and the next epoch, and a GRANT frame leaves. Who asked repeats until it is
//! heard: `slots` has a slot for each acquire and each release. The same for a whole LUN, with its generation for the epoch; all
//! its extents are then read as the new owner's. A generation is raised by its default owner alone, unless that has itself
//! asked for the LUN (because the peer owns extents of it): then by the peer alone. So no two grants have one number.
//!
//! The peer's questions wait for 128 cycles when something has been taken, so that the command which wanted it comes first.
//! At most [`CLOSING`] extents are closing at a time; of one more, BUSY alone is said, and it is asked for again. When the link ends, what is closing opens.
//!
//! - Parameters: `slots`, `extents`, `luns`.
//! - Latency: `s_grant` to `m_admit` that of the directory. Throughput: an event in 6 cycles with an idle directory; 8 in a
//!   deep build.
//! - Backpressure: an answer is kept until `m_admit` takes it, and holds up `s_grant` alone; events wait while a frame that they
//!   may make has no room.
//! - Ordering: `s_grant`, then `s_claim`, `s_resolved`, `s_frame`, `s_job`.
//! - Reset: forgets all; the counts are cleared in `extents` / 8 cycles (`init_done`).
//! - Errors: frames without effect: `ev_own_stale`. Epochs and generations end at 65535: REFUSED with EpochSpent.
//! - Source: the project's design, section 5, "Change of owner", rules R6, R9 and R10. Tests: `tests/tests/admit.rs`.

use dyad_spec::{FrameType, Status, regs};

use crate::bundle::own_code::{RELEASE, WHOLE};
use crate::bundle::{
    Admit, Claim, Claimed, DirUpdate, LBA_W, LUN_W, LocalDone, LockGrant, Lookup, LookupReq, LunUpdate, Note, OwnFrame,
    OwnJob, Resolved, SLOT_W,
};
use crate::fields::field;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::next::late;
use crate::stream::{Mailer, event_in, event_out, stream_in, stream_out};

/// Tag of this block's lookups.
pub const TAG: u64 = 1;
/// Extents that can be closing at a time.
pub const CLOSING: usize = 8;
/// Log2 of the counts that share a word, so that a reset clears as many at once.
const LANE_W: usize = 3;
/// Cycles after a change of owner to this site in which the peer's questions wait.
const SETTLE: usize = 128;

crate::bundle! {
    /// Who is told of a hand-over.
    Why {
        /// LUN.
        lun: LUN_W,
        /// Any address of the extent.
        lba: LBA_W,
        /// Slot of the command: the peer's, or for a release this site's.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// See `own_code`.
        code: 2,
    }
}

const CLEAR: u64 = 0;
const IDLE: u64 = 1;
const LOOK: u64 = 2;
const ACT: u64 = 3;
const LUN: u64 = 4;
const TAKE: u64 = 5;
const FETCH: u64 = 6;
const WEIGH: u64 = 7;

// Events, in order of priority.
const GRANT: usize = 0;
const CLAIM: usize = 1;
const RESOLVED: usize = 2;
const REOPEN: usize = 3;
const FRAME: usize = 4;
const JOB: usize = 5;
const EVENTS: usize = 6;

/// Whether `a` comes after `b`, as numbers that wrap.
fn after(a: E, b: E) -> E {
    let ahead = a - b;
    ahead.any() & !ahead.bit(ahead.width() - 1)
}

/// The admission of a card.
///
/// # Panics
/// When `p` is out of range.
pub fn admit(p: &Params) -> Module {
    p.check();
    let count_w = clog2(2 * p.slots) + 1;
    let index_w = clog2(p.extents);
    module("admit", |m| {
        m.doc("Every admission, and every change of owner, one after the other.");
        let site = m.input("site", 1);
        let link_ok = m.input("link_ok", 1);
        let lun_control = m.input("lun_control", 32 * p.luns);
        let s_grant = stream_in(m, "s_grant", LockGrant::WIDTH);
        let s_claim = stream_in(m, "s_claim", Claim::WIDTH);
        let s_resolved = stream_in(m, "s_resolved", Resolved::WIDTH);
        let s_frame = stream_in(m, "s_frame", OwnFrame::WIDTH);
        let s_job = stream_in(m, "s_job", OwnJob::WIDTH);
        let m_dir = stream_out(m, "m_dir", LookupReq::WIDTH);
        let (dir_valid, dir_data) = event_in(m, "s_dir", Lookup::WIDTH);
        let m_admit = stream_out(m, "m_admit", Admit::WIDTH);
        let m_claimed = event_out(m, "m_claimed", Claimed::WIDTH);
        let m_note = event_out(m, "m_note", Note::WIDTH);
        let m_own = Mailer::new(m, "m_own", OwnFrame::WIDTH);
        let m_local = Mailer::new(m, "m_local", LocalDone::WIDTH);
        let update = event_out(m, "m_update", DirUpdate::WIDTH);
        let lun_update = event_out(m, "lun_update", LunUpdate::WIDTH);
        let update_free = m.input("update_free", 1);
        let quiet = m.output("quiet", 1);
        let init_done = m.output("init_done", 1);
        let ev = ["owner_taken", "owner_granted", "own_stale"].map(|name| m.output(format!("ev_{name}"), 1));
        let [ev_taken, ev_granted, ev_stale] = ev;

        let state = m.reg("state", 3, CLEAR);
        let is = |s: u64| state.eq(s);
        let clear_at = m.reg("clear_at", index_w - LANE_W, 0);
        when(is(CLEAR), || {
            clear_at.set(clear_at + 1);
            when(clear_at.all(), || state.set(IDLE));
        });
        init_done.set(!is(CLEAR));

        // What is closing, and for whom.
        let valid: Vec<Var> = (0..CLOSING).map(|i| m.reg(format!("closing_valid{i}"), 1, 0)).collect();
        let index: Vec<Var> = (0..CLOSING).map(|i| m.reg_nr(format!("closing_index{i}"), index_w)).collect();
        let why_ram = m.ram("why_ram", CLOSING, Why::WIDTH);
        let lun_why_ram = m.ram("lun_why_ram", 1 << LUN_W, Why::WIDTH);
        let lun_closing = m.reg("lun_closing", p.luns, 0);
        let lun_asked = m.reg("lun_asked", p.luns, 0);
        let lun_count: Vec<Var> = (0..p.luns).map(|i| m.reg(format!("lun_count{i}"), count_w, 0)).collect();
        let number_of = |onehot: &[E]| {
            let terms = onehot.iter().enumerate().map(|(i, hit)| mux(*hit, lit(i as u64, clog2(CLOSING)), 0));
            terms.reduce(|a, b| a | b).expect("at least one")
        };
        let open_first = priority(&valid.iter().map(|v| v.get()).collect::<Vec<_>>());
        let reopen_at = number_of(&open_first);
        let reopens = Why::unpack_in(p, why_ram.read_async(reopen_at));

        // Choose an event, and ask about its address.
        let grant = LockGrant::unpack_in(p, s_grant.data);
        let claim = Claim::unpack_in(p, s_claim.data);
        let resolved = Resolved::unpack_in(p, s_resolved.data);
        let frame_in = OwnFrame::unpack_in(p, s_frame.data);
        let job_in = OwnJob::unpack_in(p, s_job.data);
        let waits = m.reg("waits", 1, 0);
        let room = !any_of(&[m_own.full(), m_local.full()]);
        // What was taken is not given back before whoever wanted it has had it.
        let since = m.reg("since_taken", clog2(SETTLE), 0);
        let settling = since.any().named("settling");
        when(settling, || since.set(since - 1));
        let wants = [
            s_grant.valid & !waits,
            s_claim.valid,
            s_resolved.valid,
            !link_ok & any_of(&open_first),
            s_frame.valid & room & !(settling & frame_in.ftype.eq(FrameType::OwnReq.code())),
            s_job.valid & room,
        ];
        // A question that waits for the directory stays.
        let stays = m.reg("stays", 1, 0);
        let choice: Vec<Var> = (0..EVENTS).map(|n| m.reg_nr(format!("choice{n}"), 1)).collect();
        let first: Vec<E> =
            priority(&wants).iter().zip(&choice).map(|(new, old)| mux(stays, old.get(), *new)).collect();
        let begins = any_of(&wants) | stays;
        choice.iter().zip(&first).for_each(|(choice, first)| choice.set(*first));
        let places = [
            (grant.lun, grant.lba),
            (claim.lun, claim.lba),
            (resolved.lun, resolved.lba),
            (reopens.lun, reopens.lba),
            (frame_in.lun, frame_in.lba),
            (job_in.lun, job_in.lba),
        ];
        let lun_in = onehot_mux(&first, &places.map(|x| x.0));
        let lba_in = onehot_mux(&first, &places.map(|x| x.1));
        m_dir.valid.set(is(IDLE) & begins);
        stays.set(m_dir.valid & !m_dir.ready);
        m_dir.data.set(LookupReq { lun: lun_in, lba: lba_in, tag: lit(TAG, 4) }.pack());
        let take = (is(IDLE) & m_dir.ready).named("take");
        for (stream, n) in
            [(&s_grant, GRANT), (&s_claim, CLAIM), (&s_resolved, RESOLVED), (&s_frame, FRAME), (&s_job, JOB)]
        {
            stream.ready.set(take & first[n]);
        }
        let kind: Vec<Var> = (0..EVENTS).map(|n| m.reg(format!("kind{n}"), 1, 0)).collect();
        let lun = m.reg_nr("lun", LUN_W);
        let lba = m.reg_nr("lba", LBA_W);
        let grant_q = m.reg_nr("grant_q", LockGrant::WIDTH);
        let claim_q = m.reg_nr("claim_q", Claim::WIDTH);
        let frame_q = m.reg_nr("frame_q", OwnFrame::WIDTH);
        let job_q = m.reg_nr("job_q", OwnJob::WIDTH);
        let reopen_q = m.reg_nr("reopen_q", clog2(CLOSING));
        when(is(IDLE), || {
            kind.iter().zip(&first).for_each(|(kind, first)| kind.set(*first));
            lun.set(lun_in);
            lba.set(lba_in);
            grant_q.set(s_grant.data);
            claim_q.set(s_claim.data);
            frame_q.set(s_frame.data);
            job_q.set(s_job.data);
            reopen_q.set(reopen_at);
        });
        when(take & begins, || state.set(LOOK));
        let of = |n: usize| kind[n].get();

        // The answer: kept, for what is decided a cycle later, with the count.
        let came = Lookup::unpack_in(p, dir_data);
        let mine = (is(LOOK) & dir_valid & came.tag.eq(TAG)).named("mine");
        let answer_q = m.reg_nr("answer_q", Lookup::WIDTH);
        when(mine, || {
            answer_q.set(dir_data);
            state.set(if p.deep { FETCH } else { ACT });
        });
        // Where there are states in between, the count goes into a register first, and then what the decision looks at.
        let late = |name: &str, value: E| late(m, p.deep, name, value);
        when(is(FETCH), || state.set(WEIGH));
        when(is(WEIGH), || state.set(ACT));
        let control_now = lun_control.slice_dyn(lun, 32);
        let control = late("control_q", control_now);
        let default = field(control, regs::LUN_OWNER);
        let generation = field(control, regs::LUN_GENERATION);
        let lun_there = (field(control, regs::LUN_VALID) & !field(control, regs::LUN_LOCAL)).named("lun_there");
        let closes_now = lun_closing.get().at(lun).named("closes_now");
        let closes = late("closes", closes_now);

        // An own operation: the answer goes on at once.
        let granted = LockGrant::unpack_in(p, grant_q.get());
        let admission = |a: &Lookup| {
            let ours = a.valid & a.owner.eq(site);
            let closing = ours & (a.closing | closes_now);
            let counted = ours & !closing & granted.exclusive & !field(control_now, regs::LUN_LOCAL);
            Admit {
                slot: granted.id.slice(0, SLOT_W),
                valid: a.valid,
                owner: a.owner,
                epoch: a.epoch,
                closing,
                counted,
            }
        };
        let ans = Lookup::unpack_in(p, answer_q.get());
        let act = is(ACT).named("act");
        let early = admission(&came);
        // While an answer waits to be taken, all else goes on: what slots waits for may be here.
        let admit_q = m.reg_nr("admit_q", Admit::WIDTH);
        m_admit.valid.set((mine & of(GRANT)) | waits);
        m_admit.data.set(mux(waits, admit_q.get(), early.pack()));
        let counted = m.reg("counted", 1, 0);
        when(mine, || counted.set(of(GRANT) & early.counted));
        when(mine & of(GRANT), || admit_q.set(early.pack()));
        waits.set(m_admit.valid & !m_admit.ready);

        // The counts.
        let entry = mux(mine, came.index, ans.index).trunc(index_w);
        let counts = m.ram("counts", p.extents >> LANE_W, count_w << LANE_W);
        let lane = ans.index.trunc(LANE_W);
        let counts_read = late("counts_f", counts.read(entry.slice(LANE_W, index_w - LANE_W)));
        let count_read = counts_read.slice_dyn(lane, count_w).named("count_read");
        let count = late("count", count_read);
        let ours = (ans.valid & ans.owner.eq(site)).named("ours");
        let claimed = Claim::unpack_in(p, claim_q.get());
        let open = (ours & !ans.closing & !closes).named("open");
        let go = (open & late("epoch_claimed", ans.epoch.eq(claimed.epoch))).named("go");
        let up = counted | (of(CLAIM) & go);
        let down = of(RESOLVED);
        let new = mux(up, count + 1, count - down.zext(count_w)).named("new");
        let lun_writes = select(lun, &lun_count.iter().map(|c| c.get()).collect::<Vec<_>>());
        let lun_now = late("lun_now", lun_writes);
        let lun_new = mux(up, lun_now + 1, lun_now - down.zext(count_w)).named("lun_new");
        // A write that has ended was the last one.
        let none = late("none", count_read.eq(1));
        let lun_none = lun_now.eq(1);

        // What an extent is closed for.
        let at_index = |i: usize| valid[i] & index[i].eq(ans.index.trunc(index_w));
        let hits: Vec<E> = (0..CLOSING).map(|i| late(&format!("hit{i}"), at_index(i))).collect();
        let hit = any_of(&hits).named("hit");
        let spare = priority(&valid.iter().map(|v| !v.get()).collect::<Vec<_>>());
        let at = number_of(&hits);
        let kept = Why::unpack_in(p, why_ram.read_async(at));
        let lun_kept = Why::unpack_in(p, lun_why_ram.read_async(lun.get()));

        // Decisions, as wires.
        let f = OwnFrame::unpack_in(p, frame_q.get());
        let j = OwnJob::unpack_in(p, job_q.get());
        let [is_request, is_grant, is_taken] =
            [("is_request", FrameType::OwnReq), ("is_grant", FrameType::Grant), ("is_taken", FrameType::Taken)]
                .map(|(name, t)| late(name, of(FRAME) & f.ftype.eq(t.code())));
        let whole = mux(of(FRAME), f.code.bit(WHOLE), j.code.bit(WHOLE)).named("whole");
        let release = mux(of(FRAME), f.code.bit(RELEASE), j.code.bit(RELEASE)).named("release");
        let why = Why {
            lun: lun.get(),
            lba: lba.get(),
            slot: mux(of(FRAME), f.slot, j.slot),
            seq: mux(of(FRAME), f.seq, j.seq),
            code: cat(&[release, whole]),
        };
        let hand_over = m.wire_or("hand_over", 1, 0);
        let close = m.wire_or("close", 1, 0);
        let hand_over_lun = m.wire_or("hand_over_lun", 1, 0);
        let close_lun = m.wire_or("close_lun", 1, 0);
        let take_it = m.wire_or("take_it", 1, 0);
        let take_lun = m.wire_or("take_lun", 1, 0);
        let ask = m.wire_or("ask", 1, 0);
        let grant_again = m.wire_or("grant_again", 1, 0);
        let answer_taken = m.wire_or("answer_taken", 1, 0);
        let spent = m.wire_or("spent", 1, 0);
        let not_yet = m.wire_or("not_yet", 1, 0);
        let done = m.wire_or("done", 1, 0);
        let status = m.wire_or("status", 8, Status::Ok.code());
        let stale = m.wire_or("stale", 1, 0);
        let reopen = m.wire_or("reopen", 1, 0);

        // Epochs as this site has them: of the extent, or of the LUN.
        let epoch = mux(whole, cat(&[generation, zero(16)]), ans.epoch).named("epoch");
        let last = late("last_q", mux(whole, generation.all(), ans.epoch.trunc(16).all())).named("last");
        let follows = mux(
            whole,
            (f.epoch.slice(16, 16)).eq(generation + 1) & !generation.all(),
            f.epoch.eq(ans.epoch + 1) & !ans.epoch.trunc(16).all(),
        )
        .named("follows");
        let follows = late("follows_q", follows);
        let same_epoch = late("same_epoch", f.epoch.eq(epoch));
        let older = late("older", after(epoch, f.epoch));
        let newer = late("newer", after(f.epoch, epoch));
        let asked = lun_asked.get().at(lun).named("asked");
        // May this site raise the number? Does the peer hold the right to?
        let of_either = |name: &str, lun: E, extent: E| late(&format!("{name}_q"), mux(whole, lun, extent)).named(name);
        let raises = of_either("raises", !default.eq(site) | !asked, ours);
        let peers = of_either("peers", default.ne(site) | asked, ans.valid & !ours);
        let has = of_either("has", default.eq(site) & !asked, ours);
        let there = of_either("there", lun_there, ans.valid & lun_there);
        let idle = of_either("idle", !lun_writes.any(), !count_read.any());
        let give = || {
            when(last, || spent.set(1))
                .elsewhen(whole, || {
                    hand_over_lun.set(idle);
                    close_lun.set(!idle);
                    not_yet.set(!idle);
                })
                .otherwise(|| {
                    hand_over.set(idle & !closes);
                    close.set(!idle & !closes);
                    not_yet.set(!idle | closes);
                });
        };
        when(is_request, || {
            when(there & same_epoch & raises, give)
                .elsewhen(there & older & !has, || grant_again.set(1))
                .otherwise(|| stale.set(1));
        });
        when(is_grant, || {
            let heard = (has & !newer).named("heard");
            when(there & follows & peers, || {
                take_lun.set(whole);
                take_it.set(!whole);
            });
            when(there & ((follows & peers) | heard), || {
                answer_taken.set(release);
                done.set(!release);
            })
            .otherwise(|| stale.set(1));
        });
        when(is_taken, || done.set(1));
        when(of(JOB), || {
            when(j.local, || done.set(1))
                .elsewhen(!there, || {
                    done.set(1);
                    status.set(Status::BadLba.code());
                })
                .elsewhen(!release, || {
                    // An extent that is ours, and is not about to go.
                    let goes = closes & default.eq(site);
                    when(mux(whole, goes, ours & !open), || not_yet.set(1))
                        .elsewhen(ours & !whole, || done.set(1))
                        .otherwise(|| ask.set(1));
                })
                .elsewhen(mux(whole, default.eq(site), ours), || {
                    when(whole & asked, || not_yet.set(1)).otherwise(give);
                })
                .elsewhen(j.again, || grant_again.set(1))
                .otherwise(|| {
                    done.set(1);
                    when(whole, || status.set(Status::NotOwner.code()));
                });
        });
        when(of(RESOLVED), || {
            hand_over.set(none & ans.closing & ours & hit);
            hand_over_lun.set(lun_none & closes);
        });
        when(of(REOPEN), || reopen.set(1));

        let room_to_close = hit | any_of(&spare);
        let closing = (close & room_to_close).named("closing");

        // What they need: a free update, and room for a frame. The LUN has a step of its own.
        let frames =
            any_of(&[hand_over.get(), ask.get(), grant_again.get(), answer_taken.get(), (spent | not_yet) & of(FRAME)]);
        let updates = any_of(&[hand_over.get(), closing, take_it.get(), take_lun.get(), reopen.get()]);
        let clear = (!updates | update_free) & (!frames | !m_own.full());
        let ends = (act & clear).named("ends");
        when(ends, || state.set(mux(hand_over_lun, lit(LUN, 3), mux(take_lun, lit(TAKE, 3), lit(IDLE, 3)))));
        let lanes: Vec<E> = (0..1 << LANE_W).rev().map(|i| is(CLEAR) | (ends & (up | down) & lane.eq(i))).collect();
        counts.write_lanes(
            cat(&lanes),
            count_w,
            mux(is(CLEAR), clear_at.get(), ans.index.trunc(index_w).slice(LANE_W, index_w - LANE_W)),
            rep(mux(is(CLEAR), zero(count_w), new), 1 << LANE_W),
        );
        for (i, c) in lun_count.iter().enumerate() {
            when(ends & (up | down) & lun.eq(i), || c.set(lun_new));
        }
        // A claim needs neither an update nor a frame: nothing holds up its answer.
        let claim_ends = (act & of(CLAIM)).named("claim_ends");
        m.prove("a_claim_ends_at_once", !claim_ends | ends);
        m_claimed.0.set(claim_ends);
        m_claimed.1.set(Claimed { buf: claimed.buf, go }.pack());
        m_note.0.set(ends & up);
        m_note.1.set(Note { index: ans.index, lun: lun.get(), lba: lba.get(), theirs: of(CLAIM) }.pack());

        // The directory.
        let lun_ends = (is(LUN) & update_free & !m_own.full()).named("lun_ends");
        // What decides that a LUN is taken is too long a path for its registers to follow in the same cycle.
        let lun_taken = (is(TAKE) & update_free).named("lun_taken");
        when(lun_ends | lun_taken, || state.set(IDLE));
        update.0.set(ends & ans.valid & (updates & !take_lun));
        let owner = mux(reopen, ans.owner, mux(take_it | closing, site, !site));
        let new_epoch = mux(hand_over | take_it, ans.epoch.trunc(16) + 1, ans.epoch.trunc(16));
        let (lun_at, lba_at) = (lun.get(), lba.get());
        update.1.set(DirUpdate { lun: lun_at, lba: lba_at, owner, epoch: new_epoch, closing }.pack());
        lun_update.0.set(lun_taken | lun_ends);
        let lun_owner = mux(is(LUN), !site, site);
        lun_update.1.set(LunUpdate { lun: lun_at, owner: lun_owner, generation: generation + 1 }.pack());

        // What is closing.
        // Another one that waits for the same extent asks again.
        let other = hit & (kept.slot.ne(why.slot) | kept.code.ne(why.code));
        let note = (ends & closing & !other).named("note");
        let slot_of = mux(hit, at, number_of(&spare));
        why_ram.write(note, slot_of, why.pack());
        lun_why_ram.write(ends & close_lun, lun.get(), why.pack());
        for i in 0..CLOSING {
            let gone = ends & hits[i] & ((down & none) | hand_over);
            when(gone | (ends & reopen & reopen_q.eq(i)), || valid[i].set(0));
            when(note & slot_of.eq(i), || {
                valid[i].set(1);
                index[i].set(ans.index.trunc(index_w));
            });
        }
        let here: Vec<E> = (0..p.luns).map(|i| lun.eq(i)).collect();
        let mask = cat(&here.iter().rev().copied().collect::<Vec<_>>());
        when(ends & close_lun, || lun_closing.set(lun_closing | mask));
        when(ends & ask & whole & default.eq(site), || lun_asked.set(lun_asked | mask));
        when(lun_ends | (ends & take_lun), || {
            lun_closing.set(lun_closing & !mask);
            lun_asked.set(lun_asked & !mask);
        });
        when(!link_ok, || lun_closing.set(0));

        // Frames, and ends of commands.
        let told_by = mux(of(RESOLVED), kept.pack(), why.pack());
        let told_why = Why::unpack_in(p, mux(is(LUN) & down, lun_kept.pack(), told_by));
        let ftype = |t: FrameType| lit(t.code(), 4);
        let of_lun = is(LUN).named("of_lun");
        let special = [spent.get(), not_yet.get(), ask.get(), answer_taken.get()];
        let kinds = [special[0], special[1], special[2], special[3], !any_of(&special)];
        let types = [FrameType::Refused, FrameType::Busy, FrameType::OwnReq, FrameType::Taken, FrameType::Grant];
        when((ends & frames) | lun_ends, || {
            m_own.send(
                OwnFrame {
                    ftype: onehot_mux(&kinds, &types.map(ftype)),
                    code: mux(spent, lit(Status::EpochSpent.code(), 8), mux(not_yet, 0, told_why.code.zext(8))),
                    slot: told_why.slot,
                    seq: told_why.seq,
                    lun: lun_at,
                    lba: lba_at,
                    epoch: mux(
                        of_lun,
                        cat(&[generation + 1, zero(16)]),
                        mux(hand_over, ans.epoch + 1, mux(answer_taken, f.epoch, epoch)),
                    ),
                }
                .pack(),
            );
        });
        let told_so = of(JOB) & (spent | not_yet);
        when(ends & (done | told_so), || {
            let code = mux(not_yet, lit(Status::Locked.code(), 8), mux(spent, Status::EpochSpent.code(), status));
            m_local.send(LocalDone { slot: why.slot, status: code, crc: why.seq, own: lit(1, 1) }.pack());
        });
        when(ends & (take_it | take_lun), || since.set(SETTLE - 1));
        ev_taken.set(ends & (take_it | take_lun));
        ev_granted.set((ends & hand_over) | lun_ends);
        ev_stale.set(ends & stale);
        let waiting = any_of(&[s_grant.valid, s_claim.valid, s_resolved.valid, s_frame.valid, s_job.valid]);
        quiet.set(is(IDLE) & !waiting & !waits & !m_own.full() & !m_local.full());
        m.prove("an_answer_is_waited_for", !(dir_valid & came.tag.eq(TAG)) | is(LOOK));
        m.prove("a_count_is_not_below_none", !(ends & down) | count.any());
    })
}
