//! A LUN of a pebibyte on the RTL: 2^38 blocks, of which those that differ in high bits alone are told apart.

use dyad_driver::lun::BLOCKS_MAX;
use dyad_driver::{Extents, Mtu};
use dyad_sim::Site;
use dyad_spec::superblock::RESERVED_BLOCKS;
use dyad_tests::system::{LUN, Pair, Setup, pattern};

const PEBIBYTE_BLOCKS: u64 = 1 << 38;
/// Room for the metadata, and for the staging area behind the LUN.
const MORE_BLOCKS: u64 = RESERVED_BLOCKS + 4096;

/// Blocks whose addresses are the same in the low 28 bits, and in the low 32; the ends; both sides of a power of two.
fn blocks() -> Vec<u64> {
    let mut blocks = vec![0, 7, PEBIBYTE_BLOCKS - 1];
    blocks.extend((28..38).map(|bit| 7 + (1 << bit)));
    blocks.extend([(1 << 32) - 1, 1 << 32, (1 << 37) + (1 << 32) + 7]);
    blocks
}

/// What is written to a block: `pattern` tells blocks apart by few bits, so they are numbered.
fn content(lba: u64, version: u64) -> Vec<u8> {
    pattern(blocks().iter().position(|b| *b == lba).expect("one of them") as u64, version)
}

fn write(pair: &mut Pair, site: Site, lba: u64, version: u64) {
    let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
    let written = queue.write(LUN, lba, &content(lba, version));
    written.unwrap_or_else(|e| panic!("write of {lba:#x} at {site}: {e}\n{}", pair.counters()));
}

/// Every block is what was last written to it, through both cards and in both stores.
fn check(pair: &mut Pair, version: u64) {
    for lba in blocks() {
        let want = content(lba, version);
        for site in Site::ALL {
            let mut read = vec![0; want.len()];
            let queue = if site == Site::A { &mut pair.qa } else { &mut pair.qb };
            queue.read(LUN, lba, &mut read).expect("a read");
            assert!(read == want, "block {lba:#x} read at {site}");
            assert!(pair.stored(site, lba) == want, "block {lba:#x} in the store of {site}");
        }
    }
}

#[test]
fn far_blocks_of_a_pebibyte_are_written_mirrored_and_change_their_owner() {
    for (data_w, mtu) in [(64, Mtu::Standard), (512, Mtu::Jumbo)] {
        let store_bytes = (PEBIBYTE_BLOCKS + MORE_BLOCKS) << 12;
        let mut pair = Pair::new(&Setup { lun_blocks: PEBIBYTE_BLOCKS, store_bytes, ..Setup::new(data_w, mtu) });
        let lun = *pair.a.superblock().expect("a superblock").lun(LUN).expect("the LUN");
        assert_eq!((lun.blocks, lun.extent_shift), (PEBIBYTE_BLOCKS, 25));
        let staging = pair.b.superblock().expect("a superblock").staging.expect("a staging area");
        assert_eq!(staging.base, RESERVED_BLOCKS + PEBIBYTE_BLOCKS);

        // By the owner, and by the other site: requests go through the staging area.
        blocks().into_iter().for_each(|lba| write(&mut pair, Site::A, lba, 1));
        check(&mut pair, 1);
        blocks().into_iter().for_each(|lba| write(&mut pair, Site::B, lba, 2));
        check(&mut pair, 2);

        // One extent, far out, goes to B; the one that differs from it in a high bit stays.
        let far = PEBIBYTE_BLOCKS - 1;
        let (near, end) = (far - (1 << 37), PEBIBYTE_BLOCKS);
        pair.qb.acquire(LUN, Extents::From { lba: far, count: 1 }).expect("the extent");
        for queue in [&mut pair.qa, &mut pair.qb] {
            let owners = queue.lookup(LUN, &[far, near, end]).expect("a lookup");
            let owners: Vec<_> = owners.iter().map(|o| o.map(|o| o.owner)).collect();
            assert_eq!(owners, [Some(1), Some(0), None]);
        }
        // The whole LUN.
        pair.qb.acquire(LUN, Extents::WholeLun).expect("the LUN");
        for site in Site::ALL {
            blocks().into_iter().for_each(|lba| write(&mut pair, site, lba, 3 + site as u64));
            check(&mut pair, 3 + site as u64);
        }
        for lba in [end, 1 << 39, BLOCKS_MAX, 1 << 40, u64::MAX] {
            let error = pair.qa.write(LUN, lba, &pattern(7, 9)).expect_err("past the end").to_string();
            assert!(error.contains("BadLba"), "{lba:#x}: {error}");
        }
        check(&mut pair, 4);
    }
}
