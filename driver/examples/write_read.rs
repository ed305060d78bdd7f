//! Two sites in this process, joined in memory: brings the link up, writes at site a, asks who owns the blocks, reads at
//! site b, closes.
//!
//! ```text
//! cargo run -p dyad-driver --example write_read
//! ```

use dyad_driver::backing::memory::Memory;
use dyad_driver::{Backing, Device, Mode, NewLun, QueueConfig, Result, Site, SiteConfig, Status, run_both};

const STORE_BLOCKS: u64 = 4096;
const LUN: u8 = 1;
const BLOCKS: usize = 32;

fn main() -> Result<()> {
    let (a, b) = Memory::pair(STORE_BLOCKS as usize);
    let mut a = Site::open(Device::open(a)?, SiteConfig::default())?;
    let mut b = Site::open(Device::open(b)?, SiteConfig::default())?;

    // Once in the life of a pair.
    let lun = NewLun { number: Some(LUN), blocks: 1024, owner: 0, uuid: 0x600d, extent_shift_min: 0 };
    for (site, number) in [(&mut a, 0), (&mut b, 1)] {
        site.format(0x0d_1ad, number)?;
        site.create_lun(&lun, STORE_BLOCKS)?;
    }

    // A real program takes the nonces from a random source.
    let (up_a, up_b) = run_both(a.link_up(Mode::Serve, 0xa)?, b.link_up(Mode::Serve, 0xb)?);
    println!("link up in generation {}", up_a?.generation);
    up_b?;
    a.need_live(LUN)?;

    // One doorbell for all writes, and no copy: the buffer is the card's to read.
    let mut queue = a.device().create_queue(&QueueConfig::default())?;
    let buffer = a.device().backing().dma_alloc(BLOCKS * 4096)?;
    for i in 0..BLOCKS {
        buffer.write_at(i * 4096, &[i as u8; 4096]);
        queue.submit_write(LUN, i as u64, 1, &buffer.slice(i * 4096..(i + 1) * 4096))?;
    }
    queue.ring();
    let deadline = a.device().after(std::time::Duration::from_secs(8));
    for _ in 0..BLOCKS {
        let completion = queue.wait_any(deadline)?;
        assert_eq!(completion.status(), Status::Ok);
    }
    println!("{BLOCKS} blocks are at both sites");
    let owners = queue.lookup(LUN, &[0, 31, 1024])?;
    println!("owners of blocks 0, 31 and 1024: {owners:?}");

    let mut back = vec![0; BLOCKS * 4096];
    b.device().create_queue(&QueueConfig::default())?.read(LUN, 0, &mut back)?;
    assert!(back.chunks(4096).enumerate().all(|(i, block)| block == [i as u8; 4096]));
    println!("site b reads what site a wrote");

    drop(queue);
    let (closed_a, closed_b) = run_both(a.close()?, b.close()?);
    closed_a.and(closed_b)?;
    println!("closed cleanly by both");
    Ok(())
}
