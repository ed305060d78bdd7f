//! `mirror`: the peer's blocks, from frames to the local store.
//!
//! ```text
//!            +--------------------------------------+---> m_dir     lookup wanted (s_dir: its answer)
//!  s_head -->|  choose a gather buffer              |---> m_lock    lock wanted (s_grant, s_nack)
//!  s_beat -->|  place the payload                   |---> m_home    whole block, to home
//!   s_end -->|  whole and verified?                 |---> m_hold    in the store, to pending (m_release: not to be shown)
//!  s_done -->|  lock, write home, acknowledge       |---> m_ctl     ACK, BUSY, REFUSED, NOT_OWNER frames
//!            |                                      |---> m_use     a slot is used
//!            +--------------------------------------+---> m_ask     a request whose block is locked, to pending
//!                rd_en, rd_addr -> rd_data   (home reads the gather RAM; s_verdict: what becomes of a request)
//!                m_claim: a request has its lock (s_claimed: may it go?); m_resolved: it is over without a COMMIT
//! ```
//!
//! A frame brings a whole block or one of three parts, or says that the block is all zeroes; parts are placed where they belong,
//! in any order. When a buffer
//! holds a whole block, and each frame of it was verified, and the directory says that the peer owns the block in the
//! epoch that the frames name, the block's lock is taken, the block goes home in one go, and when the store has
//! answered, it is acknowledged, and handed over to `pending` with its lock. For each slot of the peer a table keeps the
//! sequence last answered: a repeat of it is acknowledged again and not applied, an older one is dropped.
//!
//! A WRITE comes for a block that the peer owns, a REQUEST for one that this site owns. A WRITE waits for its lock, which
//! readers hold. A REQUEST does not wait, for writes of this site hold the lock for a round trip, and gather buffers are few:
//! where the block is locked, `pending` is asked (`m_ask`), which keeps the peer's turn and answers the peer, or says that the
//! lock is held for this very request (`s_verdict`). A REQUEST that has its lock asks `admit`, which looks its block up again:
//! it is told NOT_OWNER when this site does not own the block any more, or is about to hand it over. So is a frame whose owner or
//! epoch is not what the directory says when it comes.
//!
//! | frame of | does |
//! |---|---|
//! | an older sequence than the last answered | dropped, `ev_stale` |
//! | the sequence last answered | acknowledged again, `ev_duplicate` |
//! | a block that is whole, and waits for lock or store | dropped, `ev_duplicate` |
//! | a part that is there already | dropped, `ev_duplicate` |
//! | a whole block of which parts are there | placed; the parts do not count any more |
//! | a block that has a buffer | placed |
//! | a new block | gets a free buffer, or that of the oldest unfinished block (`ev_evicted`), or BUSY |
//!
//! - Parameters: `DATA_W`, `STORE_W`, `mirror_bufs`.
//! - Interface: `s_head`, `s_beat`, `s_end` as `eth_rx` makes them: the first beat comes 3 cycles after its head or later,
//!   the end after the last beat, and the next head one cycle before that end or later.
//! - Latency: end of the last frame to `m_lock` 1 cycle; grant to `m_home` 1; store's answer to `m_ctl` 2, to `m_hold`
//!   or `m_release` 2.
//! - Throughput: line rate: the payload is never held up.
//! - Backpressure: `m_release` needs room for a release of every buffer, for grants are taken only where one has room.
//!   None towards the wire. Short frames wait in a FIFO of 64; when it is full, answers that the peer
//!   would ask for again are dropped and counted (`ev_overrun`), others wait.
//! - Ordering: blocks of one address go home in the order of their locks. The peer has one write of a block at a time.
//! - Reset: forgets all but the table, whose entries are valid in their link generation alone.
//! - A link that goes down, or gets another generation: unfinished buffers are freed. Whole blocks go home, but are
//!   neither acknowledged nor noted in the table: in the new generation the same slot and sequence may mean another block.
//!   A request that has gone home is handed to `pending` all the same: the peer has it in its staging area and sends it again,
//!   and until then nobody may see it. One that has its lock and has not gone home is dropped, and the lock given back.
//! - Errors: see the table; a store error is told to the peer by REFUSED, and fences the LUN here (`ev_store_error` with
//!   `fence_lun`). A slot that the table has no room for is refused like a LUN that is not there.
//! - Source: the project's design, sections 4 and 5, rules R1 and R2. Tests: `tests/tests/mirror.rs`.

