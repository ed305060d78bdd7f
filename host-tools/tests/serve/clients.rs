//! Ordinary clients: nbdinfo, nbdcopy, qemu-img, qemu-io, fio, e2fsprogs.

use crate::common::{Folder, cards_with_lun, json};
use crate::server::{Server, nbdsh, noise, run};

#[test]
fn nbdinfo_sees_one_identity_at_both_sites() {
    let folder = Folder::new("serve-info");
    let server = Server::start(&folder, "8M", &[]);
    let export = |uri: &str| {
        let mut export = json(&run("nbdinfo", &["--json", uri]))["exports"][0].clone();
        export.as_object_mut().unwrap().remove("uri");
        export
    };
    let (a, b) = (export(&server.uris[0]), export(&server.uris[1]));
    assert_eq!(a, b);
    assert_eq!((&a["export-name"], &a["export-size"]), (&"dyad".into(), &(8 << 20).into()));
    for can in ["flush", "fua", "trim", "zero", "fast_zero", "multi_conn", "cache", "df"] {
        assert_eq!(a[format!("can_{can}")], true, "{can}: {a}");
    }
    let sizes = ["minimum", "preferred", "maximum"].map(|size| a[format!("block_size_{size}")].as_u64().unwrap());
    assert_eq!(sizes, [512, 4096, 32 << 20]);
    assert_eq!(a["contexts"][0], "base:allocation");
    let list = json(&run("nbdinfo", &["--list", "--json", &server.uris[1]]));
    assert_eq!(list["exports"].as_array().unwrap().len(), 1, "{list}");
    let map = json(&run("nbdinfo", &["--map", "--json", &server.uris[0]]));
    assert_eq!((&map[0]["length"], &map[0]["type"]), (&(8 << 20).into(), &0.into()), "{map}");
    server.stop();
}

#[test]
fn a_file_system_written_at_a_is_clean_at_b() {
    let folder = Folder::new("serve-copy");
    let server = Server::start(&folder, "4M", &[]);
    let (image, out) = (folder.path("image"), folder.path("out"));
    folder.write("file", &noise(1 << 20, 1));
    run("mke2fs", &["-q", "-t", "ext4", "-b", "4096", "-O", "^has_journal", &image, "4M"]);
    run("debugfs", &["-w", "-R", &format!("write {} file", folder.path("file")), &image]);
    run("nbdcopy", &["--flush", &image, &server.uris[0]]);
    run("nbdcopy", &[&server.uris[1], &out]);
    assert!(std::fs::read(&image).unwrap() == std::fs::read(&out).unwrap(), "what b reads is not the image");
    run("e2fsck", &["-fn", &out]);
    let said = run("qemu-img", &["compare", "-f", "raw", "-F", "raw", &image, &server.uris[1]]);
    assert!(said.contains("Images are identical"), "{said}");
    server.stop();
}

#[test]
fn qemu_writes_patterns_zeroes_and_trims() {
    let folder = Folder::new("serve-qemu");
    let server = Server::start(&folder, "2M", &[]);
    let [a, b] = &server.uris;
    let io = |uri: &str, commands: &[&str]| {
        let mut arguments = vec!["-f", "raw"];
        commands.iter().for_each(|command| arguments.extend(["-c", command]));
        arguments.push(uri);
        run("qemu-io", &arguments)
    };
    io(a, &["write -P 0x5a 4k 260k", "write -f -P 0x11 0 4k", "write -P 0x22 512 1024", "flush"]);
    io(a, &["write -z 64k 8k", "write -z 80384 1024", "discard 128k 9k"]);
    // Zeroes that have to be fast are, where they are whole blocks; from the other site, too.
    nbdsh(b, "h.zero(8192, 12288, nbd.CMD_FLAG_FAST_ZERO)");
    let said = io(
        b,
        &[
            "read -P 0x11 0 512",
            "read -P 0x22 512 1024",
            "read -P 0x11 1536 2560",
            "read -P 0x5a 4k 8k",
            "read -P 0 12k 8k",
            "read -P 0x5a 20k 44k",
            "read -P 0 64k 8k",
            "read -P 0x5a 72k 6656",
            "read -P 0 80384 1024",
            "read -P 0 128k 8k",
            "read -P 0x5a 136k 128k",
            "read -P 0 264k 512k",
        ],
    );
    assert!(!said.contains("failed"), "{said}");
    // Both at once, and as one disk with its own copy.
    let said = run("qemu-img", &["compare", "-f", "raw", "-F", "raw", a, b]);
    assert!(said.contains("Images are identical"), "{said}");
    run("qemu-img", &["bench", "-f", "raw", "-t", "none", "-c", "200", "-d", "32", "-w", a]);
    let log = server.stop();
    assert!(log.contains("flushes that the stores have answered"), "{log}");
}

