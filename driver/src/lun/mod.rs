//! LUNs: what the store's superblock says of them, making new ones, and making two stores equal.

mod superblock;
mod sync;

use dyad_spec::LBA_BITS;
use dyad_spec::superblock::RESERVED_BLOCKS;

use crate::bar::LunFlags;
use crate::device::{Info, LunEntry};
use crate::error::{Error, Result};
use crate::handshake::{LunOffer, site_name};

pub use superblock::{Staging, Superblock};
pub use sync::{Progress, Stage, Sync, SyncReport};

/// Why a LUN's stores are not known to be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEqual {
    /// It was created anew at one site, and has data at the other.
    OneIsNew {
        /// The site where it is new.
        site: u8,
    },
    /// They were not equal when the store was last open.
    NotSynced {
        /// The site whose store says so.
        site: u8,
    },
    /// The store was not closed by both sites.
    NotClosed {
        /// The site whose store says so.
        site: u8,
    },
    /// The stores were closed in different link generations.
    ClosedApart {
        /// Generation of this site's store.
        ours: u16,
        /// Generation of the peer's.
        theirs: u16,
    },
    /// The link was brought up for a sync, which has not been done yet.
    Syncing,
    /// A store has failed to write a block of it, since the link came up.
    StoreFailed,
    /// The link is down.
    LinkDown,
}

impl std::fmt::Display for NotEqual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            NotEqual::OneIsNew { site } => {
                write!(f, "it is new at site {}, and has data at the other", site_name(site))
            }
            NotEqual::NotSynced { site } => write!(f, "site {}'s store says that they were not equal", site_name(site)),
            NotEqual::NotClosed { site } => {
                write!(
                    f,
                    "site {}'s store was not closed by both sites (a crash, or a link that broke)",
                    site_name(site)
                )
            }
            NotEqual::ClosedApart { ours, theirs } => {
                write!(f, "this store was closed in generation {ours}, the peer's in {theirs}")
            }
            NotEqual::Syncing => f.write_str("its sync is not finished"),
            NotEqual::StoreFailed => {
                f.write_str("a store has failed to write a block of it: check both stores, then sync")
            }
            NotEqual::LinkDown => f.write_str("the link is down"),
        }
    }
}

/// Most blocks of a LUN, and of a store as far as any card reaches it: 40 bits count and address them.
pub const BLOCKS_MAX: u64 = (1 << LBA_BITS) - 1;

/// A LUN as the store's superblock has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lun {
    /// LUN number, 1 to 7.
    pub number: u8,
    /// Blocks, less than 2^40.
    pub blocks: u64,
    /// First block in the store.
    pub store_base: u64,
    /// Log2 of the blocks in an extent.
    pub extent_shift: u8,
    /// First directory entry.
    pub extent_base: u32,
    /// Default owner, site 0 or 1.
    pub owner: u8,
    /// LUN generation; 0 until it first goes live.
    pub generation: u16,
    /// Identity, the same at both sites.
    pub uuid: u128,
    /// Both stores are known to hold the same, as far as they are closed cleanly.
    pub synced: bool,
}

impl Lun {
    /// The card's table entry for it.
    pub fn entry(&self, flags: LunFlags) -> LunEntry {
        LunEntry {
            flags: flags | LunFlags::VALID,
            owner: self.owner,
            extent_shift: self.extent_shift,
            generation: self.generation,
            blocks: self.blocks,
            store_base: self.store_base,
            extent_base: self.extent_base,
        }
    }

    pub(crate) fn offer(&self) -> LunOffer {
        LunOffer {
            lun: self.number,
            blocks: self.blocks,
            extent_shift: self.extent_shift,
            owner: self.owner,
            generation: self.generation,
            uuid: self.uuid,
            synced: self.synced,
        }
    }
}

/// A LUN to be created. To be given alike at both sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLun {
    /// LUN number, 1 to 7; `None`: the first that is free.
    pub number: Option<u8>,
    /// Blocks of 4096 bytes.
    pub blocks: u64,
    /// Default owner, site 0 or 1.
    pub owner: u8,
    /// Identity: any number that no other LUN has.
    pub uuid: u128,
    /// Least extent shift: for when the peer's card has a smaller directory than this one.
    pub extent_shift_min: u8,
}

