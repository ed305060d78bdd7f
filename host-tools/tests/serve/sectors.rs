//! Pieces of blocks, and what two sites see of one block.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::Folder;
use crate::server::{Server, nbdsh, noise};
use crate::wire::{FUA, WRITE};

#[test]
fn nbdsh_reads_back_what_it_wrote_to_pieces_of_blocks() {
    let folder = Folder::new("serve-nbdsh");
    let server = Server::start(&folder, "1M", &[]);
    let write = "
h.pwrite(b'0' * 16384, 0)
h.pwrite(b'1' * 512, 512)
h.pwrite(b'2' * 1536, 4096 - 512, nbd.CMD_FLAG_FUA)
h.pwrite(b'3' * 9216, 6144)
h.zero(512, 512 * 3)
h.cache(4096, 0)
h.flush()
";
    nbdsh(&server.uris[0], write);
    let read = "
expected = b'0' * 512 + b'1' * 512 + b'0' * 512 + bytes(512) + b'0' * 1536 + b'2' * 1536 + b'0' * 1024 + b'3' * 9216
got = h.pread(16384, 0)
assert got == expected + b'0' * 1024, [i for i in range(16384) if got[i] != (expected + b'0' * 1024)[i]][:9]
assert h.pread(512, 512) == b'1' * 512
print('same')
";
    assert_eq!(nbdsh(&server.uris[1], read), "same\n");
    server.stop();
}

/// Writes of all sectors of the same few blocks, from two clients, all under way at once: each sector has the last value that
/// was written to it.
#[test]
fn sectors_of_one_block_do_not_undo_each_other() {
    let folder = Folder::new("serve-sectors");
    let server = Server::start(&folder, "64K", &[]);
    let mut clients = [server.client(0), server.client(0)];
    let mut expected = vec![0; 4 * 4096];
    for round in 0..6u8 {
        for sector in 0..32usize {
            let (value, offset) = (round * 32 + sector as u8 + 1, sector * 512);
            expected[offset..offset + 512].fill(value);
            clients[sector % 2].send(0, WRITE, offset as u64, 512, &[value; 512]);
        }
        for client in &mut clients {
            (0..16).for_each(|_| assert_eq!(client.reply().1, 0));
        }
    }
    assert!(server.client(0).read(0, expected.len()) == expected);
    assert!(server.client(1).read(0, expected.len()) == expected);
    server.stop();
}

/// A whole block is written while one of its sectors is: the other sectors have what the whole block was.
#[test]
fn a_sector_does_not_bring_back_what_its_block_was() {
    let folder = Folder::new("serve-whole");
    let server = Server::start(&folder, "64K", &[]);
    let (mut whole, mut sector) = (server.client(0), server.client(0));
    for round in 1..=40u8 {
        // Either may be first on its way.
        if round % 2 == 0 {
            whole.send(0, WRITE, 4096, 4096, &[round; 4096]);
            sector.send(0, WRITE, 4096, 512, &[0xee; 512]);
        } else {
            sector.send(0, WRITE, 4096, 512, &[0xee; 512]);
            whole.send(0, WRITE, 4096, 4096, &[round; 4096]);
        }
        assert_eq!((whole.reply().1, sector.reply().1), (0, 0));
        let block = whole.read(4096, 4096);
        assert!(block[512..].iter().all(|byte| *byte == round), "round {round}: an older value is back");
        assert!([0xee, round].contains(&block[0]), "{}", block[0]);
    }
    server.stop();
}

/// One host writes ever greater numbers into a block at A, others read it at both sites: nobody sees a smaller one than
/// somebody has seen before.
#[test]
fn no_site_sees_an_older_value_than_the_other_has_seen() {
    let folder = Folder::new("serve-order");
    let server = Server::start_with(&folder, &["--size", "1M", "--km", "2"]);
    let (mut writer, mut a, mut b) = (server.client(0), server.client(0), server.client(1));
    let stop = AtomicBool::new(false);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| {
            for value in 1..=120u64 {
                let block: Vec<u8> = value.to_le_bytes().repeat(512);
                assert_eq!(writer.write(0, 0, &block), 0);
            }
            stop.store(true, Ordering::Release);
        });
        let (mut newest, mut changes) = (0, 0);
        while !stop.load(Ordering::Acquire) {
            for client in [&mut a, &mut b] {
                let block = client.read(0, 4096);
                let value = number(&block);
                assert!(block.chunks(8).all(|word| number(word) == value), "a torn block");
                assert!(value >= newest, "{value} was seen after {newest}");
                changes += u64::from(value > newest);
                newest = value;
            }
        }
        changes
    });
    assert!(seen > 10, "only {seen} values were seen: it shows nothing");
    server.stop();
}

/// The card carries a write to the site that owns the block.
#[test]
fn a_write_at_b_is_seen_at_a() {
    let folder = Folder::new("serve-b");
    let server = Server::start(&folder, "1M", &[]);
    let (mut a, mut b) = (server.client(0), server.client(1));
    let (old, new) = (noise(4096, 1), noise(4096, 2));
    assert_eq!(a.write(FUA, 0, &old), 0);
    assert_eq!(b.write(0, 0, &new), 0);
    assert!(a.read(0, 4096) == new && b.read(0, 4096) == new);
    assert_eq!(b.write(FUA, 8192, &old), 0);
    assert_eq!(a.write(0, 8192, &new), 0);
    assert!(a.read(8192, 4096) == new && b.read(8192, 4096) == new);
    server.stop();
}
