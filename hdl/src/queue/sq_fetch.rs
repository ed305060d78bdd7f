//! Reads submission entries from host memory when a doorbell says that there are some.
//!
//! ```text
//!                  ┌───────────────┐
//!    s_sqdb ──────►│               ├═► m_rd       to host_rd
//!    s_cqdb ──────►│               │◄═ s_rdata    from host_rd
//!    enable ──────►│               ├═► m_sqe      to decode
//!   sq_base ══════►│ sq_fetch_<D>  │
//! queue_control ══►│               ╞═► queue_head
//! queue_start ════►│               ╞═► queue_error
//!  cq_error ══════►│               ├─► ev_*
//!       now ══════►│               ├─► quiet
//!                  └───────────────┘
//! ```
//!
//! **Interface.** `s_sqdb` {pair, tail} and `s_cqdb` {pair, head} are events, never both in one cycle. `queue_start` has a
//! bit for each pair: a cycle with 1 sets the pair up anew (heads, tails, error); a doorbell in the same cycle comes after
//! it. `cq_error` is `cq_post`'s: such a pair is stopped. `m_rd` asks for bursts of whole entries, `s_rdata` brings
//! [`HostBeat`]s. `m_sqe` is [`Sqe`]. `queue_head` has 16 bits for each pair: entries fetched, modulo the ring.
//! `quiet`: nothing to do until a doorbell comes.
//!
//! **Parameters.** [`Params`]: `data_w`, `queues`, `queue_log2` (largest ring, up to 15).
//!
//! **Latency.** Doorbell to `m_rd_valid` 3 cycles when idle. The last beat of an entry to `m_sqe_valid` 1 cycle.
//!
//! **Throughput.** One read is under way at a time, of up to 8 entries: the least of the entries there are, the space in
//! the completion queue, the room in the output FIFO of 16, and the entries up to a 4 KiB boundary or the ring's end. Pairs
//! take turns.
//!
//! **Backpressure.** `s_rdata_ready` is 1 while a read is under way: there is room for all that was asked for. Every
//! entry that is asked for has a place in its completion queue; a host that does not take its completions stops its own
//! pair alone. A completion queue holds one entry less than its size.
//!
//! **Reset.** Forgets everything; a read that is under way must not be answered afterwards (`host_rd` sees to it).
//! Setting up a pair while its entries are on their way drops those; what was handed on before goes on.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Entries of a pair leave in the ring's order.
//!
//! **Stamps.** `t_doorbell` is the cycle before the event (the one in which the register write was accepted) of the
//! doorbell that made the entry visible. Eight doorbells of a pair are told apart; with more on their way the later ones
//! count as the eighth.
//!
//! **Errors.** A tail or head past its ring, a head past what was posted, or a doorbell for a pair that is not set up
//! stops the pair (`queue_error`) and gives `ev_bad_doorbell`. An entry that cannot be read stops the pair, drops the
//! entry and those of the burst behind it, and gives `ev_sq_fetch_fault` for each. Doorbells of a stopped pair are
//! ignored.
//!
//! **Source.** Rings and doorbells as in NVM Express Base 2.0c 3.3.1; bursts AXI IHI 0022 A3.4.1.
//!
//! **Proof and test.** Properties `sq_room`, `sq_reserved`, `sq_one_step`; `tests/tests/sq_fetch.rs`.

use dyad_spec::{BLOCK_BYTES, ENTRY_BYTES};

use super::{Ring, which};
use crate::bundle::{CqDoorbell, HostBurst, QUEUE_W, SqDoorbell, Sqe};
use crate::dma::HostBeat;
use crate::fields::{array, entry};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::{onehot_index, round_robin};
use crate::prim::fifo::fifo;
use crate::prim::index_width;
use crate::stream::{event_in, stream_in, stream_out};

/// Most entries that one read asks for.
pub const BURST_ENTRIES: usize = 8;
/// Entries that wait for `decode`.
pub const FIFO_ENTRIES: usize = 16;
/// Doorbells of a pair whose times are kept; a power of two.
pub const MARKS: usize = 8;

