//! A file system made at A and judged at B, by programs that know files and not NBD.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::Folder;
use crate::server::{Server, run};

/// Longest wait for a mount, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// An export as a file, by FUSE.
struct Mounted {
    nbdfuse: Child,
    folder: String,
}

impl Mounted {
    /// Nothing, when this machine has no FUSE for us: no device, no right to mount.
    fn of(folder: &Folder, name: &str, uri: &str) -> Option<Self> {
        if std::fs::File::options().read(true).write(true).open("/dev/fuse").is_err() {
            return None;
        }
        let folder = folder.path(name);
        std::fs::create_dir(&folder).unwrap();
        let mut command = Command::new("nbdfuse");
        let nbdfuse = command.args([&folder, uri]).stderr(Stdio::null()).spawn().ok()?;
        let mut mounted = Self { nbdfuse, folder };
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && mounted.nbdfuse.try_wait().unwrap().is_none() {
            if Path::new(&mounted.file()).exists() {
                return Some(mounted);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    fn file(&self) -> String {
        format!("{}/nbd", self.folder)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for (program, argument) in [("umount", "-l"), ("fusermount3", "-u")] {
            let mut command = Command::new(program);
            let command = command.args([argument, &self.folder]).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().is_ok_and(|status| status.success()) {
                break;
            }
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.nbdfuse.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.nbdfuse.kill();
        let _ = self.nbdfuse.wait();
    }
}

/// Without FUSE, which few containers have, the programs work on files that are copied to A and from B, and the test says so.
#[test]
fn mke2fs_through_a_is_clean_for_e2fsck_through_b() {
    let folder = Folder::new("serve-mke2fs");
    let server = Server::start(&folder, "4M", &[]);
    let options = ["-q", "-t", "ext4", "-b", "4096", "-E", "root_owner=0:0", "-O", "^has_journal"];
    let files = std::array::from_fn(|site| Mounted::of(&folder, ["a", "b"][site], &server.uris[site]));
    let judged = if let [Some(a), Some(b)] = files {
        run("mke2fs", &[&options[..], &[&a.file()]].concat());
        run("sync", &[&a.file()]);
        drop(a);
        run("e2fsck", &["-fn", &b.file()])
    } else {
        println!("no FUSE here: mke2fs and e2fsck work on copies");
        let (image, out) = (folder.path("image"), folder.path("out"));
        run("mke2fs", &[&options[..], &[&image, "4M"]].concat());
        run("nbdcopy", &["--flush", &image, &server.uris[0]]);
        run("nbdcopy", &[&server.uris[1], &out]);
        run("e2fsck", &["-fn", &out])
    };
    assert!(judged.contains("Pass 5") && judged.contains("files ("), "{judged}");
    server.stop();
}
