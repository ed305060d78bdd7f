//! `offload::cmd_table` against a map: every completion, whatever order its blocks end in.

mod common;

use common::Streams;
use dyad_hdl::bundle::{AdminDone, BlockDone, CmdNew, Cqe};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::cmd_table::cmd_table;
use dyad_hdl::params::Params;
use dyad_spec::Status;
use dyad_tests::{Dut, Scoreboard, Stall, Trial, field, pack, trial};
use std::collections::{HashMap, HashSet, VecDeque};

/// A command under way.
struct Command {
    left: u64,
    admin: bool,
    /// First failure: status, block, owner, epoch.
    failed: Option<(u64, u64, u64, u64)>,
    fields: Vec<(&'static str, u64)>,
    base: u64,
    blocks: Vec<u64>,
}

struct Bench {
    dut: Dut,
    streams: Streams,
    /// Numbers that were handed out and not used; all that are out.
    free: VecDeque<u64>,
    out: HashSet<u64>,
    commands: HashMap<u64, Command>,
    cqes: Scoreboard<Bits>,
    /// Events offered, in the order of their streams.
    news: VecDeque<(u64, Command)>,
    dones: VecDeque<Bits>,
    admins: VecDeque<Bits>,
    errors: VecDeque<Bits>,
    began: u64,
    numbers: HashSet<u64>,
}

impl Bench {
    fn new(t: &mut Trial, p: &Params, stall: Stall) -> Self {
        let dut = t.dut(&cmd_table(p));
        Self {
            streams: Streams::new(&dut, &["s_new", "s_done", "s_admin", "s_error"], &["m_cqe", "m_free"], stall),
            dut,
            free: VecDeque::new(),
            out: HashSet::new(),
            commands: HashMap::new(),
            cqes: Scoreboard::new("completion"),
            news: VecDeque::new(),
            dones: VecDeque::new(),
            admins: VecDeque::new(),
            errors: VecDeque::new(),
            began: 0,
            numbers: HashSet::new(),
        }
    }

    /// Begins a command with the next free number.
    fn begin(&mut self, t: &mut Trial) {
        let Some(cmd) = self.free.pop_front() else { return };
        let mut any = |bits: u32| t.rng.next_u64() & ((1 << bits) - 1);
        let (admin, cid, queue, t_doorbell, d_fetched) = (any(2) == 0, any(16), any(3), any(48), any(32));
        let blocks = if admin { 1 } else { *t.rng.pick(&[1, 1, 2, 3, 8, 63, 64]) };
        let fields = [("cid", cid), ("queue", queue), ("t_doorbell", t_doorbell), ("d_fetched", d_fetched)];
        let word = pack(CmdNew::FIELDS, &[&fields[..], &[("cmd", cmd), ("blocks", blocks)]].concat());
        self.streams.push("s_new", word);
        let mut order: Vec<u64> = (0..blocks).collect();
        (0..blocks as usize).for_each(|i| order.swap(i, t.rng.below(blocks) as usize));
        let fields = fields.to_vec();
        let command =
            Command { left: blocks, admin, failed: None, fields, base: t_doorbell & 0xffff_ffff, blocks: order };
        self.news.push_back((cmd, command));
        self.began += 1;
        self.numbers.insert(cmd);
    }

    /// Ends a block, or a whole command, of those under way.
    fn end_one(&mut self, t: &mut Trial) {
        let mut ids: Vec<u64> = self.commands.iter().filter(|c| !c.1.blocks.is_empty()).map(|c| *c.0).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            return;
        }
        let cmd = *t.rng.pick(&ids);
        let command = self.commands.get_mut(&cmd).expect("it is under way");
        let block = command.blocks.pop().expect("a block is left");
        let bad = [Status::StoreError, Status::NotOwner, Status::PeerTimeout, Status::LinkDown];
        let status = if t.rng.one_in(6) { t.rng.pick(&bad).code() } else { 0 };
        if command.admin {
            let word = pack(AdminDone::FIELDS, &[("cmd", cmd), ("status", status)]);
            self.admins.push_back(word.clone());
            return self.streams.push("s_admin", word);
        }
        let mut fields = vec![("cmd", cmd), ("status", status), ("block", block), ("owner", t.rng.below(2))];
        fields.push(("retries", t.rng.below(16)));
        for name in ["epoch", "t_lookup", "t_local", "t_frame", "t_sent", "t_ack", "mirror"] {
            fields.push((name, t.rng.next_u64() >> 32));
        }
        let word = pack(BlockDone::FIELDS, &fields);
        self.dones.push_back(word.clone());
        self.streams.push("s_done", word);
    }

    /// A command that was refused.
    fn refuse(&mut self, t: &mut Trial) {
        let word = t.rng.bits(Cqe::WIDTH);
        self.errors.push_back(word.clone());
        self.streams.push("s_error", word);
    }

