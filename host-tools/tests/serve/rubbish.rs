//! Clients that mean no good, or know no better. Each hears of it, and the others notice nothing.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::common::Folder;
use crate::server::{Server, noise};
use crate::wire::{CACHE, DISCONNECT, FLUSH, FUA, READ, TRIM, WRITE, WRITE_ZEROES, head};

const EINVAL: u32 = 22;
const ENOSPC: u32 = 28;

#[test]
fn other_protocols_are_sent_away() {
    let folder = Folder::new("serve-rubbish");
    let server = Server::start(&folder, "1M", &[]);
    let texts: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", &[0xff; 64], &[0; 64]];
    for text in texts {
        let mut stream = server.connect(0);
        stream.write_all(text).unwrap();
        let mut said = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut said);
        assert!(said.starts_with(b"NBDMAGIC"), "{said:?}");
    }
    // One that goes on to requests, and then loses the thread.
    let mut client = server.client(0);
    client.stream.write_all(&noise(4096, 5)).unwrap();
    assert_eq!(client.try_reply(), None);
    assert_eq!(server.client(0).write(0, 0, &[1; 4096]), 0);
    let log = server.stop();
    assert!(log.contains("it is no NBD client") && log.contains("magic number"), "{log}");
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_write_writes_nothing() {
    let folder = Folder::new("serve-vanish");
    let server = Server::start(&folder, "1M", &[]);
    let old = noise(65536, 1);
    assert_eq!(server.client(0).write(0, 0, &old), 0);
    let mut client = server.client(0);
    client.send(0, WRITE, 0, 65536, &noise(32768, 2));
    client.stream.shutdown(Shutdown::Both).unwrap();
    let mut handshake = server.connect(0);
    handshake.write_all(b"\0\0\0\x03IHAVE").unwrap();
    drop(handshake);
    // With requests under way whose replies nobody takes.
    let mut client = server.client(0);
    for index in 1..8 {
        client.send(0, WRITE, 65536 * index, 65536, &noise(65536, index));
        client.send(0, READ, 0, 65536, &[]);
    }
    drop(client);
    assert_eq!(server.client(0).read(0, 65536), old);
    assert_eq!(server.client(1).read(0, 65536), old);
    server.stop();
}

#[test]
fn wrong_ranges_and_sizes_are_errors_to_that_request_alone() {
    let folder = Folder::new("serve-ranges");
    let server = Server::start(&folder, "1M", &[]);
    let mut client = server.client(0);
    let size = client.size;
    assert_eq!(client.ask(0, READ, size, 512, &[]), EINVAL);
    assert_eq!(client.ask(0, READ, size - 512, 1024, &[]), EINVAL);
    assert_eq!(client.write(0, size - 512, &[1; 1024]), ENOSPC);
    assert_eq!(client.ask(0, WRITE_ZEROES, u64::MAX - 511, 512, &[]), ENOSPC);
    assert_eq!(client.write(0, 1, &[1; 512]), EINVAL);
    assert_eq!(client.write(0, 0, &[1; 513]), EINVAL);
    assert_eq!(client.ask(0, READ, 0, 0, &[]), EINVAL);
    assert_eq!(client.ask(0, 99, 0, 512, &[]), EINVAL);
    assert_eq!(client.ask(1 << 7, READ, 0, 512, &[]), EINVAL);
    assert_eq!(client.write(0, 0, &vec![1; (32 << 20) + 512]), ENOSPC);
    assert_eq!(client.read(0, size as usize), vec![0; size as usize], "nothing of it was written");
    // More than any client may send at a time: the connection ends.
    client.stream.write_all(&head(0, WRITE, 1, 0, u32::MAX)).unwrap();
    assert_eq!(client.try_reply(), None);
    server.stop();
}

#[test]
fn what_is_off_by_one_byte_changes_no_byte() {
    let folder = Folder::new("serve-unaligned");
    let server = Server::start(&folder, "64K", &[]);
    let (mut client, old) = (server.client(0), noise(65536, 1));
    assert_eq!(client.write(0, 0, &old), 0);
    for (offset, length) in [(8193, 4096), (8191, 4096), (8192, 4097), (8192, 4095), (8193, 4095), (8191, 4097), (1, 1)]
    {
        for command in [READ, TRIM, CACHE, WRITE_ZEROES] {
            assert_eq!(client.ask(0, command, offset, length, &[]), EINVAL, "{command}: {length} at {offset}");
        }
        assert_eq!(client.write(0, offset, &vec![1; length as usize]), EINVAL, "{length} at {offset}");
    }
    assert!(client.read(0, 65536) == old && server.client(1).read(0, 65536) == old);
    server.stop();
}

#[test]
fn a_request_of_32_mib_is_served() {
    let folder = Folder::new("serve-large");
    let server = Server::start(&folder, "40M", &["--data-w", "512"]);
    let mut client = server.client(1);
    assert_eq!(client.write(0, 512, &vec![1; (32 << 20) + 512]), EINVAL, "a sector too much");
    assert_eq!(client.ask(0, READ, 512, (32 << 20) + 512, &[]), EINVAL);
    let cookie = client.send(0, READ, 512, 32 << 20, &[]);
    // A small one is not made to wait for it.
    let small = client.send(0, READ, 0, 512, &[]);
    assert_eq!(client.reply(), (small, 0));
    let mut sector = [1; 512];
    client.stream.read_exact(&mut sector).unwrap();
    assert_eq!(sector, [0; 512]);
    client.stream.write_all(&head(0, DISCONNECT, 0, 0, 0)).unwrap();
    assert_eq!(client.reply(), (cookie, 0), "what is under way is answered first");
    let mut bytes = vec![1; 32 << 20];
    client.stream.read_exact(&mut bytes).unwrap();
    assert!(bytes.iter().all(|byte| *byte == 0));
    server.stop();
}

#[test]
fn who_comes_when_the_house_is_full_is_turned_away() {
    let folder = Folder::new("serve-full");
    let server = Server::start(&folder, "64K", &[]);
    let mut greeting = [0; 18];
    let mut clients: Vec<_> = (0..256)
        .map(|index| {
            let mut stream = server.connect(index % 2);
            stream.read_exact(&mut greeting).unwrap();
            stream
        })
        .collect();
    assert!(server.connect(0).read_exact(&mut greeting).is_err(), "the 257th");
    // One leaves, and its place is free as soon as the server knows.
    clients.pop();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(300);
    while server.connect(1).read_exact(&mut greeting).is_err() {
        assert!(std::time::Instant::now() < until, "no place becomes free");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(clients);
    let log = server.stop();
    assert!(log.contains("is turned away: 256 clients are here"), "{log}");
}

#[test]
fn a_hundred_clients_are_served_at_once() {
    let folder = Folder::new("serve-hundred");
    let server = Server::start(&folder, "1M", &[]);
    let mut clients: Vec<_> = (0..100).map(|index| server.client(usize::from(index >= 50))).collect();
    let block = |index: u64| vec![index as u8 + 1; 4096];
    for (index, client) in (0..50).zip(&mut clients) {
        client.send(FUA, WRITE, index * 4096, 4096, &block(index));
    }
    clients[..50].iter_mut().for_each(|client| assert_eq!(client.reply().1, 0));
    for (index, client) in (0..50).zip(&mut clients[50..]) {
        assert_eq!(client.read(index * 4096, 4096), block(index));
        assert_eq!(client.ask(0, FLUSH, 0, 0, &[]), 0);
    }
    server.stop();
}
