//! `offload::decode` against plain Rust: every refusal in its order, every split, numbers in turn.

mod common;

use common::{Pulses, Streams, addresses, each_pipeline, words};
use dyad_hdl::bundle::own_code::{RELEASE, WHOLE};
use dyad_hdl::bundle::{AdminCmd, CmdNew, Cqe, OpInfo, Sqe, op_kind};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::decode::{REFUSALS, decode};
use dyad_hdl::params::Params;
use dyad_spec::entry::submission::Submission;
use dyad_spec::{MAX_BLOCKS, MAX_LOOKUPS, Opcode, Status, regs};
use dyad_tests::{Dut, Rng, Scoreboard, Stall, Trial, field, pack};
use std::collections::{HashMap, HashSet, VecDeque};

/// A LUN: valid, live, local, blocks, log2 of the blocks of an extent.
type Lun = (bool, bool, bool, u64, u32);

const LUNS_40: [Lun; 8] = [
    (true, true, false, 1000, 4),
    (true, true, true, 64, 0),
    (true, false, false, 5000, 9),
    (false, true, false, 1000, 3),
    (true, true, false, u64::MAX >> 24, 31),
    (true, false, true, 1, 1),
    (false, false, false, 0, 7),
    (true, true, false, 70, 15),
];

/// The LUNs of a build: none is larger than it can be.
fn luns(p: &Params) -> [Lun; 8] {
    LUNS_40.map(|(valid, live, local, blocks, shift)| (valid, live, local, blocks.min(highest(p)), shift))
}

/// The highest address of a build.
fn highest(p: &Params) -> u64 {
    (1 << p.lba_w) - 1
}

/// Whether an address in host memory has more bits than a build's.
fn beyond(p: &Params, iova: u64) -> bool {
    iova.checked_shr(p.iova_w as u32).unwrap_or(0) != 0
}

/// A submission as it is offered.
#[derive(Clone)]
struct Offer {
    sub: Submission,
    /// Of the second half of the entry.
    reserved: bool,
    queue: u64,
    t_doorbell: u64,
    d_fetched: u64,
}

/// How a submission must be answered, by the rules in their order.
fn verdict(p: &Params, o: &Offer, link: bool) -> Status {
    let luns = luns(p);
    let s = &o.sub;
    let Ok(op) = Opcode::try_from(s.opcode() as u8) else { return Status::BadOpcode };
    let zeroes = matches!(op, Opcode::WriteZeroes | Opcode::Trim);
    let data = zeroes || matches!(op, Opcode::Write | Opcode::Read | Opcode::CompareWrite);
    let set = op == Opcode::SetOwner;
    let own = matches!(op, Opcode::Acquire | Opcode::Release);
    let flags = match op {
        Opcode::Write | Opcode::Read | Opcode::WriteZeroes | Opcode::Trim => 1,
        Opcode::SetOwner | Opcode::Acquire | Opcode::Release => 2,
        _ => 0,
    };
    let owners = if set { 2 } else { 1 };
    let aux = set || op == Opcode::Lookup;
    if o.reserved || s.flags() & !flags != 0 || s.owner() >= owners || (!aux && s.aux() != 0) {
        return Status::BadOpcode;
    }
    if (own || zeroes) && s.iova() != 0 {
        return Status::BadOpcode;
    }
    let most = match op {
        Opcode::Lookup => MAX_LOOKUPS,
        _ if own && s.flags() != 0 => 1,
        Opcode::CompareWrite => 1,
        _ => MAX_BLOCKS,
    };
    if (data || own || op == Opcode::Lookup) && !(1..=most).contains(&s.blocks()) {
        return Status::BadBlocks;
    }
    let lun = luns.get(s.lun() as usize).filter(|l| l.0);
    if op != Opcode::Identify && lun.is_none() {
        return Status::BadLun;
    }
    let (_, live, local, blocks, _) = lun.copied().unwrap_or_default();
    let past = s.lba().checked_add(s.blocks()).is_none_or(|end| end > blocks);
    if (data && past) || ((set || own) && s.lba() > highest(p)) {
        return Status::BadLba;
    }
    let iova = data || matches!(op, Opcode::Lookup | Opcode::Identify);
    let wrong = |iova: u64| !iova.is_multiple_of(4096) || beyond(p, iova);
    if (iova && wrong(s.iova())) || (op == Opcode::Lookup && wrong(s.aux())) {
        return Status::Misaligned;
    }
    if (data || own) && !live && s.flags() & 1 == 0 {
        return Status::NotLive;
    }
    if (data || own || op == Opcode::Flush) && !local && !link {
        return Status::LinkDown;
    }
    Status::Ok
}