/// Extents and first directory entry for LUN `number` of `blocks` blocks: each LUN has an equal share of the directory, and
/// its extents are the smallest with which it fits its share. `None` when it does not fit with the largest.
pub(crate) fn extents(info: &Info, number: u8, blocks: u64, shift_min: u8) -> Option<(u8, u32)> {
    let share = u64::from(info.extent_count / info.lun_count.max(1));
    let widest = dyad_spec::regs::LUN_EXTENT_SHIFT.mask() as u8;
    let shift = (shift_min..=widest).find(|shift| blocks.div_ceil(1 << shift) <= share)?;
    Some((shift, u32::from(number) * share as u32))
}

/// Finds place for a new LUN beside those that `superblock` has.
///
/// # Errors
/// [`Error::Argument`] for a number or owner that cannot be or an identity that is taken, [`Error::LunExists`],
/// [`Error::NoRoom`], [`Error::TooLarge`].
pub fn place(superblock: &Superblock, new: &NewLun, info: &Info, store_blocks: u64) -> Result<Lun> {
    let wrong = |problem: String, todo| Error::Argument { operation: "creating a LUN", problem: problem.into(), todo };
    let numbers = 1..info.lun_count.max(1) as u8;
    let taken = |number: u8| superblock.luns.iter().find(|l| l.number == number);
    let number = match new.number.or_else(|| numbers.clone().find(|n| taken(*n).is_none())) {
        None => return Err(wrong("all LUN numbers are taken".to_owned(), "grow or reuse a LUN that is there")),
        Some(number) if !numbers.contains(&number) => {
            return Err(wrong(format!("number {number}"), "choose one from 1 to what `dyad info` shows, less one"));
        }
        Some(number) => number,
    };
    if let Some(lun) = taken(number) {
        return Err(Error::LunExists { lun: number, blocks: lun.blocks });
    }
    if new.owner > 1 || new.blocks == 0 {
        return Err(wrong(
            format!("{} blocks owned by site {}", new.blocks, new.owner),
            "sites are 0 and 1, sizes not 0",
        ));
    }
    if let Some(other) = superblock.luns.iter().find(|l| l.uuid == new.uuid) {
        return Err(wrong(format!("LUN {} has the same identity", other.number), "give it one of its own"));
    }
    let most = info.blocks_max();
    let fits = extents(info, number, new.blocks, new.extent_shift_min).filter(|_| new.blocks <= most);
    let Some((extent_shift, extent_base)) = fits else {
        let share = u64::from(info.extent_count / info.lun_count.max(1));
        let most = most.min(share << dyad_spec::regs::LUN_EXTENT_SHIFT.mask());
        return Err(Error::TooLarge { lun: number, blocks: new.blocks, most });
    };
    let mut used = occupied(superblock);
    let end = store_blocks.min(most);
    used.push((end, end));
    let (mut from, mut largest) = (RESERVED_BLOCKS, 0);
    for (start, stop) in used {
        let gap = start.saturating_sub(from);
        if gap >= new.blocks {
            return Ok(Lun {
                number,
                blocks: new.blocks,
                store_base: from,
                extent_shift,
                extent_base,
                owner: new.owner,
                generation: 0,
                uuid: new.uuid,
                synced: false,
            });
        }
        largest = largest.max(gap);
        from = from.max(stop);
    }
    Err(Error::NoRoom { lun: number, blocks: new.blocks, largest })
}

/// First block and the one after the last of everything in the store, in order.
fn occupied(superblock: &Superblock) -> Vec<(u64, u64)> {
    let luns = superblock.luns.iter().map(|l| (l.store_base, l.store_base + l.blocks));
    let staging = superblock.staging.map(|s| (s.base, s.base + u64::from(s.blocks)));
    let mut used: Vec<_> = luns.chain(staging).collect();
    used.sort_unstable();
    used
}

