//! `eth_rx`: checks frames from the MAC and takes them apart.
//!
//! ```text
//!              +-----------------------------+
//!  s_axis_rx =>| header checks -- verdict ---| -> m_answer   ACK, BUSY, REFUSED, NOT_OWNER, ASK_COMMIT
//!              |      |              |       | -> m_commit, m_trail   COMMIT, commit words of trailers
//!              |      |              |       | -> m_flush    FLUSH
//!              |      |              |       | -> m_own      OWN_REQ, GRANT, TAKEN
//!        cfg ->|    fields           |       | -> m_whdr     WRITE: its header
//!        now ->|      |              |       | => m_wbeat           payload
//!              |    delay line ------+-------| -> m_wend            verdict
//!              |                             | => m_mbbeat, m_mbend   CONTROL
//!              |    CRC                      | -> ev_rx_*, busy
//!              +-----------------------------+
//! ```
//!
//! **Interface.** `s_axis_rx`: whole frames without FCS, `tready` always 1, gaps anywhere; `tkeep` is low ones, all
//! ones before the last beat; `tuser` with `tlast`: the MAC found the frame bad. All outputs are events. `m_answer`
//! ([`Answer`]), `m_flush` ([`FLUSH_FIELDS`]), `m_own` ([`OwnFrame`]), `m_commit` ([`SlotUse`]) and `m_trail` (the trailer's commit word, where it is not
//! zero; not of CONTROL frames) come for good frames alone. A WRITE or REQUEST frame, or one of zeroes, whose headers are right
//! makes an `m_whdr` ([`RxHead`]), then an `m_wbeat` (data) for each beat of payload that its header announced and that
//! came, then exactly one `m_wend` ([`RxEnd`]), good or not; all announced beats have come if it is good. A CONTROL
//! frame the same, without a header: `m_mbbeat` (data, then `first`) and `m_mbend` (`good`, then 16 bits of payload
//! bytes). Configuration is compared with each frame as it comes.
//!
//! **Parameters.** `data_w` 64 or 512; `slots`: answers must name one of them.
//!
//! **Latency.** From the last beat: `m_answer`, `m_flush`, `m_own`, `m_commit`, `m_trail` 1 cycle, counters 3, `m_wend` and `m_mbend` 3 (64 bits) or
//! 4 (512). From the header's last beat: `m_whdr` 1 cycle (64) or 2 (512). A beat of payload leaves 3 cycles after it
//! came (64) or 4 (512), which is never less than 3 cycles after `m_whdr`.
//!
//! **Throughput.** A beat every cycle; at 512 bits a whole frame every 2 cycles, or one-beat rubbish every cycle.
//!
//! **Backpressure.** None: whoever takes the events must keep up.
//!
//! **Reset.** Forgets the frame under way; the beats left of it count as a frame of their own, which fails.
//!
//! **Clocks.** One.
//!
//! **Ordering.** That of the frames, for each output. At 512 bits the `m_whdr` of a frame that follows another without
//! a gap comes one cycle before that other's `m_wend`.
//!
//! **Errors.** Each frame counts in `ev_rx_frames` and in exactly one of `ev_rx_good` and the reasons to drop it: the
//! first that holds of
//!
//! | counter | the frame |
//! |---|---|
//! | `rx_bad_fcs` | is bad, says the MAC |
//! | `rx_short` | has less than 72 bytes, or is IPv4 and has less than its total length says |
//! | `rx_long` | has more than 72 bytes and a block (CONTROL: 8896 bytes), or is IPv4 and has more than it says |
//! | `rx_bad_mac` | is not for `mac`; broadcast and multicast are not wanted |
//! | `rx_bad_ethertype` | is not IPv4 |
//! | `rx_bad_ip` | has another version, options, is a fragment, not UDP, not from `peer_ip`, or not to `ip` |
//! | `rx_bad_checksum` | has a wrong IPv4 checksum |
//! | `rx_bad_udp` | has another destination port, a UDP length that does not fit the total length, or a UDP checksum |
//! | `rx_bad_type` | has another wire version, or no known type |
//! | `rx_bad_generation` | CONTROL: has a generation that is not 0. Others: another generation, or the link is down |
//! | `rx_bad_slot` | WRITE, REQUEST, those of zeroes, FLUSH, COMMIT, OWN_REQ: has a slot of at least `peer_slots`. Answers: of at least `slots` |
//! | `rx_bad_length` | WRITE, REQUEST: is no part of a block; those of zeroes: is not as they are. CONTROL: payload is not n·64, 64 to 8896. Others: has payload |
//! | `rx_bad_length` | has a payload length that does not fit its total length |
//! | `rx_bad_crc` | fails its CRC32C |
//!
//! The source MAC address, type of service, identification, time to live and UDP source port are not looked at, nor are
//! fields of the wire header that its type does not use.
//!
//! **Source.** IEEE 802.3-2018 3.1, RFC 791 3.1, RFC 1071, RFC 768, RFC 3720 12.1; streams: AXI IHI 0051 2.2.
//!
//! **Proof and test.** Property `rx_one_verdict`; `tests/tests/eth_rx.rs`, `tests/tests/eth_loop.rs`.