/// State of one pair.
struct Pair {
    ring: Ring,
    /// It is set up anew in this cycle.
    start: E,
    /// Stopped by an error, of its own or of its completion queue.
    stopped: E,
    /// Next entry to fetch.
    head: Var,
    /// First entry that is not there.
    tail: Var,
    /// First completion that the host has not taken.
    cq_head: Var,
    /// Completions owed, or posted and not taken.
    used: Var,
    /// How many more are owed from the next cycle on.
    owing: Var,
    error: Var,
    /// Marks: the next to read and the next to write, each with one bit more than an index.
    oldest: Var,
    newest: Var,
    /// A mark is written or changed in this cycle.
    marked: Var,
}

/// Times of doorbells: for each pair a ring of [`MARKS`].
struct Marks {
    /// The tail that the doorbell set.
    tails: Ram,
    /// When it was accepted.
    times: Ram,
}

/// What goes on between `choose` and `receive`.
struct Burst {
    /// Its pair.
    pair: Var,
    /// Its read is asked for and not ended.
    active: Var,
    /// Entries that it still brings.
    left: Var,
    /// Its pair was set up anew since: drop all.
    stale: Var,
}

/// One signal of every pair.
fn each(pairs: &[Pair], get: impl Fn(&Pair) -> E) -> Vec<E> {
    pairs.iter().map(get).collect()
}

/// The fetcher of a card.
///
/// # Panics
/// When a parameter is out of its range.
pub fn sq_fetch(p: &Params) -> Module {
    p.check();
    module(p.named("sq_fetch"), |m| {
        m.doc("Reads submission entries from host memory.");
        let pairs = pairs(m, p);
        let now = m.input("now", 64);
        let mark_words = MARKS << index_width(p.queues);
        let marks =
            Marks { tails: m.ram("mark_tails", mark_words, p.queue_log2), times: m.ram("mark_times", mark_words, 48) };
        let entries = m.inst("entries", &fifo(FIFO_ENTRIES, Sqe::WIDTH));
        let out = stream_out(m, "m_sqe", Sqe::WIDTH);
        out.valid.set(entries.get("m_valid"));
        out.data.set(entries.get("m_data"));
        entries.set("m_ready", out.ready);

        // Of several assignments to one register in one cycle the last one here wins: setting a pair up takes back what
        // went on, and a doorbell comes after it.
        let (burst, wants, stepping) = choose(m, p, &pairs, entries.get("count"));
        receive(m, p, &pairs, &marks, &burst, &entries, now);
        let (owing, cq_bad) = completions(m, p, &pairs);
        for q in &pairs {
            when(q.start, || {
                [q.head, q.tail, q.cq_head, q.used, q.error, q.oldest, q.newest].iter().for_each(|v| v.set(0));
            });
        }
        let (bell, sq_bad) = doorbells(m, p, &pairs, &marks, now);

        // Both kinds of bad doorbell are as many cycles old here, so that two never meet.
        let bad = m.reg("bad", 1, 0);
        bad.set(sq_bad | cq_bad);
        m.output("ev_bad_doorbell", 1).set(bad);
        m.output("queue_head", 16 * p.queues).set(array(&each(&pairs, |q| q.head.zext(16))));
        m.output("queue_error", p.queues).set(array(&each(&pairs, |q| q.stopped)));
        m.output("quiet", 1).set(!any_of(&[wants, stepping, out.valid.get(), bell, owing]));
    })
}

