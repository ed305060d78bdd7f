//! What `admit` does, in plain Rust: one event after the other, each with all that it must make.

use dyad_spec::{FrameType, Status};
use std::collections::HashMap;

/// This site.
pub const SITE: u64 = 0;
pub const LUNS: usize = 8;
/// Extents of a LUN, of [`EXTENT`] blocks each.
pub const EXTENTS: u64 = 12;
pub const EXTENT: u64 = 1 << 31;
/// Extents that can be closing at a time.
const CLOSING: usize = 8;

pub const WHOLE: u64 = 1;
pub const RELEASE: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub slot: u64,
    pub lun: u64,
    pub lba: u64,
    pub exclusive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub buf: u64,
    pub lun: u64,
    pub lba: u64,
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub ftype: u64,
    pub code: u64,
    pub slot: u64,
    pub seq: u64,
    pub lun: u64,
    pub lba: u64,
    pub epoch: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub slot: u64,
    pub seq: u64,
    pub lun: u64,
    pub lba: u64,
    pub local: bool,
    pub code: u64,
    pub again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admit {
    pub slot: u64,
    pub valid: bool,
    pub owner: u64,
    pub epoch: u64,
    pub closing: bool,
    pub counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    pub lun: u64,
    pub lba: u64,
    pub owner: u64,
    pub epoch: u64,
    pub closing: bool,
}

/// Something that must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    Admit(Admit),
    Claimed {
        buf: u64,
        go: bool,
    },
    /// A write in an extent of this site's: by the peer?
    Note {
        lun: u64,
        lba: u64,
        theirs: bool,
    },
    Update(Update),
    LunUpdate {
        lun: u64,
        owner: u64,
        generation: u64,
    },
    Own(Frame),
    Local {
        slot: u64,
        status: Status,
        seq: u64,
    },
}

/// Who is told of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Why {
    slot: u64,
    seq: u64,
    code: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Lun {
    pub there: bool,
    pub local: bool,
    pub owner: u64,
    pub generation: u64,
    closing: Option<Why>,
    asked: bool,
    pub count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: u64,
    epoch: u64,
    generation: u64,
    closing: bool,
}

/// What the directory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub valid: bool,
    pub owner: u64,
    pub epoch: u64,
    pub closing: bool,
}

pub struct Model {
    pub luns: [Lun; LUNS],
    entries: HashMap<(u64, u64), Entry>,
    counts: HashMap<(u64, u64), u64>,
    closing: [Option<((u64, u64), u64, Why)>; CLOSING],
    pub taken: u64,
    pub granted: u64,
    pub stale: u64,
}

fn after(a: u64, b: u64) -> bool {
    a != b && (a as u32).wrapping_sub(b as u32) < 1 << 31
}

impl Model {
    pub fn new() -> Self {
        let lun = |n: u64| Lun {
            there: n < 4,
            local: n == 3,
            owner: n & 1,
            // One whose generations end soon.
            generation: if n == 2 { 0xffff - 3 } else { 7 },
            closing: None,
            asked: false,
            count: 0,
        };
        Self {
            luns: [0, 1, 2, 3, 4, 5, 6, 7].map(lun),
            entries: HashMap::new(),
            counts: HashMap::new(),
            closing: [None; CLOSING],
            taken: 0,
            granted: 0,
            stale: 0,
        }
    }

    /// Word of `LUN_CONTROL`.
    pub fn control(&self, lun: usize) -> u32 {
        use dyad_spec::regs;
        let l = &self.luns[lun];
        regs::LUN_VALID.put(l.there.into())
            | regs::LUN_LOCAL.put(l.local.into())
            | regs::LUN_OWNER.put(l.owner as u32)
            | regs::LUN_EXTENT_SHIFT.put(EXTENT.ilog2())
            | regs::LUN_GENERATION.put(l.generation as u32)
    }

    /// The directory.
    pub fn look(&self, lun: u64, lba: u64) -> Answer {
        let l = &self.luns[lun as usize];
        if !l.there || lba >= EXTENT * EXTENTS {
            return Answer { valid: false, owner: 0, epoch: 0, closing: false };
        }
        let entry = self.entries.get(&(lun, lba / EXTENT)).filter(|e| e.generation == l.generation);
        let (owner, epoch, closing) = entry.map_or((l.owner, 0, false), |e| (e.owner, e.epoch, e.closing));
        Answer { valid: true, owner, epoch: l.generation << 16 | epoch, closing }
    }

    /// Writes an entry.
    fn put(&mut self, lun: u64, lba: u64, owner: u64, epoch: u64, closing: bool) -> Out {
        let generation = self.luns[lun as usize].generation;
        self.entries.insert((lun, lba / EXTENT), Entry { owner, epoch: epoch & 0xffff, generation, closing });
        Out::Update(Update { lun, lba, owner, epoch: epoch & 0xffff, closing })
    }

    fn ours(&self, lun: u64, lba: u64) -> bool {
        let a = self.look(lun, lba);
        a.valid && a.owner == SITE
    }

