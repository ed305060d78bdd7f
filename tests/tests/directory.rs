//! `offload::directory` against a plain-Rust map: every answer, in every cycle.

use dyad_hdl::bundle::{DirUpdate, LBA_W, Lookup, LookupReq};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::directory::{LATENCY, directory};
use dyad_hdl::params::Params;
use dyad_spec::regs;
use dyad_tests::{Dut, Rng, field, pack, trial};
use std::collections::{HashMap, VecDeque};

/// Addresses that there are.
const ADDRESSES: u64 = 1 << LBA_W;

/// Registers of a LUN.
#[derive(Clone, Copy, Debug, Default)]
struct Lun {
    valid: bool,
    owner: u32,
    shift: u32,
    generation: u32,
    blocks: u64,
    base: u32,
}

impl Lun {
    fn control(&self) -> u32 {
        let parts = [
            (regs::LUN_VALID, u32::from(self.valid)),
            (regs::LUN_OWNER, self.owner),
            (regs::LUN_EXTENT_SHIFT, self.shift),
            (regs::LUN_GENERATION, self.generation),
        ];
        parts.iter().fold(0, |word, (f, v)| word | f.put(*v))
    }

    /// Entry of an address that is inside.
    fn entry(&self, lba: u64, extents: u64) -> Option<u64> {
        let entry = u64::from(self.base) + (lba >> self.shift);
        (self.valid && lba < self.blocks && entry < extents).then_some(entry)
    }
}

/// An answer: valid, owner, epoch, closing, and the entry of an address that is valid.
type Answer = (u64, u64, u64, u64, Option<u64>);

/// The reference: entries that were written, by number, with the generation of that moment.
#[derive(Default)]
struct Reference {
    entries: HashMap<u64, (u32, u64, u64, u64)>,
}

impl Reference {
    fn lookup(&self, lun: &Lun, lba: u64, extents: u64) -> Answer {
        let Some(entry) = lun.entry(lba, extents) else { return (0, 0, 0, 0, None) };
        let generation = u64::from(lun.generation) << 16;
        match self.entries.get(&entry) {
            Some((g, owner, epoch, closing)) if *g == lun.generation => {
                (1, *owner, generation | epoch, *closing, Some(entry))
            }
            _ => (1, u64::from(lun.owner), generation, 0, Some(entry)),
        }
    }

    /// `to`: owner, epoch, closing.
    fn update(&mut self, lun: &Lun, lba: u64, to: (u64, u64, u64), extents: u64) {
        if let Some(entry) = lun.entry(lba, extents) {
            self.entries.insert(entry, (lun.generation, to.0, to.1, to.2));
        }
    }
}

fn configure(dut: &mut Dut, luns: &[Lun; 8]) {
    let join = |word: fn(&Lun) -> u32| {
        let bytes: Vec<u8> = luns.iter().flat_map(|l| word(l).to_le_bytes()).collect();
        Bits::from_bytes_le(&bytes)
    };
    dut.poke_bits("lun_control", &join(Lun::control));
    let mut blocks = Bits::zero(LBA_W * luns.len());
    luns.iter().enumerate().for_each(|(n, l)| blocks.set(LBA_W * n, &Bits::from_u64(l.blocks, LBA_W)));
    dut.poke_bits("lun_blocks", &blocks);
    dut.poke_bits("lun_extent_base", &join(|l| l.base));
}