fn pairs(m: &M, p: &Params) -> Vec<Pair> {
    let controls = m.input("queue_control", 32 * p.queues);
    let starts = m.input("queue_start", p.queues);
    let cq_errors = m.input("cq_error", p.queues);
    let pair = |n: usize| {
        let reg = |name: &str, w: usize| m.reg(format!("{name}_{n}"), w, 0);
        let error = reg("error", 1);
        Pair {
            ring: Ring::of(entry(controls, n, 32), p.queue_log2),
            start: starts.bit(n),
            stopped: error | cq_errors.bit(n),
            head: reg("head", p.queue_log2),
            tail: reg("tail", p.queue_log2),
            cq_head: reg("cq_head", p.queue_log2),
            used: reg("used", p.queue_log2),
            owing: m.wire_or(format!("owing_{n}"), p.queue_log2, 0),
            error,
            oldest: reg("oldest", clog2(MARKS) + 1),
            newest: reg("newest", clog2(MARKS) + 1),
            marked: m.wire_or(format!("marked_{n}"), 1, 0),
        }
    };
    (0..p.queues).map(pair).collect()
}

/// Chooses the next pair in one cycle, and how much to read of it in the next. Returns the burst, whether any pair wants
/// to be read, and whether one is being read.
fn choose(m: &M, p: &Params, pairs: &[Pair], waiting: E) -> (Burst, E, E) {
    let enable = m.input("enable", 1);
    let bases = m.input("sq_base", 64 * p.queues);
    let rd = stream_out(m, "m_rd", HostBurst::WIDTH);
    let pair = m.reg("pair", index_width(p.queues), p.queues as u64 - 1);
    let choosing = m.reg("choosing", 1, 0);
    let asking = m.reg("asking", 1, 0);
    let request = m.reg_nr("request", HostBurst::WIDTH);
    let active = m.reg("active", 1, 0);
    let left = m.reg("left", clog2(BURST_ENTRIES + 1), 0);
    let stale = m.reg("stale", 1, 0);
    let reserve = m.reg("reserve", 1, 0);
    let busy = choosing | asking | active;

    // First cycle.
    let wants = each(pairs, |q| enable & q.ring.usable & !q.stopped & q.head.ne(q.tail) & q.used.ne(q.ring.cq_mask));
    let any = any_of(&wants);
    when(any & !busy & waiting.ne(FIFO_ENTRIES), || {
        choosing.set(1);
        pair.set(onehot_index(&round_robin(&wants, pair.get())));
    });

    // Second cycle: the least of five numbers, each at most a burst.
    let of = |get: &dyn Fn(&Pair) -> E| select(pair, &each(pairs, get));
    let capped = |n: E| {
        let w = clog2(BURST_ENTRIES + 1);
        let n = n.zext(n.width().max(w + 1));
        mux(n.slice(w - 1, n.width() - w + 1).any(), lit(BURST_ENTRIES as u64, w), n.trunc(w))
    };
    let head = of(&|q| q.head.get());
    let sq_mask = of(&|q| q.ring.sq_mask);
    let there = capped((of(&|q| q.tail.get()) - head) & sq_mask);
    let space = capped(of(&|q| q.ring.cq_mask - q.used));
    let room = capped(lit(FIFO_ENTRIES as u64, waiting.width()) - waiting);
    // Entries up to the end of the page or of the ring, whichever is nearer.
    let page_w = clog2(BLOCK_BYTES / ENTRY_BYTES);
    let in_page = sq_mask.resize(page_w);
    let straight = capped((in_page - (head.resize(page_w) & in_page)).zext(page_w + 1) + 1);
    let least = |a: E, b: E| mux(a.lt(b), a, b);
    let count = least(least(there, space), least(room, straight)).named("entries_now");
    let offset = cat(&[head, zero(clog2(ENTRY_BYTES))]);
    let addr = select(pair, &(0..p.queues).map(|n| entry(bases, n, 64)).collect::<Vec<_>>()) + offset.zext(64);
    let beats = count.zext(9).shl(clog2(p.header_beats()));
    let go = choosing & select(pair, &wants) & !of(&|q| q.start);
    when(choosing, || {
        choosing.set(0);
        request.set(HostBurst { addr, beats }.pack());
        left.set(count);
        stale.set(0);
    });
    when(go, || asking.set(1));
    reserve.set(go);
    for (q, here) in pairs.iter().zip(which(pair.get(), p.queues)) {
        when(reserve & here, || q.owing.set(left.resize(p.queue_log2)));
    }

    rd.valid.set(asking);
    rd.data.set(request);
    when(rd.fire(), || {
        asking.set(0);
        active.set(1);
    });
    when((asking | active) & of(&|q| q.start), || stale.set(1));
    m.prove("sq_one_step", !(choosing & asking) & !(choosing & active) & !(asking & active));
    let promised = left.zext(waiting.width()) + waiting;
    m.prove("sq_reserved", !(asking | active) | promised.le(FIFO_ENTRIES));
    (Burst { pair, active, left, stale }, any, busy)
}