/// A submission that is right, or wrong in one thing or several.
fn any_offer(p: &Params, rng: &mut Rng) -> Offer {
    let luns = luns(p);
    let any_page = |rng: &mut Rng| rng.next_u64() >> (64 - p.iova_w) & !4095;
    let op = rng.pick(Opcode::ALL).0;
    let mut s = Submission::new();
    let lun = *rng.pick(&[0, 0, 0, 1, 2, 4, 5, 7]);
    let most = luns[lun as usize].3;
    let blocks = match op {
        Opcode::Lookup => 1 + rng.below(MAX_LOOKUPS),
        Opcode::SetOwner => rng.below(1 << 16),
        Opcode::CompareWrite => 1,
        Opcode::Acquire | Opcode::Release => 1 + rng.below(MAX_BLOCKS),
        _ => {
            let longest = *rng.pick(&[1, 4, 64]);
            (1 + rng.below(longest)).min(most)
        }
    };
    s.set_opcode(op.code()).set_cid(rng.below(1 << 16)).set_lun(lun).set_blocks(blocks);
    let bare = matches!(op, Opcode::Acquire | Opcode::Release | Opcode::WriteZeroes | Opcode::Trim);
    let room = most - blocks.min(most);
    let inside = rng.below(room + 1);
    s.set_lba(*rng.pick(&[0, room, inside]));
    s.set_iova(if bare { 0 } else { any_page(rng) });
    match op {
        Opcode::Lookup => drop(s.set_aux(any_page(rng))),
        Opcode::SetOwner => drop(s.set_aux(rng.next_u64()).set_owner(rng.below(2)).set_flags(rng.below(2) * 2)),
        Opcode::Write | Opcode::Read | Opcode::WriteZeroes | Opcode::Trim => {
            s.set_flags(u64::from(!luns[lun as usize].1));
        }
        // Extents are not held against the LUN's size: the directory knows them.
        Opcode::Acquire | Opcode::Release if rng.one_in(4) => drop(s.set_flags(2).set_blocks(1)),
        Opcode::Acquire | Opcode::Release => {
            // Some begin so high that their last extents are past every address.
            let (any, below) = (rng.next_u64() & highest(p), rng.below(1 << 16));
            s.set_lba(*rng.pick(&[any, highest(p) - below]));
        }
        _ => {}
    }
    let mut reserved = false;
    let faults = *rng.pick(&[0, 0, 1, 1, 2]);
    for _ in 0..faults {
        match rng.below(12) {
            0 => drop(s.set_opcode(rng.below(256))),
            1 => drop(s.set_flags(rng.below(256))),
            2 => reserved = true,
            3 => drop(s.set_owner(rng.below(256))),
            4 => drop(s.set_aux(rng.next_u64() >> rng.below(64))),
            5 => drop(s.set_blocks(*rng.pick(&[0, 64, 65, 512, 513, 0xffff]))),
            6 => drop(s.set_lun(*rng.pick(&[3, 6, 8, 11, 128, 255]))),
            7 => drop(s.set_lba(most - blocks.min(most) + 1)),
            8 => {
                let far = [highest(p) + 1, 1 << 40, 1 << 63, u64::MAX, u64::MAX - 3, highest(p), highest(p) - 15];
                s.set_lba(*rng.pick(&far));
            }
            9 => {
                let any = rng.next_u64();
                s.set_iova(*rng.pick(&[any, 1 << 40, 1 << 63, 0xff_ffff_f000]));
            }
            10 => drop(s.set_flags(0)),
            _ => drop(s.set_lun(2)),
        }
    }
    let t_doorbell = rng.next_u64() >> 16;
    Offer { sub: s, reserved, queue: rng.below(8), t_doorbell, d_fetched: rng.next_u64() >> 32 }
}

