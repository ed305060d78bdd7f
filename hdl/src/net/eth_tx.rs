//! `eth_tx`: builds frames and sends them to the MAC, payload cut through, checksums made on the way.
//!
//! ```text
//!             +------------------------------+
//!    s_ctl -> | ------------------+          |
//!    s_job -> | --+               |          |
//!    s_pay => | FIFO --+          +-> header | => m_axis_tx
//!   s_rjob -> | --+    |          |     |    |
//!   s_rpay => | FIFO --+-> payload ---> beat | -> m_sent
//!     s_mb -> | ------------------+     |    |
//!  s_mbpay => | ------------------>    CRC   | -> busy, ev_tx_*
//!      cfg -> |                              |
//!             +------------------------------+
//! ```
//!
//! **Interface.** `s_ctl`: a frame without payload ([`TxCtl`]). `s_job` and `s_rjob`: a block and a block sent again
//! ([`TxJob`]); their payload comes on `s_pay` and `s_rpay`, a block's beats in order, each [`pay_width`] bits: data, then
//! `err` (the beat is bad), then `last` (of the block). A job stays at its port until the header of its last part has been
//! sent. `s_mb`: a CONTROL frame of so many bytes (16 bits; a multiple of 64, at most 8896) with payload on `s_mbpay`.
//! `m_axis_tx`: whole frames without FCS; beats and `tvalid` hold until `tready`; `tkeep` is all ones but in the trailer
//! at 512 bits, where it is 0xff; `tuser` with `tlast`: the frame is bad, the MAC must spoil its FCS. `m_sent` ([`Sent`]): a block
//! has left or was given up; once a job. Its times are those of the cycles in which the first beat of the
//! block and its last beat are first shown. Configuration (`jumbo` to `udp_port`) may change only while no frame is under
//! way, and 4 cycles before one.
//!
//! **Parameters.** `data_w` 64 or 512.
//!
//! **Frames.** With `jumbo` a block is one frame, otherwise three. Frames are chosen at frame boundaries: `s_ctl`, then
//! `s_rjob` and `s_job` in turn, then `s_mb`. Parts of blocks may so have other frames between them. An ACK says how many
//! cycles lie between its `t_ref` and its first beat.
//!
//! **Underrun.** A header goes out when 1 beat (64 bits) or 4 beats (512 bits) of its payload are there; the payload FIFOs
//! hold 64 beats, or 16. When a beat of payload is late all the same, or is marked `err`, one beat is sent in its place
//! with `tlast` and `tuser`; what is left of the block's payload is thrown away as it comes, its other parts are not
//! sent, and `m_sent` says `aborted`.
//!
//! **Latency.** From `s_ctl`, or at 64 bits from the first beat of payload, to the header's first beat: 1 cycle. At 512 bits
//! from the fourth beat of payload: 2 cycles.
//!
//! **Throughput.** One beat per cycle, no idle cycle between frames: a block takes 521 or 539 cycles at 64 bits, 66 or 70 at
//! 512.
//!
//! **Backpressure.** `m_axis_tx_*` come from registers. `s_pay_ready` and `s_rpay_ready` come from registers; the other
//! readies depend on `m_axis_tx_tready`. Nothing is dropped but the rest of an aborted block.
//!
//! **Reset.** Ends everything at once: a frame that is under way stays without its end, and the MAC must be reset too.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Blocks of one job stream, and their `m_sent`, keep their order, whatever is between them.
//!
//! **Errors.** `ev_tx_aborted`. `ev_tx_frames` and the counters by type count frames that were sent whole.
//!
//! **Source.** IEEE 802.3-2018 3.1, RFC 791 3.1, RFC 1071, RFC 768, RFC 3720 12.1; streams: AXI IHI 0051 2.2.
//!
//! **Proof and test.** Properties `tx_frame_unbroken`, `tx_one_source`; `tests/tests/eth_tx.rs`, `tests/tests/eth_loop.rs`.