/// Puts entries together and hands them on.
fn receive(m: &M, p: &Params, pairs: &[Pair], marks: &Marks, burst: &Burst, entries: &Inst, now: E) {
    let rdata = stream_in(m, "s_rdata", HostBeat::width(p.data_w));
    let beat = HostBeat::unpack(rdata.data, p.data_w);
    let fire = rdata.fire();
    rdata.ready.set(burst.active);
    let half = ENTRY_BYTES * 8 / 2;
    let (bits, reserved, ends) = if p.data_w == 2 * half {
        (beat.data.slice(0, half), beat.data.slice(half, half).any(), fire)
    } else {
        let parts = p.header_beats();
        let part = m.reg("part", clog2(parts), 0);
        let kept: Vec<Var> = (0..parts / 2).map(|i| m.reg_nr(format!("kept_{i}"), p.data_w)).collect();
        let stray = m.reg_nr("stray", 1);
        let upper = part.bit(clog2(parts) - 1);
        let dirty = upper & (beat.data.any() | stray);
        when(fire, || {
            part.set(mux(beat.last, 0, part + 1));
            stray.set(dirty);
        });
        for (i, word) in kept.iter().enumerate() {
            when(fire & part.eq(i), || word.set(beat.data));
        }
        (array(&kept.iter().map(|k| k.get()).collect::<Vec<_>>()), dirty, fire & part.all())
    };

    let of = |get: &dyn Fn(&Pair) -> E| select(burst.pair, &each(pairs, get));
    let failed = m.reg("failed", 1, 0);
    let bad = failed | beat.err;
    when(fire, || failed.set(bad & !beat.last));
    when(fire & beat.last, || burst.active.set(0));
    let counts = ends & burst.left.any() & !burst.stale & !of(&|q| q.start);
    when(ends & burst.left.any(), || burst.left.set(burst.left - 1));
    let push = (counts & !bad).named("push");
    let lost = (counts & bad).named("lost");

    // The oldest mark is that of the doorbell which made the entry visible.
    let head = (of(&|q| q.head.get()) + 1) & of(&|q| q.ring.sq_mask);
    let mark = cat(&[burst.pair.get(), of(&|q| q.oldest.slice(0, clog2(MARKS)))]);
    let time = marks.times.read_async(mark);
    let ends_mark = marks.tails.read_async(mark).eq(head);
    let empties = head.eq(of(&|q| q.tail.get()));
    for (q, here) in pairs.iter().zip(which(burst.pair.get(), p.queues)) {
        when(push & here, || {
            q.head.set(head);
            when(ends_mark, || q.oldest.set(q.oldest + 1));
            when(empties & !q.marked, || q.oldest.set(q.newest));
        });
        when(lost & here, || q.error.set(1));
    }
    let sqe = Sqe {
        entry: bits,
        reserved,
        queue: burst.pair.resize(QUEUE_W),
        t_doorbell: time,
        d_fetched: now.slice(0, 32) - time.slice(0, 32),
    };
    entries.set("s_valid", push);
    entries.set("s_data", sqe.pack());
    m.prove("sq_room", !push | entries.get("s_ready"));
    for (name, event) in [("ev_sq_fetched", push), ("ev_sq_fetch_fault", lost)] {
        let q = m.reg(format!("{name}_q"), 1, 0);
        q.set(event);
        m.output(name, 1).set(q);
    }
}

