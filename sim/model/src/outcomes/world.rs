//! A state of two sites, their stores and a link on which each frame arrives once.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::{Answer, Fault, History, Order, Rest};
use crate::fingerprint::fingerprint;
use crate::protocol::{Block, Config, Frame, Io, Kind, Output, Site, SiteId, StoreOp, Tag};
use crate::store::Store;

/// Something that can happen.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// The host at a site begins its next command.
    Submit(SiteId),
    /// A frame on the link arrives.
    Deliver(u16),
    /// A frame on the link is hit by the round's fault.
    Hit(u16),
    /// The late frame arrives.
    Arrive(u16),
    /// The store of a site answers one of its accesses.
    Store(SiteId, u8),
    /// A site looks at an index.
    Scan(SiteId, u8),
}

/// Something large that states share until one of them changes it, with its fingerprint.
#[derive(Clone, Debug)]
struct Part<T>(Rc<T>, u128);

impl<T: Clone + Hash> Part<T> {
    fn new(value: T) -> Self {
        let print = fingerprint(|h| value.hash(h));
        Self(Rc::new(value), print)
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let value = Rc::make_mut(&mut self.0);
        let result = change(value);
        self.1 = fingerprint(|h| value.hash(h));
        result
    }
}

/// Which indices of a site, by its fingerprint, a scan would do something with.
pub type Scans = HashMap<u128, Vec<u8>>;

/// Faults that are left in a round: for the frame, and for the COMMIT that it may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Left {
    frame: bool,
    commit: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    sites: [Part<Site>; 2],
    stores: [Part<Store>; 2],
    pending: [Vec<(Tag, StoreOp)>; 2],
    /// Frames on the link, with their destination, in the order in which they were sent.
    flying: Vec<(SiteId, Frame)>,
    /// Those that the fault has made late.
    late: Vec<(SiteId, Frame)>,
    left: Left,
    begun: [u8; 2],
    answers: [Vec<Option<Answer>>; 2],
    /// The round's frames are told of.
    told: bool,
    sent: [Vec<Kind>; 2],
    rests: Rc<Vec<Rest>>,
}

impl World {
    /// The start of a history.
    pub fn new(history: &History, order: Order) -> World {
        let backoff = u64::from(order == Order::Sent);
        let cfg = Config { repeat: 1, backoff, commit_delay: 0, repeats: 0, ..history.cfg };
        let mut store = Store::new(&cfg);
        store.home.copy_from_slice(&history.home);
        let mut world = World {
            sites: [0, 1].map(|id| Part::new(Site::with_map(cfg, id, &history.map))),
            stores: [Part::new(store.clone()), Part::new(store)],
            pending: Default::default(),
            flying: Vec::new(),
            late: Vec::new(),
            left: Left { frame: false, commit: false },
            begun: [0; 2],
            answers: Default::default(),
            told: false,
            sent: Default::default(),
            rests: Rc::default(),
        };
        world.begin_round(history);
        world
    }

    fn begin_round(&mut self, history: &History) {
        let Some(round) = history.rounds.get(self.rests.len()) else { return };
        let hit = round.hit.is_some();
        self.told = round.is_told();
        self.left = Left { frame: hit, commit: hit };
        self.begun = [0; 2];
        self.answers = [0, 1].map(|i| vec![None; round.ops[i].len()]);
        self.sent = Default::default();
    }

    /// What makes two states different. The order of frames is nothing where they may arrive in any.
    pub fn hash_to<H: Hasher>(&self, order: Order, h: &mut H) {
        for site in 0..2 {
            (self.sites[site].1, self.stores[site].1).hash(h);
            let flying = self.flying.iter().filter(|f| usize::from(f.0) == site);
            let sum = flying.fold(0u128, |sum, f| match order {
                Order::Any => sum.wrapping_add(fingerprint(|h| f.hash(h))),
                Order::Sent => sum.rotate_left(7) ^ fingerprint(|h| (sum, f).hash(h)),
            });
            sum.hash(h);
        }
        self.late.iter().fold(0u128, |sum, f| sum.wrapping_add(fingerprint(|h| f.hash(h)))).hash(h);
        self.pending.hash(h);
        (self.left, self.begun).hash(h);
        (&self.answers, &self.sent, &*self.rests).hash(h);
    }

