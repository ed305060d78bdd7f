//! Writes completion entries to host memory and raises interrupts.
//!
//! ```text
//!                    ┌──────────────┐
//!       s_cqe ══════►│              ╞═► m_wr, m_wdata   to host_wr
//!         s_b ──────►│              ╞═► irq
//!     cq_base ══════►│              ╞═► cq_error        to sq_fetch
//! queue_control ════►│ cq_post_<D>  ├─► ev_*
//! queue_start ══════►│              ├─► quiet
//!  queue_head ══════►│              │
//! vector_moderation ►│              │
//! mailbox_irq ──────►│              │
//!         now ══════►│              │
//!                    └──────────────┘
//! ```
//!
//! **Interface.** `s_cqe` is [`Cqe`]; there is a place for it in its ring, since `sq_fetch` kept one. `m_wr` and
//! `m_wdata` make one burst of 64 bytes; `s_b` {err} is its answer. `queue_start` as in `sq_fetch`. `irq` has a bit for each vector, a
//! pulse of one cycle, at most one in a cycle. `cq_error` has a bit for each pair. `mailbox_irq` is a pulse that raises
//! `mailbox_vector` without moderation. `quiet`: no entry under way, and no interrupt that waits for time.
//!
//! **Entries.** As `dyad_spec::entry::completion` says. `d_posted` ends with the cycle in which `host_wr` took the burst.
//! The phase is in the last beat.
//!
//! **Interrupts.** An entry counts for its pair's vector when its write was answered; a vector above the last raises
//! nothing. A vector is raised when VECTOR_COUNT entries have gathered, or VECTOR_CYCLES after the first of them; a limit
//! of 0 is none, both 0: at once. Time is looked at once in 8 cycles a vector, and not in cycles in which an entry
//! counts. When the setting changes, what has gathered is judged by the new one, but its time stays.
//!
//! **Parameters.** [`Params`]: `data_w`, `queues`, `queue_log2`; 8 vectors.
//!
//! **Latency.** `s_cqe` to `m_wr_valid` 1 cycle, to the last beat's `m_wdata_valid` 10 cycles at 64 bits, 2 at 512. `s_b`
//! to `irq` 3 cycles without moderation.
//!
//! **Throughput.** An entry in 10 cycles at 64 bits, in 3 at 512. 16 may wait for their answers.
//!
//! **Backpressure.** `s_cqe_ready` does not depend on inputs; nothing is dropped for want of room.
//!
//! **Reset.** Forgets all.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Entries are written in the order in which they come, and the vector is raised after the answer.
//!
//! **Errors.** An entry whose write fails, and every later one of its pair until that is set up anew, and an entry of a
//! pair that is not set up: `ev_cq_post_fault`. The first sets `cq_error`. The later ones are dropped: behind a hole in
//! the ring nobody would see them.
//!
//! **Source.** Phase: NVM Express Base 2.0c 3.3.3.1; moderation: as its Interrupt Coalescing feature, 5.27.1.4.
//!
//! **Proof and test.** Property `cq_one_step`; `tests/tests/cq_post.rs`.

use dyad_spec::ENTRY_BYTES;
use dyad_spec::entry::completion as c;
use dyad_spec::regs::{QUEUE_VECTOR, VECTOR_COUNT, VECTOR_CYCLES};

use super::{Ring, which};
use crate::bundle::{Cqe, HostBurst};
use crate::fields::{array, entry, field, place};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::onehot_index;
use crate::prim::fifo::fifo;
use crate::prim::index_width;
use crate::stream::{event_in, stream_in, stream_out};

/// Entries that may wait for their answers.
pub const OUTSTANDING: usize = 16;

/// The poster of a card.
///
/// # Panics
/// When a parameter is out of its range.
pub fn cq_post(p: &Params) -> Module {
    p.check();
    module(p.named("cq_post"), |m| {
        m.doc("Writes completion entries to host memory and raises interrupts.");
        let now = m.input("now", 64);
        let controls = m.input("queue_control", 32 * p.queues);
        let (fault, posted, working) = post(m, p, controls, now);
        let timed = interrupts(m, p, &posted, now);
        m.output("ev_cq_posted", 1).set(posted.valid);
        m.output("ev_cq_post_fault", 1).set(fault);
        m.output("quiet", 1).set(!working & !timed);
    })
}

/// An entry was written.
struct Posted {
    valid: E,
    /// Vector of its pair.
    vector: E,
}