/// Finds place for the staging area of a card behind all that is in the store; `None` when the store is too small. Without it
/// this site's writes to blocks that the peer owns end with NotOwner.
pub(crate) fn place_staging(superblock: &Superblock, info: &Info, store_blocks: u64) -> Option<Staging> {
    let blocks = info.slot_count;
    let base = occupied(superblock).last().map_or(RESERVED_BLOCKS, |last| last.1);
    let end = base + u64::from(blocks);
    (end <= store_blocks.min(info.blocks_max())).then_some(Staging { base, blocks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> Info {
        let device = crate::Device::open(crate::backing::memory::Memory::null()).unwrap();
        device.info().clone()
    }

    fn new(number: Option<u8>, blocks: u64, uuid: u128) -> NewLun {
        NewLun { number, blocks, owner: 0, uuid, extent_shift_min: 0 }
    }

    #[test]
    fn smallest_extents_that_fit_the_share() {
        let info = info();
        let share = u64::from(info.extent_count / info.lun_count);
        assert_eq!(share, 8192);
        assert_eq!(extents(&info, 1, share, 0), Some((0, 8192)));
        assert_eq!(extents(&info, 2, share + 1, 0), Some((1, 16384)));
        assert_eq!(extents(&info, 2, 1, 5), Some((5, 16384)));
        assert_eq!(extents(&info, 1, share << 31, 0), Some((31, 8192)));
        assert_eq!(extents(&info, 1, (share << 31) + 1, 0), None);
    }

    #[test]
    fn a_pebibyte_has_a_place_and_a_staging_area_behind_it() {
        let info = info();
        let (blocks, mut s) = (1 << 38, Superblock::new(1, 0));
        let lun = place(&s, &new(None, blocks, 7), &info, 1 << 39).unwrap();
        assert_eq!((lun.blocks, lun.store_base, lun.extent_shift), (blocks, RESERVED_BLOCKS, 25));
        s.luns.push(lun);
        assert_eq!(place_staging(&s, &info, 1 << 39).unwrap().base, RESERVED_BLOCKS + blocks);
        assert_eq!(place_staging(&s, &info, blocks), None);
        assert!(matches!(place(&s, &new(None, BLOCKS_MAX, 1), &info, u64::MAX), Err(Error::NoRoom { .. })));
        let most = place(&Superblock::new(1, 0), &new(None, BLOCKS_MAX - RESERVED_BLOCKS, 1), &info, u64::MAX);
        assert_eq!(most.unwrap().extent_shift, 27);
    }

    #[test]
    fn gaps_are_used_first_and_refusals_are_named() {
        let info = info();
        let mut s = Superblock::new(1, 0);
        for (blocks, expected_base) in [(100, 16), (50, 116), (10, 166)] {
            let lun = place(&s, &new(None, blocks, blocks.into()), &info, 200).unwrap();
            assert_eq!(lun.store_base, expected_base);
            s.luns.push(lun);
        }
        assert!(matches!(
            place(&s, &new(None, 25, 1), &info, 200),
            Err(Error::NoRoom { lun: 4, blocks: 25, largest: 24 })
        ));
        s.luns.remove(1);
        assert_eq!(place(&s, &new(None, 40, 1), &info, 200).unwrap().store_base, 116);
        assert!(matches!(place(&s, &new(Some(1), 1, 1), &info, 200), Err(Error::LunExists { lun: 1, blocks: 100 })));
        assert!(matches!(place(&s, &new(Some(8), 1, 1), &info, 200), Err(Error::Argument { .. })));
        assert!(matches!(place(&s, &new(Some(0), 1, 1), &info, 200), Err(Error::Argument { .. })));
        assert!(matches!(place(&s, &new(None, 0, 1), &info, 200), Err(Error::Argument { .. })));
        assert!(matches!(place(&s, &new(None, 1, 100), &info, 200), Err(Error::Argument { .. })));
        assert!(matches!(place(&s, &new(None, 1 << 40, 1), &info, 200), Err(Error::TooLarge { .. })));
    }
}