struct Bench {
    p: Params,
    dut: Dut,
    streams: Streams,
    events: Pulses,
    offers: VecDeque<Offer>,
    link: bool,
    numbers: VecDeque<u64>,
    news: Scoreboard<Bits>,
    ops: Scoreboard<Bits>,
    admins: Scoreboard<Bits>,
    errors: Scoreboard<Bits>,
    /// Commands that the table has heard of.
    noted: HashSet<u64>,
    refusals: HashMap<Status, u64>,
    op_cycles: Vec<u64>,
    /// Blocks of an extent, and codes, of commands about owners that were right.
    owned: HashSet<(u64, u64)>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let mut dut = t.dut(&decode(p));
        let control = |l: &Lun| {
            let state = regs::LUN_VALID.put(l.0.into()) | regs::LUN_LIVE.put(l.1.into());
            state | regs::LUN_LOCAL.put(l.2.into()) | regs::LUN_EXTENT_SHIFT.put(l.4)
        };
        dut.poke_bits("lun_control", &words(&luns(p).iter().map(control).collect::<Vec<_>>()));
        dut.poke_bits("lun_blocks", &addresses(&luns(p).map(|l| l.3)));
        Self {
            p: p.clone(),
            streams: Streams::new(&dut, &["s_sqe", "s_free"], &["m_new", "m_op", "m_admin", "m_error"], stall),
            events: Pulses::new(&dut, &REFUSALS.map(|r| r.1)),
            dut,
            offers: VecDeque::new(),
            link: true,
            numbers: VecDeque::new(),
            news: Scoreboard::new("new command"),
            ops: Scoreboard::new("operation"),
            admins: Scoreboard::new("other command"),
            errors: Scoreboard::new("refusal"),
            noted: HashSet::new(),
            refusals: HashMap::new(),
            op_cycles: Vec::new(),
            owned: HashSet::new(),
        }
    }

    fn offer(&mut self, o: Offer) {
        let mut word = Bits::zero(Sqe::WIDTH);
        word.set(0, &Bits::from_bytes_le(&o.sub.0[..32]));
        let rest = pack(
            &Sqe::FIELDS[1..],
            &[
                ("reserved", o.reserved.into()),
                ("queue", o.queue),
                ("t_doorbell", o.t_doorbell),
                ("d_fetched", o.d_fetched),
            ],
        );
        word.set(256, &rest);
        self.streams.push("s_sqe", word);
        self.offers.push_back(o);
    }

    fn number(&mut self, cmd: u64) {
        self.streams.push("s_free", Bits::from_u64(cmd, 12));
        self.numbers.push_back(cmd);
    }

    /// What must come of a submission that was taken now.
    fn expect(&mut self, o: &Offer) {
        let s = &o.sub;
        let status = verdict(&self.p, o, self.link);
        let common = [("queue", o.queue), ("cid", s.cid()), ("t_doorbell", o.t_doorbell), ("d_fetched", o.d_fetched)];
        if status != Status::Ok {
            *self.refusals.entry(status).or_default() += 1;
            return self.errors.expect(pack(Cqe::FIELDS, &[&common[..], &[("status", status.code())]].concat()));
        }
        let cmd = self.numbers.pop_front().expect("there are numbers enough");
        let op = Opcode::try_from(s.opcode() as u8).expect("it is known");
        let kind = match op {
            Opcode::Write => Some(op_kind::WRITE),
            Opcode::Read => Some(op_kind::READ),
            Opcode::Flush => Some(op_kind::FLUSH),
            Opcode::CompareWrite => Some(op_kind::COMPARE),
            Opcode::Acquire | Opcode::Release => Some(op_kind::OWN),
            Opcode::WriteZeroes | Opcode::Trim => Some(op_kind::ZEROES),
            _ => None,
        };
        let own = kind == Some(op_kind::OWN);
        let blocks = if kind.is_some_and(|kind| kind != op_kind::FLUSH) { s.blocks() } else { 1 };
        self.news.expect(pack(CmdNew::FIELDS, &[&common[..], &[("cmd", cmd), ("blocks", blocks)]].concat()));
        let Some(kind) = kind else {
            let fields = [
                ("cmd", cmd),
                ("opcode", s.opcode()),
                ("flags", s.flags()),
                ("lun", s.lun() & 7),
                ("owner", s.owner()),
                ("blocks", s.blocks()),
                ("lba", s.lba() & highest(&self.p)),
                ("iova", s.iova()),
                ("aux", s.aux()),
            ];
            return self.admins.expect(pack(AdminCmd::FIELDS, &fields));
        };
        let step = if own { 1 << LUNS_40[s.lun() as usize].4 } else { 1 };
        let code = u64::from(op == Opcode::Release) << RELEASE | u64::from(s.flags() & 2 != 0) << WHOLE;
        for n in 0..blocks {
            // A flush has neither address nor page; what its entry says there is not looked at.
            let pages = (1 << self.p.field_w("page", 52)) - 1;
            let page = if own { code } else { ((s.iova() >> 12) + n) & pages };
            let fields = [
                ("cmd", cmd),
                ("block", n),
                ("kind", kind),
                ("local", LUNS_40[s.lun() as usize].2.into()),
                ("lun", s.lun()),
                (
                    "lba",
                    if own { (s.lba() + n * step).min(highest(&self.p)) } else { (s.lba() + n) & highest(&self.p) },
                ),
                ("page", page),
            ];
            self.ops.expect(pack(OpInfo::FIELDS, &fields));
        }
        if own {
            self.owned.insert((step, code));
        }
    }

    fn cycle(&mut self, t: &mut Trial) {
        self.dut.poke("link_ok", self.link.into());
        self.streams.drive(&mut self.dut, &mut t.rng);
        self.dut.settle();
        self.events.sample(&self.dut);
        let (came, taken) = self.streams.sample(&self.dut);
        for (name, word) in came {
            match name {
                "m_new" => {
                    assert!(self.noted.insert(field(CmdNew::FIELDS, &word, "cmd")));
                    self.news.got(&word);
                }
                "m_op" => {
                    let known = self.noted.contains(&field(OpInfo::FIELDS, &word, "cmd"));
                    assert!(known, "the command table hears of a command first");
                    self.op_cycles.push(self.dut.cycle());
                    self.ops.got(&word);
                }
                "m_admin" => {
                    assert!(self.noted.contains(&field(AdminCmd::FIELDS, &word, "cmd")));
                    self.admins.got(&word);
                }
                _ => self.errors.got(&word),
            }
        }
        for (name, _) in taken {
            if name == "s_sqe" {
                let o = self.offers.pop_front().expect("it was offered");
                self.expect(&o);
            }
        }
        self.dut.edge();
    }

    fn missing(&self) -> usize {
        self.offers.len() + self.news.missing() + self.ops.missing() + self.admins.missing() + self.errors.missing()
    }
}

