//! `dyad flash` with the real openFPGALoader against an emulated JTAG port, and all that can be wrong before and meanwhile.

#[path = "../common/mod.rs"]
mod common;
mod tap;
mod xvc;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{Folder, dyad, fails, succeeds};
use tap::Tap;
use xvc::Server;

/// The chips of two boards, and another of the family.
const VERSA: u32 = 0x8111_2043;
const ECPIX5: u32 = 0x8111_3043;
const OTHER: u32 = 0x4111_3043;

/// The openFPGALoader that `cargo xtask setup` installs.
fn loader() -> PathBuf {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv-board/lib");
    let pythons = std::fs::read_dir(&lib).unwrap_or_else(|e| panic!("{}: {e}: run cargo xtask setup", lib.display()));
    let mut found =
        pythons.flatten().map(|python| python.path().join("site-packages/openfpgaloader/bin/openFPGALoader"));
    found.find(|path| path.is_file()).expect("openFPGALoader: run cargo xtask setup")
}

/// A bitstream with `bytes` bytes of configuration for the chip `idcode`: commands as ecppack writes them.
fn bitstream(idcode: u32, bytes: usize) -> Vec<u8> {
    let mut out =
        b"\xff\x00Part: LFE5UM5G-45F-8CABGA381\0\xff\xff\xff\xbd\xb3\xff\xff\xff\xff\x3b\0\0\0\xe2\0\0\0".to_vec();
    out.extend(idcode.to_be_bytes());
    out.extend((0..bytes).map(|n| (n * 7 >> 2) as u8));
    out.extend(b"\x5e\0\0\0\xff\xff\xff\xff");
    out
}

/// The call, by way of the server's cable.
fn flash(file: &str, server: &Server) -> std::process::Command {
    flash_board("ecp5-versa", file, server)
}

fn flash_board(board: &str, file: &str, server: &Server) -> std::process::Command {
    let mut command = dyad(&["flash", "--board", board, "--bitstream", file]);
    command.arg("--xvc").arg(format!("127.0.0.1:{}", server.port)).arg("--loader").arg(loader());
    command
}

#[test]
fn a_whole_bitstream_arrives() {
    // A real one, when its path is given: `cargo xtask bitstream` takes too long for a test.
    if let Some(path) = std::env::var_os("DYAD_TEST_BITSTREAM") {
        let sent = std::fs::read(path).unwrap();
        let verify = |code: u32| [&b"\xe2\0\0\0"[..], &code.to_be_bytes()].concat();
        let code = [VERSA, ECPIX5].into_iter().find(|&code| sent.windows(8).any(|window| window == verify(code)));
        arrives(code.expect("a bitstream for one of the boards"), &sent);
    }
    arrives(VERSA, &bitstream(VERSA, 60_000));
    arrives(ECPIX5, &bitstream(ECPIX5, 60_000));
}

/// Loads `sent` into a chip that answers with `code`, and compares what came.
fn arrives(code: u32, sent: &[u8]) {
    let folder = Folder::new("flash");
    let (board, chip) = if code == VERSA { ("ecp5-versa", "LFE5UM5G-45F") } else { ("ecpix5", "LFE5UM5G-85F") };
    folder.write("whole.bit", sent);
    let server = Server::start(Tap::new(code), None);
    let text = succeeds(&mut flash_board(board, &folder.path("whole.bit"), &server));
    assert!(text.contains(&format!("for {chip} (IDCODE {code:#010x})")), "{text}");
    assert!(text.contains("loaded; the chip found no fault in it"), "{text}");
    let received = server.tap.lock().unwrap().received();
    // The comments before the preamble stay here.
    let start = sent.windows(4).position(|window| window == b"\xff\xff\xbd\xb3").unwrap();
    let at = received.windows(4).position(|window| window == b"\xff\xff\xbd\xb3").expect("the preamble arrives");
    assert_eq!(received[at..].len(), sent[start..].len());
    assert!(received[at..] == sent[start..], "every byte arrives as it was sent");
}

#[test]
fn another_chip_on_the_cable_is_refused() {
    let folder = Folder::new("flash-other");
    folder.write("versa.bit", &bitstream(VERSA, 100));
    let server = Server::start(Tap::new(OTHER), None);
    let text = fails(&mut flash(&folder.path("versa.bit"), &server), 1);
    assert!(text.contains("answers with IDCODE 0x41113043") && text.contains("is it the right"), "{text}");
    assert!(server.tap.lock().unwrap().received().is_empty(), "nothing was written");
}

