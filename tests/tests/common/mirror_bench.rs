//! The world around `mirror`: the wire as `eth_rx` shows it, directory, locks, home writer and store, short frames.

use crate::common::{EventIn, EventOut, Homed, Pulses, Reader, addresses, beats, words, wrapped};
use dyad_hdl::bundle::{
    Ask, Claim, Claimed, HOLDER_W, Hold, LockGrant, LockRel, LockReq, Lookup, LookupReq, Resolved, RxEnd, RxHead,
    TxCtl, Verdict,
};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::mirror::{FIRST_HOLDER, mirror};
use dyad_hdl::params::Params;
use dyad_spec::wire::{OFFSET_UNIT, PARTS_JUMBO, PARTS_STANDARD, ZEROES_BYTES};
use dyad_spec::{FrameType, regs};
use dyad_tests::{Dut, Sink, Source, Stall, Trial, field, pack};
use dyad_verilator::PortId;
use std::collections::VecDeque;

pub const EVENTS: [&str; 8] =
    ["bad_lun", "bad_epoch", "stale", "duplicate", "evicted", "mirrored", "store_error", "overrun"];
/// Cycles from a question to the directory to its answer.
const DIRECTORY: usize = 4;
/// Blocks of each LUN.
pub const BLOCKS: u64 = 1000;
/// First of them: the tests count from here.
const FIRST_LBA: u64 = 0x9a_0000_0000;
/// Epoch of the first block's extent.
pub const EPOCH: u64 = 0x0003_0007;
/// This site.
pub const SITE: u64 = 0;
/// The LUN that is not mirrored.
pub const LOCAL_LUN: u64 = 6;
/// The LUN that this site owns.
pub const OWN_LUN: u64 = 5;

/// Epoch of a block's extent. Neighbours are of different extents.
pub fn epoch_of(lba: u64) -> u64 {
    EPOCH + lba % 5
}

/// A WRITE or REQUEST frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub slot: u64,
    pub seq: u64,
    pub lun: u64,
    pub lba: u64,
    pub epoch: u64,
    pub part: (usize, usize),
    /// The part's bytes.
    pub bytes: Vec<u8>,
    pub good: bool,
    pub request: bool,
    /// It stands for a whole block of zeroes.
    pub zeroes: bool,
}

impl Frame {
    /// The frames of a block.
    pub fn of(slot: u64, seq: u64, lba: u64, block: &[u8], jumbo: bool) -> Vec<Self> {
        let parts = if jumbo { PARTS_JUMBO } else { PARTS_STANDARD };
        let frame = |part: &(usize, usize)| Self {
            slot,
            seq,
            lun: 1,
            lba,
            epoch: epoch_of(lba),
            part: *part,
            bytes: block[part.0..part.0 + part.1].to_vec(),
            good: true,
            request: false,
            zeroes: false,
        };
        parts.iter().map(frame).collect()
    }

    /// The frames of a request for a block that this site owns.
    pub fn asks(slot: u64, seq: u64, lba: u64, block: &[u8], jumbo: bool) -> Vec<Self> {
        let ask = |f: &mut Self| (f.lun, f.request) = (OWN_LUN, true);
        Self::of(slot, seq, lba, block, jumbo).iter().map(|f| f.with(ask)).collect()
    }

    /// The same block, all zeroes, as one short frame.
    pub fn of_zeroes(&self) -> Self {
        self.with(|f| (f.part, f.bytes, f.zeroes) = ((0, ZEROES_BYTES), vec![0; ZEROES_BYTES], true))
    }

    /// The same with something changed.
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut frame = self.clone();
        change(&mut frame);
        frame
    }
}

/// A short frame that the mirror wants sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ctl {
    pub ftype: FrameType,
    pub code: u64,
    pub slot: u64,
    pub seq: u64,
    pub t_ref: u64,
}

/// What happened in a cycle, for whoever watches.
#[derive(Default)]
pub struct Seen {
    pub ctl: Option<Ctl>,
    pub homed: Option<Homed>,
    /// The store answered: buffer, error.
    pub done: Option<(u64, bool)>,
    /// A frame ended, at this time.
    pub ended: Option<(Frame, u64)>,
    /// A request was not admitted: its address.
    pub refused: Option<u64>,
}

/// A lock: holder, LUN, address.
pub type Lock = (u64, u64, u64);

/// Events of a cycle to come.
#[derive(Clone, Default)]
struct Line {
    head: Option<Bits>,
    beat: Option<Bits>,
    end: Option<Frame>,
}