    fn complete(&mut self, cmd: u64, own: &[(&'static str, u64)]) {
        let command = self.commands.remove(&cmd).expect("it is under way");
        self.cqes.expect(pack(Cqe::FIELDS, &[&command.fields[..], own].concat()));
        assert!(self.out.remove(&cmd));
    }

    fn taken(&mut self, name: &str) {
        match name {
            "s_new" => {
                let (cmd, command) = self.news.pop_front().expect("it was offered");
                assert!(self.commands.insert(cmd, command).is_none(), "number {cmd} is in use");
            }
            "s_done" => {
                let word = self.dones.pop_front().expect("it was offered");
                let of = |name: &str| field(BlockDone::FIELDS, &word, name);
                let cmd = of("cmd");
                let c = self.commands.get_mut(&cmd).expect("it is under way");
                c.left -= 1;
                if of("status") != 0 {
                    c.failed.get_or_insert((of("status"), of("block"), of("owner"), of("epoch")));
                }
                if c.left == 0 {
                    let (status, block, owner, epoch) = c.failed.unwrap_or_default();
                    let since = |name: &str| of(name).wrapping_sub(c.base) & 0xffff_ffff;
                    let own = [
                        ("status", status),
                        ("block", block),
                        ("owner", owner),
                        ("epoch", epoch),
                        ("retries", of("retries")),
                        ("d_lookup", since("t_lookup")),
                        ("d_local", since("t_local")),
                        ("d_frame", since("t_frame")),
                        ("d_sent", since("t_sent")),
                        ("d_ack", since("t_ack")),
                        ("d_mirror", of("mirror")),
                    ];
                    self.complete(cmd, &own);
                }
            }
            "s_admin" => {
                let word = self.admins.pop_front().expect("it was offered");
                let of = |name: &str| field(AdminDone::FIELDS, &word, name);
                self.complete(of("cmd"), &[("status", of("status"))]);
            }
            _ => {
                let word = self.errors.pop_front().expect("it was offered");
                self.cqes.expect(word);
            }
        }
    }

    fn cycle(&mut self, t: &mut Trial) {
        self.streams.drive(&mut self.dut, &mut t.rng);
        self.dut.settle();
        let (came, taken) = self.streams.sample(&self.dut);
        for (name, word) in came {
            if name == "m_cqe" {
                self.cqes.got(&word);
            } else {
                assert!(self.out.insert(word.low_u64()), "number {} is handed out twice", word.low_u64());
                self.free.push_back(word.low_u64());
            }
        }
        taken.iter().for_each(|(name, _)| self.taken(name));
        self.dut.edge();
    }
}

/// Commands of every length, blocks that end in any order, commands without blocks, refusals: each completes once, with
/// its first failure and the stamps of its last block, and its number comes back.
#[test]
fn cmd_table_completes_each_command() {
    trial(|t| {
        for slots in [64, 4096] {
            for stall in Stall::ALL {
                let p = Params { slots, period: 2 * slots, ..Params::new(64) };
                let mut b = Bench::new(t, &p, stall);
                while b.free.len() < 40 {
                    b.cycle(t);
                    assert!(b.dut.cycle() < 20_000, "no numbers come");
                }
                let (mut spell, mut kind) = (0, 0);
                for _ in 0..20_000 {
                    if spell == 0 {
                        (spell, kind) = (1 + t.rng.below(200), t.rng.below(4));
                    }
                    spell -= 1;
                    if kind < 2 && t.rng.one_in(20) {
                        b.begin(t);
                    }
                    if kind > 0 && t.rng.one_in(3) && b.streams.all_waiting() < 20 {
                        b.end_one(t);
                    }
                    if t.rng.one_in(150) {
                        b.refuse(t);
                    }
                    b.cycle(t);
                }
                while !b.commands.is_empty() || b.streams.all_waiting() > 0 || b.cqes.missing() > 0 {
                    if t.rng.one_in(3) {
                        b.end_one(t);
                    }
                    b.cycle(t);
                    assert!(b.dut.cycle() < 200_000, "it never ends");
                }
                b.cqes.finish();
                assert!(b.began > 300, "{} commands", b.began);
                assert!(slots == 4096 || b.numbers.len() == 64, "{} numbers were used", b.numbers.len());
                // All numbers come out again, each once.
                (0..6 * slots as u64 + 400).for_each(|_| b.cycle(t));
                assert_eq!(b.out.len(), slots);
                b.dut.settle();
                assert_eq!(b.dut.peek("quiet"), 1);
            }
        }
    });
}

/// `s_done`, `s_admin` to `m_cqe` 2 cycles, `s_error` 1; an event every 2 cycles.
#[test]
fn cmd_table_latency() {
    trial(|t| {
        let p = Params { slots: 64, period: 128, ..Params::new(64) };
        let mut b = Bench::new(t, &p, Stall::None);
        while b.free.len() < 60 {
            b.cycle(t);
        }
        let until = |b: &mut Bench, t: &mut Trial| {
            let from = b.dut.cycle();
            let seen = b.cqes.seen();
            while b.cqes.seen() == seen {
                b.cycle(t);
            }
            b.dut.cycle() - 1 - from
        };
        b.refuse(t);
        assert_eq!(until(&mut b, t), 1);
        (0..10).for_each(|_| b.begin(t));
        (0..20).for_each(|_| b.cycle(t));
        while !b.commands.is_empty() {
            let left = b.commands.values().map(|c| c.blocks.len()).sum::<usize>();
            let seen = b.cqes.seen();
            b.end_one(t);
            let from = b.dut.cycle();
            (0..4).for_each(|_| b.cycle(t));
            assert!(left > 0 && b.dut.cycle() - from == 4);
            assert!(b.cqes.seen() - seen <= 1 && b.cqes.missing() == 0, "the completion is there in 2 cycles");
        }
    });
}
