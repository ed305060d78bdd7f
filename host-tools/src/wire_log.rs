//! What was on the simulated fibre in one direction.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use dyad_sim::link::Seen;
use dyad_sim::mac::LineRate;
use dyad_sim::{Bench, Site};
use dyad_spec::wire::{HEADER_BYTES, Header, LINE_OVERHEAD_BYTES, OFFSET_UNIT};
use dyad_spec::{BLOCK_BYTES, FrameType};

/// A frame.
#[derive(Clone, Copy, Debug)]
pub struct LoggedFrame {
    /// Cycle of its first beat.
    pub start: u64,
    /// Cycle of its last beat.
    pub end: u64,
    /// What it carried, when that is defined.
    pub kind: Option<FrameType>,
    /// Bytes of payload.
    pub payload: u64,
    /// The same part of the same block went before, for the same use of its slot.
    pub repeat: bool,
}

#[derive(Default)]
struct Log {
    frames: Vec<LoggedFrame>,
    seen: HashSet<(u64, u64, u64)>,
}

impl Log {
    fn add(&mut self, seen: &Seen) {
        let Some(head) = seen.bytes.get(..HEADER_BYTES) else { return };
        let mut header = Header::new();
        header.0.copy_from_slice(head);
        let kind = FrameType::try_from(header.version_type() as u8 & 0xf).ok();
        let writes = carries_a_block(kind);
        let repeat = writes && !seen.bad && !self.seen.insert((header.slot(), header.seq(), header.offset()));
        let payload = if writes { header.length() * OFFSET_UNIT as u64 } else { 0 };
        self.frames.push(LoggedFrame { start: seen.start, end: seen.end, kind, payload, repeat });
    }
}

/// Every frame that a site sends from now on.
pub struct WireLog(Arc<Mutex<Log>>);

impl WireLog {
    /// Watches what `site` sends.
    pub fn watch(bench: &Bench, site: Site) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let writer = Arc::clone(&log);
        bench
            .world_mut()
            .wire_mut(site)
            .monitor(Box::new(move |seen| writer.lock().unwrap_or_else(PoisonError::into_inner).add(seen)));
        Self(log)
    }

    /// What was sent since the last call.
    pub fn take(&self) -> Vec<LoggedFrame> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).frames)
    }
}

/// Whether frames of this kind have a block, or a part of one, as their payload.
fn carries_a_block(kind: Option<FrameType>) -> bool {
    matches!(kind, Some(FrameType::Write | FrameType::Request))
}

/// Cuts off what the other direction was not there for: frames before both had begun to send blocks, and after one had ended.
/// Repeats do not count as either.
pub fn while_both_send(directions: [Vec<LoggedFrame>; 2]) -> [Vec<LoggedFrame>; 2] {
    let new = |frames: &[LoggedFrame]| -> Vec<LoggedFrame> {
        frames.iter().copied().filter(|frame| carries_a_block(frame.kind) && !frame.repeat).collect()
    };
    let sent = directions.each_ref().map(|frames| new(frames));
    let from = sent.iter().map(|frames| frames.first().map_or(u64::MAX, |frame| frame.start)).max().unwrap_or(0);
    let to = sent.iter().map(|frames| frames.last().map_or(0, |frame| frame.end)).min().unwrap_or(0);
    directions.map(|frames| frames.into_iter().filter(|frame| frame.start >= from && frame.end <= to).collect())
}

/// How much of the line a stream of writes used.
#[derive(Clone, Debug)]
pub struct Goodput {
    /// Payload bits over the bits that the line could carry, from the first frame of the stream to the last frame that was
    /// not a repeat. Repeats in that time cost; payload that was repeated after it does not count.
    pub fraction: f64,
    /// Cycles of that time.
    pub cycles: u64,
    /// The same fraction over equal parts of the time: (middle in cycles since the first frame, fraction).
    pub over_time: Vec<(u64, f64)>,
}