/// Takes completion queue doorbells, in three cycles. Returns whether one is on its way, and whether one was bad.
fn completions(m: &M, p: &Params, pairs: &[Pair]) -> (E, E) {
    let (valid, data) = event_in(m, "s_cqdb", CqDoorbell::WIDTH);
    let first = m.reg("cq_first", 1, 0);
    let bell = m.reg_nr("cq_bell", CqDoorbell::WIDTH);
    first.set(valid);
    bell.set(data);

    // Second cycle: how many were taken?
    let bell = CqDoorbell::unpack(bell.get());
    let here = which(bell.queue, p.queues);
    let of = |here: &[E], get: &dyn Fn(&Pair) -> E| onehot_mux(here, &each(pairs, get));
    let mask = of(&here, &|q| q.ring.cq_mask);
    let legal = of(&here, &|q| q.ring.usable) & !(bell.head & !mask.zext(16)).any();
    let heard = first & !of(&here, &|q| q.stopped | q.start);
    let new_head = bell.head.trunc(p.queue_log2);
    for (q, here) in pairs.iter().zip(&here) {
        when(heard & legal & *here, || q.cq_head.set(new_head));
    }
    let second = m.reg("cq_second", 1, 0);
    let was_legal = m.reg_nr("cq_legal", 1);
    let queue = m.reg_nr("cq_queue", QUEUE_W);
    let taken = m.reg_nr("cq_taken", p.queue_log2);
    second.set(heard);
    was_legal.set(legal);
    queue.set(bell.queue);
    taken.set((new_head - of(&here, &|q| q.cq_head.get())) & mask);

    // Third cycle: were there as many?
    let here = which(queue.get(), p.queues);
    let fits = was_legal & taken.le(of(&here, &|q| q.used.get()));
    let heard = second & !of(&here, &|q| q.start);
    for (q, here) in pairs.iter().zip(&here) {
        q.used.set(q.used + q.owing - mux(heard & fits & *here, taken, 0));
        when(heard & !fits & *here, || q.error.set(1));
    }
    (any_of(&[valid, first.get(), second.get()]), heard & !fits)
}

/// Takes submission queue doorbells. Returns whether one comes, and whether the one of two cycles ago was bad.
fn doorbells(m: &M, p: &Params, pairs: &[Pair], marks: &Marks, now: E) -> (E, E) {
    let (valid, data) = event_in(m, "s_sqdb", SqDoorbell::WIDTH);
    let bell = SqDoorbell::unpack(data);
    let before = m.reg_nr("before", 48);
    before.set(now.slice(0, 48));

    let here = which(bell.queue, p.queues);
    let of = |get: &dyn Fn(&Pair) -> E| onehot_mux(&here, &each(pairs, get));
    let heard = valid & !of(&|q| q.stopped & !q.start);
    let legal = of(&|q| q.ring.usable) & !(bell.tail & !of(&|q| q.ring.sq_mask).zext(16)).any();
    let tail = bell.tail.trunc(p.queue_log2);
    let more = (heard & legal & tail.ne(of(&|q| mux(q.start, 0, q.tail.get())))).named("more");

    // A ring of marks that is full has its newest mark moved on: its time stays.
    let index_w = clog2(MARKS);
    let full = of(&|q| (q.newest - q.oldest).eq(MARKS) & !q.start);
    let newest = of(&|q| mux(q.start, 0, q.newest.get()));
    let mark = cat(&[onehot_index(&here), mux(full, newest - 1, newest).slice(0, index_w)]);
    marks.tails.write(more, mark, tail);
    marks.times.write(more & !full, mark, before);
    for (q, here) in pairs.iter().zip(&here) {
        q.marked.set(more & *here);
        when(more & *here, || {
            q.tail.set(tail);
            q.newest.set(mux(full, newest, newest + 1));
        });
        when(heard & !legal & *here, || q.error.set(1));
    }
    let (bad, late) = (m.reg("sq_bad", 1, 0), m.reg("sq_bad_late", 1, 0));
    bad.set(heard & !legal);
    late.set(bad);
    (valid, late.get())
}