use dyad_spec::{BLOCK_BYTES, FrameType, wire};

use super::checksum::{checksum, constant_sum};
use super::crc::FrameCrc;
use super::header::{Addresses, FrameFields, frame_header, ip_length};
use crate::bundle::{Sent, TxCtl, TxJob};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::stream::{StreamIn, event_out, stream_in};

/// Bits of a beat of payload: data, `err`, `last`.
pub const fn pay_width(data_w: usize) -> usize {
    data_w + 2
}

/// Beats of payload that the FIFO of a block stream holds.
const fn fifo_depth(data_w: usize) -> usize {
    if data_w == 64 { 64 } else { 16 }
}

/// Beats that must be there before a header goes out.
const fn start_beats(data_w: usize) -> usize {
    if data_w == 64 { 1 } else { 4 }
}

// States.
const BOUNDARY: u64 = 0;
const HEADER: u64 = 1;
const PAYLOAD: u64 = 2;
const TRAILER: u64 = 3;

// Sources, in order of priority; `Blocks` are 1 and 2.
const CTL: usize = 0;
const AGAIN: usize = 1;
const FIRST: usize = 2;
const MAILBOX: usize = 3;

/// A stream of blocks: jobs, payload, and how far the block is.
struct Blocks {
    job: StreamIn,
    /// Of the payload FIFO's output.
    valid: E,
    data: E,
    err: E,
    last: E,
    /// Enough payload waits for a header to go out.
    enough: E,
    /// Takes a beat from the FIFO: to be driven.
    take: Var,
    /// Part that is sent next.
    part: Var,
    /// The rest of an aborted block is being thrown away.
    drain: Var,
    t_first: Var,
}

impl Blocks {
    fn new(m: &M, name: &str, pay: &str, data_w: usize) -> Self {
        let job = stream_in(m, &format!("s_{name}"), TxJob::WIDTH);
        let s = stream_in(m, &format!("s_{pay}"), pay_width(data_w));
        let (depth, start) = (fifo_depth(data_w), start_beats(data_w));
        let fifo = m.inst(format!("{pay}_fifo"), &fifo(depth, pay_width(data_w)));
        fifo.set("s_valid", s.valid);
        fifo.set("s_data", s.data);
        s.ready.set(fifo.get("s_ready"));
        let take = m.wire(format!("{pay}_take"), 1);
        fifo.set("m_ready", take);
        let (valid, head, count) = (fifo.get("m_valid"), fifo.get("m_data"), fifo.get("count"));
        // At 64 bits the beat that comes in right now counts: the header takes longer than the FIFO.
        let enough = if start == 1 { valid | s.fire() } else { count.ge(start) };
        Self {
            job,
            valid,
            data: head.trunc(data_w),
            err: head.bit(data_w),
            last: head.bit(data_w + 1),
            enough,
            take,
            part: m.reg(format!("{name}_part"), 2, 0),
            drain: m.reg(format!("{pay}_drain"), 1, 0),
            t_first: m.reg_nr(format!("{name}_t_first"), 32),
        }
    }

    /// Of the part that is next: offset field, payload bytes, and whether it is the block's last.
    fn next_part(&self, jumbo: E) -> (E, E, E) {
        let of = |f: fn(&(usize, usize)) -> usize, w: usize| {
            let whole = lit(f(&wire::PARTS_JUMBO[0]) as u64, w);
            let parts: Vec<E> = wire::PARTS_STANDARD.iter().map(|p| lit(f(p) as u64, w)).collect();
            mux(jumbo, whole, select(self.part, &parts))
        };
        let last = jumbo | self.part.eq(wire::PARTS_STANDARD.len() - 1);
        (of(|p| p.0 / wire::OFFSET_UNIT, 8), of(|p| p.1, 16), last)
    }
}