    /// Frames on the link.
    pub fn flying(&self) -> usize {
        self.flying.len()
    }

    /// All rounds have ended.
    pub fn has_ended(&self, history: &History) -> bool {
        self.rests.len() == history.rounds.len()
    }

    /// What was seen at the end of each round.
    pub fn into_rests(self) -> Vec<Rest> {
        Rc::unwrap_or_clone(self.rests)
    }

    /// The round's commands have ended, and nothing is under way.
    pub fn is_at_rest(&self, history: &History) -> bool {
        !self.has_ended(history)
            && self.answers.iter().flatten().all(Option::is_some)
            && self.flying.is_empty()
            && self.late.is_empty()
            && self.pending.iter().all(Vec::is_empty)
            && self.sites.iter().all(|Part(site, _)| {
                let directory = site.directory();
                let quiet = !directory.lun.unheard && (0..directory.count()).all(|x| directory.is_quiet(x));
                site.at_rest() && quiet
            })
    }

    /// Ends a round and begins the next. False when what can be seen is not the goal.
    pub fn end_round(&mut self, history: &History, goal: Option<&[Rest]>) -> bool {
        let told = history.rounds[self.rests.len()].is_told();
        let rest = Rest {
            answers: [0, 1].map(|i| self.answers[i].iter().flatten().copied().collect()),
            home: [0, 1].map(|i| self.stores[i].0.home.clone()),
            maps: [0, 1].map(|i| self.sites[i].0.directory().map()),
            sent: if told { std::mem::take(&mut self.sent) } else { Default::default() },
        };
        let wanted = goal.is_none_or(|goal| goal[self.rests.len()].agrees(&rest));
        Rc::make_mut(&mut self.rests).push(rest);
        self.begin_round(history);
        wanted
    }

    /// What can happen here. `scans` remembers what was found out about sites.
    pub fn actions(&self, history: &History, order: Order, scans: &mut Scans, out: &mut Vec<Action>) {
        let round = &history.rounds[self.rests.len()];
        // Those behind another frame to the same site.
        let mut behind = [false; 2];
        for (k, (to, frame)) in self.flying.iter().enumerate() {
            if order == Order::Sent && std::mem::replace(&mut behind[*to as usize], true) {
                continue;
            }
            out.push(Action::Deliver(k as u16));
            if let Some(hit) = round.hit
                && hit.from == 1 - to
                && (self.left.frame && frame.kind == hit.kind || self.left.commit && frame.kind == Kind::Commit)
            {
                out.push(Action::Hit(k as u16));
            }
        }
        for site in 0..2u8 {
            let i = site as usize;
            if (self.begun[i] as usize) < round.ops[i].len() && self.sites[i].0.has_room() {
                out.push(Action::Submit(site));
            }
            out.extend((0..self.pending[i].len()).map(|k| Action::Store(site, k as u8)));
            let useful = scans.entry(self.sites[i].1).or_insert_with(|| self.useful_scans(i, history.cfg.slots));
            out.extend(useful.iter().map(|k| Action::Scan(site, *k)));
        }
        out.extend((0..self.late.len()).map(|k| Action::Arrive(k as u16)));
    }

    fn useful_scans(&self, i: usize, slots: u16) -> Vec<u8> {
        let useful = |k: &u8| {
            let mut io = Io::default();
            let mut site = (*self.sites[i].0).clone();
            site.scan(u16::from(*k), &mut io);
            !io.out.is_empty() || fingerprint(|h| site.hash(h)) != self.sites[i].1
        };
        (0..slots as u8).filter(useful).collect()
    }