pub struct Bench {
    pub dut: Dut,
    pub p: Params,
    pub events: Pulses,
    head: EventIn,
    beat: EventIn,
    end: EventIn,
    lookup: EventOut,
    answer: EventIn,
    lock: Sink,
    grant: Source,
    nack: EventIn,
    release: Sink,
    hold: Sink,
    ask: Sink,
    verdict: EventIn,
    verdicts: VecDeque<Bits>,
    /// One in how many requests that are asked about has its lock after all; 0 for none.
    pub goes: u64,
    claim: Sink,
    claimed: EventIn,
    resolved: Sink,
    /// Requests that have claimed their block, which have no answer yet: when it comes, buffer, LUN, address.
    claims: VecDeque<(u64, Lock)>,
    /// Whether claims are answered.
    pub claims_open: bool,
    /// One in how many claims is refused; 0 for none.
    pub refusals: u64,
    /// Requests that were admitted and have not ended: buffer, LUN, address.
    pub admitted: Vec<Lock>,
    /// Claims; requests that have ended without being handed over.
    pub claims_seen: u64,
    pub resolves: u64,
    /// Requests that were asked about: slot, sequence.
    pub asked: Vec<(u64, u64)>,
    /// Blocks handed over to wait for their COMMIT: slot, sequence, LUN, address.
    pub handed: Vec<(u64, u64, u64, u64)>,
    pub ctl: Sink,
    done: EventIn,
    pub reader: Reader,
    quiet: PortId,
    line: VecDeque<Line>,
    lookups: VecDeque<Option<Bits>>,
    /// Asked for and not granted.
    pub wanted: VecDeque<Lock>,
    /// Granted and not given back.
    pub held: Vec<Lock>,
    /// Blocks at the store, and when it answers, and how.
    pub storing: VecDeque<(Homed, u64, bool)>,
    pub now: u64,
    pub locks_open: bool,
    pub store_open: bool,
    /// One in how many blocks the store fails; 0 for none.
    pub store_fails: u64,
    /// One in how many locks are refused; 0 for none.
    pub nacks: u64,
    /// Longest random delay of locks and store.
    pub delay: u64,
    /// Whether `m_ctl` is taken.
    pub ctl_open: bool,
    next_grant: u64,
    /// When `m_lock` last rose after a frame's end, in cycles; `m_home` after a grant; and so on.
    pub ended_at: u64,
    pub asked_at: u64,
}

/// First block of a LUN in the store.
fn base(lun: u64) -> u64 {
    0x1b_0001_0000 * (lun + 1)
}

/// The number that the tests have for an address.
fn lba_of(address: u64) -> u64 {
    wrapped(address.wrapping_sub(FIRST_LBA))
}