/// The sender of frames.
pub fn eth_tx(p: &Params) -> Module {
    let data_w = p.data_w;
    let header_beats = p.header_beats();
    let wide = header_beats == 1;
    let beat_bytes = data_w / 8;
    // Beats of the longest payload.
    let left_w = 16 - clog2(beat_bytes);
    assert!(wire::PARTS_JUMBO.len() == 1 && wire::PARTS_STANDARD.len() <= 4 && BLOCK_BYTES == 4096);

    module(p.named("eth_tx"), |m| {
        m.doc("Builds frames and sends them to the MAC, payload cut through.");
        let jumbo = m.input("jumbo", 1);
        let generation = m.input("generation", 16);
        let addresses = Addresses {
            mac: m.input("mac", 48),
            peer_mac: m.input("peer_mac", 48),
            ip: m.input("ip", 32),
            peer_ip: m.input("peer_ip", 32),
            udp_port: m.input("udp_port", 16),
        };
        let now = m.input("now", 32);
        let ctl = stream_in(m, "s_ctl", TxCtl::WIDTH);
        let first = Blocks::new(m, "job", "pay", data_w);
        let again = Blocks::new(m, "rjob", "rpay", data_w);
        let mb = stream_in(m, "s_mb", 16);
        let mbpay = stream_in(m, "s_mbpay", data_w);
        let tready = m.input("m_axis_tx_tready", 1);

        // What is shown to the MAC.
        let tvalid = m.reg("tvalid", 1, 0);
        let tdata = m.reg_nr("tdata", data_w);
        let tlast = m.reg_nr("tlast", 1);
        let tuser = m.reg_nr("tuser", 1);
        let advance = (!tvalid | tready).named("advance");
        m.output("m_axis_tx_tvalid", 1).set(tvalid);
        m.output("m_axis_tx_tdata", data_w).set(tdata);
        m.output("m_axis_tx_tlast", 1).set(tlast);
        m.output("m_axis_tx_tuser", 1).set(tuser);

        // The frame under way.
        let state = m.reg("state", 2, BOUNDARY);
        let frame = m.reg_nr("frame", FrameFields::WIDTH);
        let source = m.reg("source", 4, 0);
        let completes = m.reg("completes", 1, 0);
        let left = m.reg("left", left_w, 0);
        let now_next = now + 1;
        let at = |s: u64| state.eq(s);

        // Choice of the next frame.
        let drain_mb = m.reg("mbpay_drain", 1, 0);
        let mb_left = m.reg("mbpay_left", left_w, 0);
        let mb_beats = mb.data.slice(clog2(beat_bytes), left_w);
        let turn = m.reg("turn", 1, 0);
        let may = |b: &Blocks| b.job.valid & b.enough & !b.drain;
        let grants = priority(&[
            ctl.valid,
            may(&again) & !(turn & may(&first)),
            may(&first),
            mb.valid & !drain_mb & (mbpay.valid | !mb_beats.any()),
        ]);
        let start = (at(BOUNDARY) & advance & any_of(&grants)).named("start");
        let starts: Vec<E> = grants.iter().map(|g| *g & start).collect();
        when(starts[AGAIN], || turn.set(1));
        when(starts[FIRST], || turn.set(0));

        // What each source would send; at 512 bits with its checksum, so that no addition comes after the choice.
        let constant = constant_sum(m, addresses.ip, addresses.peer_ip);
        let ip_checksum = |length: E| checksum(constant, ip_length(length));
        let none = |w: usize| zero(w);
        let ctl_fields = {
            let c = TxCtl::unpack(ctl.data);
            let ack = c.ftype.eq(FrameType::Ack.code());
            FrameFields {
                ftype: c.ftype,
                code: c.code,
                generation,
                slot: c.slot,
                seq: c.seq,
                lun: none(8),
                offset: none(8),
                length: none(16),
                lba: (now_next - c.t_ref) & rep(ack, 32),
                epoch: none(32),
            }
        };
        let job_fields = |b: &Blocks| {
            let j = TxJob::unpack(b.job.data);
            let (offset, length, _) = b.next_part(jumbo);
            FrameFields {
                ftype: lit(FrameType::Write.code(), 4),
                code: none(8),
                generation,
                slot: j.slot,
                seq: j.seq,
                lun: j.lun.zext(8),
                offset,
                length,
                lba: j.lba,
                epoch: j.epoch,
            }
        };
        let mb_fields = FrameFields {
            ftype: lit(FrameType::Control.code(), 4),
            length: cat(&[mb.data.slice(6, 10), zero(6)]),
            generation: none(16),
            code: none(8),
            slot: none(ctl_fields.slot.width()),
            seq: none(32),
            lun: none(8),
            offset: none(8),
            lba: none(32),
            epoch: none(32),
        };
        let fields = [ctl_fields, job_fields(&again), job_fields(&first), mb_fields];
        let packed: Vec<E> = fields.iter().map(FrameFields::pack).collect();
        let chosen = onehot_mux(&grants, &packed);
        let (part_again, part_first) = (again.next_part(jumbo).2, first.next_part(jumbo).2);
        when(start, || {
            frame.set(chosen);
            source.set(cat(&[grants[3], grants[2], grants[1], grants[0]]));
            completes.set((grants[AGAIN] & part_again) | (grants[FIRST] & part_first));
            left.set(FrameFields::unpack(chosen).length.slice(clog2(beat_bytes), left_w));
        });
        let f = FrameFields::unpack(frame.get());
        let from = |s: usize| source.bit(s);
        let of_block = from(AGAIN) | from(FIRST);

        // The header's beats: at 64 bits from the registers of the frame, of which the first beat needs none.
        let index = (!wide).then(|| m.reg("header_beat", 3, 1));
        let header = if wide {
            let sums: Vec<E> = fields.iter().map(|f| ip_checksum(f.length)).collect();
            frame_header(&addresses, &FrameFields::unpack(chosen), onehot_mux(&grants, &sums))
        } else {
            frame_header(&addresses, &f, ip_checksum(f.length))
        };

        // Payload of the source under way.
        let sending = (at(PAYLOAD) & advance).named("sending");
        let of = |items: [E; 3]| onehot_mux(&[from(AGAIN), from(FIRST), from(MAILBOX)], &items);
        let pay_valid = of([again.valid, first.valid, mbpay.valid]);
        let pay_data = of([again.data, first.data, mbpay.data]);
        let bad = !pay_valid | of([again.err, first.err, zero(1)]);
        let abort = (sending & bad).named("abort");
        let finish = (at(TRAILER) & advance).named("finish");

        // The beat that is shown next.
        let crc = FrameCrc::new(m, data_w);
        let mut trailer = cat(&[crc.checksum(), zero(32)]);
        if wide {
            trailer = trailer.zext(data_w);
        }
        let beat = m.wire("beat", data_w);
        beat.set(if wide { header } else { header.trunc(data_w) });
        switch(state, |s| {
            if let Some(index) = index {
                s.is(HEADER, || beat.set(header.slice_dyn(index, data_w)));
            }
            s.is(PAYLOAD, || beat.set(pay_data));
            s.is(TRAILER, || beat.set(trailer));
        });
        let crc_first = index.map_or(at(BOUNDARY), |i| at(HEADER) & i.eq(FrameCrc::first_beat(data_w)));
        crc.take(advance, crc_first, beat.get());
        when(advance, || {
            tvalid.set(!at(BOUNDARY) | start);
            tdata.set(beat);
            tlast.set(at(TRAILER) | abort);
            tuser.set(abort);
        });
        let keep = m.output("m_axis_tx_tkeep", beat_bytes);
        if wide {
            let short = m.reg("short", 1, 0);
            when(advance, || short.set(at(TRAILER)));
            keep.set(cat(&[rep(!short, beat_bytes - 8), ones(8)]));
        } else {
            keep.set(ones(beat_bytes));
        }

        // From beat to beat.
        let after_header = |length: E| mux(length.any(), lit(PAYLOAD, 2), lit(TRAILER, 2));
        match index {
            None => {
                when(start, || state.set(after_header(FrameFields::unpack(chosen).length)));
            }
            Some(index) => {
                when(start, || {
                    state.set(HEADER);
                    index.set(1);
                });
                when(at(HEADER) & advance, || {
                    index.set(index + 1);
                    when(index.eq(header_beats - 1), || state.set(after_header(f.length)));
                });
            }
        }
        when(sending, || {
            left.set(left - 1);
            when(bad, || state.set(BOUNDARY)).elsewhen(left.eq(1), || state.set(TRAILER));
        });
        when(finish, || state.set(BOUNDARY));

        // The streams of blocks.
        for (b, s, last_part) in [(&again, AGAIN, part_again), (&first, FIRST, part_first)] {
            let gives_up = abort & from(s);
            b.job.ready.set((starts[s] & last_part) | (gives_up & !completes));
            b.take.set((sending & from(s)) | b.drain);
            when(starts[s], || {
                b.part.set(mux(last_part, 0, b.part + 1));
                when(b.part.eq(0), || b.t_first.set(now_next));
            });
            when(gives_up, || {
                b.part.set(0);
                b.drain.set(!(b.valid & b.last));
            });
            when(b.drain & b.valid & b.last, || b.drain.set(0));
        }
        ctl.ready.set(starts[CTL]);
        mb.ready.set(starts[MAILBOX]);
        let mb_take = (sending & from(MAILBOX)) | drain_mb;
        mbpay.ready.set(mb_take);
        when(starts[MAILBOX], || mb_left.set(mb_beats));
        when(mb_take & mbpay.valid, || {
            mb_left.set(mb_left - 1);
            when(mb_left.eq(1), || drain_mb.set(0));
        });
        when(abort & from(MAILBOX), || drain_mb.set(1));

        // What became of blocks and frames.
        let (sent_valid, sent_data) = event_out(m, "m_sent", Sent::WIDTH);
        let sent = m.reg("sent", 1, 0);
        let report = m.reg_nr("report", Sent::WIDTH);
        sent.set(of_block & (abort | (finish & completes)));
        let t_first = mux(from(AGAIN), again.t_first, first.t_first);
        report.set(
            Sent { slot: f.slot, seq: f.seq, t_first, t_last: now_next, aborted: abort, resend: from(AGAIN) }.pack(),
        );
        sent_valid.set(sent);
        sent_data.set(report);
        let event = |name: &str, when: E| {
            let q = m.reg(name, 1, 0);
            q.set(when);
            m.output(format!("ev_{name}"), 1).set(q);
        };
        let is = |t: FrameType| f.ftype.eq(t.code());
        event("tx_frames", finish);
        event("tx_write", finish & of_block);
        event("tx_resend", finish & from(AGAIN));
        event("tx_ack", finish & is(FrameType::Ack));
        event("tx_busy", finish & is(FrameType::Busy));
        event("tx_refused", finish & is(FrameType::Refused));
        event("tx_aborted", abort);
        let under_way = |b: &Blocks| any_of(&[b.job.valid, b.valid, b.drain.get(), b.part.any()]);
        let waiting = any_of(&[ctl.valid, mb.valid, drain_mb.get(), under_way(&first), under_way(&again)]);
        m.output("busy", 1).set(tvalid | !at(BOUNDARY) | waiting | sent);

        m.prove("tx_frame_unbroken", at(BOUNDARY).ne(tvalid & !tlast));
        let twos = (0..4).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| from(i) & from(j));
        m.prove("tx_one_source", !any_of(&twos.collect::<Vec<_>>()));
    })
}
