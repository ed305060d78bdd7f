//! The directory: who owns an extent, since which epoch, and who may enter it.
//!
//! | field | meaning |
//! |---|---|
//! | owner, epoch | as the design has them; an entry of an older LUN generation reads as the LUN's default |
//! | `gate` | open; closing for a grant; held by a range operation |
//! | `writes` | writes that this site has admitted as owner and that are not resolved (R6), own and requested |
//! | `reads` | reads in progress |
//! | `unheard` | granted to the peer, who has not been heard at the new epoch |

use super::{Config, Epoch, SiteId};

/// Whether operations may enter an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// They may.
    Open,
    /// No writes: ownership is about to change.
    Closing,
    /// Nothing: an own slot works on a range.
    Own(u16),
    /// Nothing: a slot of the peer's works on a range.
    Peer(u16),
}

/// One extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    lun: u16,
    epoch: u16,
    owner: SiteId,
    /// Who may enter.
    pub gate: Gate,
    /// Admitted here as owner, and not resolved.
    pub writes: u16,
    /// Readers inside.
    pub reads: u16,
    /// Granted, and the taker not heard yet.
    pub unheard: bool,
    /// When to repeat the grant.
    pub due: u64,
}

/// The LUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lun {
    /// Generation.
    pub generation: u16,
    /// Default owner.
    pub owner: SiteId,
    /// No writes as owner: the LUN is about to change hands.
    pub closing: bool,
    /// The default owner has asked the peer for the rest: only the peer may raise this generation.
    pub asked: bool,
    /// Granted, and the taker not heard yet.
    pub unheard: bool,
    /// Writes and range operations admitted here as owner, and not resolved.
    pub writes: u16,
    /// Generation in which this site was last granted the LUN.
    pub taken: u16,
    /// When to repeat the grant.
    pub due: u64,
}

/// Owner and epoch of an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// Owner.
    pub owner: SiteId,
    /// Epoch.
    pub epoch: Epoch,
}

/// What two sites compare at link-up: the default, and every extent's lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    /// Generation and default owner of the LUN.
    pub lun: (u16, SiteId),
    /// Extents.
    pub extents: Vec<Lookup>,
}

impl Map {
    /// The later of two, entry by entry (R13).
    pub fn later(a: &Map, b: &Map) -> Map {
        let pick = |x: &Lookup, y: &Lookup| if y.epoch > x.epoch { *y } else { *x };
        Map {
            lun: if b.lun.0 > a.lun.0 { b.lun } else { a.lun },
            extents: a.extents.iter().zip(&b.extents).map(|(x, y)| pick(x, y)).collect(),
        }
    }

    /// The same owners, with numbers that start again.
    pub fn renewed(&self) -> Map {
        let lun = (1, self.lun.1);
        // A default owner keeps epoch 0; the others stand out from it.
        let epoch = |l: &Lookup| Epoch { lun: 1, ext: u16::from(l.owner != lun.1) };
        Map { lun, extents: self.extents.iter().map(|l| Lookup { owner: l.owner, epoch: epoch(l) }).collect() }
    }
}

/// The directory of one LUN.
#[derive(Clone, Debug, Hash)]
pub struct Directory {
    /// The LUN.
    pub lun: Lun,
    extents: Vec<Extent>,
    shift: u8,
}

impl Directory {
    /// All owned by `owner`, generation 1.
    pub fn new(cfg: &Config, owner: SiteId) -> Self {
        let extent = Extent { lun: 0, epoch: 0, owner, gate: Gate::Open, writes: 0, reads: 0, unheard: false, due: 0 };
        let lun =
            Lun { generation: 1, owner, closing: false, asked: false, unheard: false, writes: 0, taken: 0, due: 0 };
        Directory { lun, extents: vec![extent; cfg.extents()], shift: cfg.extent_shift }
    }

    /// Number of the extent that holds a block.
    pub fn index(&self, lba: u32) -> usize {
        (lba >> self.shift) as usize
    }

    /// First block of an extent.
    pub fn first(&self, x: usize) -> u32 {
        (x as u32) << self.shift
    }

    /// Extents.
    pub fn count(&self) -> usize {
        self.extents.len()
    }

    /// Owner and epoch of an extent.
    pub fn lookup(&self, x: usize) -> Lookup {
        let e = &self.extents[x];
        if e.lun == self.lun.generation {
            Lookup { owner: e.owner, epoch: Epoch { lun: e.lun, ext: e.epoch } }
        } else {
            Lookup { owner: self.lun.owner, epoch: Epoch { lun: self.lun.generation, ext: 0 } }
        }
    }

    /// The entry of an extent, as it is valid in the LUN's present generation.
    pub fn at(&mut self, x: usize) -> &mut Extent {
        let now = self.lookup(x);
        let e = &mut self.extents[x];
        if e.lun != now.epoch.lun {
            if e.gate == Gate::Closing {
                e.gate = Gate::Open;
            }
            (e.lun, e.epoch, e.owner, e.unheard) = (now.epoch.lun, now.epoch.ext, now.owner, false);
        }
        e
    }

    /// Nothing is to be done for an extent.
    pub fn is_quiet(&self, x: usize) -> bool {
        self.extents[x].gate == Gate::Open && !self.extents[x].unheard
    }

    /// The gate of an extent.
    pub fn gate(&self, x: usize) -> Gate {
        let e = &self.extents[x];
        if e.gate == Gate::Closing && e.lun != self.lun.generation { Gate::Open } else { e.gate }
    }

    /// Gives an extent to `owner`, from `epoch` on; the gate opens, unless a range operation of the peer's holds it.
    pub fn give(&mut self, x: usize, owner: SiteId, epoch: Epoch) {
        let e = self.at(x);
        (e.lun, e.epoch, e.owner, e.unheard) = (epoch.lun, epoch.ext, owner, false);
        if e.gate == Gate::Closing {
            e.gate = Gate::Open;
        }
    }

    /// Gives the whole LUN to `owner`, from `generation` on.
    pub fn give_lun(&mut self, owner: SiteId, generation: u16) {
        let lun = &mut self.lun;
        (lun.generation, lun.owner, lun.closing, lun.asked, lun.unheard) = (generation, owner, false, false, false);
    }

    /// Grants that have not been heard may be repeated.
    pub(super) fn elapse(&mut self) {
        self.lun.due = 0;
        self.extents.iter_mut().for_each(|extent| extent.due = 0);
    }

    /// What is compared at link-up.
    pub fn map(&self) -> Map {
        let extents = (0..self.extents.len()).map(|x| self.lookup(x)).collect();
        Map { lun: (self.lun.generation, self.lun.owner), extents }
    }

    /// Takes over what both sites have agreed on at link-up.
    pub fn set(&mut self, map: &Map) {
        self.give_lun(map.lun.1, map.lun.0);
        for (x, l) in map.extents.iter().enumerate() {
            self.give(x, l.owner, l.epoch);
        }
    }
}