    fn open(&self, lun: u64, lba: u64) -> bool {
        self.ours(lun, lba) && !self.look(lun, lba).closing && self.luns[lun as usize].closing.is_none()
    }

    fn count(&mut self, lun: u64, lba: u64) -> &mut u64 {
        self.counts.entry((lun, lba / EXTENT)).or_default()
    }

    fn add(&mut self, lun: u64, lba: u64) {
        *self.count(lun, lba) += 1;
        self.luns[lun as usize].count += 1;
    }

    /// A lock was won by an own operation.
    pub fn grant(&mut self, g: &Grant) -> Vec<Out> {
        let a = self.look(g.lun, g.lba);
        let closing = self.ours(g.lun, g.lba) && !self.open(g.lun, g.lba);
        let counted = self.open(g.lun, g.lba) && g.exclusive && !self.luns[g.lun as usize].local;
        if counted {
            self.add(g.lun, g.lba);
        }
        let admit =
            Out::Admit(Admit { slot: g.slot, valid: a.valid, owner: a.owner, epoch: a.epoch, closing, counted });
        let note = counted.then_some(Out::Note { lun: g.lun, lba: g.lba, theirs: false });
        [admit].into_iter().chain(note).collect()
    }

    /// A lock was won by a request of the peer's.
    pub fn claim(&mut self, c: &Claim) -> Vec<Out> {
        let go = self.open(c.lun, c.lba) && self.look(c.lun, c.lba).epoch == c.epoch;
        if go {
            self.add(c.lun, c.lba);
        }
        let note = go.then_some(Out::Note { lun: c.lun, lba: c.lba, theirs: true });
        [Out::Claimed { buf: c.buf, go }].into_iter().chain(note).collect()
    }

    fn hand_over(&mut self, lun: u64, lba: u64, why: Why) -> Vec<Out> {
        let epoch = self.look(lun, lba).epoch + 1;
        self.granted += 1;
        self.closing.iter_mut().filter(|c| c.is_some_and(|c| c.0 == (lun, lba / EXTENT))).for_each(|c| *c = None);
        vec![self.put(lun, lba, 1 - SITE, epoch, false), own(FrameType::Grant, why, lun, lba, epoch)]
    }

    fn hand_over_lun(&mut self, lun: u64, lba: u64, why: Why) -> Vec<Out> {
        self.granted += 1;
        let l = &mut self.luns[lun as usize];
        (l.owner, l.generation, l.closing, l.asked) = (1 - SITE, l.generation + 1, None, false);
        let generation = l.generation;
        let frame = own(FrameType::Grant, why, lun, lba, generation << 16);
        vec![Out::LunUpdate { lun, owner: 1 - SITE, generation }, frame]
    }

    /// A write has ended that was counted.
    pub fn resolved(&mut self, lun: u64, lba: u64) -> Vec<Out> {
        *self.count(lun, lba) -= 1;
        self.luns[lun as usize].count -= 1;
        let key = (lun, lba / EXTENT);
        let mut out = Vec::new();
        if *self.count(lun, lba) == 0 {
            let at = self.closing.iter().position(|c| c.is_some_and(|c| c.0 == key));
            let kept = at.and_then(|at| self.closing[at].take());
            if let Some((_, _, why)) = kept.filter(|_| self.ours(lun, lba) && self.look(lun, lba).closing) {
                out.extend(self.hand_over(lun, lba, why));
            }
        }
        let l = &self.luns[lun as usize];
        if let Some(why) = l.closing.filter(|_| l.count == 0) {
            out.extend(self.hand_over_lun(lun, lba, why));
        }
        out
    }

    /// Hands over what nothing is being written in, and closes what is not so; `None`: not yet, or not at all.
    fn give(&mut self, lun: u64, lba: u64, why: Why) -> Result<Vec<Out>, (Option<Status>, Vec<Out>)> {
        let whole = why.code & WHOLE != 0;
        let l = self.luns[lun as usize];
        let spent = if whole { l.generation == 0xffff } else { self.look(lun, lba).epoch & 0xffff == 0xffff };
        if spent {
            return Err((Some(Status::EpochSpent), Vec::new()));
        }
        if whole {
            if l.count == 0 {
                return Ok(self.hand_over_lun(lun, lba, why));
            }
            self.luns[lun as usize].closing = Some(why);
            return Err((None, Vec::new()));
        }
        if l.closing.is_some() {
            return Err((None, Vec::new()));
        }
        if *self.count(lun, lba) == 0 {
            return Ok(self.hand_over(lun, lba, why));
        }
        let key = (lun, lba / EXTENT);
        let place = self.closing.iter().position(|c| c.is_some_and(|c| c.0 == key));
        let Some(at) = place.or(self.closing.iter().position(|c| c.is_none())) else {
            return Err((None, Vec::new()));
        };
        if self.closing[at].is_none_or(|c| (c.2.slot, c.2.code) == (why.slot, why.code)) {
            self.closing[at] = Some((key, lba, why));
        }
        let epoch = self.look(lun, lba).epoch;
        Err((None, vec![self.put(lun, lba, SITE, epoch, true)]))
    }