/// Writes entries. Returns a fault's pulse, what was posted, and whether anything is under way.
fn post(m: &M, p: &Params, controls: E, now: E) -> (E, Posted, E) {
    let bases = m.input("cq_base", 64 * p.queues);
    let starts = m.input("queue_start", p.queues);
    let sq_heads = m.input("queue_head", 16 * p.queues);
    let s = stream_in(m, "s_cqe", Cqe::WIDTH);
    let wr = stream_out(m, "m_wr", HostBurst::WIDTH);
    let wdata = stream_out(m, "m_wdata", p.data_w);
    let (b_valid, b_err) = event_in(m, "s_b", 1);
    let owners = m.inst("owners", &fifo(OUTSTANDING, index_width(p.queues)));

    // Take an entry: where does it go?
    let (asking, sending) = (m.reg("asking", 1, 0), m.reg("sending", 1, 0));
    let dropping = m.reg("dropping", 1, 0);
    s.ready.set(!any_of(&[asking.get(), sending.get(), dropping.get()]) & owners.get("s_ready"));
    let fire = s.fire().named("take");
    let here = which(Cqe::unpack(s.data).queue, p.queues);
    let mut choices: [Vec<E>; 5] = Default::default();
    let mut errors = Vec::new();
    let (index, phase) = (m.wire("index", p.queue_log2), m.wire("phase", 1));
    let usable = m.wire("usable", 1);
    let next = (index + 1).named("next_index");
    for n in 0..p.queues {
        let ring = Ring::of(entry(controls, n, 32), p.queue_log2);
        // `flipped` is 0 on the first pass, whose phase is 1.
        let (tail, flipped) = (m.reg(format!("tail_{n}"), p.queue_log2, 0), m.reg(format!("flipped_{n}"), 1, 0));
        let error = m.reg(format!("error_{n}"), 1, 0);
        let start = starts.bit(n);
        // An entry that comes in the cycle of the start is the first of the new ring.
        when(start, || {
            tail.set(0);
            flipped.set(0);
            error.set(0);
        });
        when(fire & usable & here[n], || {
            let wraps = index.eq(ring.cq_mask);
            tail.set(mux(wraps, 0, next));
            flipped.set(mux(wraps, phase, !phase));
        });
        choices[0].push(mux(start, 0, tail.get()));
        choices[1].push(!flipped | start);
        choices[2].push(ring.usable & (!error | start));
        choices[3].push(entry(bases, n, 64));
        choices[4].push(entry(sq_heads, n, 16));
        errors.push(error);
    }
    let chosen = |k: usize| onehot_mux(&here, &choices[k]);
    index.set(chosen(0));
    phase.set(chosen(1));
    usable.set(chosen(2));

    // Ask for the burst.
    let request = m.reg_nr("request", HostBurst::WIDTH);
    let cqe_q = m.reg_nr("cqe", Cqe::WIDTH);
    let (sq_head, phase_q, posted_at) = (m.reg_nr("sq_head", 16), m.reg_nr("phase_q", 1), m.reg_nr("d_posted", 32));
    let cqe = Cqe::unpack(cqe_q.get());
    let parts = p.header_beats();
    let offset = cat(&[index.get(), zero(clog2(ENTRY_BYTES))]);
    when(fire, || {
        asking.set(usable);
        dropping.set(!usable);
        request.set(HostBurst { addr: chosen(3) + offset.zext(64), beats: lit(parts as u64, 9) }.pack());
        cqe_q.set(s.data);
        sq_head.set(chosen(4));
        phase_q.set(phase);
    });
    owners.set("s_valid", fire & usable);
    owners.set("s_data", onehot_index(&here));
    wr.valid.set(asking);
    wr.data.set(request);
    posted_at.set(mux(asking, now.slice(0, 32) - cqe.t_doorbell.slice(0, 32), posted_at));
    when(wr.fire(), || {
        asking.set(0);
        sending.set(1);
    });

    // Send it.
    let word = place(
        8 * ENTRY_BYTES,
        &[
            (c::T_DOORBELL, cqe.t_doorbell),
            (c::D_FETCHED, cqe.d_fetched),
            (c::D_LOOKUP, cqe.d_lookup),
            (c::D_LOCAL, cqe.d_local),
            (c::D_FRAME, cqe.d_frame),
            (c::D_ACK, cqe.d_ack),
            (c::D_POSTED, posted_at.get()),
            (c::D_MIRROR, cqe.d_mirror),
            (c::D_SENT, cqe.d_sent),
            (c::EPOCH, cqe.epoch),
            (c::OWNER, cqe.owner.zext(c::OWNER.width)),
            (c::RETRIES, cqe.retries),
            (c::BLOCK, cqe.block),
            (c::CID, cqe.cid),
            (c::STATUS, cqe.status),
            (c::SQID, cqe.queue.zext(c::SQID.width)),
            (c::SQ_HEAD, sq_head.get()),
            (c::PHASE, phase_q.get()),
        ],
    );
    wdata.valid.set(sending);
    if parts == 1 {
        wdata.data.set(word);
        when(wdata.fire(), || sending.set(0));
    } else {
        let part = m.reg("part", clog2(parts), 0);
        wdata.data.set(word.slice_dyn(part, p.data_w));
        when(wdata.fire(), || {
            part.set(part + 1);
            when(part.all(), || sending.set(0));
        });
    }
    m.prove("cq_one_step", !(asking & sending) & !(dropping & (asking | sending)));

    // Answers come in the order of the bursts.
    let owed = owners.get("m_valid");
    let owner = which(owners.get("m_data"), p.queues);
    owners.set("m_ready", b_valid);
    let answered = b_valid & owed;
    let failed = answered & b_err;
    for (error, mine) in errors.iter().zip(&owner) {
        when(failed & *mine, || error.set(1));
    }
    // A dropped entry is counted in a cycle of its own.
    let (fault, good) = (m.reg("fault", 1, 0), m.reg("good", 1, 0));
    fault.set(failed | dropping);
    when(dropping & !failed, || dropping.set(0));
    good.set(answered & !b_err);
    let vector = m.reg_nr("vector", QUEUE_VECTOR.width);
    vector.set(onehot_mux(
        &owner,
        &(0..p.queues).map(|n| field(entry(controls, n, 32), QUEUE_VECTOR)).collect::<Vec<_>>(),
    ));
    m.output("cq_error", p.queues).set(array(&errors.iter().map(|e| e.get()).collect::<Vec<_>>()));
    let working = any_of(&[s.valid, asking.get(), sending.get(), dropping.get(), owed, good.get()]);
    (fault.get(), Posted { valid: good.get(), vector: vector.get() }, working)
}

