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
//!   ride_* -> | ------------------> trailer  |
//!      cfg -> |                              |
//!             +------------------------------+
//! ```
//!
//! **Interface.** `s_ctl`: a frame without payload ([`TxCtl`]). `s_job` and `s_rjob`: a block and a block sent again
//! ([`TxJob`]); their payload comes on `s_pay` and `s_rpay`, a block's beats in order, each [`pay_width`] bits: data,
//! then `err` (the beat is bad), then `last` (of the block). A job stays at its port until the header of its last part
//! has been sent. `s_mb`: a CONTROL frame of so many bytes (16 bits; a multiple of 64, at most 8896) with payload on
//! `s_mbpay`. `ride_valid`, `ride_data` ([`SlotUse`]): a COMMIT that rides in the trailer of the next frame that ends,
//! whatever its type but CONTROL; it does where both `ride_valid` and `ride_taken` are 1. `m_axis_tx`: whole frames without FCS; beats and `tvalid` hold until `tready`; `tkeep` is all ones but in
//! the trailer at 512 bits, where it is 0xff; `tuser` with `tlast`: the frame is bad, the MAC must spoil its FCS.
//! `m_sent` ([`Sent`]): a block has left or was given up; once a job. Its times are those of the cycles in which the
//! first beat of the block and its last beat are first shown. Configuration (`jumbo` to `udp_port`) may change only
//! while no frame is under way, and 4 cycles before one.
//!
//! **Parameters.** `data_w` 64 or 512.
//!
//! **Frames.** With `jumbo` a block is one frame, otherwise three; a block of zeroes is one short frame. Frames are chosen at frame boundaries: `s_ctl`, then
//! `s_rjob` and `s_job` in turn, then `s_mb`. Parts of blocks may so have other frames between them. An ACK says how
//! many cycles lie between its `t_ref` and its first beat.
//!
//! **Underrun.** A header goes out when 1 beat (64 bits) or 4 beats (512 bits) of its payload are there; the payload
//! FIFOs hold 64 beats, or 16 (at 512 bits, and in a lean build). When a beat of payload is late all the same, or is marked `err`, one beat is sent in its
//! place with `tlast` and `tuser`; what is left of the block's payload is thrown away as it comes, its other parts are
//! not sent, and `m_sent` says `aborted`.
//!
//! **Latency.** To the header's first beat, from `s_ctl`: 1 cycle. From payload: at 64 bits 1 cycle after its first
//! beat, or 2 when a block that is sent again is all there is; at 512 bits 2 cycles after its fourth beat. From `s_mb`:
//! 1 cycle, or 2 at 512 bits.
//!
//! **Throughput.** One beat per cycle, no idle cycle between frames: a block takes 521 or 539 cycles at 64 bits, 66 or
//! 70 at 512.
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
//! **Proof and test.** Properties `tx_frame_unbroken`, `tx_one_source`; `tests/tests/eth_tx.rs`,
//! `tests/tests/eth_loop.rs`.

use dyad_spec::wire::COMMIT_SEQ_BITS;
use dyad_spec::{FrameType, wire};

use super::checksum::{checksum, constant_sum};
use super::crc::{SentCrc, first_beat};
use super::header::{Addresses, FrameFields, frame_header, ip_length};
use super::tx_blocks::Blocks;
use crate::bundle::{Sent, SlotUse, TxCtl};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::crc32c::crc_data;
use crate::stream::{event_out, stream_in};

pub use super::tx_blocks::pay_width;

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