impl Goodput {
    /// Of the frames in `frames` that carry blocks; `None` when there are none.
    pub fn of(frames: &[LoggedFrame], rate: LineRate, parts: u64) -> Option<Self> {
        let writes = || frames.iter().filter(|frame| carries_a_block(frame.kind));
        let first = writes().find(|frame| !frame.repeat)?.start;
        let last = writes().rfind(|frame| !frame.repeat)?.end;
        let overhead = rate.cycles_of(LINE_OVERHEAD_BYTES as u64);
        let cycles = last + 1 + overhead - first;
        let repeated_later = writes().filter(|frame| frame.repeat && frame.start > last).map(|frame| frame.payload);
        let payload = writes().filter(|frame| !frame.repeat).map(|frame| frame.payload).sum::<u64>();
        let payload = payload.saturating_sub(repeated_later.sum());
        let fraction = |bytes: u64, cycles: u64| (bytes * 8 * rate.cycles) as f64 / (cycles * rate.bits) as f64;
        // A part shorter than a few blocks would show the frames, not the stream.
        let block = rate.cycles.max(BLOCK_BYTES as u64 * 8 * rate.cycles / rate.bits);
        let part = (cycles / parts.max(1)).max(8 * block);
        // What is left after whole parts is the last one's: by itself it could be shorter than the frame that ends in it.
        let mut bins = vec![0u64; (cycles / part).max(1) as usize];
        let last = bins.len() - 1;
        for frame in writes().filter(|frame| !frame.repeat) {
            bins[((frame.end - first) / part).min(last as u64) as usize] += frame.payload;
        }
        let over_time = bins.iter().enumerate().map(|(index, bytes)| {
            let (from, to) = (index as u64 * part, if index == last { cycles } else { (index as u64 + 1) * part });
            ((from + to) / 2, fraction(*bytes, to - from))
        });
        Some(Self { fraction: fraction(payload, cycles), cycles, over_time: over_time.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(start: u64, repeat: bool) -> LoggedFrame {
        LoggedFrame { start, end: start + 520, kind: Some(FrameType::Write), payload: 4096, repeat }
    }

    #[test]
    fn frames_back_to_back_leave_only_their_overhead() {
        let frames: Vec<_> = (0..100).map(|index| frame(1000 + index * 524, false)).collect();
        let goodput = Goodput::of(&frames, LineRate::TEN_GIG, 10).unwrap();
        assert_eq!(goodput.cycles, 52_400);
        assert!((goodput.fraction - 512.0 / 524.0).abs() < 1e-9, "{}", goodput.fraction);
        assert!(goodput.over_time.len() <= 10);
        // 52,400 cycles in 11 parts leave 7 over: too few for the last frame.
        let parts = Goodput::of(&frames, LineRate::TEN_GIG, 11).unwrap().over_time;
        assert!(parts.len() == 11 && parts.iter().all(|part| (0.8..1.1).contains(&part.1)), "{parts:?}");
    }

    #[test]
    fn what_only_one_side_sends_does_not_count() {
        let side = |from: u64, count: u64| (0..count).map(|index| frame(from + index * 524, false)).collect::<Vec<_>>();
        let [a, b] = while_both_send([side(0, 100), side(10 * 524, 20)]);
        assert_eq!((a.len(), b.len()), (20, 20));
        assert_eq!((a[0].start, b[0].start), (5240, 5240));
        assert!(while_both_send([side(0, 5), Vec::new()]).iter().all(Vec::is_empty));
    }

    #[test]
    fn repeats_cost() {
        let mut frames: Vec<_> = (0..100).map(|index| frame(1000 + index * 524, index == 50)).collect();
        let with = Goodput::of(&frames, LineRate::TEN_GIG, 10).unwrap().fraction;
        assert!((with - 99.0 * 512.0 / 52_400.0).abs() < 1e-9, "{with}");
        frames.push(frame(900_000, true));
        let late = Goodput::of(&frames, LineRate::TEN_GIG, 10).unwrap().fraction;
        assert!((late - 98.0 * 512.0 / 52_400.0).abs() < 1e-9, "{late}");
    }
}