use dyad_spec::wire::{OFFSET_UNIT, PARTS_STANDARD};
use dyad_spec::{BLOCK_BYTES, FrameType, Status, regs};

use super::seq_check::seq_check;
use crate::bundle::{
    Ask, Claim, Claimed, HOLDER_W, Hold, HomeJob, LBA_W, LUN_W, LockGrant, LockRel, LockReq, Lookup, LookupReq,
    Resolved, RxEnd, RxHead, SLOT_W, SlotUse, TX_SHORT_W, TxCtl, Verdict,
};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::stream::{Mailer, event_in, event_out, stream_in, stream_out};

/// Tag of this block's lookups.
pub const TAG: u64 = 0;
/// First lock holder that is a mirror buffer.
pub const FIRST_HOLDER: u64 = 4096;

const FREE: u64 = 0;
const GATHER: u64 = 1;
const WHOLE: u64 = 2;

/// What to do with the frame under way.
const DROP: u64 = 0;
const PLACE: u64 = 1;
const ANSWER_AGAIN: u64 = 2;
const SAY_BUSY: u64 = 3;

fn index_of(onehot: &[E]) -> E {
    let mut index = zero(4);
    for (i, hit) in onehot.iter().enumerate() {
        index = index | mux(*hit, lit(i as u64, 4), 0);
    }
    index
}

