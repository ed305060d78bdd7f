//! The store's superblock as a value, and as the block that stands in the store.

use dyad_spec::regs::{self, LUNS_MAX};
use dyad_spec::superblock::record::{self, LunRecord};
use dyad_spec::superblock::{self as layout, RECORDS_OFFSET, RESERVED_BLOCKS, SUPERBLOCK_MAGIC};
use dyad_spec::{BLOCK_BYTES, LBA_BITS};

use super::Lun;
use crate::error::SuperblockDamage;

const RECORD_BYTES: usize = 64;
const CRC_AT: usize = BLOCK_BYTES - 4;
const CRC32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Identity of the pair.
    pub pair: u128,
    /// Site of this store, 0 or 1.
    pub site: u8,
    /// Closed cleanly by both sites in `generation`.
    pub clean: bool,
    /// Link generation in which the store was last open; 0: never.
    pub generation: u16,
    /// Raised with each write of the superblock.
    pub revision: u64,
    /// Where the payload of writes waits that the peer has to put in order.
    pub staging: Option<Staging>,
    /// The LUNs, in order of number.
    pub luns: Vec<Lun>,
}

/// The staging area of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staging {
    /// First block.
    pub base: u64,
    /// Blocks: one for each slot of the card.
    pub blocks: u32,
}

impl Superblock {
    /// The superblock of a new store, with no LUN.
    pub fn new(pair: u128, site: u8) -> Self {
        Self { pair, site, clean: false, generation: 0, revision: 0, staging: None, luns: Vec::new() }
    }

    /// The LUN of that number.
    pub fn lun(&self, number: u8) -> Option<&Lun> {
        self.luns.iter().find(|l| l.number == number)
    }

    pub(crate) fn lun_mut(&mut self, number: u8) -> Option<&mut Lun> {
        self.luns.iter_mut().find(|l| l.number == number)
    }