/// Gathers and raises. Returns whether anything gathered waits for time, or is about to be raised.
fn interrupts(m: &M, p: &Params, posted: &Posted, now: E) -> E {
    let settings = m.input("vector_moderation", 32 * p.vectors);
    let mailbox = m.input("mailbox_irq", 1);
    let mailbox_vector = m.input("mailbox_vector", 3);
    let w = clog2(p.vectors);
    let clock_w = VECTOR_CYCLES.width + 1;
    let now = now.slice(0, clock_w);

    // One vector is judged in each cycle: that of an entry that was posted, or else the next one round.
    let round = m.reg("round", w, 0);
    let counts = posted.valid & posted.vector.lt(p.vectors);
    let v = mux(counts, posted.vector.trunc(w), round).named("judged");
    when(!counts, || round.set(round + 1));
    let setting = settings.slice_dyn(v, 32);
    let (limit, cycles) = (field(setting, VECTOR_COUNT), field(setting, VECTOR_CYCLES));

    // Entries that have gathered, and the time at which that ends; valid where `waits` is 1.
    let waits = m.reg("waits", p.vectors, 0);
    let timed = m.reg("timed", p.vectors, 0);
    let state = m.ram("gathered", p.vectors, VECTOR_COUNT.width + clock_w);
    let kept = state.read_async(v);
    let waited = waits.at(v);
    let before = mux(waited, kept.slice(0, VECTOR_COUNT.width), 0);
    let gathered = mux(before.all(), before, before + counts.zext(VECTOR_COUNT.width));
    let kept_end = kept.slice(VECTOR_COUNT.width, clock_w);
    let end = mux(waited, kept_end, now + cycles.zext(clock_w));
    let some = waited | counts;
    let late = waited & cycles.any() & !(now - kept_end).bit(clock_w - 1);
    let enough = limit.any() & gathered.ge(limit);
    let at_once = !limit.any() & !cycles.any();
    let raise = (some & (late | enough | at_once)).named("raise");
    state.write(some, v, cat(&[end, gathered]));

    // Raised vectors leave one by one, so that each is counted.
    let raised = m.reg("raised", p.vectors, 0);
    let bits: Vec<E> = (0..p.vectors).map(|n| raised.bit(n)).collect();
    let grants = priority(&bits);
    for n in 0..p.vectors {
        let mine = v.eq(n);
        when(mine & some, || {
            waits.set_slice(n, !raise);
            timed.set_slice(n, !raise & cycles.any());
        });
        raised.set_slice(n, (bits[n] & !grants[n]) | (raise & mine) | (mailbox & mailbox_vector.eq(n)));
    }
    let irq = m.reg("irq_q", p.vectors, 0);
    irq.set(array(&grants));
    m.output("irq", p.vectors).set(irq);
    m.output("ev_interrupts", 1).set(irq.any());
    any_of(&[timed.get(), raised.get(), irq.get()])
}