/// Has fio write and verify a part of an export, by number; each has `kib`.
fn fio(folder: &Folder, uri: &str, part: usize, kib: usize, options: &[&str]) {
    let (uri, name, size) = (format!("--uri={uri}"), format!("--name=part{part}"), format!("--size={kib}k"));
    let offset = format!("--offset={}k", part * kib);
    let mut arguments = vec![&*name, "--ioengine=nbd", &uri, &offset, &size, "--rw=randwrite"];
    arguments.extend(["--bsrange=4k-64k", "--verify=crc32c", "--verify_fatal=1", "--randseed=7", "--iodepth=16"]);
    let state = format!("--aux-path={}", folder.path(""));
    arguments.push(&state);
    arguments.extend(options);
    run("fio", &arguments);
}

#[test]
fn fio_verifies_at_a_and_then_at_b() {
    let folder = Folder::new("serve-fio");
    let server = Server::start(&folder, "4M", &["--loss", "0.01"]);
    fio(&folder, &server.uris[0], 0, 1024, &["--fsync=8"]);
    fio(&folder, &server.uris[1], 0, 1024, &["--verify_only"]);
    server.stop();
}

/// Each writes its own part of the LUN and verifies it; then each part is verified at the site that did not write it.
#[test]
fn fio_verifies_at_both_sites_at_once() {
    let folder = Folder::new("serve-fio-both");
    let server = Server::start(&folder, "2M", &[]);
    for (first, options) in [(0, &[][..]), (1, &["--verify_only"][..])] {
        std::thread::scope(|scope| {
            for (site, uri) in server.uris.iter().enumerate() {
                let (folder, part) = (&folder, (site + first) % 2);
                scope.spawn(move || fio(folder, uri, part, 512, options));
            }
        });
    }
    server.stop();
}

#[test]
fn tcp_serves_the_same_as_local_sockets_do() {
    use std::io::BufRead;
    let mut command = crate::common::dyad(&["serve", "--json", "--sim", "--km", "0", "--size", "1M", "--site-a"]);
    command.args(["nbd://127.0.0.1:0/disk", "--site-b", "nbd://localhost:0/disk"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready = json(&line);
    let uri = |site: usize| ready["exports"][site]["uri"].as_str().unwrap().to_owned();
    let sizes = [uri(0), uri(1)].map(|uri| run("nbdinfo", &["--size", &uri]));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(sizes.map(|size| size.trim().to_owned()), ["1048576", "1048576"]);
}

#[test]
fn cards_behind_sockets_are_served_as_well() {
    let folder = Folder::new("serve-cards");
    let (_running, [a, b]) = cards_with_lun(&folder);
    let server = Server::start_with(&folder, &["--socket", &a, "--socket", &b]);
    assert_eq!(server.client(0).size, 1 << 20);
    let block = noise(8192, 3);
    assert_eq!(server.client(0).write(crate::wire::FUA, 4096, &block), 0);
    assert_eq!(server.client(1).read(4096, 8192), block);
    server.stop();
}

#[test]
fn each_site_can_have_a_server_of_its_own() {
    let folder = Folder::new("serve-apart");
    let (_running, cards) = cards_with_lun(&folder);
    let [a, b] = Server::start_apart(&folder, &cards);
    let block = noise(12288, 4);
    assert_eq!(a.client(0).write(crate::wire::FUA, 8192, &block), 0);
    assert_eq!(b.client(1).read(8192, 12288), block);
    assert_eq!(b.client(1).ask(0, crate::wire::FLUSH, 0, 0, &[]), 0);
    // Both have to end for either to end well.
    std::thread::scope(|scope| {
        scope.spawn(|| a.stop());
        b.stop();
    });
}