#[test]
fn a_cable_that_is_lost_half_way_is_reported() {
    let folder = Folder::new("flash-lost");
    folder.write("versa.bit", &bitstream(VERSA, 60_000));
    let server = Server::start(Tap::new(VERSA), Some(200_000));
    let text = fails(&mut flash(&folder.path("versa.bit"), &server), 1);
    assert!(text.contains("loading failed on ecp5-versa"), "{text}");
    assert!(server.tap.lock().unwrap().received().len() < 60_000);
}

#[test]
fn a_chip_that_does_not_take_it_is_reported() {
    let folder = Folder::new("flash-fail");
    folder.write("versa.bit", &bitstream(VERSA, 1000));
    let mut tap = Tap::new(VERSA);
    tap.fail = true;
    let server = Server::start(tap, None);
    let text = fails(&mut flash(&folder.path("versa.bit"), &server), 1);
    assert!(text.contains("loading failed on ecp5-versa") && text.contains("not configured"), "{text}");
}

#[test]
fn no_cable_and_no_server_say_what_to_do() {
    let folder = Folder::new("flash-none");
    folder.write("versa.bit", &bitstream(VERSA, 100));
    let file = folder.path("versa.bit");
    // A port where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut call = dyad(&["flash", "--board", "ecp5-versa", "--bitstream", &file]);
    let text = fails(call.arg("--xvc").arg(format!("127.0.0.1:{port}")).arg("--loader").arg(loader()), 1);
    assert!(text.contains("nobody answers as the XVC server") && text.contains("start the server"), "{text}");
    // What openFPGALoader says of USB, without looking at this machine's.
    for (says, expected) in [
        ("unable to open ftdi device: -3 (device not found)", "plug in the board's own USB socket"),
        ("unable to open ftdi device: -4 (usb_open() failed)", "this user may not open the USB device"),
        ("found 0 devices", "is the board powered?"),
    ] {
        folder.write("loader", format!("#!/bin/sh\necho '{says}'\nexit 1\n").as_bytes());
        let program = folder.path("loader");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let text = fails(&mut dyad(&["flash", "--board", "ecp5-versa", "--bitstream", &file, "--loader", &program]), 1);
        assert!(text.contains("looking for the chip failed") && text.contains(expected), "{text}");
    }
    let mut call = dyad(&["flash", "--board", "ecp5-versa", "--bitstream", &file, "--loader", "/nonexistent/loader"]);
    let text = fails(&mut call, 1);
    assert!(text.contains("can't start `/nonexistent/loader`"), "{text}");
}

#[test]
fn files_that_are_not_for_this_board_are_refused() {
    let folder = Folder::new("flash-files");
    let whole = bitstream(VERSA, 1000);
    folder.write("other.bit", &bitstream(OTHER, 1000));
    folder.write("cut.bit", &whole[..whole.len() / 2]);
    folder.write("empty.bit", b"");
    folder.write("text.bit", b"this is no bitstream at all, not even a bad one");
    for (file, expected) in [
        ("other.bit", "the bitstream is for LFE5U-85F (IDCODE 0x41113043), and ecp5-versa has LFE5UM5G-45F"),
        ("cut.bit", "it is cut short"),
        ("empty.bit", "it is empty"),
        ("text.bit", "neither an ECP5 bitstream nor an AMD .bit file"),
        ("missing.bit", "can't read the bitstream"),
    ] {
        let text =
            fails(&mut dyad(&["flash", "--board", "ecp5-versa", "--bitstream", &folder.path(file), "--dry-run"]), 1);
        assert!(text.contains(expected), "{file}: {text}");
    }
    let text = fails(&mut dyad(&["flash", "--board", "versa", "--bitstream", &folder.path("cut.bit")]), 1);
    assert!(text.contains("there is no board `versa`; there are ecp5-versa, ecpix5, as02mc04, alveo-u50"), "{text}");
}

#[test]
fn a_dry_run_shows_and_does_nothing() {
    let folder = Folder::new("flash-dry");
    folder.write("versa.bit", &bitstream(VERSA, 100));
    let server = Server::start(Tap::new(VERSA), None);
    let text = succeeds(flash(&folder.path("versa.bit"), &server).arg("--dry-run"));
    let expected = format!("--cable xvc-client --ip 127.0.0.1 --port {} --write-sram", server.port);
    assert!(text.contains(&expected), "{text}");
    let text = succeeds(flash(&folder.path("versa.bit"), &server).args(["--dry-run", "--flash"]));
    assert!(text.contains("--write-flash --verify"), "{text}");
    assert!(server.tap.lock().unwrap().received().is_empty(), "nothing was written");
}