use dyad_spec::{FrameType, wire};

use super::checksum::HeaderSum;
use super::crc::{TakenCrc, first_beat};
use super::header::version_type;
use super::rx_checks::{Expected, Parser, header_checks};
use super::rx_verdict::{Beat, count};
use crate::bundle::{Answer, LUN_W, OwnFrame, RxEnd, RxHead, SLOT_W, SlotUse};
use crate::params::Params;
use crate::prelude::*;
use crate::stream::event_out;

/// Fields of `m_flush`, lowest bits first.
pub const FLUSH_FIELDS: &[(&str, usize)] = &[("slot", SLOT_W), ("seq", 32)];
/// Bits of `m_mbend`: `good`, then the payload's bytes.
pub const MAILBOX_END_W: usize = 17;

/// Cycles that a beat of payload is held back.
pub const fn delay(data_w: usize) -> usize {
    if data_w == 64 { 3 } else { 4 }
}

/// The receiver of frames.
pub fn eth_rx(p: &Params) -> Module {
    let data_w = p.data_w;
    let header_beats = p.header_beats();
    let beat_bytes = data_w / 8;

    module(p.named("eth_rx"), |m| {
        m.doc("Checks frames from the MAC and takes them apart.");
        let valid = m.input("s_axis_rx_tvalid", 1);
        m.output("s_axis_rx_tready", 1).set(1);
        let data = m.input("s_axis_rx_tdata", data_w);
        let keep = m.input("s_axis_rx_tkeep", beat_bytes);
        let last = m.input("s_axis_rx_tlast", 1);
        let user = m.input("s_axis_rx_tuser", 1);
        let expected = Expected {
            link_ok: m.input("link_ok", 1),
            generation: m.input("generation", 16),
            mac: m.input("mac", 48),
            ip: m.input("ip", 32),
            peer_ip: m.input("peer_ip", 32),
            udp_port: m.input("udp_port", 16),
            peer_slots: m.input("peer_slots", 16),
        };
        let now = m.input("now", 32);

        // Where in the frame the beat is: one bit for each beat of the headers, one for all after them.
        let place = m.reg("place", header_beats + 1, 1);
        let body = place.bit(header_beats);
        let at: Vec<E> = (0..header_beats).map(|n| place.bit(n)).collect();
        let onward = cat(&[body | at[header_beats - 1], place.trunc(header_beats).shl(1)]);
        when(valid, || place.set(mux(last, lit(1, header_beats + 1), onward)));
        let first = at[0];
        let end = valid & last;

        // Checks.
        let h = Parser::new(m, data_w, valid, data, at.clone());
        let sum = HeaderSum::new(m, data_w, valid, &at, data);
        let checks = header_checks(m, p, &h, &expected, sum.right());
        let headers_right = (!checks.any()).named("headers_right");
        let crc = TakenCrc::new(m, valid, data, at[first_beat(data_w)]);

        // Payload that is still to come; then one beat of trailer; then nothing.
        let per_unit = clog2(wire::OFFSET_UNIT / beat_bytes);
        let left = m.reg("left", 8 + per_unit, 0);
        let past = m.reg("past", 1, 0);
        let n_length = h.beat_of(&wire::LENGTH);
        let in_payload = body & left.any();
        let in_trailer = body & !left.any() & !past;
        when(valid, || past.set((in_trailer | past) & !first));
        when(valid & in_payload, || left.set(left - 1));
        when(valid & at[n_length], || left.set(h.value(&wire::LENGTH, n_length).zext(8 + per_unit).shl(per_unit)));

        // The verdict, in the cycle of the last beat.
        let ends_right = last & !user & in_trailer & keep.eq(lit_big(Bits::ones(8).resize(beat_bytes), beat_bytes));
        let good = (valid & ends_right & headers_right & crc.verifies(data.trunc(64))).named("good");
        let is = |t: FrameType| h.held(&wire::VERSION_TYPE).eq(version_type(t));
        let pulse = |name: &str, when: E| {
            let q = m.reg(name, 1, 0);
            q.set(when);
            q.get()
        };
        let slot = h.held(&wire::SLOT).trunc(SLOT_W);
        let seq = h.held(&wire::SEQ);
        let answers = any_of(
            &[FrameType::Ack, FrameType::Busy, FrameType::Refused, FrameType::NotOwner, FrameType::AskCommit].map(is),
        );
        let (answer_valid, answer_data) = event_out(m, "m_answer", Answer::WIDTH);
        let answer = pulse("answer", good & answers);
        answer_valid.set(answer);
        let ftype = h.held(&wire::VERSION_TYPE).trunc(4);
        answer_data
            .set(Answer { ftype, code: h.held(&wire::CODE), slot, seq, aux: h.held(&wire::LBA).trunc(32) }.pack());
        let (flush_valid, flush_data) = event_out(m, "m_flush", SLOT_W + 32);
        let flush = pulse("flush", good & is(FrameType::Flush));
        flush_valid.set(flush);
        flush_data.set(cat(&[seq, slot]));

        // Changes of owner. A LUN that no card has is nobody's.
        let (own_valid, own_data) = event_out(m, "m_own", OwnFrame::WIDTH);
        let about = any_of(&[FrameType::OwnReq, FrameType::Grant, FrameType::Taken].map(is));
        let lun = h.held(&wire::LUN);
        let own = pulse("own", good & about & lun.lt(p.luns));
        own_valid.set(own);
        let (lba, epoch, code) = (p.near(h.held(&wire::LBA)), h.held(&wire::EPOCH), h.held(&wire::CODE));
        own_data.set(OwnFrame { ftype, code, slot, seq, lun: lun.trunc(LUN_W), lba, epoch }.pack());

        // COMMITs: frames, and words in the trailers of others.
        let (commit_valid, commit_data) = event_out(m, "m_commit", SlotUse::WIDTH);
        let commit = pulse("commit", good & is(FrameType::Commit));
        commit_valid.set(commit);
        commit_data.set(SlotUse { slot, seq }.pack());
        let word = cat(&[data.slice(0, 8), data.slice(8, 8), data.slice(16, 8), data.slice(24, 8)]);
        let (trail_valid, trail_data) = event_out(m, "m_trail", 32);
        let trail = pulse("trail", good & word.any() & !is(FrameType::Control));
        let trail_word = m.reg_nr("trail_word", 32);
        trail_word.set(word);
        trail_valid.set(trail);
        trail_data.set(trail_word);

        // The headers' outcome: at 64 bits no check is left for their last beat.
        let headers_end = valid & at[header_beats - 1] & !last;
        let checked = if checks.last_beat + 1 < header_beats { headers_end } else { pulse("checked", headers_end) };
        let takes_write = m.reg("takes_write", 1, 0);
        let takes_control = m.reg("takes_control", 1, 0);
        let (whdr_valid, whdr_data) = event_out(m, "m_whdr", RxHead::WIDTH);
        let zeroes = (is(FrameType::WriteZeroes) | is(FrameType::RequestZeroes)).named("zeroes");
        let block = (is(FrameType::Write) | is(FrameType::Request) | zeroes).named("block");
        let whdr = pulse("whdr", checked & headers_right & block);
        when(valid & first, || {
            takes_write.set(0);
            takes_control.set(0);
        });
        when(checked, || {
            takes_write.set(headers_right & block);
            takes_control.set(headers_right & is(FrameType::Control));
        });
        whdr_valid.set(whdr);
        whdr_data.set(
            RxHead {
                slot,
                seq,
                lun: h.held(&wire::LUN),
                lba: p.near(h.held(&wire::LBA)),
                epoch: h.held(&wire::EPOCH),
                offset: h.held(&wire::OFFSET),
                length: h.held(&wire::LENGTH),
                request: is(FrameType::Request) | is(FrameType::RequestZeroes),
                zeroes,
            }
            .pack(),
        );

        // The delay line: beats of payload and ends of frames. What it holds counts once it is known that the headers
        // are right: when it leaves the first stage.
        let any_beat = pulse("any_beat", valid & in_payload & !last);
        let any_end = pulse("any_end", end);
        let was_first = m.reg("was_first", 1, 0);
        when(valid, || was_first.set(!in_payload));
        let fresh = pulse("fresh", was_first.get());
        let mut line = Stage {
            write_beat: any_beat & takes_write,
            control_beat: any_beat & takes_control,
            write_end: any_end & takes_write,
            control_end: any_end & takes_control,
            first: fresh,
            good: pulse("end_good", good),
            length: h.held(&wire::LENGTH),
            data: m.reg_nr("line_data", data_w),
            t_last: m.reg_nr("line_t_last", 32),
        };
        line.data.set(data);
        line.t_last.set(now);
        let mut moving = vec![any_beat, any_end, answer, flush, own, whdr, commit, trail];
        for n in 1..delay(data_w) {
            line = line.next(m, n);
            moving.extend([line.write_beat, line.control_beat, line.write_end, line.control_end]);
        }
        let (wbeat_valid, wbeat_data) = event_out(m, "m_wbeat", data_w);
        wbeat_valid.set(line.write_beat);
        wbeat_data.set(line.data);
        let (wend_valid, wend_data) = event_out(m, "m_wend", RxEnd::WIDTH);
        wend_valid.set(line.write_end);
        wend_data.set(RxEnd { good: line.good, t_last: line.t_last.get() }.pack());
        let (mbbeat_valid, mbbeat_data) = event_out(m, "m_mbbeat", data_w + 1);
        mbbeat_valid.set(line.control_beat);
        mbbeat_data.set(cat(&[line.first, line.data.get()]));
        let (mbend_valid, mbend_data) = event_out(m, "m_mbend", MAILBOX_END_W);
        mbend_valid.set(line.control_end);
        mbend_data.set(cat(&[line.length.zext(10), zero(6), line.good]));

        let counting = count(m, &Beat { valid, keep, last, user, first }, good, &checks, &h);
        m.output("busy", 1).set(valid | !first | counting | any_of(&moving));
    })
}

/// A stage of the delay line.
struct Stage {
    write_beat: E,
    control_beat: E,
    write_end: E,
    control_end: E,
    first: E,
    good: E,
    /// Payload of the frame in units of 64 bytes.
    length: E,
    data: Var,
    t_last: Var,
}

impl Stage {
    fn next(&self, m: &M, n: usize) -> Self {
        let flag = |name: &str, from: E| {
            let q = m.reg(format!("line_{name}_{n}"), 1, 0);
            q.set(from);
            q.get()
        };
        let wide = |name: &str, from: E| {
            let q = m.reg_nr(format!("line_{name}_{n}"), from.width());
            q.set(from);
            q
        };
        Self {
            write_beat: flag("write_beat", self.write_beat),
            control_beat: flag("control_beat", self.control_beat),
            write_end: flag("write_end", self.write_end),
            control_end: flag("control_end", self.control_end),
            first: flag("first", self.first),
            good: flag("good", self.good),
            length: wide("units", self.length).get(),
            data: wide("data", self.data.get()),
            t_last: wide("t_last", self.t_last.get()),
        }
    }
}