    /// A frame about an owner.
    pub fn frame(&mut self, f: &Frame) -> Vec<Out> {
        let whole = f.code & WHOLE != 0;
        let why = Why { slot: f.slot, seq: f.seq, code: f.code & 3 };
        let l = self.luns[f.lun as usize];
        let a = self.look(f.lun, f.lba);
        let there = l.there && !l.local && (whole || a.valid);
        let epoch = if whole { l.generation << 16 } else { a.epoch };
        let ours = self.ours(f.lun, f.lba);
        let has = if whole { l.owner == SITE && !l.asked } else { ours };
        if f.ftype == FrameType::OwnReq.code() {
            let raises = if whole { l.owner != SITE || !l.asked } else { ours };
            if there && f.epoch == epoch && raises {
                return match self.give(f.lun, f.lba, why) {
                    Ok(out) => out,
                    Err((Some(status), _)) => {
                        let refused = Why { code: status.code(), ..why };
                        vec![own(FrameType::Refused, refused, f.lun, f.lba, epoch)]
                    }
                    Err((None, mut out)) => {
                        out.push(own(FrameType::Busy, Why { code: 0, ..why }, f.lun, f.lba, epoch));
                        out
                    }
                };
            }
            if there && after(epoch, f.epoch) && !has {
                return vec![own(FrameType::Grant, why, f.lun, f.lba, epoch)];
            }
        } else if f.ftype == FrameType::Grant.code() {
            let unit = if whole { 16 } else { 0 };
            let last = epoch >> unit & 0xffff == 0xffff;
            let follows = !last && (f.epoch >> unit) == (epoch >> unit) + 1;
            let peers = if whole { l.owner != SITE || l.asked } else { a.valid && !ours };
            let mut out = Vec::new();
            if there && follows && peers {
                self.taken += 1;
                if whole {
                    let l = &mut self.luns[f.lun as usize];
                    (l.owner, l.generation, l.closing, l.asked) = (SITE, l.generation + 1, None, false);
                    out.push(Out::LunUpdate { lun: f.lun, owner: SITE, generation: l.generation });
                } else {
                    out.push(self.put(f.lun, f.lba, SITE, f.epoch, false));
                }
            } else if !there || !has || after(f.epoch, epoch) {
                self.stale += 1;
                return Vec::new();
            }
            out.push(if f.code & RELEASE != 0 {
                own(FrameType::Taken, why, f.lun, f.lba, f.epoch)
            } else {
                Out::Local { slot: f.slot, status: Status::Ok, seq: f.seq }
            });
            return out;
        } else {
            return vec![Out::Local { slot: f.slot, status: Status::Ok, seq: f.seq }];
        }
        self.stale += 1;
        Vec::new()
    }

    /// A command about an owner.
    pub fn job(&mut self, j: &Job) -> Vec<Out> {
        let whole = j.code & WHOLE != 0;
        let why = Why { slot: j.slot, seq: j.seq, code: j.code };
        let l = self.luns[j.lun as usize];
        let a = self.look(j.lun, j.lba);
        let ends = |status: Status| vec![Out::Local { slot: j.slot, status, seq: j.seq }];
        let ours = self.ours(j.lun, j.lba);
        let epoch = if whole { l.generation << 16 } else { a.epoch };
        if j.local {
            return ends(Status::Ok);
        }
        if !(l.there && !l.local && (whole || a.valid)) {
            return ends(Status::BadLba);
        }
        if j.code & RELEASE == 0 {
            let goes = l.closing.is_some() && l.owner == SITE;
            if if whole { goes } else { ours && !self.open(j.lun, j.lba) } {
                return ends(Status::Locked);
            }
            if ours && !whole {
                return ends(Status::Ok);
            }
            if whole && l.owner == SITE {
                self.luns[j.lun as usize].asked = true;
            }
            return vec![own(FrameType::OwnReq, why, j.lun, j.lba, epoch)];
        }
        if if whole { l.owner == SITE } else { ours } {
            if whole && l.asked {
                return ends(Status::Locked);
            }
            return match self.give(j.lun, j.lba, why) {
                Ok(out) => out,
                Err((status, mut out)) => {
                    out.extend(ends(status.unwrap_or(Status::Locked)));
                    out
                }
            };
        }
        if j.again {
            return vec![own(FrameType::Grant, why, j.lun, j.lba, epoch)];
        }
        ends(if whole { Status::NotOwner } else { Status::Ok })
    }

    /// The link ends.
    pub fn cut(&mut self) -> Vec<Out> {
        self.luns.iter_mut().for_each(|l| l.closing = None);
        let all: Vec<_> = self.closing.iter_mut().filter_map(Option::take).collect();
        all.into_iter()
            .map(|((lun, _), lba, _)| {
                let a = self.look(lun, lba);
                self.put(lun, lba, a.owner, a.epoch, false)
            })
            .collect()
    }
}

fn own(ftype: FrameType, why: Why, lun: u64, lba: u64, epoch: u64) -> Out {
    Out::Own(Frame { ftype: ftype.code(), code: why.code, slot: why.slot, seq: why.seq, lun, lba, epoch })
}