impl Bench {
    pub fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let dut = t.fast_dut(&mirror(p));
        let input = |name: &str| EventIn::new(&dut, name);
        let pause = match stall {
            Stall::None => 0,
            Stall::Quarter => 4,
            Stall::Random => 2,
        };
        let mut bench = Self {
            head: input("s_head"),
            beat: input("s_beat"),
            end: input("s_end"),
            lookup: EventOut::new(&dut, "m_dir"),
            answer: input("s_dir"),
            lock: Sink::new(&dut, "m_lock", stall),
            grant: Source::new(&dut, "s_grant", stall),
            nack: input("s_nack"),
            release: Sink::new(&dut, "m_release", stall),
            hold: Sink::new(&dut, "m_hold", stall),
            ask: Sink::new(&dut, "m_ask", stall),
            verdict: input("s_verdict"),
            verdicts: VecDeque::new(),
            claim: Sink::new(&dut, "m_claim", stall),
            claimed: input("s_claimed"),
            resolved: Sink::new(&dut, "m_resolved", stall),
            claims: VecDeque::new(),
            claims_open: true,
            refusals: 0,
            admitted: Vec::new(),
            claims_seen: 0,
            resolves: 0,
            goes: 0,
            asked: Vec::new(),
            handed: Vec::new(),
            ctl: Sink::new(&dut, "m_ctl", stall),
            done: input("s_done"),
            reader: Reader::new(&dut, p.store_w, pause),
            events: Pulses::new(&dut, &EVENTS),
            quiet: dut.port("quiet"),
            dut,
            p: p.clone(),
            line: VecDeque::new(),
            lookups: VecDeque::from(vec![None; DIRECTORY]),
            wanted: VecDeque::new(),
            held: Vec::new(),
            storing: VecDeque::new(),
            now: 1000,
            locks_open: true,
            store_open: true,
            store_fails: 0,
            nacks: 0,
            delay: 0,
            ctl_open: true,
            next_grant: 0,
            ended_at: 0,
            asked_at: 0,
        };
        let dut = &mut bench.dut;
        dut.poke("generation", 9);
        dut.poke("site", SITE);
        dut.poke("link_ok", 1);
        dut.poke_bits("lun_store_base", &addresses(&std::array::from_fn::<u64, 8, _>(|lun| base(lun as u64))));
        let control: Vec<u32> = (0..8).map(|lun| regs::LUN_LOCAL.put(u32::from(lun == LOCAL_LUN))).collect();
        dut.poke_bits("lun_control", &words(&control));
        dut.ticks(2);
        bench
    }

    /// Block in the store.
    pub fn place(lun: u64, lba: u64) -> u64 {
        wrapped(base(lun) + FIRST_LBA + lba)
    }

    /// What the directory answers: LUN 7 does not exist, LUN 5 is this site's own.
    fn look_up(asked: &Bits) -> Bits {
        let of = |name| field(LookupReq::FIELDS, asked, name);
        let valid = u64::from(of("lun") != 7 && lba_of(of("lba")) < BLOCKS);
        let owner = u64::from(of("lun") != OWN_LUN);
        pack(
            Lookup::FIELDS,
            &[
                ("tag", of("tag")),
                ("valid", valid),
                ("owner", valid * owner),
                ("epoch", valid * epoch_of(lba_of(of("lba")))),
            ],
        )
    }

    /// Puts a frame on the wire: `gap` cycles after the earliest moment, a pause before one in `stall` beats.
    pub fn send(&mut self, t: &mut Trial, frame: Frame, gap: usize, stall: u64) {
        // The head may come one cycle before the end of the frame before it.
        let ends = self.line.iter().rposition(|l| l.end.is_some());
        let busy = self.line.iter().rposition(|l| l.head.is_some() || l.beat.is_some());
        let head_at = ends.map_or(busy.map_or(0, |b| b + 1), |e| e.saturating_sub(1)) + gap;
        let data = beats(&frame.bytes, self.p.data_w);
        let mut at = head_at + 3;
        let place = |line: &mut VecDeque<Line>, at: usize, put: &dyn Fn(&mut Line)| {
            while line.len() <= at {
                line.push_back(Line::default());
            }
            put(&mut line[at]);
        };
        let fields = [
            ("slot", frame.slot),
            ("seq", frame.seq),
            ("lun", frame.lun),
            ("lba", FIRST_LBA + frame.lba),
            ("epoch", frame.epoch),
            ("offset", (frame.part.0 / OFFSET_UNIT) as u64),
            ("length", (frame.part.1 / OFFSET_UNIT) as u64),
            ("request", frame.request.into()),
            ("zeroes", frame.zeroes.into()),
        ];
        let head = pack(RxHead::FIELDS, &fields);
        place(&mut self.line, head_at, &|l| {
            assert!(l.head.is_none());
            l.head = Some(head.clone());
        });
        for beat in data {
            while stall != 0 && t.rng.one_in(stall) {
                at += 1;
            }
            place(&mut self.line, at, &|l| {
                assert!(l.beat.is_none());
                l.beat = Some(beat.clone());
            });
            at += 1;
        }
        place(&mut self.line, at, &|l| l.end = Some(frame.clone()));
    }

    /// Frames that have not ended.
    pub fn on_the_wire(&self) -> bool {
        !self.line.is_empty()
    }

    pub fn cycle(&mut self, t: &mut Trial) -> Seen {
        let rng = &mut t.rng;
        let mut seen = Seen::default();
        let dut = &mut self.dut;
        self.now += 1;
        let line = self.line.pop_front().unwrap_or_default();
        self.head.put(dut, line.head.as_ref(), rng);
        self.beat.put(dut, line.beat.as_ref(), rng);
        let end = line.end.as_ref().map(|f| {
            self.ended_at = dut.cycle();
            seen.ended = Some((f.clone(), self.now));
            pack(RxEnd::FIELDS, &[("good", f.good.into()), ("t_last", self.now & 0xffff_ffff)])
        });
        self.end.put(dut, end.as_ref(), rng);
        // The directory, with answers to others between.
        let answer = self.lookups.pop_front().expect("one a cycle").unwrap_or_else(|| {
            let other = 1 + rng.below(2);
            pack(Lookup::FIELDS, &[("tag", other), ("valid", 1), ("owner", rng.below(2)), ("epoch", EPOCH)])
        });
        self.answer.put(dut, Some(&answer), rng);
        // Locks: now and then out of order, for they are of different blocks.
        let mut nacked = None;
        if self.locks_open && !self.wanted.is_empty() && dut.cycle() >= self.next_grant {
            let index = rng.below(self.wanted.len() as u64) as usize;
            let (id, lun, lba) = self.wanted.remove(index).expect("one of those that wait");
            if lun == OWN_LUN && self.nacks > 0 && rng.one_in(self.nacks) {
                nacked = Some(Bits::from_u64(id, HOLDER_W));
            } else {
                self.held.push((id, lun, lba));
                self.grant.push(pack(LockGrant::FIELDS, &[("id", id), ("lun", lun), ("lba", FIRST_LBA + lba)]));
            }
            self.next_grant = dut.cycle() + rng.below(self.delay + 1);
        }
        self.grant.drive(dut, rng);
        self.nack.put(dut, nacked.as_ref(), rng);
        let due = self.storing.front().is_some_and(|s| self.store_open && s.1 <= dut.cycle());
        let done = due.then(|| {
            let (homed, _, err) = self.storing.pop_front().expect("one is due");
            seen.done = Some((homed.buf, err));
            Bits::from_u64(homed.buf | u64::from(err) << 4, 5)
        });
        self.done.put(dut, done.as_ref(), rng);
        self.lock.drive(dut, rng);
        self.release.drive(dut, rng);
        self.hold.drive(dut, rng);
        self.ask.drive(dut, rng);
        let verdict = if rng.one_in(3) { self.verdicts.pop_front() } else { None };
        self.verdict.put(dut, verdict.as_ref(), rng);
        let due = self.claims_open && self.claims.front().is_some_and(|c| c.0 <= dut.cycle());
        let claimed = due.then(|| {
            let (_, lock) = self.claims.pop_front().expect("one is due");
            let go = self.refusals == 0 || !rng.one_in(self.refusals);
            if go {
                self.admitted.push(lock);
            } else {
                seen.refused = Some(lock.2);
            }
            pack(Claimed::FIELDS, &[("buf", lock.0), ("go", go.into())])
        });
        self.claimed.put(dut, claimed.as_ref(), rng);
        self.claim.drive(dut, rng);
        self.resolved.drive(dut, rng);
        if self.ctl_open {
            self.ctl.drive(dut, rng);
        } else {
            self.ctl.drive_as(dut, false);
        }
        self.reader.drive(dut, rng);

        dut.settle();
        self.events.sample(dut);
        self.grant.sample(dut);
        self.lookups.push_back(self.lookup.sample(dut).map(|asked| Self::look_up(&asked)));
        if let Some(word) = self.lock.sample(dut) {
            let of = |name| field(LockReq::FIELDS, &word, name);
            assert_eq!((of("exclusive"), of("at_once")), (1, u64::from(of("lun") == OWN_LUN)));
            let lock = (of("id"), of("lun"), lba_of(of("lba")));
            assert!((FIRST_HOLDER..FIRST_HOLDER + self.p.mirror_bufs as u64).contains(&lock.0), "holder {}", lock.0);
            let same = |l: &Lock| l.0 == lock.0;
            assert!(!self.wanted.iter().any(same) && !self.held.iter().any(same), "{lock:?} has a lock already");
            self.asked_at = dut.cycle();
            self.wanted.push_back(lock);
        }
        if let Some(word) = self.release.sample(dut) {
            let of = |name| field(LockRel::FIELDS, &word, name);
            assert_eq!(of("exclusive"), 1);
            let found = self.held.iter().position(|l| (l.1, l.2) == (of("lun"), lba_of(of("lba"))));
            self.held.remove(found.expect("only what is held is released"));
        }
        // A request that has its lock is admitted, or not, with the owner and epoch that its frames meant.
        if let Some(word) = self.claim.sample(dut) {
            let of = |name| field(Claim::FIELDS, &word, name);
            let lock = (of("buf"), of("lun"), lba_of(of("lba")));
            assert!(self.held.contains(&(FIRST_HOLDER + lock.0, lock.1, lock.2)), "{lock:?} has no lock");
            assert_eq!((of("lun"), of("epoch")), (OWN_LUN, epoch_of(lba_of(of("lba")))));
            assert!(!self.admitted.contains(&lock) && self.claims.iter().all(|c| c.1 != lock), "{lock:?} claims twice");
            self.claims.push_back((dut.cycle() + 1 + rng.below(self.delay + 6), lock));
            self.claims_seen += 1;
        }
        if let Some(word) = self.resolved.sample(dut) {
            let of = |name| field(Resolved::FIELDS, &word, name);
            let at = self.admitted.iter().position(|a| (a.1, a.2) == (of("lun"), lba_of(of("lba"))));
            self.admitted.remove(at.expect("only what was admitted is resolved, once"));
            self.resolves += 1;
        }
        // Whoever takes over a block has its lock: for the mirror it is gone.
        if let Some(word) = self.hold.sample(dut) {
            let of = |name| field(Hold::FIELDS, &word, name);
            let found = self.held.iter().position(|l| (l.1, l.2) == (of("lun"), lba_of(of("lba"))));
            self.held.remove(found.expect("only what is held is handed over"));
            assert_eq!(of("request") == 1, of("lun") == OWN_LUN);
            if of("request") == 1 {
                let at = self.admitted.iter().position(|a| (a.1, a.2) == (of("lun"), lba_of(of("lba"))));
                self.admitted.remove(at.expect("only what was admitted is handed over, once"));
            }
            self.handed.push((of("slot"), of("seq"), of("lun"), lba_of(of("lba"))));
        }
        if let Some(word) = self.ask.sample(dut) {
            let of = |name| field(Ask::FIELDS, &word, name);
            let go = self.goes > 0 && rng.one_in(self.goes);
            if go {
                self.held.push((FIRST_HOLDER + of("buf"), of("lun"), lba_of(of("lba"))));
            }
            self.asked.push((of("slot"), of("seq")));
            self.verdicts.push_back(pack(Verdict::FIELDS, &[("buf", of("buf")), ("go", go.into())]));
        }
        seen.ctl = self.ctl.sample(dut).map(|word| {
            let of = |name| field(TxCtl::FIELDS, &word, name);
            assert_eq!((of("lun"), of("epoch")), (0, 0));
            Ctl {
                ftype: FrameType::try_from(of("ftype") as u8).expect("a frame type"),
                code: of("code"),
                slot: of("slot"),
                seq: of("seq"),
                t_ref: of("t_ref"),
            }
        });
        if let Some(homed) = self.reader.sample(dut) {
            let holder = FIRST_HOLDER + homed.buf;
            let lock = self.held.iter().find(|l| l.0 == holder);
            let (_, lun, lba) = lock.expect("a block goes home under its lock");
            let admitted = self.admitted.contains(&(homed.buf, *lun, *lba));
            assert_eq!(admitted, *lun == OWN_LUN, "a request goes home when it is admitted");
            assert_eq!(homed.block, Self::place(*lun, *lba), "where the block goes");
            seen.homed = Some(homed.clone());
            let err = self.store_fails > 0 && rng.one_in(self.store_fails);
            self.storing.push_back((homed, dut.cycle() + 1 + rng.below(self.delay + 1), err));
        }
        dut.edge();
        seen
    }

    /// Cycles until nothing moves; returns what was seen.
    pub fn settle(&mut self, t: &mut Trial) -> Vec<Seen> {
        let mut all = Vec::new();
        let mut calm = 0;
        while calm < 40 {
            let seen = self.cycle(t);
            let idle = !self.on_the_wire()
                && !self.reader.busy()
                && self.verdicts.is_empty()
                && (self.claims.is_empty() || !self.claims_open)
                && (self.wanted.is_empty() || !self.locks_open)
                && (self.storing.is_empty() || !self.store_open);
            let moved = seen.ctl.is_some() || seen.homed.is_some() || seen.done.is_some() || seen.ended.is_some();
            calm = if idle && !moved { calm + 1 } else { 0 };
            all.push(seen);
            assert!(all.len() < 200_000, "it never settles");
        }
        all
    }

    /// Sends frames back to back, settles, and returns the short frames that came.
    pub fn play(&mut self, t: &mut Trial, frames: &[Frame]) -> Vec<Ctl> {
        frames.iter().for_each(|f| self.send(t, f.clone(), 0, 0));
        self.settle(t).into_iter().filter_map(|s| s.ctl).collect()
    }

    /// Nothing is locked, nothing is admitted, and the mirror says so.
    pub fn empty(&mut self) -> bool {
        self.held.is_empty() && self.admitted.is_empty() && self.quiet()
    }

    pub fn quiet(&mut self) -> bool {
        self.dut.get(self.quiet) == 1
    }
}