    /// Lets something happen. False when it contradicts the goal, or changes nothing.
    pub fn act(&mut self, history: &History, action: Action, goal: Option<&[Rest]>) -> bool {
        let mut io = Io::default();
        let site = match action {
            Action::Submit(site) => {
                let i = site as usize;
                let k = self.begun[i];
                self.begun[i] += 1;
                let op = history.rounds[self.rests.len()].ops[i][k as usize];
                self.sites[i].change(|s| s.submit(u32::from(k), op, &mut io));
                site
            }
            Action::Deliver(k) => {
                let (to, frame) = self.flying.remove(k as usize);
                self.sites[to as usize].change(|s| s.receive(&frame, &mut io));
                to
            }
            Action::Hit(k) => {
                self.hit(history, k as usize);
                return true;
            }
            Action::Arrive(k) => {
                let (to, frame) = self.late.swap_remove(k as usize);
                self.sites[to as usize].change(|s| s.receive(&frame, &mut io));
                to
            }
            Action::Store(site, k) => {
                let (tag, op) = self.pending[site as usize].remove(k as usize);
                let data = self.access(site, op);
                self.sites[site as usize].change(|s| s.stored(tag, data, &mut io));
                site
            }
            Action::Scan(site, k) => {
                let part = &mut self.sites[site as usize];
                let before = part.1;
                part.change(|s| s.scan(u16::from(k), &mut io));
                // What a site asks in every scan need not be on the link twice.
                let flies = |out: &Output| matches!(out, Output::Send(f) if self.flying.contains(&(1 - site, *f)));
                if before == part.1 && io.out.iter().all(flies) {
                    return false;
                }
                site
            }
        };
        self.put(site, io, goal) && !goal.is_some_and(|goal| self.is_beyond(site, &goal[self.rests.len()]))
    }

    /// An extent has a later epoch than it will have: epochs only rise.
    fn is_beyond(&self, site: SiteId, rest: &Rest) -> bool {
        let directory = self.sites[site as usize].0.directory();
        rest.maps[0].extents.iter().enumerate().any(|(x, then)| directory.lookup(x).epoch > then.epoch)
    }

    fn access(&mut self, site: SiteId, op: StoreOp) -> Option<Block> {
        self.stores[site as usize].change(|store| store.access(op))
    }

    fn hit(&mut self, history: &History, k: usize) {
        let Some(hit) = history.rounds[self.rests.len()].hit else { return };
        let (to, frame) = self.flying[k];
        if frame.kind == Kind::Commit && (hit.kind != Kind::Commit || !self.left.frame) {
            self.left.commit = false;
        } else {
            self.left.frame = false;
        }
        match hit.fault {
            Fault::Loss => drop(self.flying.remove(k)),
            Fault::Copy => self.late.push((to, frame)),
            Fault::Late => {
                self.flying.remove(k);
                self.late.push((to, frame));
            }
        }
    }

    /// Time passes: what waits for it is due. False when that changes nothing.
    pub fn elapse(&mut self) -> bool {
        let before = [self.sites[0].1, self.sites[1].1];
        self.sites.iter_mut().for_each(|site| site.change(Site::elapse));
        before != [self.sites[0].1, self.sites[1].1]
    }

    /// Takes the outputs of a step. False when a command ends otherwise than in the goal.
    fn put(&mut self, site: SiteId, mut io: Io, goal: Option<&[Rest]>) -> bool {
        let i = site as usize;
        let mut k = 0;
        while k < io.out.len() {
            match io.out[k] {
                Output::Send(frame) => {
                    self.flying.push((1 - site, frame));
                    if self.told && frame.kind != Kind::Taken {
                        self.sent[i].push(frame.kind);
                    }
                }
                // A read for a repeat changes nothing, and its moment does not matter.
                Output::Store(tag @ Tag::Again(..), op) => {
                    let data = self.access(site, op);
                    self.sites[i].change(|s| s.stored(tag, data, &mut io));
                }
                Output::Store(tag, op) => self.pending[i].push((tag, op)),
                Output::Done(cmd, status, data) => {
                    let answer = (status, data);
                    self.answers[i][cmd as usize] = Some(answer);
                    if goal.is_some_and(|goal| goal[self.rests.len()].answers[i][cmd as usize] != answer) {
                        return false;
                    }
                }
                Output::Fenced => {}
            }
            k += 1;
        }
        true
    }
}
