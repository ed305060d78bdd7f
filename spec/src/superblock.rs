//! The store's superblock: block 0 of each store, read and written by the drivers, never by the card itself.

use crate::field::layout;

/// "DYADSB01", least significant byte first.
pub const SUPERBLOCK_MAGIC: u64 = u64::from_le_bytes(*b"DYADSB01");
/// Blocks at the start of a store that hold metadata.
pub const RESERVED_BLOCKS: u64 = 16;
/// LUN number by which a driver reaches the metadata: it is local to the site.
pub const METADATA_LUN: u8 = 0;
/// Bytes from the start of the superblock to the first LUN record.
pub const RECORDS_OFFSET: usize = 128;

layout! {
    /// Head of the superblock; its LUN records follow at byte 128. The last 4 bytes of the block are a CRC32C of the rest.
    Superblock, 128, Little {
        /// "DYADSB01".
        MAGIC, magic, set_magic: 0, 64;
        /// Identity of the pair, low half: the same in both stores.
        PAIR_LO, pair_lo, set_pair_lo: 64, 64;
        /// Identity of the pair, high half.
        PAIR_HI, pair_hi, set_pair_hi: 128, 64;
        /// Site of this store, 0 or 1.
        SITE, site, set_site: 192, 8;
        /// LUN records that follow.
        LUN_COUNT, lun_count, set_lun_count: 200, 8;
        /// 1: closed cleanly by both sites in the generation below.
        CLEAN, clean, set_clean: 208, 8;
        /// Link generation in which the store was last open.
        GENERATION, generation, set_generation: 256, 32;
        /// Raised with each write of the superblock.
        REVISION, revision, set_revision: 320, 64;
        /// First block of the staging area, where the payload of a write waits until the block's owner has it; 0: there is none.
        STAGING_BASE, staging_base, set_staging_base: 384, 64;
        /// Blocks of the staging area: one for each slot of the card.
        STAGING_BLOCKS, staging_blocks, set_staging_blocks: 448, 64;
    }
}

/// A LUN's record in the superblock.
pub mod record {
    use super::layout;

    layout! {
        /// One LUN.
        LunRecord, 64, Little {
            /// LUN number, 1 to 7.
            LUN, lun, set_lun: 0, 8;
            /// Default owner, site 0 or 1.
            OWNER, owner, set_owner: 8, 8;
            /// Log2 of the blocks of an extent.
            EXTENT_SHIFT, extent_shift, set_extent_shift: 16, 8;
            /// 1: both stores are known to hold the same.
            SYNCED, synced, set_synced: 24, 8;
            /// LUN generation.
            LUN_GENERATION, lun_generation, set_lun_generation: 32, 16;
            /// Blocks of the LUN.
            BLOCKS, blocks, set_blocks: 64, 64;
            /// First block in the store.
            STORE_BASE, store_base, set_store_base: 128, 64;
            /// First directory entry.
            EXTENT_BASE, extent_base, set_extent_base: 192, 32;
            /// Identity, low half: the same at both sites.
            UUID_LO, uuid_lo, set_uuid_lo: 256, 64;
            /// Identity, high half.
            UUID_HI, uuid_hi, set_uuid_hi: 320, 64;
        }
    }
}
