//! A bench around `eth_rx`: gives it frames, and knows for each cycle which outputs must show what.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::{BTreeMap, HashMap};

use dyad_hdl::bundle::{Answer, OwnFrame, RxEnd, RxHead, SlotUse};
use dyad_hdl::ir::Bits;
use dyad_hdl::net::eth_rx::{FLUSH_FIELDS, delay, eth_rx};
use dyad_hdl::params::Params;
use dyad_spec::FrameType;
use dyad_spec::counters::Counter;
use dyad_tests::{Dut, Trial, pack};

use super::{Axis, AxisBeat, Frame, Link, beats_of, header_fault, of_block};

/// Every reason to drop a frame, and good.
pub const VERDICTS: [Counter; 14] = [
    Counter::rx_good,
    Counter::rx_bad_fcs,
    Counter::rx_short,
    Counter::rx_long,
    Counter::rx_bad_mac,
    Counter::rx_bad_ethertype,
    Counter::rx_bad_ip,
    Counter::rx_bad_checksum,
    Counter::rx_bad_udp,
    Counter::rx_bad_type,
    Counter::rx_bad_generation,
    Counter::rx_bad_slot,
    Counter::rx_bad_length,
    Counter::rx_bad_crc,
];
const OUTPUTS: [&str; 9] =
    ["m_answer", "m_flush", "m_own", "m_commit", "m_trail", "m_whdr", "m_wbeat", "m_mbbeat", "m_mbend"];

/// What an output says in a cycle.
type Shown = BTreeMap<String, Bits>;

pub struct RxBench {
    pub dut: Dut,
    pub link: Link,
    pub width: usize,
    luns: u64,
    /// The highest address, which stands for all that are higher.
    highest: u64,
    axis: Axis,
    now: u64,
    /// By cycle.
    expected: BTreeMap<u64, Shown>,
    pub counts: HashMap<Counter, u64>,
}

impl RxBench {
    pub fn new(t: &mut Trial, data_w: usize) -> Self {
        Self::of(t, &Params::new(data_w))
    }

    pub fn of(t: &mut Trial, p: &Params) -> Self {
        let mut dut = t.dut(&eth_rx(p));
        let link = Link::random(&mut t.rng, p.slots);
        link.poke_rx(&mut dut);
        let axis = Axis::new(&dut, "s_axis_rx");
        axis.put(&mut dut, None);
        let now = t.rng.next_u64() >> 33;
        let (luns, highest) = (p.luns as u64, (1 << p.lba_w) - 1);
        let (expected, counts) = Default::default();
        Self { dut, link, width: p.data_w / 8, luns, highest, axis, now, expected, counts }
    }

    pub fn set_link(&mut self, link: Link) {
        link.poke_rx(&mut self.dut);
        self.link = link;
    }

    fn expect(&mut self, cycle: u64, output: &str, data: Bits) {
        let before = self.expected.entry(cycle).or_default().insert(output.to_string(), data);
        assert!(before.is_none(), "{output} twice in a cycle");
    }

    /// One cycle, with a beat or none; all outputs are compared.
    fn cycle(&mut self, beat: Option<&AxisBeat>) {
        self.dut.poke("now", self.now & 0xffff_ffff);
        self.axis.put(&mut self.dut, beat);
        self.dut.settle();
        let cycle = self.dut.cycle();
        assert_eq!(self.dut.get(self.axis.ready), 1, "tready");
        let want = self.expected.remove(&cycle).unwrap_or_default();
        let mut shown = Shown::new();
        for output in OUTPUTS.into_iter().chain(["m_wend"]) {
            if self.dut.peek(&format!("{output}_valid")) == 1 {
                shown.insert(output.to_string(), self.dut.peek_bits(&format!("{output}_data")));
            }
        }
        for counter in VERDICTS.into_iter().chain([Counter::rx_frames]) {
            if self.dut.peek(&format!("ev_{}", counter.name())) == 1 {
                shown.insert(counter.name().to_string(), Bits::ones(1));
                *self.counts.entry(counter).or_default() += 1;
            }
        }
        assert_eq!(shown, want, "cycle {cycle}: what is shown, and what should be");
        if beat.is_some() || !want.is_empty() || !self.expected.is_empty() {
            assert_eq!(self.dut.peek("busy"), 1, "cycle {cycle}: busy");
        }
        self.dut.edge();
        self.now += 1;
    }

    /// `n` cycles without a beat.
    pub fn idle(&mut self, n: u64) {
        (0..n).for_each(|_| self.cycle(None));
    }

    /// Long enough for everything to come out; then nothing is under way.
    pub fn settle(&mut self) {
        self.idle(8);
        assert!(self.expected.is_empty());
        assert_eq!(self.dut.peek("busy"), 0, "busy at rest");
    }

