//! `offload::resend`: a block from the store to the wire, whole before its frame starts, and checked.

mod common;

use common::{EventIn, Pulses, Streams, addresses, beats, builds, crc32c, random_block, wrapped};
use dyad_hdl::bundle::{LocalDone, Lookup, LookupReq, Resend, TxJob};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::resend::{TAG, resend};
use dyad_hdl::params::Params;
use dyad_spec::Status;
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::VecDeque;

const STAGING: u64 = 0x5a_0000_0000 + 0x77_0000;
const BASES: [u64; 8] = [7, 100, 0x20_0000, 3, 0xff_ffff_ff00, 5, 0x12_0000_0000, 0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Good,
    /// The store cannot read this beat.
    Unreadable(usize),
    /// The store holds other bytes.
    Differs,
}

struct Bench {
    dut: Dut,
    p: Params,
    streams: Streams,
    events: Pulses,
    answer: EventIn,
    /// Place, block and fate of those that the store has not been asked for.
    to_ask: VecDeque<(u64, Vec<u8>, Fate)>,
    /// Blocks whose epoch has not been asked for, and the epoch of each.
    to_look: VecDeque<((u64, u64), u64)>,
    /// Answers of the directory that are under way, and when each comes.
    looks: VecDeque<(u64, Bits)>,
    /// Longest latency of the directory; none: it does not answer by itself.
    directory: Option<u64>,
    /// Blocks that may not begin before an answer of the directory has come.
    unknown: usize,
    jobs: Scoreboard<Bits>,
    pay: Scoreboard<Bits>,
    tells: Scoreboard<(u64, u64)>,
    /// Cycles in which a beat of payload left.
    paid: Vec<u64>,
    /// The store still owes beats.
    fates: Vec<Fate>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let mut dut = t.fast_dut(&resend(p));
        dut.poke_bits("lun_store_base", &addresses(&BASES));
        dut.poke("staging_base", STAGING);
        Self {
            streams: Streams::new(
                &dut,
                &["s_resend", "s_rdata"],
                &["m_rd", "m_dir", "m_job", "m_pay", "m_local"],
                stall,
            ),
            events: Pulses::new(&dut, &["store_error", "store_integrity"]),
            answer: EventIn::new(&dut, "s_dir"),
            dut,
            p: p.clone(),
            to_ask: VecDeque::new(),
            to_look: VecDeque::new(),
            looks: VecDeque::new(),
            directory: Some(6),
            unknown: 0,
            jobs: Scoreboard::new("job"),
            pay: Scoreboard::new("beat of payload"),
            tells: Scoreboard::new("failure"),
            paid: Vec::new(),
            fates: Vec::new(),
        }
    }

    fn ask(&mut self, t: &mut Trial, slot: u64, fate: Fate) {
        let block = random_block(&mut t.rng);
        let (seq, epoch) = (t.rng.next_u64() >> 32, t.rng.next_u64() >> 32);
        let (lun, lba) = (t.rng.below(8), t.rng.next_u64() >> 24);
        let crc = match fate {
            Fate::Differs => crc32c(&block) ^ 1 << t.rng.below(32),
            _ => crc32c(&block),
        };
        let request = t.rng.below(2);
        let fields = [("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba), ("request", request)];
        self.to_look.push_back(((lun, lba), epoch));
        self.streams.push("s_resend", pack(Resend::FIELDS, &[&fields[..], &[("crc", crc)]].concat()));
        let data_w = self.p.data_w;
        if !matches!(fate, Fate::Unreadable(_)) {
            self.jobs.expect(pack(TxJob::FIELDS, &[&fields[..], &[("epoch", epoch)]].concat()));
            let data = beats(&block, data_w);
            for (i, beat) in data.iter().enumerate() {
                let last = i + 1 == data.len();
                let mut word = beat.resize(data_w + 2);
                word.set(data_w, &Bits::from_u64((last && fate == Fate::Differs).into(), 1));
                word.set(data_w + 1, &Bits::from_u64(last.into(), 1));
                self.pay.expect(word);
            }
        }
        match fate {
            Fate::Good => {}
            Fate::Unreadable(_) => self.tells.expect((slot, Status::StoreError.code())),
            Fate::Differs => self.tells.expect((slot, Status::StoreIntegrity.code())),
        }
        self.fates.push(fate);
        let home = wrapped(BASES[lun as usize] + lba);
        self.to_ask.push_back((if request == 1 { STAGING + slot } else { home }, block, fate));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        self.streams.drive(&mut self.dut, rng);
        // Answers of the directory, with those to others before, between and behind.
        let now = self.dut.cycle();
        let mine = self.looks.front().is_some_and(|l| l.0 <= now).then(|| self.looks.pop_front().expect("it is due").1);
        let other = rng.one_in(2).then(|| {
            let tag = *rng.pick(&[0, 1, 2, TAG + 1, TAG + 4, 15]);
            pack(
                Lookup::FIELDS,
                &[("tag", tag), ("valid", 1), ("owner", rng.below(2)), ("epoch", rng.next_u64() >> 32)],
            )
        });
        self.unknown -= usize::from(mine.is_some());
        self.answer.put(&mut self.dut, mine.as_ref().or(other.as_ref()), rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        let (came, _) = self.streams.sample(&self.dut);
        for (name, word) in came {
            match name {
                "m_rd" => {
                    let (place, block, fate) = self.to_ask.pop_front().expect("a block waits");
                    assert_eq!(word.low_u64(), place);
                    let w = self.p.store_w;
                    let data = beats(&block, w);
                    for (i, beat) in data.iter().enumerate() {
                        let mut word = beat.resize(w + 2);
                        word.set(w, &Bits::from_u64((i + 1 == data.len()).into(), 1));
                        word.set(w + 1, &Bits::from_u64((fate == Fate::Unreadable(i)).into(), 1));
                        self.streams.push("s_rdata", word);
                    }
                }
                "m_dir" => {
                    let of = |name: &str| field(LookupReq::FIELDS, &word, name);
                    let (block, epoch) = self.to_look.pop_front().expect("a block waits");
                    assert_eq!((of("lun"), of("lba"), of("tag")), (block.0, block.1, TAG));
                    let fields = [("tag", TAG), ("valid", 1), ("owner", rng.below(2)), ("epoch", epoch)];
                    let due = self.directory.map_or(u64::MAX, |longest| self.dut.cycle() + 1 + rng.below(longest + 1));
                    self.looks.push_back((due, pack(Lookup::FIELDS, &fields)));
                    assert_eq!(self.looks.len(), 1, "one question at a time");
                    self.unknown += 1;
                }
                "m_job" => {
                    assert_eq!(self.unknown, 0, "a frame starts when its epoch is known");
                    self.jobs.got(&word);
                }
                "m_pay" => {
                    assert_eq!(self.unknown, 0, "no payload before its epoch is known");
                    assert_eq!(self.streams.waiting("s_rdata"), 0, "the block is read whole before its frame");
                    self.paid.push(self.dut.cycle());
                    self.pay.got(&word);
                }
                _ => {
                    let of = |name: &str| field(LocalDone::FIELDS, &word, name);
                    self.tells.got(&(of("slot"), of("status")));
                }
            }
        }
        self.dut.edge();
    }

    fn drain(&mut self, t: &mut Trial) {
        let mut calm = 0;
        while calm < 40 {
            let busy = self.streams.all_waiting() + self.to_ask.len() + self.to_look.len() + self.looks.len();
            let missing = self.jobs.missing() + self.pay.missing() + self.tells.missing();
            self.dut.settle();
            calm = if busy + missing == 0 && self.dut.peek("quiet") == 1 { calm + 1 } else { 0 };
            self.cycle(&mut t.rng);
            assert!(self.dut.cycle() < 1_000_000, "it never ends");
        }
        let count = |f: fn(&Fate) -> bool| self.fates.iter().filter(|x| f(x)).count() as u64;
        assert_eq!(self.events.of("store_error"), count(|f| matches!(f, Fate::Unreadable(_))));
        assert_eq!(self.events.of("store_integrity"), count(|f| *f == Fate::Differs));
    }
}

/// Good blocks, blocks that differ, and blocks that cannot be read at some beat; then good ones again.
#[test]
fn resend_checks_what_it_sends() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut b = Bench::new(t, &p, stall);
                b.directory = Some(*t.rng.pick(&[0, 6, 300]));
                for slot in 0..40 {
                    let beat = t.rng.below(p.store_beats() as u64) as usize;
                    let fate = *t.rng.pick(&[Fate::Good, Fate::Good, Fate::Differs, Fate::Unreadable(beat)]);
                    b.ask(t, slot, fate);
                }
                let last = p.store_beats() - 1;
                for fate in [Fate::Unreadable(0), Fate::Good, Fate::Unreadable(last), Fate::Differs, Fate::Good] {
                    b.ask(t, 50, fate);
                }
                b.drain(t);
                b.jobs.finish();
                b.pay.finish();
                b.tells.finish();
            }
        }
    });
}