/// The mirror of a card.
pub fn mirror(p: &Params) -> Module {
    let (d, s) = (p.data_w, p.store_w);
    let (lanes, n) = (s / d, p.mirror_bufs);
    let word_bits = clog2(p.store_beats());
    module(p.named("mirror"), |m| {
        m.doc("The peer's blocks, from frames to the local store.");
        let now_gen = m.input("generation", 16);
        let site = m.input("site", 1);
        let link_ok = m.input("link_ok", 1);
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let lun_control = m.input("lun_control", 32 * p.luns);
        let (head_valid, head_data) = event_in(m, "s_head", RxHead::WIDTH);
        let (beat_valid, beat_data) = event_in(m, "s_beat", d);
        let (end_valid, end_data) = event_in(m, "s_end", RxEnd::WIDTH);
        let m_dir = event_out(m, "m_dir", LookupReq::WIDTH);
        let (dir_valid, dir_data) = event_in(m, "s_dir", Lookup::WIDTH);
        let m_lock = stream_out(m, "m_lock", LockReq::WIDTH);
        let s_grant = stream_in(m, "s_grant", LockGrant::WIDTH);
        let (nack_valid, nack_data) = event_in(m, "s_nack", HOLDER_W);
        let m_release = Mailer::new(m, "m_release", LockRel::WIDTH);
        let m_hold = Mailer::new(m, "m_hold", Hold::WIDTH);
        let m_use = event_out(m, "m_use", SlotUse::WIDTH);
        let m_ask = Mailer::new(m, "m_ask", Ask::WIDTH);
        let (verdict_valid, verdict_data) = event_in(m, "s_verdict", Verdict::WIDTH);
        let m_claim = Mailer::new(m, "m_claim", Claim::WIDTH);
        let (claimed_valid, claimed_data) = event_in(m, "s_claimed", Claimed::WIDTH);
        let m_resolved = Mailer::new(m, "m_resolved", Resolved::WIDTH);
        let m_home = stream_out(m, "m_home", HomeJob::WIDTH);
        let (done_valid, done_data) = event_in(m, "s_done", 5);
        let m_ctl = stream_out(m, "m_ctl", TxCtl::WIDTH);
        let rd_en = m.input("rd_en", 1);
        let rd_addr = m.input("rd_addr", 4 + word_bits);
        let rd_data = m.output("rd_data", s);
        let quiet = m.output("quiet", 1);
        let names = ["bad_lun", "bad_epoch", "stale", "duplicate", "evicted", "mirrored", "store_error", "overrun"];
        let evs = names.map(|name| m.output(format!("ev_{name}"), 1));
        let ev = |name: &str| evs[names.iter().position(|k| *k == name).expect("an event of mirror")];

        // Buffers.
        let bit_reg = |name: String, w: usize| m.reg(name, w, 0);
        let state: Vec<Var> = (0..n).map(|i| bit_reg(format!("state{i}"), 2)).collect();
        let parts: Vec<Var> = (0..n).map(|i| bit_reg(format!("parts{i}"), 3)).collect();
        let slot: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("slot{i}"), SLOT_W)).collect();
        let seq: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("seq{i}"), 32)).collect();
        let lun: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("lun{i}"), LUN_W)).collect();
        let lba: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("lba{i}"), LBA_W)).collect();
        let t_last: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("t_last{i}"), 32)).collect();
        // The peer asks this site to write it.
        let request: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("request{i}"), 1)).collect();
        // The epoch that its frames name.
        let epochs = m.ram("epochs", n, 32);
        // Its frame stands for a block of zeroes.
        let zeroes: Vec<Var> = (0..n).map(|i| m.reg_nr(format!("zeroes{i}"), 1)).collect();
        // Of an earlier link: goes home unanswered.
        let past: Vec<Var> = (0..n).map(|i| bit_reg(format!("past{i}"), 1)).collect();
        // Bit j of `elder[i]`: buffer i was taken before buffer i + 1 + j.
        let elder: Vec<Var> = (0..n - 1).map(|i| bit_reg(format!("elder{i}"), n - 1 - i)).collect();
        let before = |i: usize, j: usize| if i < j { elder[i].bit(j - i - 1) } else { !elder[j].bit(i - j - 1) };
        let all = |v: &[Var]| v.iter().map(|x| x.get()).collect::<Vec<E>>();

        // The link has ended, or another one has begun.
        let was_ok = m.reg("was_ok", 1, 0);
        let was_generation = m.reg_nr("was_generation", 16);
        was_ok.set(link_ok);
        was_generation.set(now_gen);
        let cut = ((was_ok & !link_ok) | was_generation.ne(now_gen)).named("cut");

        // A head comes: ask the directory.
        let head = RxHead::unpack_in(p, head_data);
        m_dir.0.set(head_valid);
        m_dir.1.set(LookupReq { lun: head.lun.slice(0, LUN_W), lba: head.lba, tag: lit(TAG, 4) }.pack());
        let ask_valid = m.reg("ask_valid", 1, 0);
        let ask_q = m.reg_nr("ask_q", RxHead::WIDTH);
        ask_valid.set(head_valid & !cut);
        ask_q.set(head_data);

        // One cycle later, in which the frame before may end: ask the table, compare with the buffers. Two cycles later the
        // buffers show what that end made of them.
        let ask = RxHead::unpack_in(p, ask_q.get());
        let slot_bits = clog2(p.slots);
        let seqs = m.inst("u_seq_check", &seq_check(p.slots));
        seqs.set("generation", now_gen);
        seqs.set("ask_slot", ask.slot.slice(0, slot_bits));
        let slot_ok = if slot_bits == SLOT_W { ones(1) } else { !ask.slot.slice(slot_bits, SLOT_W - slot_bits).any() };
        let discard = m.wire("discard", 1);
        let cur = m.reg("cur", 4, 0);
        let here: Vec<E> = (0..n).map(|i| cur.eq(i)).collect();
        let h_valid = m.reg("h_valid", 1, 0);
        let h_q = m.reg_nr("h_q", RxHead::WIDTH);
        let h_in_range = m.reg("h_in_range", 1, 0);
        let h_slot_ok = m.reg("h_slot_ok", 1, 0);
        let h_hit: Vec<Var> = (0..n).map(|i| m.reg(format!("h_hit{i}"), 1, 0)).collect();
        h_valid.set(ask_valid & !cut);
        when(ask_valid, || {
            h_q.set(ask_q);
            let local = lun_control.slice_dyn(ask.lun.slice(0, LUN_W), 32).slice(regs::LUN_LOCAL.lsb, 1);
            h_in_range.set(ask.lun.lt(p.luns) & !local & slot_ok);
            h_slot_ok.set(slot_ok);
            for (i, h) in h_hit.iter().enumerate() {
                let ends = here[i] & discard;
                h.set(state[i].ne(FREE) & slot[i].eq(ask.slot) & seq[i].eq(ask.seq) & !ends);
            }
        });

        // Decide. A buffer that is free by now has just gone home, and the table as it was read does not know it yet.
        let h = RxHead::unpack_in(p, h_q.get());
        seqs.set("ask_seq", h.seq);
        let same = (h_slot_ok & seqs.get("same")).named("same");
        let older = (h_slot_ok & seqs.get("older")).named("older");
        let hits: Vec<E> = all(&h_hit);
        let hit = any_of(&hits).named("hit");
        let hit_state = onehot_mux(&hits, &all(&state));
        let hit_parts = onehot_mux(&hits, &all(&parts));
        let free = priority(&state.iter().map(|x| x.eq(FREE)).collect::<Vec<_>>());
        let any_free = any_of(&free).named("any_free");
        let gathering: Vec<E> = state.iter().map(|x| x.eq(GATHER)).collect();
        let any_gather = any_of(&gathering).named("any_gather");
        // The oldest unfinished one: it was taken before all others that gather.
        let oldest: Vec<E> = (0..n)
            .map(|i| {
                let rivals = (0..n).filter(|j| *j != i).map(|j| gathering[j] & !before(i, j));
                gathering[i] & !any_of(&rivals.collect::<Vec<_>>())
            })
            .collect();
        let whole_frame = h.length.eq(BLOCK_BYTES / OFFSET_UNIT) | h.zeroes;
        let mut part = zero(3);
        for (i, (offset, _)) in PARTS_STANDARD.iter().enumerate() {
            part = part | mux(h.offset.eq(offset / OFFSET_UNIT), lit(1 << i, 3), 0);
        }
        let part = mux(whole_frame, lit(7, 3), part).named("part");
        let action = m.reg("action", 2, DROP);
        let fresh = m.reg("fresh", 1, 0);
        let cur_part = m.reg("cur_part", 3, 0);
        let f_q = m.reg_nr("f_q", RxHead::WIDTH);
        let beat_no = m.reg("beat_no", clog2(p.block_beats()), 0);
        let lane_bits = clog2(lanes);
        let beats_per_unit = OFFSET_UNIT * 8 / d;
        let drop = m.wire_or("drop", 1, 0);
        let evict = m.wire_or("evict", 1, 0);
        when(h_valid, || {
            f_q.set(h_q);
            fresh.set(0);
            cur_part.set(part);
            let first = h.offset.zext(16).shl(clog2(beats_per_unit));
            beat_no.set(first.resize(clog2(p.block_beats())));
            when(older, || action.set(DROP))
                .elsewhen(same, || action.set(ANSWER_AGAIN))
                .elsewhen(hit, || {
                    cur.set(index_of(&hits));
                    let useful = hit_state.eq(GATHER) & (whole_frame | !(hit_parts & part).any());
                    action.set(mux(useful, lit(PLACE, 2), lit(DROP, 2)));
                    drop.set(!useful);
                    for (hit, parts) in hits.iter().zip(&parts) {
                        when(*hit & useful & whole_frame, || parts.set(0));
                    }
                })
                .elsewhen(any_free | any_gather, || {
                    action.set(PLACE);
                    fresh.set(1);
                    let pick: Vec<E> = (0..n).map(|i| mux(any_free, free[i], oldest[i])).collect();
                    cur.set(index_of(&pick));
                    evict.set(!any_free);
                    for i in 0..n {
                        when(pick[i], || {
                            state[i].set(GATHER);
                            parts[i].set(0);
                            slot[i].set(h.slot);
                            seq[i].set(h.seq);
                            lun[i].set(h.lun.slice(0, LUN_W));
                            lba[i].set(h.lba);
                            request[i].set(h.request);
                            past[i].set(0);
                            elder.get(i).inspect(|later| later.set(0));
                            (0..i).for_each(|j| elder[j].set_slice(i - j - 1, ones(1)));
                        });
                    }
                })
                .otherwise(|| action.set(SAY_BUSY));
        });
        ev("stale").set(h_valid & older);
        ev("evicted").set(evict);
        let dir_q = m.reg_nr("dir_q", Lookup::WIDTH);
        when(dir_valid & Lookup::unpack_in(p, dir_data).tag.eq(TAG), || dir_q.set(dir_data));

        // The payload.
        let ram = m.ram("gather", n * p.store_beats(), s).collisions_undefined();
        let write = (beat_valid & action.eq(PLACE)).named("write");
        let lane = beat_no.slice(0, lane_bits);
        let lane_en: Vec<E> = (0..lanes).rev().map(|i| write & lane.eq(i)).collect();
        let word = cat(&[cur.slice(0, clog2(n)), beat_no.slice(lane_bits, word_bits)]);
        ram.write_lanes(cat(&lane_en), d, word, rep(beat_data, lanes));
        rd_data.set(ram.read_en(rd_en, rd_addr.slice(0, clog2(n) + word_bits)));
        when(beat_valid, || beat_no.set(beat_no + 1));

        // The frame's end.
        let end = RxEnd::unpack(end_data);
        let f = RxHead::unpack_in(p, f_q.get());
        let place = action.eq(PLACE);
        let parts_now = (onehot_mux(&here, &all(&parts)) | cur_part).named("parts_now");
        let ends_good = (end_valid & end.good).named("ends_good");
        let whole = (ends_good & place & parts_now.all()).named("whole");
        let dir = Lookup::unpack_in(p, dir_q.get());
        let lun_ok = (dir.valid & h_in_range).named("lun_ok");
        let epoch_ok = (dir.owner.eq(site).eq(f.request) & dir.epoch.eq(f.epoch)).named("epoch_ok");
        let accept = (whole & lun_ok & epoch_ok & link_ok & !cut).named("accept");
        let refuse = (whole & !(lun_ok & epoch_ok)).named("refuse");
        epochs.write(accept, cur.slice(0, clog2(n)), f.epoch);
        discard.set(end_valid & place & ((fresh & !end.good) | (whole & !accept)));
        for i in 0..n {
            when(here[i] & ends_good & place, || {
                parts[i].set(parts_now);
                t_last[i].set(end.t_last);
            });
            when(here[i] & accept, || {
                state[i].set(WHOLE);
                zeroes[i].set(f.zeroes);
            });
            when(here[i] & discard, || state[i].set(FREE));
        }
        when(end_valid, || action.set(DROP));
        m_use.0.set(ends_good & h_slot_ok);
        m_use.1.set(SlotUse { slot: f.slot, seq: f.seq }.pack());
        let again = (ends_good & action.eq(ANSWER_AGAIN)).named("again");
        let busy = (ends_good & action.eq(SAY_BUSY)).named("busy");
        ev("duplicate").set(drop | again);
        ev("bad_lun").set(refuse & !lun_ok);
        ev("bad_epoch").set(refuse & lun_ok);

        // Lock: whole blocks in their order.
        let wanted = m.inst("u_wanted", &fifo(16, 4));
        wanted.set("s_valid", accept);
        wanted.set("s_data", cur.get());
        let want = wanted.get("m_data");
        let by = |index: E, v: &[Var]| onehot_mux(&(0..n).map(|i| index.eq(i)).collect::<Vec<_>>(), &all(v));
        m_lock.valid.set(wanted.get("m_valid"));
        m_lock.data.set(
            LockReq {
                id: cat(&[lit(FIRST_HOLDER >> 4, HOLDER_W - 4), want]),
                lun: by(want, &lun),
                lba: by(want, &lba),
                exclusive: lit(1, 1),
                at_once: by(want, &request),
            }
            .pack(),
        );
        wanted.set("m_ready", m_lock.ready);

        // Home.
        // A lock that was granted, or handed over by `pending`. That of a request is claimed first.
        let grant = LockGrant::unpack_in(p, s_grant.data);
        let verdict = Verdict::unpack(verdict_data);
        let handed = m.inst("u_handed", &fifo(n.max(2), 4));
        handed.set("s_valid", verdict_valid & verdict.go);
        handed.set("s_data", verdict.buf);
        let claimed = m.inst("u_claimed", &fifo(n.max(2), Claimed::WIDTH));
        claimed.set("s_valid", claimed_valid);
        claimed.set("s_data", claimed_data);
        let verdict_of = Claimed::unpack(claimed.get("m_data"));
        let home_full = m.reg("home_full", 1, 0);
        let home_q = m.reg_nr("home_q", HomeJob::WIDTH);
        let home_free = !home_full | m_home.ready;
        // What has been claimed goes on first, then what was handed over, then what was granted.
        let decided = claimed.get("m_valid").named("decided");
        let over = (handed.get("m_valid") & !decided).named("over");
        let fresh_grant = s_grant.valid & !decided & !over;
        let holder =
            mux(decided, verdict_of.buf, mux(over, handed.get("m_data"), grant.id.slice(0, 4))).named("holder");
        let requested = by(holder, &request).named("requested");
        // A request of an earlier link does not go home any more, unless it has been admitted.
        let late = (by(holder, &past) & requested & !decided).named("late");
        let refused = (decided & !verdict_of.go).named("refused");
        let dones_wait = m.wire("dones_wait", 1);
        let answers_wait = m.wire("answers_wait", 1);
        // Rare: no ready of another block is in this path.
        let may_release = !m_release.full() & !dones_wait;
        let may_refuse = may_release & !answers_wait;
        let claims = (requested & !decided & !late).named("claims");
        let ready = [
            late & may_release,
            claims & !m_claim.full(),
            refused & may_refuse,
            !late & !claims & !refused & home_free,
        ];
        let step = any_of(&ready).named("step");
        s_grant.ready.set(step & !decided & !over);
        handed.set("m_ready", step & !decided);
        claimed.set("m_ready", step);
        let moved = (step & (decided | over | fresh_grant)).named("moved");
        let given_up = (moved & late).named("given_up");
        let turned_away = (moved & refused).named("turned_away");
        m_home.valid.set(home_full);
        m_home.data.set(home_q);
        when(m_home.ready, || home_full.set(0));
        when(given_up | turned_away, || {
            let release = LockRel { lun: by(holder, &lun), lba: by(holder, &lba), exclusive: lit(1, 1) };
            m_release.send(release.pack());
        });
        let epoch = epochs.read_async(holder.slice(0, clog2(n)));
        when(moved & claims, || {
            m_claim.send(Claim { buf: holder, lun: by(holder, &lun), lba: by(holder, &lba), epoch }.pack());
        });
        let goes_home = (moved & !late & !claims & !refused).named("goes_home");
        when(goes_home, || {
            home_full.set(1);
            let block = store_base.slice_dyn(by(holder, &lun), LBA_W) + by(holder, &lba);
            home_q.set(HomeJob { buf: holder, block, zeroes: by(holder, &zeroes) }.pack());
        });

        // The store has answered: table, lock, acknowledgement, buffer.
        let dones = m.inst("u_dones", &fifo(16, 5));
        dones.set("s_valid", done_valid);
        dones.set("s_data", done_data);
        let done = dones.get("m_data");
        let done_buf = done.slice(0, 4);
        let done_err = done.bit(4);
        let nacks = m.inst("u_nacks", &fifo(16, 4));
        nacks.set("s_valid", nack_valid);
        nacks.set("s_data", nack_data.slice(0, 4));
        let nack_buf = nacks.get("m_data");

        let ctl = m.inst("u_ctl", &fifo(p.queue(64), TX_SHORT_W));
        let room = ctl.get("s_ready");
        let direct = (again | busy | refuse).named("direct");
        let rel_free = !any_of(&[m_release.full(), m_hold.full(), m_resolved.full()]);
        let finish = (dones.get("m_valid") & room & rel_free & !direct).named("finish");
        dones_wait.set(dones.get("m_valid"));
        answers_wait.set(direct | !room);
        let silent = (by(done_buf, &past).any() | cut).named("silent");
        // A request whose block is locked.
        let turn_away = (nacks.get("m_valid") & m_ask.free()).named("turn_away");
        let forget = (turn_away & (by(nack_buf, &past).any() | cut)).named("forget");
        when(turn_away & !forget, || {
            let ask = Ask {
                buf: nack_buf,
                slot: by(nack_buf, &slot),
                seq: by(nack_buf, &seq),
                lun: by(nack_buf, &lun),
                lba: by(nack_buf, &lba),
                t_last: by(nack_buf, &t_last),
            };
            m_ask.send(ask.pack());
        });
        // What is acknowledged stays locked until its COMMIT.
        when(finish, || {
            let (lun, lba) = (by(done_buf, &lun), by(done_buf, &lba));
            let release = LockRel { lun, lba, exclusive: lit(1, 1) };
            let request = by(done_buf, &request).named("done_request");
            let hold = Hold { slot: by(done_buf, &slot), seq: by(done_buf, &seq), lun, lba, request };
            let kept = (!done_err & (!silent | request)).named("kept");
            when(kept, || m_hold.send(hold.pack())).otherwise(|| {
                m_release.send(release.pack());
                when(request, || m_resolved.send(Resolved { lun, lba }.pack()));
            });
        });
        dones.set("m_ready", finish);
        nacks.set("m_ready", turn_away);
        seqs.set("s_note_valid", finish & !done_err & !silent);
        seqs.set("s_note_data", SlotUse { slot: by(done_buf, &slot), seq: by(done_buf, &seq) }.pack());
        for i in 0..n {
            let answered = verdict_valid & !verdict.go & verdict.buf.eq(i);
            let gone = (given_up | turned_away) & holder.eq(i);
            let ends = [finish & done_buf.eq(i), forget & nack_buf.eq(i), gone, answered];
            when(any_of(&ends), || state[i].set(FREE));
        }
        let code = |f: FrameType| lit(f.code(), 4);
        let status = |st: Status| lit(st.code(), 8);
        let lie = (refuse & lun_ok).named("lie");
        let kinds = [again, busy, refuse & !lun_ok, lie];
        let types = [FrameType::Ack, FrameType::Busy, FrameType::Refused, FrameType::NotOwner].map(code);
        let nothing = TxCtl::unpack(zero(TxCtl::WIDTH));
        let to_frame = TxCtl {
            ftype: onehot_mux(&kinds, &types),
            code: mux(lie, dir.owner.zext(8), mux(refuse, status(Status::PeerRefused), 0)),
            slot: f.slot,
            seq: f.seq,
            t_ref: end.t_last,
            ..nothing
        };
        let to_done = TxCtl {
            ftype: mux(done_err, code(FrameType::Refused), code(FrameType::Ack)),
            code: mux(done_err, status(Status::PeerStoreError), 0),
            slot: by(done_buf, &slot),
            seq: by(done_buf, &seq),
            t_ref: by(done_buf, &t_last),
            ..nothing
        };
        let to_request = TxCtl {
            ftype: code(FrameType::NotOwner),
            code: (!site).zext(8),
            slot: by(holder, &slot),
            seq: by(holder, &seq),
            t_ref: by(holder, &t_last),
            ..nothing
        };
        let silent_refusal = by(holder, &past).any() | cut;
        let answers = (direct | (finish & !silent) | (turned_away & !silent_refusal)).named("answers");
        ctl.set("s_valid", answers);
        let to_holder = to_request.pack().named("to_holder");
        let frame = mux(direct, to_frame.pack(), mux(turned_away, to_holder, to_done.pack())).named("answer");
        ctl.set("s_data", frame.trunc(TX_SHORT_W));
        m_ctl.valid.set(ctl.get("m_valid"));
        m_ctl.data.set(ctl.get("m_data").zext(TxCtl::WIDTH));
        ctl.set("m_ready", m_ctl.ready);
        ev("mirrored").set(finish & !done_err);
        ev("store_error").set(finish & done_err);
        m.output("fence_lun", LUN_W).set(by(done_buf, &lun));
        ev("overrun").set(direct & !room);

        // A link that ends takes unfinished blocks with it.
        when(cut, || {
            action.set(DROP);
            for (state, past) in state.iter().zip(&past) {
                when(state.eq(WHOLE), || past.set(1)).otherwise(|| state.set(FREE));
            }
        });
        quiet.set(
            !any_of(&state.iter().map(|x| x.eq(WHOLE)).collect::<Vec<_>>())
                & !ctl.get("m_valid")
                & action.eq(DROP)
                & !any_of(&[ask_valid.get(), h_valid.get(), m_release.full(), m_hold.full(), m_ask.full()])
                & !any_of(&[m_claim.full(), m_resolved.full()]),
        );
        m.assume("a_frame_ends_before_the_next_is_decided", !(h_valid & end_valid));
        m.prove("no_answer_of_the_store_is_lost", !done_valid | dones.get("s_ready"));
        m.prove("no_nack_is_lost", !nack_valid | nacks.get("s_ready"));
        m.prove("a_whole_block_can_wait", !accept | wanted.get("s_ready"));
    })
}