/// Eight LUNs: small and large extents, one that does not exist, some whose extents do not all fit, one with a block
/// count that ends inside an extent, one whose generation is 0, one of 2^38 blocks.
fn luns(extents: u32) -> [Lun; 8] {
    let lun = |owner, shift, generation, blocks, base| Lun { valid: true, owner, shift, generation, blocks, base };
    let part = extents / 8;
    let share = u64::from(part);
    [
        lun(1, 0, 0, share, 0),
        lun(0, 4, 1, (share - 1) * 16 + 5, part),
        lun(1, 10, 0xffff, share << 10, 2 * part),
        Lun { valid: false, ..lun(1, 3, 7, share << 3, 3 * part) },
        // 2^38 blocks, and what this directory holds of them.
        lun(0, 38 - share.ilog2().clamp(7, 38), 9, 1 << 38, 4 * part),
        lun(1, 31, 3, ADDRESSES - 1, 5 * part),
        lun(0, 2, 4, ADDRESSES - 1, 6 * part),
        lun(1, 1, 2, 2 * share, 7 * part),
    ]
}

/// Addresses that make trouble: the same one again and again, its neighbours, both sides of the end of an extent and of
/// the LUN, and any address at all.
struct Addresses {
    hot: Vec<(u64, u64)>,
    last: (u64, u64),
}

impl Addresses {
    fn next(&mut self, rng: &mut Rng, luns: &[Lun; 8]) -> (u64, u64) {
        if rng.one_in(500) {
            let lun = rng.below(8);
            let blocks = luns[lun as usize].blocks;
            let any = rng.below(blocks);
            let lba = *rng.pick(&[any, 0, blocks - 1, blocks]);
            let place = rng.below(self.hot.len() as u64) as usize;
            self.hot[place] = (lun, lba);
        }
        let lun = rng.below(8);
        let (l, any) = (luns[lun as usize], rng.below(ADDRESSES));
        self.last = match rng.below(8) {
            0..3 => self.last,
            3 | 4 => *rng.pick(&self.hot),
            5 => (self.last.0, (self.last.1 + ADDRESSES + rng.below(3) - 1) % ADDRESSES),
            6 => (lun, any % l.blocks),
            _ => (lun, *rng.pick(&[0, 1, l.blocks - 1, l.blocks, ADDRESSES - 1, any])),
        };
        self.last
    }
}

/// Runs `cycles` cycles with a lookup and an update in nearly each; returns how many answers were compared.
fn run(dut: &mut Dut, rng: &mut Rng, extents: u32, cycles: u64) -> u64 {
    let lookup_port = ["s_lookup_valid", "s_lookup_data"].map(|n| dut.port(n));
    let update_port = ["s_update_valid", "s_update_data"].map(|n| dut.port(n));
    let answer_port = ["m_lookup_valid", "m_lookup_data"].map(|n| dut.port(n));
    let mut luns = luns(extents);
    configure(dut, &luns);
    let mut reference = Reference::default();
    let mut expected: VecDeque<Option<(u64, Answer)>> = (0..LATENCY).map(|_| None).collect();
    let mut asked = Addresses { hot: vec![(0, 0); 4], last: (0, 0) };
    let mut told = Addresses { hot: vec![(0, 0); 4], last: (0, 0) };
    let mut compared = 0;
    for cycle in 0..cycles + LATENCY as u64 {
        if rng.one_in(300) {
            let lun = &mut luns[rng.below(8) as usize];
            match rng.below(4) {
                0 => lun.owner ^= 1,
                1 => lun.generation = rng.below(4) as u32,
                _ => lun.generation = (lun.generation + 1) & 0xffff,
            }
            configure(dut, &luns);
        }
        // With only one of both now and then, so that gaps come too.
        let look = cycle < cycles && !rng.one_in(16);
        let update = cycle < cycles && !rng.one_in(16);
        let (lun, lba) = asked.next(rng, &luns);
        let tag = rng.below(16);
        dut.set(lookup_port[0], u64::from(look));
        dut.set_bits(lookup_port[1], &pack(LookupReq::FIELDS, &[("lun", lun), ("lba", lba), ("tag", tag)]));
        expected.push_back(look.then(|| (tag, reference.lookup(&luns[lun as usize], lba, u64::from(extents)))));

        // One in two updates goes where the lookup goes, in this cycle.
        let (lun, lba) = if rng.one_in(2) { (lun, lba) } else { told.next(rng, &luns) };
        let (owner, epoch, closing) = (rng.below(2), rng.below(1 << 16), rng.below(2));
        dut.set(update_port[0], u64::from(update));
        let to = [("owner", owner), ("epoch", epoch), ("closing", closing)];
        let fields = [&[("lun", lun), ("lba", lba)][..], &to].concat();
        dut.set_bits(update_port[1], &pack(DirUpdate::FIELDS, &fields));
        if update {
            reference.update(&luns[lun as usize], lba, (owner, epoch, closing), u64::from(extents));
        }

        dut.settle();
        let want = expected.pop_front().expect("one for each cycle of latency");
        assert_eq!(
            dut.get(answer_port[0]),
            u64::from(want.is_some()),
            "cycle {cycle}: an answer after {LATENCY} cycles"
        );
        if let Some((tag, answer)) = want {
            let bits = dut.get_bits(answer_port[1]);
            let get = |name| field(Lookup::FIELDS, &bits, name);
            assert_eq!(get("tag"), tag, "cycle {cycle}: tag");
            let index = (get("valid") == 1).then(|| get("index"));
            let is = (get("valid"), get("owner"), get("epoch"), get("closing"), index);
            assert_eq!(is, answer, "cycle {cycle}: valid, owner, epoch, closing, entry");
            compared += 1;
        }
        dut.edge();
    }
    compared
}

