//! The program as its user meets it: `dyad demo` on small images, and on input that is wrong.

mod common;

use common::{Folder, dyad, fails, succeeds};
use serde_json::Value;

/// What programs rely on.
const KEYS: [&str; 23] = [
    "image_sha256",
    "site_a_sha256",
    "site_b_sha256",
    "readback_sha256",
    "data_w",
    "clock_mhz",
    "km",
    "mtu",
    "loss",
    "writes",
    "round_trips_per_write",
    "added_cycles",
    "write_latency_cycles",
    "write_latency_ns",
    "stage_cycles",
    "goodput_fraction",
    "lookups_per_cycle",
    "lookup_latency_cycles",
    "frames_sent",
    "frames_retried",
    "sim_khz",
    "floor_cycles",
    "e2fsck",
];

fn demo(folder: &Folder, image: &str, arguments: &[&str]) -> Value {
    let report = folder.path("report");
    let mut command = dyad(&["demo", "--json", "--image", &folder.path(image), "--report", &report]);
    let out = succeeds(command.args(arguments));
    let value: Value = serde_json::from_str(&out).unwrap();
    let written: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{report}/report.json")).unwrap()).unwrap();
    assert_eq!(value, written);
    let page = std::fs::read_to_string(format!("{report}/report.html")).unwrap();
    assert!(page.matches("<svg").count() >= 4 && !page.contains("http"), "one page with its plots in it");
    value
}

fn is_right(report: &Value, image_sha256: &str) {
    for key in KEYS {
        assert!(report.get(key).is_some(), "report.json has no `{key}`");
    }
    for key in ["image_sha256", "site_a_sha256", "site_b_sha256", "readback_sha256"] {
        assert_eq!(report[key], image_sha256, "{key}");
    }
    assert_eq!(report["differing_blocks"], 0);
    for key in ["added_cycles", "write_latency_cycles", "write_latency_ns"] {
        let row = ["min", "p50", "p99", "p999", "max"].map(|name| report[key][name].as_i64().unwrap());
        assert!(row.is_sorted(), "{key}: {row:?}");
    }
    assert_eq!(report["round_trips_per_write"].as_f64().unwrap().round(), 1.0);
}

/// A file of bytes that do not repeat, and its SHA-256 when padded to whole blocks.
fn image(folder: &Folder, name: &str, len: usize) -> String {
    use sha2::{Digest, Sha256};
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(len)
    .collect();
    folder.write(name, &bytes);
    bytes.resize(len.next_multiple_of(4096), 0);
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn copies_are_the_image_at_both_widths_and_mtus() {
    let folder = Folder::new("demo-widths");
    let sha256 = image(&folder, "image", 128 << 10);
    for (data_w, mtu, goodput) in
        [("64", "9000", 0.975), ("64", "1500", 0.93), ("512", "9000", 0.9), ("512", "1500", 0.8)]
    {
        let report = demo(&folder, "image", &["--km", "1", "--data-w", data_w, "--mtu", mtu, "--latency-writes", "8"]);
        is_right(&report, &sha256);
        let what = format!("DATA_W {data_w}, MTU {mtu}");
        assert_eq!(report["data_w"].to_string(), data_w);
        assert_eq!(report["frames_retried"], 0, "{what}");
        assert_eq!(
            report["added_cycles"]["max"].as_i64().map(|added| (1..=64).contains(&added)),
            Some(true),
            "{what}: {report}"
        );
        assert!(report["goodput_fraction"].as_f64().unwrap() >= goodput, "{what}: {report}");
        let parts = if mtu == "1500" { 3 } else { 1 };
        assert!(report["frames_sent"].as_u64().unwrap() >= (32 + 8) * parts, "{what}");
    }
}

#[test]
fn copies_are_the_image_when_frames_are_lost() {
    let folder = Folder::new("demo-loss");
    let sha256 = image(&folder, "image", 256 << 10);
    let report = demo(&folder, "image", &["--km", "1", "--loss", "0.02", "--latency-writes", "20", "--seed", "3"]);
    is_right(&report, &sha256);
    assert!(report["frames_lost"].as_u64().unwrap() > 0, "this seed loses frames");
    assert!(report["frames_retried"].as_u64().unwrap() > 0, "and some of them were blocks or their ACKs");
}

#[test]
fn an_image_that_is_not_whole_blocks_is_padded_and_that_is_said() {
    let folder = Folder::new("demo-padding");
    image(&folder, "image", 5000);
    let image = folder.path("image");
    let output = dyad(&["demo", "--image", &image, "--km", "0", "--latency-writes", "5"]).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}{err}");
    assert!(err.contains("padded with 3192 zeroes"), "{err}");
    assert!(out.contains("both copies are the image"), "{out}");
    assert!(out.contains("SIMULATED") && out.contains("physical floor"), "{out}");
}

#[test]
fn a_file_system_is_judged_at_b() {
    let folder = Folder::new("demo-ext4");
    let image = folder.path("image");
    let mke2fs = ["/usr/sbin/mke2fs", "mke2fs"].iter().find_map(|program| {
        let mut command = std::process::Command::new(program);
        command.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", &image, "256k"]).status().ok()
    });
    assert!(mke2fs.expect("e2fsprogs is installed").success());
    let report = demo(&folder, "image", &["--km", "0", "--latency-writes", "5"]);
    assert_eq!(report["e2fsck_clean"], true, "{report}");
}

#[test]
fn images_that_cannot_be_written_are_refused() {
    let folder = Folder::new("demo-bad");
    folder.write("empty", &[]);
    folder.write("large", &vec![1; (1 << 20) + 1]);
    for (arguments, code, says) in [
        (vec!["--image".to_owned(), folder.path("none")], 1, "no such file"),
        (vec!["--image".to_owned(), folder.path("empty")], 1, "it is empty"),
        (vec!["--image".to_owned(), folder.path(".")], 1, "it is a directory"),
        (vec!["--image".to_owned(), folder.path("large"), "--lun-mib".into(), "1".into()], 1, "larger --lun-mib"),
        (vec!["--mtu".into(), "1501".into()], 2, "give 1500 or 9000"),
        (vec!["--data-w".into(), "128".into()], 2, "give 64 or 512"),
        (vec!["--loss".into(), "0.5".into()], 2, "from 0 to 0.1"),
    ] {
        let text = fails(dyad(&["demo"]).args(&arguments), code);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}