    /// Sends a frame, with random gaps of which one in `gaps` cycles is one (0: none). Returns the counter it belongs
    /// in.
    pub fn send(&mut self, t: &mut Trial, frame: &Frame, gaps: u64) -> Counter {
        let verdict = frame.verdict(&self.link);
        let beats = beats_of(frame, self.width, &mut t.rng);
        let wide = self.width == 64;
        let header_beats = 64 / self.width;
        let delay = delay(8 * self.width) as u64;
        // A frame whose headers are whole and right, with at least a beat after them.
        let headed = (beats.len() > header_beats).then(|| frame.header());
        let headed = headed.filter(|h| header_fault(h, &self.link).is_none());
        let kind = headed.as_ref().and_then(|h| FrameType::try_from((h.version_type() & 15) as u8).ok());
        let announced = headed.as_ref().map_or(0, |h| h.length() as usize * 64 / self.width);
        for (i, beat) in beats.iter().enumerate() {
            while gaps > 0 && t.rng.one_in(gaps) {
                self.cycle(None);
            }
            let cycle = self.dut.cycle();
            let payload = i.checked_sub(header_beats);
            if let (Some(h), true) = (&headed, i + 1 == header_beats)
                && let Some(kind) = kind.filter(|kind| of_block(*kind))
            {
                let fields = [
                    ("slot", h.slot()),
                    ("seq", h.seq()),
                    ("lun", h.lun()),
                    ("lba", h.lba().min(self.highest)),
                    ("epoch", h.epoch()),
                    ("offset", h.offset()),
                    ("length", h.length()),
                    ("request", matches!(kind, FrameType::Request | FrameType::RequestZeroes).into()),
                    ("zeroes", matches!(kind, FrameType::WriteZeroes | FrameType::RequestZeroes).into()),
                ];
                self.expect(cycle + 1 + u64::from(wide), "m_whdr", pack(RxHead::FIELDS, &fields));
            }
            if let Some(n) = payload.filter(|n| *n < announced && !beat.last) {
                let data = Bits::from_bytes_le(&beat.data);
                match kind {
                    Some(kind) if of_block(kind) => self.expect(cycle + delay, "m_wbeat", data),
                    Some(FrameType::Control) => {
                        let mut word = data.resize(8 * self.width + 1);
                        word.set(8 * self.width, &Bits::from_u64(u64::from(n == 0), 1));
                        self.expect(cycle + delay, "m_mbbeat", word);
                    }
                    _ => {}
                }
            }
            if beat.last {
                self.expect_end(cycle, frame, kind, verdict);
            }
            self.cycle(Some(beat));
        }
        verdict
    }

    /// Sends the beats of `frame`, whose end does not come, and resets the block; whatever it shows until then is not
    /// looked at.
    pub fn begin_and_reset(&mut self, t: &mut Trial, frame: &Frame) {
        for mut beat in beats_of(frame, self.width, &mut t.rng) {
            beat.last = false;
            self.axis.put(&mut self.dut, Some(&beat));
            self.dut.tick();
        }
        self.axis.put(&mut self.dut, None);
        self.dut.reset();
        self.link.poke_rx(&mut self.dut);
    }

    /// What follows from the last beat, which comes in `cycle`.
    fn expect_end(&mut self, cycle: u64, frame: &Frame, kind: Option<FrameType>, verdict: Counter) {
        let good = verdict == Counter::rx_good;
        self.expect(cycle + 3, verdict.name(), Bits::ones(1));
        self.expect(cycle + 3, Counter::rx_frames.name(), Bits::ones(1));
        let Some(kind) = kind else {
            assert!(!good, "a good frame of no type");
            return;
        };
        let h = frame.header();
        let delay = delay(8 * self.width) as u64;
        if good && kind != FrameType::Control && frame.commit() != 0 {
            self.expect(cycle + 1, "m_trail", Bits::from_u64(frame.commit().into(), 32));
        }
        match kind {
            kind if of_block(kind) => {
                let end = pack(RxEnd::FIELDS, &[("good", u64::from(good)), ("t_last", self.now & 0xffff_ffff)]);
                self.expect(cycle + delay, "m_wend", end);
            }
            FrameType::Control => {
                let end = Bits::from_u64(h.length() << 7 | u64::from(good), 17);
                self.expect(cycle + delay, "m_mbend", end);
            }
            FrameType::Flush if good => {
                let data = pack(FLUSH_FIELDS, &[("slot", h.slot()), ("seq", h.seq())]);
                self.expect(cycle + 1, "m_flush", data);
            }
            FrameType::Commit if good => {
                let data = pack(SlotUse::FIELDS, &[("slot", h.slot()), ("seq", h.seq())]);
                self.expect(cycle + 1, "m_commit", data);
            }
            FrameType::OwnReq | FrameType::Grant | FrameType::Taken if good && h.lun() < self.luns => {
                let fields = [
                    ("ftype", kind.code()),
                    ("code", h.code()),
                    ("slot", h.slot()),
                    ("seq", h.seq()),
                    ("lun", h.lun()),
                    ("lba", h.lba().min(self.highest)),
                    ("epoch", h.epoch()),
                ];
                self.expect(cycle + 1, "m_own", pack(OwnFrame::FIELDS, &fields));
            }
            FrameType::Ack | FrameType::Busy | FrameType::Refused | FrameType::NotOwner | FrameType::AskCommit
                if good =>
            {
                let fields = [
                    ("ftype", kind.code()),
                    ("code", h.code()),
                    ("slot", h.slot()),
                    ("seq", h.seq()),
                    ("aux", h.lba() & 0xffff_ffff),
                ];
                self.expect(cycle + 1, "m_answer", pack(Answer::FIELDS, &fields));
            }
            _ => {}
        }
    }
}