/// The sender of frames.
pub fn eth_tx(p: &Params) -> Module {
    let data_w = p.data_w;
    let header_beats = p.header_beats();
    let wide = header_beats == 1;
    let beat_bytes = data_w / 8;
    // Beats of the longest payload.
    let per_unit = clog2(wire::OFFSET_UNIT / beat_bytes);
    let left_w = 8 + per_unit;

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
        let first = Blocks::new(m, "job", "pay", p);
        let again = Blocks::new(m, "rjob", "rpay", p);
        let mb = stream_in(m, "s_mb", 16);
        let mbpay = stream_in(m, "s_mbpay", data_w);
        let ride_valid = m.input("ride_valid", 1);
        let ride_data = m.input("ride_data", SlotUse::WIDTH);
        let ride_taken = m.output("ride_taken", 1);
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

        // Choice of the next frame. Whatever could go now is chosen by what is known early; where nothing can, the
        // choice falls on the block stream that may get its payload in this very cycle.
        let drain_mb = m.reg("mbpay_drain", 1, 0);
        let mb_left = m.reg("mbpay_left", left_w, 0);
        let mb_beats = mb.data.slice(clog2(beat_bytes), left_w);
        let turn = m.reg("turn", 1, 0);
        let free = |b: &Blocks| b.job.valid & !b.drain;
        let may_first = free(&first) & first.enough;
        let may_again = free(&again) & again.enough & !(turn & may_first);
        // At 512 bits a message's checksum is made in the cycle before.
        let mb_known = wide.then(|| m.reg("mb_known", 1, 0));
        let may_mail =
            mb.valid & mb_known.map_or(ones(1), |k| k.get()) & !drain_mb & (mbpay.valid | !mb_beats.any()) & !may_first;
        let early = priority(&[ctl.valid, may_again, may_mail]);
        let none_early = !any_of(&[ctl.valid, may_again, may_mail]);
        let grants = [early[0], early[1], none_early, early[2]];
        let boundary = (at(BOUNDARY) & advance).named("boundary");
        let go = !none_early | may_first | (free(&first) & first.comes);
        let start = (boundary & go).named("start");
        let starts: Vec<E> = grants.iter().map(|g| *g & start).collect();
        if let Some(known) = mb_known {
            known.set(mb.valid & !starts[MAILBOX]);
        }
        when(starts[AGAIN], || turn.set(1));
        when(starts[FIRST], || turn.set(0));

        // What each source would send.
        let c = TxCtl::unpack_in(p, ctl.data);
        let about_owners =
            any_of(&[FrameType::OwnReq, FrameType::Grant, FrameType::Taken].map(|t| c.ftype.eq(t.code())));
        let fields = [
            FrameFields {
                ftype: c.ftype,
                code: c.code,
                generation,
                slot: c.slot,
                seq: c.seq,
                lun: c.lun.zext(8),
                lba: cat(&[
                    c.lba_high,
                    mux(c.ftype.eq(FrameType::Ack.code()), now_next - c.t_ref, c.t_ref & rep(about_owners, 32)),
                ]),
                epoch: c.epoch,
                ..FrameFields::none()
            },
            again.fields(jumbo, generation),
            first.fields(jumbo, generation),
            FrameFields {
                ftype: lit(FrameType::Control.code(), 4),
                length: mb.data.slice(clog2(wire::OFFSET_UNIT), 8),
                ..FrameFields::none()
            },
        ];
        let packed: Vec<E> = fields.iter().map(FrameFields::pack).collect();
        let chosen = onehot_mux(&grants, &packed);
        let (part_again, part_first) = (again.completes(jumbo), first.completes(jumbo));
        when(boundary, || {
            frame.set(chosen);
            source.set(cat(&[grants[3], grants[2], grants[1], grants[0]]));
            completes.set((grants[AGAIN] & part_again) | (grants[FIRST] & part_first));
            left.set(FrameFields::unpack(chosen).length.zext(left_w).shl(per_unit));
        });
        let f = FrameFields::unpack(frame.get());
        let from = |s: usize| source.bit(s);
        let of_block = from(AGAIN) | from(FIRST);

        // The header's beats. At 64 bits from the registers of the frame, of which the first beat needs none; at 512
        // bits the checksums are in registers, so that no addition follows the choice.
        let constant = constant_sum(m, addresses.ip, addresses.peer_ip);
        let ip_checksum = |length: E| checksum(constant, ip_length(length));
        let index = (!wide).then(|| m.reg("header_beat", 3, 1));
        let header = if wide {
            let kept = |name: String, length: E| {
                let q = m.reg_nr(name, 16);
                q.set(ip_checksum(length));
                q.get()
            };
            let fixed = |bytes: usize| kept(format!("checksum_{bytes}"), lit((bytes / wire::OFFSET_UNIT) as u64, 8));
            let whole = fixed(wire::PARTS_JUMBO[0].1);
            let parts: Vec<E> = wire::PARTS_STANDARD.iter().map(|part| fixed(part.1)).collect();
            let zeroes = fixed(wire::ZEROES_BYTES);
            let of_part = |b: &Blocks| b.of_part(jumbo, zeroes, whole, &parts);
            let mail = kept("checksum_mail".to_string(), fields[MAILBOX].length);
            let sums = [fixed(0), of_part(&again), of_part(&first), mail];
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
        let crc_first = index.map_or(at(BOUNDARY), |i| at(HEADER) & i.eq(first_beat(data_w)));
        let crc = SentCrc::new(m, tdata.get(), advance, crc_first);
        // A COMMIT rides along.
        let rides = (ride_valid & !from(MAILBOX)).named("rides");
        let done = SlotUse::unpack(ride_data);
        let word = cat(&[done.slot, done.seq.trunc(COMMIT_SEQ_BITS)]) & rep(rides, 32);
        let word = cat(&[word.slice(0, 8), word.slice(8, 8), word.slice(16, 8), word.slice(24, 8)]);
        let mut trailer = cat(&[crc.checksum() ^ crc_data(word, 0), word]);
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
            when(starts[s], || b.part.set(mux(last_part, 0, b.part + 1)));
            when(boundary & grants[s] & b.part.eq(0), || b.t_first.set(now_next));
            when(gives_up, || {
                b.part.set(0);
                b.drain.set(!(b.valid & b.last));
            });
            when(b.drain & b.valid & b.last, || b.drain.set(0));
        }
        ctl.ready.set(starts[CTL]);
        ride_taken.set(finish & !from(MAILBOX));
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
        event("tx_write", finish & is(FrameType::Write));
        event("tx_request", finish & is(FrameType::Request));
        event("tx_zeroes", finish & (is(FrameType::WriteZeroes) | is(FrameType::RequestZeroes)));
        event("tx_resend", finish & from(AGAIN));
        event("tx_ack", finish & is(FrameType::Ack));
        event("tx_busy", finish & is(FrameType::Busy));
        event("tx_refused", finish & is(FrameType::Refused));
        event("tx_not_owner", finish & is(FrameType::NotOwner));
        event("tx_own_req", finish & is(FrameType::OwnReq));
        event("tx_grant", finish & is(FrameType::Grant));
        event("tx_commit", finish & is(FrameType::Commit));
        event("tx_ask_commit", finish & is(FrameType::AskCommit));
        event("tx_aborted", abort);
        let under_way = |b: &Blocks| any_of(&[b.job.valid, b.valid, b.drain.get(), b.part.any()]);
        let waiting = any_of(&[ctl.valid, mb.valid, drain_mb.get(), under_way(&first), under_way(&again)]);
        m.output("busy", 1).set(tvalid | !at(BOUNDARY) | waiting | sent);

        m.prove("tx_frame_unbroken", at(BOUNDARY).ne(tvalid & !tlast));
        let twos = (0..4).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| from(i) & from(j));
        m.prove("tx_one_source", !any_of(&twos.collect::<Vec<_>>()));
    })
}
