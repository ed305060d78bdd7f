//! A state of the bounded world, and what can happen in it.

use super::Scenario;
use super::linear::{self, Effect, Register};
use crate::protocol::{Agreement, Block, Frame, Io, Op, Output, Phase, Site, SiteId, Status, StoreOp, Tag};
use crate::store::Store;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

/// Something that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The host at a site begins its next command.
    Submit(SiteId),
    /// A frame, by number, arrives.
    Deliver(u16),
    /// The store of a site answers one of its accesses.
    Store(SiteId, u8),
    /// A site looks at an index.
    Scan(SiteId, u8),
    /// A site's link goes down.
    Down(SiteId),
    /// A site's link comes up.
    Up(SiteId),
    /// The command in a slot ends before its time.
    Expire(SiteId, u8),
    /// The LUN stops or starts being live at site 1.
    Live,
}

/// Frames get numbers in the order in which they are first seen.
#[derive(Debug, Default)]
pub struct Frames {
    list: Vec<(SiteId, Frame)>,
    number: HashMap<(SiteId, Frame), u16>,
}

const WORDS: usize = 16;

impl Frames {
    /// Destination and frame of a number.
    pub fn get(&self, n: u16) -> (SiteId, Frame) {
        self.list[n as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    fn intern(&mut self, to: SiteId, frame: Frame) -> u16 {
        *self.number.entry((to, frame)).or_insert_with(|| {
            assert!(self.list.len() < 64 * WORDS, "more different frames than the set has room for");
            self.list.push((to, frame));
            (self.list.len() - 1) as u16
        })
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The two sites.
    pub sites: [Site; 2],
    stores: [Store; 2],
    /// Accesses that the stores have not answered.
    pub pending: [Vec<(Tag, StoreOp)>; 2],
    /// Numbers of the frames that may arrive.
    soup: [u64; WORDS],
    /// Commands begun.
    pub begun: [u8; 2],
    /// Commands ended, one bit each, in the order of all commands.
    ended: u16,
    registers: Vec<Register>,
    /// Values that have been in each store.
    applied: [u32; 2],
    /// What the first site to come up has found, for the second.
    agreed: Option<Box<Agreement>>,
    cuts: u8,
    expires: u8,
    lives: u8,
    live: bool,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.soup.hash(h);
        self.hash_without_soup(h);
    }
}

impl State {
    /// The start.
    pub fn new(sc: &Scenario) -> State {
        let map = sc.map();
        let store = Store::new(&sc.cfg);
        State {
            sites: [Site::with_map(sc.cfg, 0, &map), Site::with_map(sc.cfg, 1, &map)],
            stores: [store.clone(), store],
            pending: [Vec::new(), Vec::new()],
            soup: [0; WORDS],
            begun: [0; 2],
            ended: 0,
            registers: vec![Register::new(0); sc.cfg.blocks as usize],
            applied: [1; 2],
            agreed: None,
            cuts: sc.cuts,
            expires: sc.expires,
            lives: sc.lives,
            live: true,
        }
    }

    /// All but the frames under way.
    pub fn hash_without_soup<H: Hasher>(&self, h: &mut H) {
        self.sites.hash(h);
        self.stores.hash(h);
        self.pending.hash(h);
        (self.begun, self.ended, self.applied).hash(h);
        self.registers.hash(h);
        (self.cuts, self.expires, self.lives, self.live).hash(h);
        self.agreed.hash(h);
    }

    /// Loses every frame under way.
    pub fn lose_all(&mut self) {
        self.soup = [0; WORDS];
    }

    /// What can happen here.
    pub fn actions(&self, sc: &Scenario, out: &mut Vec<Action>) {
        for site in 0..2u8 {
            let i = site as usize;
            let s = &self.sites[i];
            if (self.begun[i] as usize) < sc.ops[i].len() && s.has_room() {
                out.push(Action::Submit(site));
            }
            out.extend((0..self.pending[i].len()).map(|k| Action::Store(site, k as u8)));
            out.extend((0..sc.cfg.slots.max(1)).map(|k| Action::Scan(site, k as u8)));
            if s.is_up() && (self.cuts > 0 || self.should_go_down(sc, i)) {
                out.push(Action::Down(site));
            }
            if self.may_come_up(i) {
                out.push(Action::Up(site));
            }
            if self.expires > 0 {
                let open = |k: &u16| !matches!(s.phase(*k as usize), Phase::Free | Phase::Spent | Phase::Complete);
                out.extend((0..sc.cfg.slots).filter(open).map(|k| Action::Expire(site, k as u8)));
            }
        }
        if self.lives > 0 {
            out.push(Action::Live);
        }
        for w in 0..WORDS {
            let mut word = self.soup[w];
            while word != 0 {
                out.push(Action::Deliver((64 * w) as u16 + word.trailing_zeros() as u16));
                word &= word - 1;
            }
        }
    }

    /// Both sites are settled, and one has no numbers left.
    fn wants_renewal(&self, sc: &Scenario) -> bool {
        let spent = self.sites.iter().any(|s| s.spent() > 0);
        sc.renew
            && spent
            && self.quiet()
            && self.sites.iter().all(|s| s.is_up())
            && self.sites.iter().all(|s| s.settled())
    }

    /// A site whose link is down can bring it up.
    pub fn may_come_up(&self, i: usize) -> bool {
        let (me, other) = (&self.sites[i], &self.sites[1 - i]);
        !me.is_up() && (!other.is_up() || other.generation() > me.generation())
    }

    /// Nothing is at the stores.
    pub fn quiet(&self) -> bool {
        self.pending.iter().all(Vec::is_empty)
    }

    /// All commands have ended, and nothing is under way at either site.
    pub fn finished(&self, sc: &Scenario) -> bool {
        let all = (1u16 << (sc.ops[0].len() + sc.ops[1].len())) - 1;
        self.ended == all && self.quiet() && self.sites.iter().all(|s| s.at_rest() && s.is_up())
    }

    /// Lets something happen. `sent` gets the frames that are put on the link.
    pub fn act(
        &mut self,
        sc: &Scenario,
        frames: &mut Frames,
        action: Action,
        sent: &mut Vec<u16>,
    ) -> Result<(), Violation> {
        let mut io = Io::default();
        let site = match action {
            Action::Submit(site) => {
                let i = site as usize;
                let k = self.begun[i] as usize;
                self.begun[i] += 1;
                let cmd = if site == 0 { k } else { sc.ops[0].len() + k };
                for lba in Self::blocks_of(&sc.ops[i][k]) {
                    self.registers[lba as usize].call(cmd);
                }
                self.sites[i].submit(cmd as u32, sc.ops[i][k], &mut io);
                site
            }
            Action::Deliver(n) => {
                let (to, frame) = frames.get(n);
                self.sites[to as usize].receive(&frame, &mut io);
                to
            }
            Action::Store(site, k) => {
                let (tag, op) = self.pending[site as usize].remove(k as usize);
                let data = self.access(site, tag, op)?;
                self.sites[site as usize].stored(tag, data, &mut io);
                site
            }
            Action::Scan(site, k) => {
                self.sites[site as usize].scan(u16::from(k), &mut io);
                site
            }
            Action::Down(site) => {
                if !self.should_go_down(sc, site as usize) {
                    self.cuts -= 1;
                }
                self.sites[site as usize].link_down();
                site
            }
            Action::Up(site) => {
                self.up(site, &mut io);
                site
            }
            Action::Expire(site, k) => {
                self.expires -= 1;
                self.sites[site as usize].expire(u16::from(k), &mut io);
                site
            }
            Action::Live => {
                self.lives -= 1;
                self.live = !self.live;
                self.sites[1].set_live(self.live);
                1
            }
        };
        self.put(sc, frames, site, io, sent)?;
        if sc.renew && self.sites.iter().any(|s| s.spent() > 0) && self.sites.iter().all(|s| s.is_up()) {
            // The hosts see to it.
            self.sites.iter_mut().for_each(Site::settle);
        }
        self.check()
    }

    fn up(&mut self, site: SiteId, io: &mut Io) {
        let i = site as usize;
        let agreed = self.agreed.take().filter(|_| self.sites[1 - i].is_up());
        let agreed = agreed.unwrap_or_else(|| {
            let agreed = Agreement::of(&self.sites[0].hello(), &self.sites[1].hello());
            self.agreed = Some(Box::new(agreed.clone()));
            Box::new(agreed)
        });
        self.sites[i].link_up(&agreed, io);
    }

    /// The LUN is live, from now on.
    pub fn make_live(&mut self) {
        (self.live, self.lives) = (true, 0);
        self.sites[1].set_live(true);
    }

    /// The other site has gone down in this generation, or numbers have to be renewed.
    pub fn should_go_down(&self, sc: &Scenario, i: usize) -> bool {
        let (me, other) = (&self.sites[i], &self.sites[1 - i]);
        me.is_up() && (!other.is_up() && other.generation() >= me.generation() || self.wants_renewal(sc))
    }

    fn blocks_of(op: &Op) -> std::ops::Range<u32> {
        match *op {
            Op::Read { lba } | Op::Write { lba, .. } | Op::CompareWrite { lba, .. } => lba..lba + 1,
            Op::Zero { lba, count } => lba..lba + u32::from(count),
            _ => 0..0,
        }
    }

    fn effects(sc: &Scenario) -> [Effect; 8] {
        let mut effects = [Effect::Read; 8];
        for (k, op) in sc.ops.iter().flatten().enumerate() {
            let v = |b: Block| b.0[0] as u8;
            effects[k] = match *op {
                Op::Write { data, .. } => Effect::Write(v(data)),
                Op::CompareWrite { expect, data, .. } => Effect::Swap(v(expect), v(data)),
                Op::Zero { .. } => Effect::Write(0),
                _ => Effect::Read,
            };
        }
        effects
    }

    /// Takes the outputs of a step.
    fn put(
        &mut self,
        sc: &Scenario,
        frames: &mut Frames,
        site: SiteId,
        mut io: Io,
        sent: &mut Vec<u16>,
    ) -> Result<(), Violation> {
        let mut k = 0;
        while k < io.out.len() {
            match io.out[k] {
                Output::Send(frame) => {
                    let n = frames.intern(1 - site, frame);
                    self.soup[n as usize / 64] |= 1 << (n % 64);
                    sent.push(n);
                }
                // A read for a repeat changes nothing, and its moment matters only if it comes too early: now.
                Output::Store(tag @ Tag::Again(..), op) => {
                    let data = self.access(site, tag, op)?;
                    self.sites[site as usize].stored(tag, data, &mut io);
                }
                Output::Store(tag, op) => self.pending[site as usize].push((tag, op)),
                Output::Done(cmd, status, data) => self.ended(sc, cmd as usize, status, data)?,
                Output::Fenced => {}
            }
            k += 1;
        }
        Ok(())
    }

    fn ended(&mut self, sc: &Scenario, cmd: usize, status: Status, data: Option<Block>) -> Result<(), Violation> {
        if cmd >= 8 {
            // A probe.
            self.ended |= 1 << cmd;
            return Ok(());
        }
        if self.ended >> cmd & 1 == 1 {
            return Err(Violation(format!("command {cmd} completed twice")));
        }
        self.ended |= 1 << cmd;
        let op = sc.ops.iter().flatten().nth(cmd).expect("a command of the scenario");
        let effects = Self::effects(sc);
        for lba in Self::blocks_of(op) {
            let r = &mut self.registers[lba as usize];
            let fits = match (op, status) {
                (Op::Read { .. }, Status::Ok) => {
                    let block = data.expect("a read returns a block");
                    let Some(v) = block.value() else { return Err(Violation(format!("torn block {block:?}"))) };
                    r.ret(cmd, v as u8, &effects)
                }
                (Op::Read { .. }, _) => {
                    r.forget(cmd);
                    true
                }
                (_, Status::Ok) => r.ret(cmd, linear::DONE, &effects),
                (_, Status::Miscompare) => r.ret(cmd, linear::REFUSED, &effects),
                (_, Status::DmaReadFault) => r.void(cmd),
                // It may take effect later, or never.
                _ => true,
            };
            if !fits {
                let seen = data.and_then(Block::value).map(|v| format!(" of value {v}")).unwrap_or_default();
                return Err(Violation(format!("command {cmd}{seen} on block {lba} is not linearizable")));
            }
        }
        Ok(())
    }

    /// A store access takes effect. A read that a host will see must show what both stores have had.
    fn access(&mut self, site: SiteId, tag: Tag, op: StoreOp) -> Result<Option<Block>, Violation> {
        let i = site as usize;
        let answer = self.stores[i].access(op);
        match op {
            StoreOp::Read(_) => {
                let shown = matches!(tag, Tag::Own(s) if self.sites[i].phase(s as usize) == Phase::Reading);
                let both = self.applied[0] & self.applied[1];
                if let Some(v) = answer.and_then(Block::value)
                    && shown
                    && both >> v & 1 == 0
                {
                    return Err(Violation(format!("site {site} shows value {v}, which is not in both stores")));
                }
            }
            StoreOp::Write(lba, _) | StoreOp::Copy(_, lba) => {
                let wrote = self.stores[i].home[lba as usize].value();
                self.applied[i] |= wrote.map_or(0, |v| 1 << v);
            }
            _ => {}
        }
        Ok(answer)
    }

    /// What must hold in every state.
    fn check(&self) -> Result<(), Violation> {
        let [a, b] = [self.sites[0].directory(), self.sites[1].directory()];
        for x in 0..a.count() {
            let (l, m) = (a.lookup(x), b.lookup(x));
            if l.owner == 0 && m.owner == 1 {
                return Err(Violation(format!("both sites own extent {x}: epochs {:?} and {:?}", l.epoch, m.epoch)));
            }
            if l.epoch == m.epoch && l.owner != m.owner {
                return Err(Violation(format!("extent {x} has two owners in epoch {:?}", l.epoch)));
            }
        }
        let rest = self.quiet() && self.sites.iter().all(|s| s.at_rest());
        if rest && self.stores[0].home != self.stores[1].home {
            let values = |i: usize| self.stores[i].home.iter().map(|b| b.value()).collect::<Vec<_>>();
            return Err(Violation(format!("at rest the stores differ: {:?} and {:?}", values(0), values(1))));
        }
        Ok(())
    }

    /// A read of a block, to see that it completes; its command numbers follow those of the scenario.
    pub fn probe(&mut self, sc: &Scenario, frames: &mut Frames, site: SiteId, lba: u32, sent: &mut Vec<u16>) -> bool {
        let mut io = Io::default();
        let cmd = 8 + 4 * u32::from(site) + lba;
        let begun = self.sites[site as usize].submit(cmd, Op::Read { lba }, &mut io);
        begun && self.put(sc, frames, site, io, sent).is_ok()
    }

    /// The probes that have ended.
    pub fn probes(&self) -> u8 {
        (self.ended >> 8) as u8
    }

    /// Forgets commands that have ended, so that states that differ in nothing else are one.
    pub fn forget_history(&mut self) {
        self.registers.iter_mut().for_each(|r| *r = Register::new(0));
    }
}