    /// The block as it stands in the store.
    ///
    /// # Panics
    /// When there are more than 7 LUNs.
    pub fn encode(&self) -> Box<[u8; BLOCK_BYTES]> {
        assert!(self.luns.len() < LUNS_MAX, "more LUNs than a card has");
        let mut head = layout::Superblock::new();
        head.set_magic(SUPERBLOCK_MAGIC).set_pair_lo(self.pair as u64).set_pair_hi((self.pair >> 64) as u64);
        head.set_site(self.site.into()).set_lun_count(self.luns.len() as u64).set_clean(self.clean.into());
        head.set_generation(self.generation.into()).set_revision(self.revision);
        if let Some(staging) = self.staging {
            head.set_staging_base(staging.base).set_staging_blocks(staging.blocks.into());
        }
        let mut block = Box::new([0; BLOCK_BYTES]);
        block[..head.0.len()].copy_from_slice(&head.0);
        for (lun, place) in self.luns.iter().zip(block[RECORDS_OFFSET..].chunks_exact_mut(RECORD_BYTES)) {
            let mut record = LunRecord::new();
            record.set_lun(lun.number.into()).set_owner(lun.owner.into()).set_extent_shift(lun.extent_shift.into());
            record.set_synced(lun.synced.into()).set_lun_generation(lun.generation.into());
            record.set_blocks(lun.blocks).set_store_base(lun.store_base);
            record.set_extent_base(lun.extent_base.into());
            record.set_uuid_lo(lun.uuid as u64).set_uuid_hi((lun.uuid >> 64) as u64);
            place.copy_from_slice(&record.0);
        }
        let crc = CRC32C.checksum(&block[..CRC_AT]);
        block[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// Reads the block from a store; `None` when the store was never formatted.
    ///
    /// # Errors
    /// It was formatted and is damaged: a checksum or a value that no driver writes.
    pub fn decode(block: &[u8; BLOCK_BYTES]) -> Result<Option<Self>, SuperblockDamage> {
        let mut head = layout::Superblock::new();
        let head_bytes = head.0.len();
        head.0.copy_from_slice(&block[..head_bytes]);
        let found = u32::from_le_bytes(block[CRC_AT..].try_into().expect("four bytes"));
        let computed = CRC32C.checksum(&block[..CRC_AT]);
        if head.magic() != SUPERBLOCK_MAGIC {
            // A few flipped bits make a damaged store, not one that was never formatted.
            let damaged = (head.magic() ^ SUPERBLOCK_MAGIC).count_ones() <= 8;
            let damage = SuperblockDamage::Field { field: layout::MAGIC.name, value: head.magic() };
            return if damaged { Err(damage) } else { Ok(None) };
        }
        if found != computed {
            return Err(SuperblockDamage::Checksum { found, computed });
        }
        within(layout::SITE.name, head.site(), 0..2)?;
        within(layout::CLEAN.name, head.clean(), 0..2)?;
        within(layout::LUN_COUNT.name, head.lun_count(), 0..LUNS_MAX as u64)?;
        within(layout::GENERATION.name, head.generation(), 0..1 << 16)?;
        let mut luns = Vec::new();
        for bytes in block[RECORDS_OFFSET..].chunks_exact(RECORD_BYTES).take(head.lun_count() as usize) {
            let mut record = LunRecord::new();
            record.0.copy_from_slice(bytes);
            luns.push(lun(&record)?);
        }
        let staging = staging(&head)?;
        conflicts(&luns, staging)?;
        Ok(Some(Self {
            pair: u128::from(head.pair_hi()) << 64 | u128::from(head.pair_lo()),
            site: head.site() as u8,
            clean: head.clean() == 1,
            generation: head.generation() as u16,
            revision: head.revision(),
            staging,
            luns,
        }))
    }
}

fn within(field: &'static str, value: u64, range: std::ops::Range<u64>) -> Result<(), SuperblockDamage> {
    if range.contains(&value) { Ok(()) } else { Err(SuperblockDamage::Field { field, value }) }
}

fn lun(r: &LunRecord) -> Result<Lun, SuperblockDamage> {
    let blocks = 1 << LBA_BITS;
    within(record::LUN.name, r.lun(), 1..LUNS_MAX as u64)?;
    within(record::OWNER.name, r.owner(), 0..2)?;
    within(record::EXTENT_SHIFT.name, r.extent_shift(), 0..regs::LUN_EXTENT_SHIFT.mask() + 1)?;
    within(record::SYNCED.name, r.synced(), 0..2)?;
    within(record::BLOCKS.name, r.blocks(), 1..blocks)?;
    within(record::STORE_BASE.name, r.store_base(), RESERVED_BLOCKS..blocks - r.blocks() + 1)?;
    Ok(Lun {
        number: r.lun() as u8,
        blocks: r.blocks(),
        store_base: r.store_base(),
        extent_shift: r.extent_shift() as u8,
        extent_base: r.extent_base() as u32,
        owner: r.owner() as u8,
        generation: r.lun_generation() as u16,
        uuid: u128::from(r.uuid_hi()) << 64 | u128::from(r.uuid_lo()),
        synced: r.synced() == 1,
    })
}

fn staging(head: &layout::Superblock) -> Result<Option<Staging>, SuperblockDamage> {
    let (base, blocks) = (head.staging_base(), head.staging_blocks());
    if base == 0 && blocks == 0 {
        return Ok(None);
    }
    within(layout::STAGING_BLOCKS.name, blocks, 1..1 << 32)?;
    within(layout::STAGING_BASE.name, base, RESERVED_BLOCKS..(1 << LBA_BITS) - blocks + 1)?;
    Ok(Some(Staging { base, blocks: blocks as u32 }))
}

fn conflicts(luns: &[Lun], staging: Option<Staging>) -> Result<(), SuperblockDamage> {
    let end = |l: &Lun| l.store_base + l.blocks;
    if let Some(s) = staging
        && let Some(lun) = luns.iter().find(|l| end(l) > s.base && l.store_base < s.base + u64::from(s.blocks))
    {
        return Err(SuperblockDamage::Field { field: layout::STAGING_BASE.name, value: lun.store_base });
    }
    for (i, a) in luns.iter().enumerate() {
        for b in &luns[i + 1..] {
            let apart = end(a) <= b.store_base || end(b) <= a.store_base;
            if a.number == b.number || !apart {
                return Err(SuperblockDamage::Conflict { first: a.number, second: b.number });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Superblock {
        let lun = |number: u8| Lun {
            number,
            blocks: 1000,
            store_base: 16 + 1000 * u64::from(number),
            extent_shift: 3,
            extent_base: 8192 * u32::from(number),
            owner: number % 2,
            generation: 9,
            uuid: u128::from(number) << 77,
            synced: number.is_multiple_of(3),
        };
        Superblock {
            pair: u128::MAX / 3,
            site: 1,
            clean: true,
            generation: 65535,
            revision: u64::MAX,
            staging: Some(Staging { base: 9000, blocks: 4096 }),
            luns: (1..8).map(lun).collect(),
        }
    }

    fn reseal(block: &mut [u8; BLOCK_BYTES]) {
        let crc = CRC32C.checksum(&block[..CRC_AT]);
        block[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    }

    #[test]
    fn survives_the_way_there() {
        let s = example();
        assert_eq!(Superblock::decode(&s.encode()), Ok(Some(s)));
    }

    #[test]
    fn a_lun_of_a_pebibyte_and_what_is_behind_it_survive_too() {
        let mut s = example();
        s.luns.truncate(1);
        (s.luns[0].blocks, s.luns[0].store_base, s.luns[0].extent_shift) = (1 << 38, 16, 25);
        s.staging = Some(Staging { base: (1 << 38) + 16, blocks: 4096 });
        assert_eq!(Superblock::decode(&s.encode()), Ok(Some(s.clone())));
        s.luns[0].blocks = 1 << LBA_BITS;
        assert!(matches!(Superblock::decode(&s.encode()), Err(SuperblockDamage::Field { field: "blocks", .. })));
    }

    #[test]
    fn checksum_is_that_of_the_contract() {
        let block = example().encode();
        assert_eq!(block[CRC_AT..], dyad_spec::wire::crc32c(&block[..CRC_AT]).to_le_bytes());
    }

    #[test]
    fn an_empty_store_and_a_foreign_one_are_not_formatted() {
        assert_eq!(Superblock::decode(&[0; BLOCK_BYTES]), Ok(None));
        let mut foreign = [0; BLOCK_BYTES];
        foreign[0x438..0x43a].copy_from_slice(&[0x53, 0xef]);
        assert_eq!(Superblock::decode(&foreign), Ok(None));
    }

    #[test]
    fn every_field_out_of_range_is_named() {
        type Break = fn(&mut Superblock);
        let cases: &[(&str, Break)] = &[
            ("site", |s| s.site = 2),
            ("lun", |s| s.luns[0].number = 8),
            ("owner", |s| s.luns[0].owner = 2),
            ("extent_shift", |s| s.luns[0].extent_shift = 32),
            ("blocks", |s| s.luns[0].blocks = 0),
            ("store_base", |s| s.luns[0].store_base = 15),
            ("staging_base", |s| s.staging = Some(Staging { base: 15, blocks: 1 })),
            ("staging_base", |s| s.staging = Some(Staging { base: 8015, blocks: 1 })),
            ("staging_blocks", |s| s.staging = Some(Staging { base: 9000, blocks: 0 })),
        ];
        for (name, breaking) in cases {
            let mut s = example();
            breaking(&mut s);
            match Superblock::decode(&s.encode()) {
                Err(SuperblockDamage::Field { field, .. }) => assert_eq!(field, *name),
                other => panic!("{name}: {other:?}"),
            }
        }
        let mut block = example().encode();
        layout::LUN_COUNT.write(dyad_spec::Order::Little, &mut block[..], 8);
        reseal(&mut block);
        assert_eq!(Superblock::decode(&block), Err(SuperblockDamage::Field { field: "lun_count", value: 8 }));
    }

    #[test]
    fn luns_that_overlap_or_have_one_number_are_damage() {
        let mut s = example();
        s.luns[1].store_base = s.luns[0].store_base + 999;
        assert_eq!(Superblock::decode(&s.encode()), Err(SuperblockDamage::Conflict { first: 1, second: 2 }));
        let mut s = example();
        s.luns[4].number = 2;
        assert_eq!(Superblock::decode(&s.encode()), Err(SuperblockDamage::Conflict { first: 2, second: 2 }));
    }

    #[test]
    fn every_flipped_bit_of_head_and_records_is_found() {
        let block = example().encode();
        for bit in (0..(RECORDS_OFFSET + 7 * RECORD_BYTES) * 8).chain(CRC_AT * 8..BLOCK_BYTES * 8) {
            let mut bad = block.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Superblock::decode(&bad).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn noise_over_a_superblock_is_never_believed(
            at in 0usize..BLOCK_BYTES,
            noise in prop::collection::vec(any::<u8>(), 1..512),
        ) {
            let block = example().encode();
            let mut bad = block.clone();
            let end = (at + noise.len()).min(BLOCK_BYTES);
            bad[at..end].copy_from_slice(&noise[..end - at]);
            let read = Superblock::decode(&bad);
            prop_assert!(bad == block || !matches!(read, Ok(Some(_))), "{read:?}");
        }
    }
}
