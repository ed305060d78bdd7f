//! Racing clients: each has one command under way, and begins the next some time after it has ended.

use super::{Event, World, block};
use crate::judge::{Call, CommandId, Return, Seen};
use crate::protocol::{Block, Config, Io, Op, SiteId, Status};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
struct Open {
    call: Call,
    client: u16,
    id: CommandId,
}

/// All clients at both sites.
#[derive(Debug)]
pub struct Clients {
    per_site: [u16; 2],
    left: u64,
    next_value: u64,
    /// Commands that have not ended, by number.
    open: Vec<Option<Open>>,
    free: Vec<u32>,
    /// Commands that found no slot.
    waiting: [VecDeque<(Op, u32)>; 2],
    idle: [Vec<u16>; 2],
    /// When a command last ended.
    pub last_end: u64,
    /// Clients begin nothing new.
    pub paused: bool,
    /// How often ownership is asked for.
    owners: f64,
    /// Blocks that most commands concern.
    hot: u32,
    /// Value that was last seen in a block, to be expected by a compare-and-write.
    last: Vec<u64>,
}

impl Clients {
    pub fn new(cfg: &Config, ops: u64, rng: &mut ChaCha8Rng) -> Self {
        Clients {
            per_site: [rng.random_range(1..=16), rng.random_range(1..=16)],
            left: ops,
            next_value: 1,
            open: Vec::new(),
            free: Vec::new(),
            waiting: [VecDeque::new(), VecDeque::new()],
            idle: [Vec::new(), Vec::new()],
            last_end: 0,
            paused: false,
            owners: [0.0, 0.001, 0.01, 0.05][rng.random_range(0..4)],
            hot: rng.random_range(1..=cfg.blocks.min(16)),
            last: vec![0; cfg.blocks as usize],
        }
    }

    pub fn count(&self, site: SiteId) -> u16 {
        self.per_site[site as usize]
    }

    pub fn begun_all(&self) -> bool {
        self.left == 0
    }

    pub fn all_ended(&self) -> bool {
        self.left == 0 && self.free.len() == self.open.len()
    }

    fn choose(&mut self, cfg: &Config, dma: f64, rng: &mut ChaCha8Rng) -> (Op, Call) {
        let lba = if rng.random_bool(0.7) { rng.random_range(0..self.hot) } else { rng.random_range(0..cfg.blocks) };
        let b = u64::from(lba);
        if rng.random_bool(self.owners) {
            let lun = rng.random_bool(0.2);
            let op = if rng.random_bool(0.7) { Op::Acquire { lba, lun } } else { Op::Release { lba, lun } };
            return (op, Call::Other);
        }
        let mut fresh = || {
            self.next_value += 1;
            self.next_value - 1
        };
        match rng.random_range(0..1000) {
            0..480 => (Op::Read { lba }, Call::Read { block: b }),
            480..900 => {
                let value = fresh();
                let fault = rng.random_bool(dma).then(|| rng.random_range(0..3));
                (Op::Write { lba, data: block(value), fault }, Call::Write { block: b, value })
            }
            900..980 => {
                let (expect, value) = (self.last[lba as usize], fresh());
                let op = Op::CompareWrite { lba, expect: block(expect), data: block(value) };
                (op, Call::Swap { block: b, expect, value })
            }
            980..990 => {
                let room = (1 << cfg.extent_shift) - (lba & ((1 << cfg.extent_shift) - 1));
                let count = rng.random_range(1..=room.min(cfg.blocks - lba));
                (Op::Zero { lba, count: count as u16 }, Call::Zero { block: b, count: u64::from(count) })
            }
            _ => (Op::Flush, Call::Other),
        }
    }
}

impl World {
    /// A client begins its next command.
    pub(super) fn begin(&mut self, site: SiteId, client: u16, io: &mut Io) {
        let c = &mut self.clients;
        if c.paused {
            c.idle[site as usize].push(client);
            return;
        }
        if c.left == 0 {
            return;
        }
        c.left -= 1;
        let (op, call) = c.choose(&self.cfg, self.faults.dma, &mut self.rng);
        let id = self.judge.call(self.now, call);
        let number = c.free.pop().unwrap_or_else(|| {
            c.open.push(None);
            (c.open.len() - 1) as u32
        });
        c.open[number as usize] = Some(Open { call, client, id });
        c.waiting[site as usize].push_back((op, number));
        self.retry(site, io);
    }

    /// Commands that wait for a slot begin, in their order.
    pub(super) fn retry(&mut self, site: SiteId, io: &mut Io) {
        let s = &mut self.sites[site as usize];
        while s.has_room()
            && let Some((op, number)) = self.clients.waiting[site as usize].pop_front()
        {
            s.submit(number, op, io);
        }
    }

    pub(super) fn wake_clients(&mut self, site: SiteId) {
        for client in std::mem::take(&mut self.clients.idle[site as usize]) {
            self.after(1, Event::Client(site, client));
        }
    }

    pub(super) fn ended(&mut self, site: SiteId, cmd: u32, status: Status, data: Option<Block>) {
        let Some(open) = self.clients.open[cmd as usize].take() else {
            self.wrong = Some(format!("command {cmd} of site {site} completed twice"));
            return;
        };
        let seen = |b: Block| Seen::of(b.0.iter().map(|w| u64::from(*w)));
        let ret = match (open.call, status) {
            (Call::Read { .. }, Status::Ok) => Return::Read(data.map_or(Seen::Torn, seen)),
            (Call::Read { .. } | Call::Other, _) => Return::Void,
            (_, Status::Ok) => Return::Done,
            (_, Status::Miscompare) => Return::Miscompare,
            (_, Status::DmaReadFault) => Return::Void,
            _ => Return::Unknown,
        };
        match (open.call, ret) {
            (Call::Read { block }, Return::Read(Seen::Value(v))) => self.clients.last[block as usize] = v,
            (Call::Write { block, value } | Call::Swap { block, value, .. }, Return::Done) => {
                self.clients.last[block as usize] = value;
            }
            _ => {}
        }
        (self.clients.last_end, self.idle) = (self.now, 0);
        self.judge.ret(open.id, self.now, ret);
        self.clients.free.push(cmd);
        let think = self.rng.random_range(0..60);
        self.after(think, Event::Client(site, open.client));
    }
}
