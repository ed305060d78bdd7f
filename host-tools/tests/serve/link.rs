//! A link that is cut while clients write: each hears of an error, nobody waits for ever, and no byte is lost that was
//! acknowledged.

use std::time::{Duration, Instant};

use crate::common::{Folder, dyad, succeeds};
use crate::race::{Plan, race};
use crate::server::{self, Server, noise};
use crate::wire::{FLUSH, FUA, READ, WRITE};

const EIO: u32 = 5;
/// On a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// Stores in files, in the test's folder.
fn stores(folder: &Folder) -> [String; 4] {
    ["--store-a".to_owned(), folder.path("a.img"), "--store-b".to_owned(), folder.path("b.img")]
}

/// What each store holds of a LUN of so many bytes; what comes after it, the sites have for themselves.
fn stored(folder: &Folder, bytes: usize) -> [Vec<u8>; 2] {
    ["a.img", "b.img"].map(|store| {
        let mut lun = server::stored(folder, store);
        lun.truncate(bytes);
        lun
    })
}

#[test]
fn a_cut_link_is_an_error_to_those_who_write_and_comes_back() {
    let folder = Folder::new("serve-cut");
    let stores = stores(&folder);
    let options = [&stores.each_ref().map(String::as_str)[..], &["--cut-link-after", "0.3,10"]].concat();
    let server = Server::start(&folder, "64K", &options);
    // At both sites, until the first error.
    let plan = Plan { seed: 4, requests: 100_000, blocks: 5, unit_bytes: 4096, sites: vec![0, 1, 0, 1], depth: 4 };
    let outcome = race(&plan, &server.sockets, |_| ());
    assert!(!outcome.errors.is_empty(), "the cut came too late");
    assert!(outcome.errors.keys().all(|&(_, errno)| errno == EIO), "{:?}", outcome.errors);
    // Both sites serve again, by themselves.
    for (site, block) in [(0, 10), (1, 11)] {
        let (mut client, begun) = (server.client(site), Instant::now());
        while client.write(FUA, block * 4096, &noise(4096, block)) != 0 {
            assert!(begun.elapsed() < PATIENCE, "the link does not come back: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(server.client(1).read(10 * 4096, 4096), noise(4096, 10));
    assert_eq!(server.client(0).read(11 * 4096, 4096), noise(4096, 11));
    let log = server.stop();
    assert!(log.contains("the link is fenced") && log.contains("the link is up again"), "{log}");
    let [a, b] = stored(&folder, 64 << 10);
    assert!(a == b, "the stores differ");
    let summary = outcome.verdict([&a, &b]).unwrap_or_else(|fault| panic!("{plan:?}: {fault}"));
    assert!(summary.commands > 50, "{summary:?}");
}

#[test]
fn a_link_that_stays_cut_is_an_error_to_all_and_what_was_acknowledged_stays() {
    let folder = Folder::new("serve-cut-for-good");
    let stores = stores(&folder);
    let stores = stores.each_ref().map(String::as_str);
    let mut server = Server::start(&folder, "1M", &[&stores[..], &["--cut-link-after", "0.1"]].concat());
    // All of them are under way at once; each is answered.
    let mut clients = [0, 1].map(|site| server.client(site));
    let block = |site: u64, index: u64| noise(4096, 1000 * site + index);
    for index in 0..100 {
        for (site, client) in (0..).zip(&mut clients) {
            client.send(0, WRITE, (2 * index + site) * 4096, 4096, &block(site, index));
        }
    }
    let answers = clients.each_mut().map(|client| (0..100).map(|_| client.reply()).collect::<Vec<_>>());
    for (site, answers) in answers.iter().enumerate() {
        let failed = answers.iter().filter(|(_, errno)| *errno != 0).count();
        assert!((1..100).contains(&failed), "site {site}: {failed} of 100 failed: the cut came too soon or too late");
        assert!(answers.iter().all(|(_, errno)| [0, EIO].contains(errno)), "{answers:?}");
    }
    // From now on it is an error at once, reads too: nobody knows what the other site holds.
    let begun = Instant::now();
    for client in &mut clients {
        assert_eq!(client.ask(0, READ, 0, 4096, &[]), EIO);
        assert_eq!(client.write(0, 0, &[1; 4096]), EIO);
        assert_eq!(client.ask(0, FLUSH, 0, 0, &[]), EIO);
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(1), "it cannot have been closed");
    let log = server.log();
    assert!(log.contains("the link is fenced") && log.contains("dyad sync"), "{log}");
    drop(server);

    let [a, b] = stored(&folder, 1 << 20);
    for (site, answers) in (0..).zip(&answers) {
        for (cookie, _) in answers.iter().filter(|(_, errno)| *errno == 0) {
            let (index, at) = (cookie - 1, ((2 * (cookie - 1) + site) * 4096) as usize);
            let expected = block(site, index);
            assert!(a[at..at + 4096] == expected && b[at..at + 4096] == expected, "site {site}: {index} is lost");
        }
    }
    succeeds(dyad(&["sync", "--from", "a", "--km", "1"]).args(stores));
    let [a, b] = stored(&folder, 1 << 20);
    assert!(a == b, "the stores differ");
}

/// Clients that try again and again, without a pause, do not keep the link from coming back.
#[test]
fn clients_that_do_not_give_up_do_not_keep_the_link_down() {
    let folder = Folder::new("serve-cut-stubborn");
    let server = Server::start(&folder, "64K", &["--cut-link-after", "0.1,8"]);
    std::thread::scope(|scope| {
        for index in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client(index % 2);
                let (mut failed, until) = (0, Instant::now() + PATIENCE);
                let mut cookies = 0..;
                // Two under way at any time.
                for offset in [0, 1] {
                    client.send(0, WRITE, (2 * index as u64 + offset) * 4096, 4096, &[cookies.next().unwrap(); 4096]);
                }
                loop {
                    let (_, errno) = client.reply();
                    failed += u32::from(errno != 0);
                    if failed > 0 && errno == 0 {
                        return;
                    }
                    assert!(Instant::now() < until, "after {failed} errors: {}", server.log());
                    client.send(0, WRITE, 2 * index as u64 * 4096, 4096, &[1; 4096]);
                }
            });
        }
    });
    server.stop();
}
