//! Two sites driven by hand: each frame and each store answer moves when the test says so.

use dyad_model::protocol::{
    Agreement, Block, Config, Epoch, Frame, Io, Kind, Lookup, Map, Op, Output, Site, Status, StoreOp, Tag,
};
use dyad_model::store::Store;
use std::collections::HashMap;

/// Two sites, what is under way to each, and what their stores have not answered.
pub struct Pair {
    pub sites: [Site; 2],
    pub stores: [Store; 2],
    pub frames: [Vec<Frame>; 2],
    pub pending: [Vec<(Tag, StoreOp)>; 2],
    pub done: HashMap<u32, (Status, Option<Block>)>,
    /// Commands in the order in which they ended.
    pub order: Vec<u32>,
    next: u32,
    slots: u16,
}

pub fn write(lba: u32, value: u32) -> Op {
    Op::Write { lba, data: Block::of(value), fault: None }
}

pub const fn read(lba: u32) -> Op {
    Op::Read { lba }
}

impl Pair {
    /// Site 0 is the LUN's default owner; `owners` has one entry an extent.
    pub fn new(cfg: Config, owners: &[u8]) -> Pair {
        let lookup = |o: &u8| Lookup { owner: *o, epoch: Epoch { lun: 1, ext: u16::from(*o != 0) } };
        let map = Map { lun: (1, 0), extents: owners.iter().map(lookup).collect() };
        Pair {
            sites: [0, 1].map(|id| Site::with_map(cfg, id, &map)),
            stores: [Store::new(&cfg), Store::new(&cfg)],
            frames: [vec![], vec![]],
            pending: [vec![], vec![]],
            done: HashMap::new(),
            order: vec![],
            next: 0,
            slots: cfg.slots,
        }
    }

    fn put(&mut self, site: usize, io: Io) {
        for out in io.out {
            match out {
                Output::Send(f) => self.frames[1 - site].push(f),
                Output::Store(tag, op) => self.pending[site].push((tag, op)),
                Output::Done(cmd, status, data) => {
                    assert!(self.done.insert(cmd, (status, data)).is_none(), "command {cmd} completed twice");
                    self.order.push(cmd);
                }
                Output::Fenced => {}
            }
        }
    }

    pub fn submit(&mut self, site: usize, op: Op) -> u32 {
        self.next += 1;
        let mut io = Io::default();
        assert!(self.sites[site].submit(self.next, op, &mut io), "no slot at site {site}");
        self.put(site, io);
        self.next
    }

    /// Answers the store accesses of a site for which `pick` holds.
    pub fn answer_where(&mut self, site: usize, pick: impl Fn(&(Tag, StoreOp)) -> bool) -> usize {
        let (now, later) = std::mem::take(&mut self.pending[site]).into_iter().partition(|p| pick(p));
        self.pending[site] = later;
        let now: Vec<(Tag, StoreOp)> = now;
        let count = now.len();
        for (tag, op) in now {
            let data = self.stores[site].access(op);
            let mut io = Io::default();
            self.sites[site].stored(tag, data, &mut io);
            self.put(site, io);
        }
        count
    }

    pub fn answer(&mut self, site: usize) {
        while self.answer_where(site, |_| true) > 0 {}
    }

    pub fn receive(&mut self, site: usize, f: &Frame) {
        let mut io = Io::default();
        self.sites[site].receive(f, &mut io);
        self.put(site, io);
    }

    /// Delivers the frames to a site for which `pick` holds.
    pub fn deliver_where(&mut self, to: usize, pick: impl Fn(&Frame) -> bool) -> usize {
        let taken = self.take_where(to, pick);
        for f in &taken {
            self.receive(to, f);
        }
        taken.len()
    }

    pub fn deliver(&mut self, to: usize) -> usize {
        self.deliver_where(to, |_| true)
    }

    /// Takes frames off the link: lost, or kept by the test to arrive late.
    pub fn take_where(&mut self, to: usize, pick: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let (taken, left) = std::mem::take(&mut self.frames[to]).into_iter().partition(|f| pick(f));
        self.frames[to] = left;
        taken
    }

    pub fn take(&mut self, to: usize, kind: Kind) -> Vec<Frame> {
        self.take_where(to, |f| f.kind == kind)
    }

    pub fn scan(&mut self, site: usize) {
        for i in 0..self.slots {
            let mut io = Io::default();
            self.sites[site].scan(i, &mut io);
            self.put(site, io);
        }
    }

    pub fn expire(&mut self, site: usize, slot: u16) {
        let mut io = Io::default();
        self.sites[site].expire(slot, &mut io);
        self.put(site, io);
    }

    /// Cuts the link: what is under way is lost. Both sites come up again.
    pub fn relink(&mut self) {
        self.sites.iter_mut().for_each(|s| s.link_down());
        self.frames = [vec![], vec![]];
        let agreed = Agreement::of(&self.sites[0].hello(), &self.sites[1].hello());
        for site in 0..2 {
            let mut io = Io::default();
            self.sites[site].link_up(&agreed, &mut io);
            self.put(site, io);
        }
    }

    /// One way over the link, in both directions at once; stores take no time.
    pub fn half_round_trip(&mut self) {
        for site in 0..2 {
            self.answer(site);
        }
        let [to_0, to_1] = std::mem::take(&mut self.frames);
        for (site, frames) in [to_0, to_1].iter().enumerate() {
            frames.iter().for_each(|f| self.receive(site, f));
        }
        for site in 0..2 {
            self.answer(site);
            if self.sites[site].take_wake() {
                self.scan(site);
                self.answer(site);
            }
        }
    }

    /// Half round trips until a command has ended.
    pub fn half_round_trips(&mut self, cmd: u32) -> usize {
        (0..100)
            .find(|_| {
                self.status(cmd).is_some() || {
                    self.half_round_trip();
                    false
                }
            })
            .expect("it ends")
    }

    /// Everything goes its way, without loss, until nothing is under way. Both stores must be equal then.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            for site in 0..2 {
                self.answer(site);
                self.deliver(site);
            }
            let quiet = self.frames.iter().all(Vec::is_empty) && self.pending.iter().all(Vec::is_empty);
            if quiet && self.sites.iter().all(|s| s.at_rest()) {
                assert_eq!(self.stores[0].home, self.stores[1].home, "stores differ at rest");
                assert_eq!(self.done.len() as u32, self.next, "commands without an end");
                return;
            }
            if quiet {
                self.scan(0);
                self.scan(1);
            }
        }
        panic!("not settled: {:#?}", self.sites);
    }

    pub fn status(&self, cmd: u32) -> Option<Status> {
        self.done.get(&cmd).map(|d| d.0)
    }

    pub fn value(&self, site: usize, lba: u32) -> Option<u32> {
        self.stores[site].home[lba as usize].value()
    }

    /// A read through to its end.
    pub fn look(&mut self, site: usize, lba: u32) -> Option<u32> {
        let cmd = self.submit(site, read(lba));
        self.settle();
        self.done[&cmd].1.and_then(Block::value)
    }
}
