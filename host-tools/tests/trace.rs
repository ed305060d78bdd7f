//! `dyad trace`: stages that add up, and a capture that other programs read.

mod common;

use std::collections::HashSet;

use common::{Folder, dyad, fails, json, succeeds};

const SMALL: [&str; 5] = ["trace", "--km", "1", "--store-mib", "2"];

#[test]
fn the_last_commands_are_told_stage_by_stage() {
    let trace = json(&succeeds(dyad(&SMALL).args(["--count", "9", "--last", "3", "--json"])));
    assert_eq!((&trace["simulated"], &trace["clock_mhz"]), (&true.into(), &156.25.into()));
    let commands = trace["commands"].as_array().unwrap();
    let lbas: Vec<_> = commands.iter().map(|command| command["lba"].as_u64().unwrap()).collect();
    assert_eq!(lbas, [6, 7, 8]);
    for command in commands {
        let events = command["events"].as_array().unwrap();
        let stages: HashSet<_> = events.iter().map(|event| event["stage"].as_str().unwrap()).collect();
        let expected = ["fetched", "lookup", "frame", "sent", "local", "ack", "posted"];
        assert_eq!(stages, expected.into_iter().collect(), "{command}");
        let took: u64 = events.iter().map(|event| event["took"].as_u64().unwrap()).sum();
        assert_eq!(took, events.last().unwrap()["cycle"].as_u64().unwrap(), "{command}");
        // Light takes 765 cycles each way.
        assert!((1530..4000).contains(&took), "{command}");
        let segments = command["segment_cycles"].as_array().unwrap();
        assert_eq!(segments.iter().map(|segment| segment[1].as_f64().unwrap()).sum::<f64>(), took as f64);
    }
    let text = succeeds(dyad(&SMALL).args(["--pattern", "read", "--last", "1"]));
    assert!(text.contains("SIMULATED") && text.contains("own store answered") && !text.contains("ACK"), "{text}");
}

/// Frames of a capture: nanoseconds, bytes.
fn frames(capture: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xa1b2_3c4d, 1), "nanoseconds, Ethernet");
    let (mut at, mut frames) = (24, Vec::new());
    while at < capture.len() {
        let len = word(at + 8) as usize;
        frames
            .push((u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4)), capture[at + 16..][..len].to_vec()));
        at += 16 + len;
    }
    frames
}

#[test]
fn a_capture_has_every_frame_of_both_directions() {
    use dyad_spec::FrameType;
    use dyad_spec::wire::{CRC_FIRST_BYTE, HEADER_BYTES, Header, crc32c};
    let folder = Folder::new("trace-pcap");
    let pcap = folder.path("link.pcap");
    for (mtu, parts) in [("9000", 1), ("1500", 3)] {
        let out = succeeds(dyad(&SMALL).args(["--count", "10", "--depth", "4", "--mtu", mtu, "--pcap", &pcap]));
        assert!(out.contains("link.pcap"), "{out}");
        let frames = frames(&std::fs::read(&pcap).unwrap());
        assert!(frames.is_sorted_by_key(|frame| frame.0), "in the order of time");
        let of_kind = |kind: FrameType| {
            let header = |frame: &(u64, Vec<u8>)| {
                let mut header = Header::new();
                header.0.copy_from_slice(&frame.1[..HEADER_BYTES]);
                (frame.0, header)
            };
            frames.iter().map(header).filter(|(_, h)| h.version_type() as u8 & 0xf == kind as u8).collect::<Vec<_>>()
        };
        let (writes, acks) = (of_kind(FrameType::Write), of_kind(FrameType::Ack));
        assert_eq!(writes.len(), 10 * parts, "MTU {mtu}");
        assert!(!of_kind(FrameType::Control).is_empty(), "link-up is in it");
        for write in writes.chunks(parts).map(|parts| &parts[0]) {
            let answers = |ack: &Header| {
                (ack.slot(), ack.seq(), ack.eth_dst()) == (write.1.slot(), write.1.seq(), write.1.eth_src())
            };
            let answers: Vec<_> = acks.iter().filter(|ack| answers(&ack.1)).collect();
            assert_eq!(answers.len(), 1, "MTU {mtu}: {:?}", write.1);
            // The one way through the fibre, and the block's own time on the line, at least.
            let took = answers[0].0 - write.0;
            assert!((4900 + 3300..12_000).contains(&took), "{took} ns");
        }
        for (_, bytes) in &frames {
            let (covered, crc) = bytes.split_at(bytes.len() - 4);
            assert_eq!(crc32c(&covered[CRC_FIRST_BYTE..]).to_le_bytes(), crc);
        }
    }
}

#[test]
fn what_cannot_be_traced_is_said() {
    let folder = Folder::new("trace-bad");
    let (a, b) = (folder.path("a"), folder.path("b"));
    for (arguments, code, says) in [
        (vec!["--store-a", &a, "--store-b", &b], 1, "--overwrite"),
        (vec!["--socket", "none.sock", "--pattern", "read", "--pcap", "x.pcap"], 1, "at its switch"),
        (vec!["--pcap", "/nowhere/x.pcap"], 1, "/nowhere/x.pcap"),
        (vec!["--dissector", "--json"], 2, "--dissector"),
    ] {
        let text = fails(dyad(&["trace"]).args(&arguments), code);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
    assert!(succeeds(&mut dyad(&["trace", "--dissector"])).contains("DissectorTable"));
}