#[test]
fn directory_of_the_default_build_equals_a_map_for_a_million_cycles() {
    const { assert!(LATENCY <= 4) };
    trial(|t| {
        let p = Params::new(64);
        let mut dut = t.fast_dut(&directory(&p));
        let compared = run(&mut dut, &mut t.rng, p.extents as u32, 1_000_000);
        assert!(compared > 900_000, "only {compared} answers in a million cycles");
    });
}

#[test]
fn directory_small_equals_a_map() {
    trial(|t| {
        let p = Params { extents: 64, ..Params::new(512) };
        let mut dut = t.dut(&directory(&p));
        assert!(run(&mut dut, &mut t.rng, 64, 50_000) > 45_000);
    });
}

/// One lookup and one update in each and every cycle, all of the same extent.
#[test]
fn directory_takes_a_lookup_and_an_update_of_one_extent_every_cycle() {
    trial(|t| {
        let p = Params { extents: 64, ..Params::new(64) };
        let mut dut = t.dut(&directory(&p));
        configure(&mut dut, &luns(64));
        dut.poke("s_lookup_valid", 1);
        dut.poke("s_update_valid", 1);
        for cycle in 0..1000u64 {
            let closing = cycle >> 1 & 1;
            let fields = [("lba", 3), ("owner", cycle & 1), ("epoch", cycle), ("closing", closing)];
            let update = pack(DirUpdate::FIELDS, &fields);
            dut.poke_bits("s_update_data", &update);
            dut.poke_bits("s_lookup_data", &pack(LookupReq::FIELDS, &[("lba", 3), ("tag", cycle & 15)]));
            dut.settle();
            let asked = cycle.wrapping_sub(LATENCY as u64);
            assert_eq!(dut.peek("m_lookup_valid"), u64::from(cycle >= LATENCY as u64));
            if cycle >= LATENCY as u64 {
                let bits = dut.peek_bits("m_lookup_data");
                let get = |name| field(Lookup::FIELDS, &bits, name);
                // The lookup of cycle n sees the update of cycle n - 1; the first one the LUN's default.
                let want = if asked == 0 { (1, 0, 0) } else { ((asked - 1) & 1, asked - 1, (asked - 1) >> 1 & 1) };
                assert_eq!((get("owner"), get("epoch"), get("closing")), want, "cycle {cycle}");
                assert_eq!(get("tag"), asked & 15, "cycle {cycle}");
            }
            dut.edge();
        }
    });
}