/// Once a block's first beat of payload is offered, the rest follows without a pause, so that no frame runs dry; also when
/// the wire asks for its job late, as it does behind other frames.
#[test]
fn resend_payload_does_not_pause() {
    trial(|t| {
        for p in builds() {
            for late in [false, true] {
                let mut b = Bench::new(t, &p, Stall::None);
                b.directory = Some(*t.rng.pick(&[0, 4]));
                b.ask(t, 9, Fate::Good);
                if late {
                    b.streams.closed = vec!["m_job"];
                }
                (0..2 * p.block_beats() + 2 * p.store_beats()).for_each(|_| b.cycle(&mut t.rng));
                let beats = p.block_beats() as u64;
                assert_eq!(b.paid.len() as u64, beats, "payload does not wait for its job");
                assert_eq!(b.paid[beats as usize - 1] - b.paid[0], beats - 1);
                b.streams.closed.clear();
                b.drain(t);
            }
        }
    });
}

/// A directory that answers late: nothing leaves before, the block behind waits for the answer of one that could not be
/// read, and each frame names its own epoch.
#[test]
fn resend_waits_for_the_epoch() {
    trial(|t| {
        for p in builds() {
            for slow in ["s_dir", "m_dir"] {
                let mut b = Bench::new(t, &p, Stall::None);
                if slow == "m_dir" {
                    b.streams.closed = vec!["m_dir"];
                } else {
                    b.directory = None;
                }
                for fate in [Fate::Unreadable(1), Fate::Good, Fate::Differs, Fate::Good] {
                    b.ask(t, 7, fate);
                }
                for n in 0..4 {
                    let long = 4 * (p.block_beats() + p.store_beats());
                    (0..long).for_each(|_| b.cycle(&mut t.rng));
                    assert_eq!(b.jobs.seen() as usize, [0, 0, 1, 2][n], "no frame starts without its epoch");
                    assert_eq!(b.to_ask.len(), 3 - n, "one block at a time");
                    // The answer comes.
                    if slow == "m_dir" {
                        b.streams.closed.clear();
                        while b.to_look.len() > 3 - n {
                            b.cycle(&mut t.rng);
                        }
                        b.streams.closed = vec!["m_dir"];
                    } else {
                        b.looks.iter_mut().for_each(|l| l.0 = 0);
                    }
                }
                b.streams.closed.clear();
                b.drain(t);
            }
        }
    });
}

/// Nobody listens to a failure for long: the next block waits, and no failure is lost.
#[test]
fn resend_failures_are_heard() {
    trial(|t| {
        for p in builds() {
            let mut b = Bench::new(t, &p, Stall::None);
            b.streams.closed = vec!["m_local"];
            (0..3).for_each(|slot| b.ask(t, slot, Fate::Unreadable(1)));
            (0..3).for_each(|slot| b.ask(t, slot, Fate::Differs));
            (0..5 * p.block_beats()).for_each(|_| b.cycle(&mut t.rng));
            b.streams.closed.clear();
            b.drain(t);
            assert_eq!(b.tells.seen(), 6);
        }
    });
}
