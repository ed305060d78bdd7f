//! `offload::admit` against a model of it: every admission, every change of owner, every frame, in order.

#[path = "common/admit_model.rs"]
mod admit_model;
mod common;

use admit_model::{Admit, Claim, EXTENT, EXTENTS, Frame, Grant, Job, LUNS, Model, Out, SITE, Update};
use common::{EventIn, EventOut, Pulses, Streams, each_pipeline, words};
use dyad_hdl::bundle;
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::admit::{TAG, admit};
use dyad_hdl::params::Params;
use dyad_spec::{FrameType, Status, regs};
use dyad_tests::{Dut, Rng, Stall, Trial, field, pack};
use std::collections::VecDeque;

/// Cycles between a lookup and its answer.
const LATENCY: usize = 4;
const INPUTS: [&str; 5] = ["s_grant", "s_claim", "s_resolved", "s_frame", "s_job"];

/// A directory, the rest of the card around it, and what must still leave.
struct Bench {
    dut: Dut,
    streams: Streams,
    dir: EventIn,
    update: EventOut,
    lun_update: EventOut,
    claimed: EventOut,
    note: EventOut,
    pulses: Pulses,
    model: Model,
    line: VecDeque<Option<Bits>>,
    expected: VecDeque<Out>,
    /// Addresses of what was admitted and is not resolved.
    open: Vec<(u64, u64)>,
    /// `LUN_CONTROL`, as the card has it.
    controls: Vec<u32>,
    /// Seldom is the update port free.
    busy: bool,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let mut dut = t.dut(&admit(p));
        dut.poke("site", SITE);
        dut.poke("link_ok", 1);
        let streams = Streams::new(&dut, &INPUTS, &["m_dir", "m_admit", "m_own", "m_local"], stall);
        let mut bench = Self {
            streams,
            dir: EventIn::new(&dut, "s_dir"),
            update: EventOut::new(&dut, "m_update"),
            lun_update: EventOut::new(&dut, "lun_update"),
            claimed: EventOut::new(&dut, "m_claimed"),
            note: EventOut::new(&dut, "m_note"),
            pulses: Pulses::new(&dut, &["owner_taken", "owner_granted", "own_stale"]),
            dut,
            model: Model::new(),
            line: VecDeque::from(vec![None; LATENCY]),
            expected: VecDeque::new(),
            open: Vec::new(),
            controls: (0..LUNS).map(|n| Model::new().control(n)).collect(),
            busy: stall == Stall::Random,
        };
        bench.dut.settle();
        while bench.dut.peek("init_done") == 0 {
            bench.cycle(&mut t.rng);
        }
        bench
    }

    fn expect(&mut self, out: &[Out]) {
        self.expected.extend(out);
    }

    /// What left must be the first of its kind among what is expected.
    fn left(&mut self, out: Out) {
        let same = |e: &&Out| std::mem::discriminant(*e) == std::mem::discriminant(&out);
        let at = self.expected.iter().position(|e| same(&e)).unwrap_or_else(|| panic!("{out:?} was not expected"));
        assert_eq!(self.expected.remove(at), Some(out));
    }

    fn cycle(&mut self, rng: &mut Rng) {
        self.dut.poke_bits("lun_control", &words(&self.controls));
        self.streams.drive(&mut self.dut, rng);
        self.dut.poke("update_free", u64::from(!self.busy || rng.one_in(3)));
        let other = |tag| pack(bundle::Lookup::FIELDS, &[("tag", tag), ("valid", 1), ("owner", 1), ("epoch", 0xbad)]);
        let word = self.line.pop_front().expect("one a cycle").or_else(|| {
            let tag = *rng.pick(&[0, 2, 3, 15]);
            rng.one_in(2).then(|| other(tag))
        });
        self.dir.put(&mut self.dut, word.as_ref(), rng);
        self.dut.settle();
        self.pulses.sample(&self.dut);
        let (came, taken) = self.streams.sample(&self.dut);
        let mut asked = None;
        for (name, word) in came {
            match name {
                "m_dir" => asked = Some(word),
                "m_admit" => self.left(Out::Admit(admit_of(&word))),
                "m_own" => self.left(Out::Own(frame_of(&word))),
                _ => {
                    let of = |name: &str| field(bundle::LocalDone::FIELDS, &word, name);
                    let status = Status::try_from(of("status") as u8).expect("a status");
                    self.left(Out::Local { slot: of("slot"), status, seq: of("crc") });
                }
            }
        }
        if let Some(word) = self.update.sample(&self.dut) {
            let of = |name: &str| field(bundle::DirUpdate::FIELDS, &word, name);
            self.left(Out::Update(Update {
                lun: of("lun"),
                lba: of("lba"),
                owner: of("owner"),
                epoch: of("epoch"),
                closing: of("closing") == 1,
            }));
        }
        let mut changed = None;
        if let Some(word) = self.lun_update.sample(&self.dut) {
            let of = |name: &str| field(bundle::LunUpdate::FIELDS, &word, name);
            let (lun, owner, generation) = (of("lun"), of("owner"), of("generation"));
            self.left(Out::LunUpdate { lun, owner, generation });
            let kept = self.controls[lun as usize] & 0xffff & !regs::LUN_OWNER.put(1);
            changed =
                Some((lun, kept | regs::LUN_OWNER.put(owner as u32) | regs::LUN_GENERATION.put(generation as u32)));
        }
        if let Some(word) = self.claimed.sample(&self.dut) {
            let of = |name: &str| field(bundle::Claimed::FIELDS, &word, name);
            self.left(Out::Claimed { buf: of("buf"), go: of("go") == 1 });
        }
        if let Some(word) = self.note.sample(&self.dut) {
            let of = |name: &str| field(bundle::Note::FIELDS, &word, name);
            self.left(Out::Note { lun: of("lun"), lba: of("lba"), theirs: of("theirs") == 1 });
        }
        // The answer is that of the directory before this event: events come one at a time.
        let answer = asked.map(|word| {
            let of = |name: &str| field(bundle::LookupReq::FIELDS, &word, name);
            assert_eq!(of("tag"), TAG);
            let a = self.model.look(of("lun"), of("lba"));
            let index = of("lun") << 4 | of("lba") / EXTENT & 0xf;
            let fields = [
                ("tag", TAG),
                ("valid", a.valid.into()),
                ("owner", a.owner),
                ("epoch", a.epoch),
                ("closing", a.closing.into()),
                ("index", index & 0x3f),
            ];
            pack(bundle::Lookup::FIELDS, &fields)
        });
        self.line.push_back(answer);
        for (name, word) in taken {
            self.take(name, &word);
        }
        self.dut.edge();
        // A change of a LUN is in its register from the next cycle on.
        if let Some((lun, control)) = changed {
            self.controls[lun as usize] = control;
        }
    }

    /// An event was taken.
    fn take(&mut self, name: &str, word: &Bits) {
        let out = match name {
            "s_grant" => {
                let of = |name: &str| field(bundle::LockGrant::FIELDS, word, name);
                let exclusive = of("exclusive") == 1;
                self.model.grant(&Grant { slot: of("id"), lun: of("lun"), lba: of("lba"), exclusive })
            }
            "s_claim" => {
                let of = |name: &str| field(bundle::Claim::FIELDS, word, name);
                self.model.claim(&Claim { buf: of("buf"), lun: of("lun"), lba: of("lba"), epoch: of("epoch") })
            }
            "s_resolved" => {
                let of = |name: &str| field(bundle::Resolved::FIELDS, word, name);
                self.model.resolved(of("lun"), of("lba"))
            }
            "s_frame" => self.model.frame(&frame_of(word)),
            _ => {
                let of = |name: &str| field(bundle::OwnJob::FIELDS, word, name);
                let (local, again) = (of("local") == 1, of("again") == 1);
                let (slot, seq, lun, lba, code) = (of("slot"), of("seq"), of("lun"), of("lba"), of("code"));
                self.model.job(&Job { slot, seq, lun, lba, local, code, again })
            }
        };
        let place = || match name {
            "s_grant" => (bundle::LockGrant::FIELDS, word),
            _ => (bundle::Claim::FIELDS, word),
        };
        if out.iter().any(|o| matches!(o, Out::Admit(Admit { counted: true, .. }) | Out::Claimed { go: true, .. })) {
            let (fields, word) = place();
            self.open.push((field(fields, word, "lun"), field(fields, word, "lba")));
        }
        self.expect(&out);
    }

    fn calm(&mut self) -> bool {
        self.dut.settle();
        self.streams.all_waiting() == 0 && self.expected.is_empty() && self.dut.peek("quiet") == 1
    }

    fn run_until_calm(&mut self, rng: &mut Rng) {
        let begun = self.dut.cycle();
        while !self.calm() {
            self.cycle(rng);
            assert!(self.dut.cycle() < begun + 50_000, "it never ends; still expected: {:?}", self.expected);
        }
    }
}

