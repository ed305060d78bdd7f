//! How it ends: on a signal, and without one.

use crate::common::{Folder, dyad, fails, succeeds};
use crate::server::{Server, noise, stored};
use crate::wire::{FLUSH, FUA, WRITE};

/// Stores in files, in the test's folder.
fn stores(folder: &Folder) -> [String; 4] {
    ["--store-a".to_owned(), folder.path("a.img"), "--store-b".to_owned(), folder.path("b.img")]
}

#[test]
fn what_was_flushed_is_in_both_stores_after_a_kill() {
    let folder = Folder::new("serve-kill");
    let stores = stores(&folder);
    let stores: Vec<&str> = stores.iter().map(String::as_str).collect();
    let mut server = Server::start(&folder, "1M", &stores);
    let (forced, flushed) = (noise(12288, 1), noise(8192, 2));
    let mut client = server.client(0);
    assert_eq!(client.write(FUA, 4096, &forced), 0);
    assert_eq!(client.write(FUA, 65536 + 512, &[7; 512]), 0);
    assert_eq!(client.write(0, 32768, &flushed), 0);
    assert_eq!(client.ask(0, FLUSH, 0, 0, &[]), 0);
    server.signal("-KILL");
    assert!(!server.wait().success());

    let (a, b) = (stored(&folder, "a.img"), stored(&folder, "b.img"));
    assert!(a[4096..4096 + 12288] == forced && a[32768..32768 + 8192] == flushed, "it is not in a's store");
    assert_eq!(a[65536..65536 + 1536], [[0; 512], [7; 512], [0; 512]].concat());
    assert!(a == b, "the stores differ");
    drop(server);

    // It was not closed, and says so until somebody decides whose copy is kept.
    let uri = format!("nbd+unix:///?socket={}", folder.path("c.nbd"));
    let text = fails(dyad(&["serve", "--site-a", &uri, "--km", "1"]).args(&stores), 1);
    assert!(text.contains("dyad sync"), "{text}");
    succeeds(dyad(&["sync", "--from", "a", "--km", "1"]).args(&stores));
    let server = Server::start_with(&folder, &[&stores[..], &["--km", "1"]].concat());
    assert_eq!(server.client(1).read(4096, 12288), forced);
    server.stop();
}

#[test]
fn a_signal_ends_it_with_all_that_was_acknowledged_in_both_stores() {
    let folder = Folder::new("serve-term");
    let stores = stores(&folder);
    let stores: Vec<&str> = stores.iter().map(String::as_str).collect();
    let server = Server::start(&folder, "2M", &stores);
    let mut client = server.client(0);
    let block = |index: u64| noise(8192, index + 1);
    for index in 0..200 {
        client.send(0, WRITE, index * 8192, 8192, &block(index));
    }
    let mut answers = vec![client.reply()];
    server.stop();
    answers.extend(std::iter::from_fn(|| client.try_reply()));
    let done: Vec<u64> = answers.iter().filter(|(_, errno)| *errno == 0).map(|(cookie, _)| cookie - 1).collect();
    assert!(answers.iter().all(|(_, errno)| [0, 108].contains(errno)), "ESHUTDOWN or done: {answers:?}");
    assert!(!done.is_empty());
    let (a, b) = (stored(&folder, "a.img"), stored(&folder, "b.img"));
    for index in done {
        let at = index as usize * 8192;
        assert!(a[at..at + 8192] == block(index), "block {index} was acknowledged and is not there");
    }
    assert!(a == b, "the stores differ");

    // Closed cleanly: it goes on where it ended.
    let server = Server::start_with(&folder, &[&stores[..], &["--km", "1"]].concat());
    assert_eq!(server.client(1).read(answers[0].0.saturating_sub(1) * 8192, 8192), block(answers[0].0 - 1));
    server.stop();
}

#[test]
fn flush_and_fua_reach_both_stores_by_their_own_count() {
    let folder = Folder::new("serve-counts");
    let server = Server::start(&folder, "1M", &[]);
    let mut client = server.client(0);
    for index in 0..3 {
        assert_eq!(client.write(FUA, index * 4096, &[1; 4096]), 0);
    }
    assert_eq!(client.write(0, 0, &[2; 4096]), 0);
    assert_eq!(client.ask(0, FLUSH, 0, 0, &[]), 0);
    assert_eq!(server.client(1).ask(0, FLUSH, 0, 0, &[]), 0);
    let log = server.stop();
    assert!(log.contains("flushes that the stores have answered: 5 at site a, 5 at site b"), "{log}");
}
