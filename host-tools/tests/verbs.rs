//! The verbs on a simulated pair whose stores are kept in files from call to call.

mod common;

use common::{Folder, cards_on_sockets, cards_with_lun, dyad, fails, json, succeeds};

#[test]
fn a_lun_lives_from_call_to_call() {
    let folder = Folder::new("verbs");
    let (a, b) = (folder.path("a"), folder.path("b"));
    let stores = ["--store-a", &a, "--store-b", &b, "--store-mib", "2", "--km", "0"];
    let call = |arguments: &[&str]| succeeds(dyad(arguments).args(stores));

    let created = json(&call(&["lun", "create", "--mib", "1", "--json"]));
    assert_eq!((&created[0]["blocks"], &created[0]["lun"]), (&256.into(), &1.into()));
    assert_eq!(created[0]["uuid"], created[1]["uuid"], "one identity at both sites");
    let text = fails(dyad(&["lun", "create", "--mib", "1"]).args(stores), 1);
    assert!(text.contains("choose a smaller size"), "{text}");

    let data: Vec<u8> = (0..10_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    folder.write("data", &data);
    let wrote = json(&call(&["write", "--lba", "250", &folder.path("data"), "--json"]));
    assert_eq!((&wrote["blocks"], &wrote["padding_bytes"]), (&3.into(), &2288.into()));
    for site in ["a", "b"] {
        let out = folder.path("back");
        call(&["read", "--site", site, "--lba", "250", "--blocks", "3", "--out", &out]);
        let back = std::fs::read(&out).unwrap();
        assert_eq!((&back[..10_000], back[10_000..].iter().all(|byte| *byte == 0)), (&data[..], true), "site {site}");
    }
    let text = fails(dyad(&["read", "--lba", "255", "--blocks", "2"]).args(stores), 1);
    assert!(text.contains("BadLba"), "{text}");
    let text = fails(dyad(&["write", "--site", "b", &folder.path("data")]).args(stores), 1);
    assert!(text.contains("owns it"), "{text}");

    let answers = json(&call(&["lookup", "0", "255", "256", "--site", "b", "--json"]));
    assert_eq!(answers[0]["owner"], "a");
    assert_eq!((&answers[1]["valid"], &answers[2]["valid"]), (&true.into(), &false.into()));
    let luns = json(&call(&["lun", "list", "--json"]));
    assert_eq!((&luns[0]["state"], &luns[1]["state"]), (&"live".into(), &"live".into()));
    assert!(call(&["sync", "--from", "a"]).contains("nothing to do"));

    call(&["lun", "delete", "--lun", "1"]);
    call(&["lun", "create", "--mib", "1", "--lun", "2"]);
    assert_eq!(json(&call(&["lun", "list", "--json"]))[0]["lun"], 2);
}

#[test]
fn stores_that_went_apart_are_synced() {
    let folder = Folder::new("sync");
    let (a, b) = (folder.path("a"), folder.path("b"));
    let stores = ["--store-a", &a, "--store-b", &b, "--store-mib", "2", "--km", "0"];
    let call = |arguments: &[&str]| succeeds(dyad(arguments).args(stores));
    call(&["lun", "create", "--mib", "1", "--uuid", "5"]);
    let data = vec![7; 8192];
    folder.write("data", &data);
    call(&["write", &folder.path("data")]);
    // Site b's store is taken back to an older day: it was closed, but in another link generation.
    let older = std::fs::read(&b).unwrap();
    folder.write("data", &[8; 8192]);
    call(&["write", &folder.path("data")]);
    std::fs::write(&b, older).unwrap();
    let text = fails(dyad(&["read", "--site", "b"]).args(stores), 1);
    assert!(text.contains("dyad sync"), "{text}");
    let synced = json(&call(&["sync", "--from", "a", "--json"]));
    assert_eq!((&synced[0]["lun"], &synced[0]["blocks"]), (&1.into(), &256.into()));
    let out = folder.path("back");
    call(&["read", "--site", "b", "--blocks", "2", "--out", &out]);
    assert_eq!(std::fs::read(&out).unwrap(), [8; 8192]);
}

#[test]
fn every_counter_is_shown_by_name() {
    let stats = json(&succeeds(&mut dyad(&["stats", "--json"])));
    for card in [0, 1] {
        let counters = stats[card]["counters"].as_object().unwrap();
        assert_eq!(counters.len(), dyad_spec::counters::Counter::ALL.len());
        assert_eq!(counters["tx_frames"], 0);
    }
    let info = json(&succeeds(&mut dyad(&["info", "--json", "--data-w", "512"])));
    assert_eq!((&info[0]["data_w"], &info[1]["store_w"]), (&512.into(), &1024.into()));
}

#[test]
fn what_is_not_there_is_said() {
    let folder = Folder::new("absent");
    folder.write("odd", &[1; 100]);
    let (odd, none) = (folder.path("odd"), folder.path("none.sock"));
    let text = fails(&mut dyad(&["info", "--socket", &none]), 1);
    assert!(text.contains("none.sock"), "{text}");
    let text = fails(&mut dyad(&["info", "--store-a", &odd, "--store-b", &odd]), 1);
    assert!(text.contains("has 100 bytes"), "{text}");
    let text = fails(&mut dyad(&["lookup"]), 2);
    assert!(text.contains("LBA"), "{text}");
    let text = fails(&mut dyad(&["write", "/dev/null"]), 1);
    assert!(text.contains("--store-a"), "{text}");
}

#[test]
fn a_simulator_that_is_killed_is_a_device_that_is_gone() {
    let folder = Folder::new("killed");
    let (running, [a, b]) = cards_with_lun(&folder);
    let both = ["--socket", &a, "--socket", &b];
    // Long work, with the simulator killed under it.
    let mut bench = dyad(&["bench", "--overwrite", "--count", "10000000", "--depth", "16"]);
    let child =
        bench.args(both).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    drop(running);
    let begun = std::time::Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "it took {:?}: {said}", begun.elapsed());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: ") && said.contains("gone") && !said.contains("panicked"), "{said}");
    // And again, with no simulator there.
    let text = fails(dyad(&["info"]).args(both), 1);
    assert!(text.contains("sock"), "{text}");
}

#[test]
fn cards_on_sockets_serve_one_driver_after_the_other() {
    let folder = Folder::new("sockets");
    let dir = folder.path("sockets");
    let arguments = ["sim", "--socket-dir", &dir, "--km", "0", "--store-mib", "2", "--json"];
    let (_running, [a, b]) = cards_on_sockets(&arguments);
    let both = ["--socket", &a, "--socket", &b];
    let call = |arguments: &[&str]| succeeds(dyad(arguments).args(both));

    let text = fails(dyad(&["read", "--site", "a"]).args(both), 1);
    assert!(text.contains("dyad lun format"), "{text}");
    call(&["lun", "format"]);
    call(&["lun", "create", "--mib", "1", "--store-size-mib", "2"]);
    folder.write("data", &[0x5a; 4096]);
    call(&["write", "--lba", "9", &folder.path("data")]);
    let out = folder.path("back");
    call(&["read", "--lba", "9", "--site", "b", "--out", &out]);
    assert_eq!(std::fs::read(&out).unwrap(), [0x5a; 4096]);
    let stats = json(&call(&["stats", "--json"]));
    assert!(stats[1]["counters"]["blocks_read"].as_u64().unwrap() > 0, "{stats}");
    let text = fails(&mut dyad(&arguments), 1);
    assert!(text.contains("another program serves there"), "{text}");
}
