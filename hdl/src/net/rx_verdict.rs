//! What `eth_rx` counts: exactly one of good and the reasons to drop, for each frame, three cycles after its end.

use dyad_spec::counters::Counter;
use dyad_spec::{BLOCK_BYTES, FrameType, wire};

use super::header::version_type;
use super::rx_checks::{CONTROL_MAX, Checks, Parser};
use crate::prelude::*;

/// Bits of a frame's length in bytes, as counted; a longer one counts as the longest.
const BYTES_W: usize = 17;

/// The stream from the MAC, this cycle.
pub(super) struct Beat {
    pub valid: E,
    pub keep: E,
    pub last: E,
    pub user: E,
    /// The frame's first beat.
    pub first: E,
}

/// Number of bytes that a `keep` of low ones marks, 1 to all.
fn bytes_kept(keep: E) -> E {
    let n = keep.width();
    // The highest one; bit i stands for i + 1 bytes.
    let top: Vec<E> = (0..n).map(|i| if i + 1 < n { keep.bit(i) & !keep.bit(i + 1) } else { keep.bit(i) }).collect();
    let counts: Vec<E> = (1..=n as u64).map(|c| lit(c, clog2(n) + 1)).collect();
    onehot_mux(&top, &counts)
}

/// Counts each frame. `good` is valid in the cycle of its last beat, `checks` and the parser's fields in the cycle
/// after it. Returns whether a frame's verdict is under way.
pub(super) fn count(m: &M, beat: &Beat, good: E, checks: &Checks, h: &Parser) -> E {
    let beat_bytes = beat.keep.width();
    let shift = clog2(beat_bytes);

    // Length in bytes: beats before this one, and this one's bytes.
    let beats = m.reg("beats", BYTES_W - shift, 0);
    let so_far = beats & rep(!beat.first, beats.width());
    when(beat.valid, || beats.set(mux(so_far.all(), so_far, so_far + 1)));
    let full = cat(&[so_far, zero(shift)]);
    let bytes = m.reg_nr("bytes", BYTES_W);
    let total = full + bytes_kept(beat.keep).zext(BYTES_W);
    bytes.set(mux(so_far.all(), full, total));

    // In the cycle after the last beat; what is then known of the frame goes into registers.
    let ended = m.reg("ended", 1, 0);
    let was_good = m.reg_nr("was_good", 1);
    let bad_fcs = m.reg_nr("bad_fcs", 1);
    ended.set(beat.valid & beat.last);
    was_good.set(good);
    bad_fcs.set(beat.user);

    // Right from the second cycle after its beat on; a frame that ends before is short whatever it says.
    let told = m.reg_nr("told", BYTES_W);
    told.set(h.held(&wire::IP_LENGTH).zext(BYTES_W) + wire::ETHERNET_BYTES);
    let ipv4 = !checks.of(Counter::rx_bad_ethertype);
    let control = h.held(&wire::VERSION_TYPE).eq(version_type(FrameType::Control));
    let most = |payload: usize| lit((wire::SHORT_FRAME_BYTES + payload) as u64, BYTES_W);
    let short = bytes.lt(wire::SHORT_FRAME_BYTES) | (ipv4 & bytes.lt(told.get()));
    let long = bytes.gt(mux(control, most(CONTROL_MAX), most(BLOCK_BYTES))) | (ipv4 & bytes.gt(told.get()));

    let known = [
        (Counter::rx_good, was_good.get()),
        (Counter::rx_bad_fcs, bad_fcs.get()),
        (Counter::rx_short, short),
        (Counter::rx_long, long),
    ];
    let keep = |(counter, outcome): &(Counter, E)| {
        let q = m.reg_nr(format!("had_{}", counter.name()), 1);
        q.set(*outcome);
        (*counter, q.get())
    };
    let mut reasons: Vec<(Counter, E)> = known.iter().chain(&checks.failed).map(keep).collect();
    // A frame that is not good and has no other fault has this one.
    reasons.push((Counter::rx_bad_crc, ones(1)));
    let judged = m.reg("judged", 1, 0);
    judged.set(ended);
    let requests: Vec<E> = reasons.iter().map(|(_, wanted)| *wanted).collect();
    let mut pulses = vec![ended.get(), judged.get()];
    for ((counter, _), grant) in reasons.iter().zip(priority(&requests)) {
        let event = m.reg(counter.name(), 1, 0);
        event.set(judged & grant);
        m.output(format!("ev_{}", counter.name()), 1).set(event);
        pulses.push(event.get());
    }
    let frames = m.reg("rx_frames", 1, 0);
    frames.set(judged);
    m.output("ev_rx_frames", 1).set(frames);
    let verdicts = &pulses[2..];
    let twos = (0..verdicts.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| verdicts[i] & verdicts[j]);
    let twos: Vec<E> = twos.collect();
    m.prove("rx_one_verdict", frames.eq(any_of(verdicts)) & !any_of(&twos));
    any_of(&pulses)
}