/// Submissions that are right, and wrong in every way, with a link that comes and goes.
#[test]
fn decode_checks_and_splits() {
    each_pipeline(&Params::new(64), checks_and_splits);
}

/// The same with addresses of 24 and 40 bits.
#[test]
fn decode_checks_and_splits_narrow_addresses() {
    each_pipeline(&Params { lba_w: 24, iova_w: 40, ..Params::new(64) }, checks_and_splits);
}

fn checks_and_splits(t: &mut Trial, p: &Params) {
    for stall in Stall::ALL {
        let mut b = Bench::new(t, p, stall);
        let mut cmd = 0;
        for _ in 0..2000 {
            let o = any_offer(p, &mut t.rng);
            b.offer(o);
        }
        while b.missing() > 0 {
            // Sometimes numbers are short.
            if b.numbers.len() < 3 && (t.rng.one_in(20) || b.numbers.is_empty()) {
                for _ in 0..4 {
                    b.number(cmd & 0xfff);
                    b.noted.remove(&((cmd + 2000) & 0xfff));
                    cmd += 1;
                }
            }
            if t.rng.one_in(if b.link { 400 } else { 60 }) {
                b.link = !b.link;
            }
            b.cycle(t);
            assert!(b.dut.cycle() < 400_000, "it never ends");
        }
        for list in [&b.news, &b.ops, &b.admins, &b.errors] {
            list.finish();
        }
        (0..3).for_each(|_| b.cycle(t));
        for (status, name) in REFUSALS {
            let count = b.refusals.get(&status).copied().unwrap_or(0);
            assert!(count > 3, "{status:?} never happened");
            assert_eq!(b.events.of(name), count, "{name}");
        }
        assert_eq!(b.dut.peek("quiet"), 1);
        let (steps, codes): (HashSet<_>, HashSet<_>) = b.owned.iter().copied().unzip();
        assert_eq!((steps.len(), codes.len()), (4, 4), "steps and codes of {:?}", b.owned);
    }
}

/// A write of 64 blocks: its first operation after 2 cycles (3 in a deep build), then one a cycle; one idle cycle to the next command.
#[test]
fn decode_rate() {
    each_pipeline(&Params::new(64), |t, p| {
        let mut b = Bench::new(t, p, Stall::None);
        (0..8).for_each(|n| b.number(n));
        for _ in 0..2 {
            let mut o = any_offer(p, &mut t.rng);
            o.reserved = false;
            let mut s = Submission::new();
            s.set_opcode(Opcode::Write.code()).set_blocks(64).set_lba(7).set_iova(0x7000);
            o.sub = s;
            b.offer(o);
        }
        (0..150).for_each(|_| b.cycle(t));
        assert_eq!(b.op_cycles.len(), 128);
        assert_eq!(b.op_cycles[0], 2 + u64::from(p.deep), "s_sqe was offered in cycle 0");
        let gaps: Vec<u64> = b.op_cycles.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(gaps.iter().filter(|g| **g == 1).count(), 126);
        assert_eq!(gaps[63], 2, "between the commands");
    });
}
