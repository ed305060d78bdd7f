//! What it says when it cannot serve.

use crate::common::{Folder, dyad, fails, succeeds};
use crate::server::Server;

fn refused(folder: &Folder, options: &[&str]) -> String {
    let uris = ["x.nbd", "y.nbd"].map(|name| format!("nbd+unix:///?socket={}", folder.path(name)));
    let mut command = dyad(&["serve", "--km", "0", "--site-a", &uris[0], "--site-b", &uris[1]]);
    let text = fails(command.args(options), 1);
    assert!(!std::path::Path::new(&folder.path("x.nbd")).exists(), "its sockets are gone: {text}");
    text
}

#[test]
fn addresses_that_cannot_be_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("nbd://{}", taken.local_addr().unwrap());
    let text = fails(&mut dyad(&["serve", "--size", "1M", "--site-a", &uri]), 1);
    assert!(text.contains(&uri) && text.contains("another program listens there"), "{text}");
    let text = fails(&mut dyad(&["serve", "--size", "1M", "--site-a", "nbd://192.0.2.1:1"]), 1);
    assert!(text.contains("give an address of this host"), "{text}");
    let different = ["serve", "--size", "1M", "--site-a", "nbd://127.0.0.1:0/x", "--site-b", "nbd://127.0.0.1:0/y"];
    let text = fails(&mut dyad(&different), 1);
    assert!(text.contains("one name at both sites"), "{text}");
    fails(&mut dyad(&["serve", "--size", "1M"]), 2);
    fails(&mut dyad(&["serve", "--size", "1M", "--site-a", "127.0.0.1"]), 2);
    fails(&mut dyad(&["serve", "--size", "1X", "--site-a", "nbd://127.0.0.1:0"]), 2);
    let folder = Folder::new("serve-file");
    folder.write("file", b"not a socket");
    let uri = format!("nbd+unix:///?socket={}", folder.path("file"));
    let text = fails(&mut dyad(&["serve", "--size", "1M", "--site-a", &uri]), 1);
    assert!(text.contains("that of a file"), "{text}");
}

#[test]
fn sizes_and_stores_that_do_not_go_together_are_named() {
    let folder = Folder::new("serve-stores");
    let (a, b, odd) = (folder.path("a.img"), folder.path("b.img"), folder.path("odd.img"));
    let stores = ["--store-a", &a, "--store-b", &b];
    let with = |options: &[&str]| refused(&folder, &[&stores[..], options].concat());
    assert!(refused(&folder, &[]).contains("--size"));
    assert!(refused(&folder, &["--size", "4097"]).contains("whole blocks"));
    assert!(refused(&folder, &["--size", "4096T"]).contains("at most"));
    let text = with(&[]);
    assert!(text.contains("give --size to make it"), "{text}");

    std::fs::remove_file(&a).unwrap();
    std::fs::remove_file(&b).unwrap();
    let server = Server::start(&folder, "1M", &stores);
    let text = with(&["--size", "1M"]);
    assert!(text.contains("another program uses it") && text.contains("a.img"), "{text}");
    let text = fails(&mut dyad(&["lun", "list", "--store-a", &a, "--store-b", &b]), 1);
    assert!(text.contains("another program uses it"), "other verbs keep off as well: {text}");
    server.stop();

    let text = with(&["--size", "2M"]);
    assert!(text.contains("1048576 bytes") && text.contains("2097152"), "{text}");
    let text = refused(&folder, &["--store-a", &a, "--store-b", &a]);
    assert!(text.contains("one and the same file"), "{text}");
    std::fs::hard_link(&a, folder.path("link.img")).unwrap();
    let text = refused(&folder, &["--store-a", &a, "--store-b", &folder.path("link.img")]);
    assert!(text.contains("one and the same file"), "{text}");
    folder.write("odd.img", &[0; 5000]);
    let text = refused(&folder, &["--store-a", &a, "--store-b", &odd]);
    assert!(text.contains("5000 bytes"), "{text}");
    let text = refused(&folder, &["--store-a", &a, "--store-b", &folder.path("new.img"), "--size", "1M"]);
    assert!(text.contains("one is new"), "{text}");
    assert!(with(&["--lun", "3"]).contains("give --size to make it"));
    // The pair itself is as good as before.
    let list = succeeds(&mut dyad(&["lun", "list", "--store-a", &a, "--store-b", &b]));
    assert!(list.contains("LUN 1 of 256 blocks") && list.contains("live"), "{list}");
}
