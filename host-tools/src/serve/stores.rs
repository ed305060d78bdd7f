//! From what the user named to a LUN that is live at the sites.

use anyhow::{Context, Result, bail, ensure};
use dyad_driver::lun::BLOCKS_MAX;
use dyad_driver::{Lun, Mode, NewLun, OwnerRange};
use dyad_spec::BLOCK_BYTES;
use dyad_spec::superblock::RESERVED_BLOCKS;
use rand::Rng;
use tracing::{info, warn};

use crate::open::{Origin, TargetArgs};
use crate::simulator::STAGING_BLOCKS;
use crate::target::{self, Cards};

/// Blocks of one SET_OWNER.
const OWNER_RANGE_BLOCKS: usize = 1 << 16;

/// A target whose stores, if they have to be made, have room for a LUN of `size` bytes.
///
/// # Errors
/// When no card's store can have it.
pub fn sized(target: &TargetArgs, size: Option<u64>) -> Result<TargetArgs> {
    let Some(size) = size else {
        ensure!(
            target.origin() != Origin::Fresh,
            "serving a LUN on stores that are new: how large it is to be, only you know; give --size"
        );
        return Ok(target.clone());
    };
    let block = BLOCK_BYTES as u64;
    ensure!(
        size > 0 && size.is_multiple_of(block),
        "serving a LUN of {size} bytes: a LUN has whole blocks of {block} bytes; give such a --size"
    );
    let (blocks, most) = (size / block, BLOCKS_MAX - RESERVED_BLOCKS - STAGING_BLOCKS);
    ensure!(
        blocks <= most,
        "serving a LUN of {size} bytes: a card's LUN has at most {}; give a smaller --size",
        most * block
    );
    Ok(target.clone().with_store_blocks(blocks + RESERVED_BLOCKS + STAGING_BLOCKS))
}

/// Brings the link up with LUN `number` live. Stores that are empty are formatted; a LUN that is not there is made when
/// `size` says how large.
///
/// # Errors
/// When the stores do not go together or with `size`, and what formatting and link-up can give.
pub fn bring_up(cards: &mut Cards, target: &TargetArgs, number: u8, size: Option<u64>) -> Result<Lun> {
    prepare(cards, target, number, size)?;
    let agreement = cards.link_up(Mode::Serve)?;
    info!("the link is up in generation {}", agreement.generation);
    let mut found = None;
    for site in cards.sites() {
        site.need_live(number)?;
        found = site.superblock()?.lun(number).copied();
    }
    found.with_context(|| format!("serving LUN {number}: it is not there"))
}

/// Tells the card of the site that does not own the LUN, and no other, that it does. Two sites then own every block, which must
/// never be: what comes of it is for those who test that it would be noticed.
///
/// # Errors
/// When the card does not take it.
pub fn forge_owner(cards: &mut Cards, lun: &Lun) -> Result<()> {
    let forged = 1 - lun.owner;
    warn!("two sites own LUN {} from now on, as was asked for: what it holds is not to be relied upon", lun.number);
    let mut queue = target::queue(cards.site(forged)?)?;
    // One block of an extent says it for all of them.
    for lba in (0..lun.blocks).step_by(OWNER_RANGE_BLOCKS.max(1 << lun.extent_shift)) {
        let blocks = (lun.blocks - lba).min(OWNER_RANGE_BLOCKS as u64) as u32;
        // In the epoch that the owner is in, or the frames of both would be refused as old.
        let epoch = queue.lookup(lun.number, &[lba])?[0].map_or(0, |ownership| ownership.epoch);
        queue.set_owner(lun.number, OwnerRange::Blocks { lba, blocks }, forged, epoch)?;
    }
    Ok(())
}

fn prepare(cards: &mut Cards, target: &TargetArgs, number: u8, size: Option<u64>) -> Result<()> {
    let fresh = cards.sites().iter().map(|site| is_new(site)).collect::<Result<Vec<_>>>()?;
    if fresh.iter().any(|new| *new) {
        if target.origin() == Origin::Outside {
            for site in cards.sites() {
                site.superblock()?;
            }
        }
        ensure!(
            fresh.iter().all(|new| *new),
            "serving from two stores: one is new, and the other has a pair's data; name the other half of that pair, or make \
             one with `dyad lun format --site`, then `dyad sync`"
        );
        let pair = identity(target);
        for (site, number) in cards.sites().into_iter().zip([0, 1]) {
            site.format(pair, number)?;
        }
    }
    let present =
        cards.sites().iter().map(|site| Ok(site.superblock()?.lun(number).copied())).collect::<Result<Vec<_>>>()?;
    let Some(lun) = present.iter().flatten().next() else {
        let blocks = match (size, target.origin()) {
            (Some(size), Origin::Kept | Origin::Fresh) => size / BLOCK_BYTES as u64,
            (None, Origin::Kept | Origin::Fresh) => {
                bail!("serving LUN {number}: the stores do not have it; give --size to make it")
            }
            (_, Origin::Outside) => {
                bail!("serving LUN {number}: the stores do not have it; `dyad lun create` makes it")
            }
        };
        let new = NewLun { number: Some(number), blocks, owner: 0, uuid: identity(target), extent_shift_min: 0 };
        let room = target.known_store_blocks();
        for site in cards.sites() {
            site.create_lun(&new, room)?;
        }
        return Ok(());
    };
    let there = lun.blocks * BLOCK_BYTES as u64;
    ensure!(
        size.is_none_or(|size| size == there),
        "serving LUN {number}: it has {there} bytes, and --size says {}; leave --size out, or name other stores",
        size.unwrap_or_default()
    );
    Ok(())
}

fn is_new(site: &dyad_driver::Site<crate::target::AnyBacking>) -> Result<bool> {
    match site.superblock() {
        Ok(_) => Ok(false),
        Err(dyad_driver::Error::NotFormatted { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// A new pair's or LUN's. A simulator that starts empty is the same each time.
fn identity(target: &TargetArgs) -> u128 {
    if target.origin() == Origin::Fresh { u128::from(target.sim.seed) } else { rand::rng().random() }
}
