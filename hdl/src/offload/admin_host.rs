//! The host's side of [`admin`](super::admin): address lists in, answers out.

use dyad_spec::BLOCK_BYTES;

use super::admin::COMMANDS;
use crate::bundle::{AdminCmd, HostBurst};
use crate::dma::HostBeat;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::count_width;
use crate::prim::fifo::{fifo, fifo_ram};
use crate::stream::{event_in, stream_in, stream_out};

/// Bytes of a burst.
pub const BURST_BYTES: usize = 512;
/// Bursts that can wait for their answer.
const BURSTS: usize = 16;
/// Bits of an answer, and of an address in the list.
pub(super) const WORD_W: usize = 64;

crate::bundle! {
    /// Answers to write.
    WriteJob {
        /// Where to: number of the host's page.
        page: 52,
        /// Beats.
        beats: 10,
    }
}
/// Sizes that follow from the datapath's width.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Bits of a beat.
    pub beat_w: usize,
    /// Words of a beat.
    pub words: usize,
    /// Beats of a burst.
    pub burst: usize,
    /// Beats of a block: room for addresses.
    pub block: usize,
    /// Beats of room for answers.
    pub answers: usize,
    /// Bits of the number of a page of host memory.
    pub page_w: usize,
}

impl Sizes {
    pub fn new(p: &Params) -> Self {
        let data_w = p.data_w;
        let block = BLOCK_BYTES * 8 / data_w;
        let answers = if data_w == WORD_W { block } else { block / 2 };
        Self {
            beat_w: data_w,
            words: data_w / WORD_W,
            burst: BURST_BYTES * 8 / data_w,
            block,
            answers,
            page_w: p.field_w("page", 52),
        }
    }

    /// The next burst of `left` beats.
    pub fn beats(self, left: E) -> E {
        mux(left.ge(self.burst), self.burst, left)
    }

    /// Bytes of so many beats, as part of an address.
    pub fn bytes(self, beats: E) -> E {
        beats.zext(64).shl(clog2(self.beat_w / 8))
    }
}

/// Offers a value to the queue `q` where `en` is 1.
pub(super) fn push(q: &Inst, en: E, value: E) {
    q.set("s_valid", en);
    q.set("s_data", value);
}

/// Asks for the address list; returns the beats as a queue's output: valid, beat without `last`, and where to say that
/// it was taken.
pub(super) fn fetch(m: &M, z: Sizes, start: E, cmd: &AdminCmd, beats: E, idle: Var) -> (E, E, Var) {
    let m_rd = stream_out(m, "m_rd", HostBurst::WIDTH);
    let s_rdata = stream_in(m, "s_rdata", HostBeat::width(z.beat_w));
    let left = m.reg("fetch_left", 10, 0);
    let addr = m.reg_nr("fetch_addr", 64);
    let room_w = count_width(z.block);
    let room = m.reg("fetch_room", room_w, z.block as u64);
    idle.set(!left.any());

    let burst = z.beats(left.get());
    let ask = left.any() & room.ge(burst.resize(room_w));
    m_rd.valid.set(ask);
    m_rd.data.set(HostBurst { addr: addr.get(), beats: burst.trunc(9) }.pack());
    when(m_rd.fire(), || {
        left.set(left - burst);
        addr.set(addr + z.bytes(burst));
    });
    when(start, || {
        left.set(beats);
        addr.set(cmd.iova);
    });

    let lists = m.inst("u_lists", &fifo_ram(z.block, z.beat_w + 1));
    let beat = HostBeat::unpack(s_rdata.data, z.beat_w);
    push(&lists, s_rdata.valid, cat(&[beat.err, beat.data]));
    s_rdata.ready.set(lists.get("s_ready"));
    m.prove("a_beat_has_room", !s_rdata.valid | lists.get("s_ready"));
    let taken = m.wire("beat_taken", 1);
    lists.set("m_ready", taken);
    room.set(room + taken.zext(room_w) - mux(m_rd.fire(), burst.resize(room_w), 0));
    (lists.get("m_valid"), lists.get("m_data"), taken)
}

/// Writes the beats of the queue `answers`; returns the queue of the ends of written commands: valid, error, and where to
/// say that it was taken.
pub(super) fn write(m: &M, z: Sizes, jobs: &Inst, answers: &Inst, sent: Var) -> (E, E, Var) {
    let m_wr = stream_out(m, "m_wr", HostBurst::WIDTH);
    let m_wdata = stream_out(m, "m_wdata", z.beat_w);
    let (b_valid, b_err) = event_in(m, "s_b", 1);
    let bursts = m.inst("u_bursts", &fifo(BURSTS, 1));
    let ends = m.inst("u_ends", &fifo(COMMANDS, 1));

    // Bursts: each when all of it is there.
    let left = m.reg("write_left", 10, 0);
    let addr = m.reg_nr("write_addr", 64);
    let full = m.reg("write_full", 1, 0);
    let asked = m.reg_nr("write_asked", HostBurst::WIDTH);
    let count = answers.get("count");
    let w = count.width();
    // Beats of bursts that have been asked for.
    let owed = m.reg("write_owed", w, 0);
    let burst = z.beats(left.get());
    let there = (count - owed).ge(burst.resize(w));
    let ask = (left.any() & there & bursts.get("s_ready") & (!full | m_wr.ready)).named("ask_write");
    let next = WriteJob::unpack(jobs.get("m_data"));
    jobs.set("m_ready", !left.any());
    when(!left.any() & jobs.get("m_valid"), || {
        left.set(next.beats);
        addr.set(cat(&[next.page.trunc(z.page_w), zero(12)]).zext(64));
    });
    when(m_wr.ready, || full.set(0));
    when(ask, || {
        full.set(1);
        asked.set(HostBurst { addr: addr.get(), beats: burst.trunc(9) }.pack());
        left.set(left - burst);
        addr.set(addr + z.bytes(burst));
    });
    m_wr.valid.set(full);
    m_wr.data.set(asked);
    push(&bursts, ask, left.eq(burst));

    // Data.
    let give = answers.get("m_valid") & owed.any();
    m_wdata.valid.set(give);
    m_wdata.data.set(answers.get("m_data"));
    answers.set("m_ready", m_wdata.ready & owed.any());
    sent.set(give & m_wdata.ready);
    owed.set(owed + mux(ask, burst.resize(w), 0) - sent.zext(w));

    // Answers of host memory.
    let failed = m.reg("write_failed", 1, 0);
    let last = b_valid & bursts.get("m_valid") & bursts.get("m_data");
    bursts.set("m_ready", b_valid);
    when(b_valid, || failed.set(failed | b_err));
    when(last, || failed.set(0));
    push(&ends, last, failed | b_err);
    m.prove("an_end_has_room", !last | ends.get("s_ready"));
    let taken = m.wire("end_taken", 1);
    ends.set("m_ready", taken);
    (ends.get("m_valid"), ends.get("m_data"), taken)
}