fn admit_of(word: &Bits) -> Admit {
    let of = |name: &str| field(bundle::Admit::FIELDS, word, name);
    Admit {
        slot: of("slot"),
        valid: of("valid") == 1,
        owner: of("owner"),
        epoch: of("epoch"),
        closing: of("closing") == 1,
        counted: of("counted") == 1,
    }
}

fn frame_of(word: &Bits) -> Frame {
    let of = |name: &str| field(bundle::OwnFrame::FIELDS, word, name);
    Frame {
        ftype: of("ftype"),
        code: of("code"),
        slot: of("slot"),
        seq: of("seq"),
        lun: of("lun"),
        lba: of("lba"),
        epoch: of("epoch"),
    }
}

/// An event of any kind, about what there is or nearly so.
fn any_event(b: &mut Bench, rng: &mut Rng, quick: bool) {
    let lun = *rng.pick(&[0, 0, 1, 1, 2, 3, 6]);
    // Few extents, so that they are busy; now and then one past the end.
    let extent = if rng.one_in(3) { rng.below(EXTENTS + 1) } else { rng.below(3) };
    let lba = extent * EXTENT + rng.below(EXTENT);
    let (slot, seq) = (rng.below(64), rng.next_u64() >> 32);
    let code = if rng.one_in(8) { 1 } else { 0 } | if rng.one_in(4) { 2 } else { 0 };
    let epoch = |b: &Bench, rng: &mut Rng| {
        let a = b.model.look(lun, lba);
        let whole = code & 1 != 0;
        let now = if whole { b.model.luns[lun as usize].generation << 16 } else { a.epoch };
        let unit = if whole { 1 << 16 } else { 1 };
        let near = *rng.pick(&[0, 0, 0, 1, 1, u64::from(u32::MAX), 2]);
        now.wrapping_add(near.wrapping_mul(unit)) & 0xffff_ffff
    };
    match rng.below(if quick { 2 } else { 10 }) {
        0 | 2 => {
            let fields = [("id", slot), ("lun", lun), ("lba", lba), ("exclusive", u64::from(!rng.one_in(3)))];
            b.streams.push("s_grant", pack(bundle::LockGrant::FIELDS, &fields));
        }
        1 | 3 => {
            let epoch = epoch(b, rng);
            let fields = [("buf", rng.below(16)), ("lun", lun), ("lba", lba), ("epoch", epoch)];
            b.streams.push("s_claim", pack(bundle::Claim::FIELDS, &fields));
        }
        4..7 => {
            let kinds = [FrameType::OwnReq, FrameType::OwnReq, FrameType::Grant, FrameType::Grant, FrameType::Taken];
            let kind = *rng.pick(&kinds);
            let epoch = epoch(b, rng);
            let ftype = ("ftype", kind.code());
            let code = if kind == FrameType::OwnReq { code & 1 } else { code };
            let rest = [("code", code), ("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba), ("epoch", epoch)];
            b.streams.push("s_frame", pack(bundle::OwnFrame::FIELDS, &[&[ftype][..], &rest].concat()));
        }
        _ => {
            let (local, again) = (u64::from(lun == 3), u64::from(rng.one_in(3)));
            let what = [("slot", slot), ("seq", seq), ("lun", lun), ("lba", lba)];
            let rest = [("local", local), ("code", code), ("again", again)];
            b.streams.push("s_job", pack(bundle::OwnJob::FIELDS, &[&what[..], &rest].concat()));
        }
    }
}

/// Everything at once: writes that come and are resolved, changes of owner asked for by both sites, late and forged frames,
/// a link that ends. Nothing is closed for ever, and nothing is counted that has ended.
#[test]
fn admit_does_what_its_model_does() {
    each_pipeline(&Params::small(64), |t, p| {
        let mut seen = [0; 3];
        for stall in Stall::ALL {
            let mut b = Bench::new(t, p, stall);
            let mut rng = t.rng.fork();
            for round in 0..1000 {
                let quick = rng.one_in(2);
                for _ in 0..rng.below(12) {
                    any_event(&mut b, &mut rng, quick);
                }
                // Some of what is open is resolved, at times all of it.
                let most = if rng.one_in(5) { b.open.len() as u64 } else { rng.below(1 + b.open.len() as u64) };
                for _ in 0..most {
                    let at = rng.below(b.open.len() as u64) as usize;
                    let (lun, lba) = b.open.swap_remove(at);
                    b.streams.push("s_resolved", pack(bundle::Resolved::FIELDS, &[("lun", lun), ("lba", lba)]));
                }
                b.run_until_calm(&mut rng);
                if round % 50 == 49 {
                    let out = b.model.cut();
                    b.expect(&out);
                    b.dut.poke("link_ok", 0);
                    (0..200).for_each(|_| b.cycle(&mut rng));
                    assert!(b.expected.is_empty(), "what was closing opens: {:?}", b.expected);
                    b.dut.poke("link_ok", 1);
                }
            }
            for (lun, lba) in std::mem::take(&mut b.open) {
                b.streams.push("s_resolved", pack(bundle::Resolved::FIELDS, &[("lun", lun), ("lba", lba)]));
            }
            b.run_until_calm(&mut rng);
            let counted = ["owner_taken", "owner_granted", "own_stale"].map(|name| b.pulses.of(name));
            assert_eq!(counted, [b.model.taken, b.model.granted, b.model.stale]);
            assert!(b.model.luns.iter().all(|l| l.count == 0));
            (0..3).for_each(|i| seen[i] += counted[i]);
        }
        assert!(seen.iter().all(|n| *n > 100), "taken, granted, stale: {seen:?}");
    });
}

/// An own operation is told in the cycle of the directory's answer, and a resolved write is taken while one waits to be told.
#[test]
fn admit_is_held_up_by_nobody() {
    each_pipeline(&Params::small(64), |t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        let mut rng = t.rng.fork();
        let fields = [("id", 5), ("lun", 0), ("lba", 1), ("exclusive", 1)];
        b.streams.push("s_grant", pack(bundle::LockGrant::FIELDS, &fields));
        let mut cycles = 0;
        while b.open.is_empty() || b.expected.iter().any(|out| matches!(out, Out::Admit(_))) {
            b.cycle(&mut rng);
            cycles += 1;
        }
        assert_eq!(cycles, LATENCY + 1, "the directory's latency, and the cycle of the question");
        b.streams.push("s_grant", pack(bundle::LockGrant::FIELDS, &fields));
        b.streams.push("s_resolved", pack(bundle::Resolved::FIELDS, &[("lun", 0), ("lba", 1)]));
        b.streams.closed.push("m_admit");
        (0..40).for_each(|_| b.cycle(&mut rng));
        assert_eq!((b.streams.all_waiting(), b.expected.len()), (0, 1), "only the answer waits");
    });
}
