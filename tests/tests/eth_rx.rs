//! `net::eth_rx`: every output of every cycle against a parser in plain Rust, for good frames and for every kind of bad
//! ones.

mod net;

use dyad_hdl::params::Params;
use dyad_spec::counters::Counter;
use dyad_spec::wire::{self, Header};
use dyad_spec::{BLOCK_BYTES, FrameType};
use dyad_tests::{Rng, Trial, trial};
use net::rx_bench::{RxBench, VERDICTS};
use net::{Frame, Link};

/// A good frame for that end of the link, with what the sender may choose chosen at random.
fn good_frame(rng: &mut Rng, link: &Link, kind: FrameType) -> Frame {
    let (offset, length) = match kind {
        FrameType::Write | FrameType::Request if rng.one_in(4) => wire::PARTS_JUMBO[0],
        FrameType::Write | FrameType::Request => *rng.pick(wire::PARTS_STANDARD),
        FrameType::WriteZeroes | FrameType::RequestZeroes => (0, wire::ZEROES_BYTES),
        FrameType::Control if rng.one_in(8) => (0, net::CONTROL_MAX - 64 * rng.below(100) as usize),
        FrameType::Control => (0, 64 * (1 + rng.below(8) as usize)),
        _ => (0, 0),
    };
    let mut h = link.peer().header(kind, length);
    let of_peer = net::of_peer(kind);
    let slots = if of_peer { link.peer_slots } else { link.slots };
    h.set_offset((offset / wire::OFFSET_UNIT) as u64).set_slot(rng.below(slots)).set_seq(rng.next_u64());
    // Frames about owners of LUNs that no card has show nothing.
    h.set_lun(if rng.one_in(4) { rng.next_u64() } else { rng.below(9) });
    h.set_code(rng.next_u64()).set_lba(rng.next_u64() >> rng.pick(&[0, 24, 40, 44])).set_epoch(rng.next_u64());
    // Not looked at.
    h.set_eth_src(rng.next_u64()).set_ip_tos(rng.next_u64()).set_ip_id(rng.next_u64()).set_ip_ttl(rng.next_u64());
    h.set_udp_src(rng.next_u64()).set_ip_fragment(if rng.one_in(2) { 0x4000 } else { 0 });
    Frame::seal(
        &h,
        &rng.bits(8 * length.max(1)).to_bytes_le()[..length],
        if rng.one_in(4) { 0 } else { rng.next_u64() as u32 },
    )
}

fn any_kind(rng: &mut Rng) -> FrameType {
    rng.pick(FrameType::ALL).0
}

/// Sends a frame that must belong in that counter, and one that is good right behind it.
fn bad_then_good(bench: &mut RxBench, t: &mut Trial, what: &str, frame: &Frame, counter: Counter, gaps: u64) {
    assert_eq!(frame.verdict(&bench.link), counter, "{what}");
    bench.send(t, frame, gaps);
    let kind = any_kind(&mut t.rng);
    let good = good_frame(&mut t.rng, &bench.link, kind);
    assert_eq!(bench.send(t, &good, gaps), Counter::rx_good, "after {what}");
}

fn for_each_width(body: impl Fn(&mut Trial, &mut RxBench)) {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = RxBench::new(t, data_w);
            body(t, &mut bench);
            bench.settle();
        }
    });
}

/// Frames of every type, without and with gaps: the right outputs in the right cycles.
#[test]
fn eth_rx_takes_good_frames() {
    for_each_width(|t, bench| {
        for gaps in [0, 4, 2] {
            for _ in 0..60 {
                let kind = any_kind(&mut t.rng);
                let frame = good_frame(&mut t.rng, &bench.link, kind);
                assert_eq!(bench.send(t, &frame, gaps), Counter::rx_good, "{kind:?}");
                if t.rng.one_in(2) {
                    bench.idle(t.rng.below(6));
                }
            }
        }
    });
}

/// Builds with fewer bits of addresses: one beyond becomes the highest, and none comes round to a lower one.
#[test]
fn eth_rx_addresses_past_the_highest() {
    trial(|t| {
        for p in [Params::board(64), Params { lba_w: 31, ..Params::new(512) }] {
            let mut bench = RxBench::of(t, &p);
            for _ in 0..300 {
                let kind = any_kind(&mut t.rng);
                let frame = good_frame(&mut t.rng, &bench.link, kind);
                assert_eq!(bench.send(t, &frame, 0), Counter::rx_good, "{kind:?}");
            }
            bench.settle();
        }
    });
}

/// CONTROL frames are taken while the link is down, others are not; frames of another generation never are.
#[test]
fn eth_rx_generation_and_link_state() {
    for_each_width(|t, bench| {
        let link = bench.link.clone();
        for (kind, ..) in FrameType::ALL {
            let control = *kind == FrameType::Control;
            let frame = good_frame(&mut t.rng, &link, *kind);
            bench.set_link(Link { up: false, ..link.clone() });
            let down = bench.send(t, &frame, 0);
            assert_eq!(
                down,
                if control { Counter::rx_good } else { Counter::rx_bad_generation },
                "{kind:?}, link down"
            );
            bench.idle(2);
            bench.set_link(link.clone());
            for generation in [0, link.generation, link.generation - 1, link.generation + 1, 0xffff] {
                let mut other = frame.clone().with_header(|h| h.set_generation(generation));
                other.reseal();
                let right = generation == if control { 0 } else { link.generation };
                let want = if right { Counter::rx_good } else { Counter::rx_bad_generation };
                assert_eq!(bench.send(t, &other, 0), want, "{kind:?}, generation {generation}");
            }
        }
    });
}

/// Changes of a frame's headers, with all checksums right afterwards, and the counter in which it belongs.
type Fault = (&'static str, for<'h> fn(&'h mut Header, &Link) -> &'h mut Header, Counter);

const FAULTS: &[Fault] = &[
    ("MAC of another", |h, l| h.set_eth_dst(l.mac ^ 1), Counter::rx_bad_mac),
    ("MAC, last byte", |h, l| h.set_eth_dst(l.mac ^ 0x80 << 40), Counter::rx_bad_mac),
    ("broadcast", |h, _| h.set_eth_dst((1 << 48) - 1), Counter::rx_bad_mac),
    ("IPv6", |h, _| h.set_ethertype(0x86dd), Counter::rx_bad_ethertype),
    ("ARP", |h, _| h.set_ethertype(0x0806), Counter::rx_bad_ethertype),
    ("VLAN tag", |h, _| h.set_ethertype(0x8100), Counter::rx_bad_ethertype),
    ("IP version 6", |h, _| h.set_ip_version_ihl(0x65), Counter::rx_bad_ip),
    ("IP options", |h, _| h.set_ip_version_ihl(0x46), Counter::rx_bad_ip),
    ("short IP header", |h, _| h.set_ip_version_ihl(0x44), Counter::rx_bad_ip),
    ("more fragments", |h, _| h.set_ip_fragment(0x2000), Counter::rx_bad_ip),
    ("fragment", |h, _| h.set_ip_fragment(0x0001), Counter::rx_bad_ip),
    ("reserved flag", |h, _| h.set_ip_fragment(0xc000), Counter::rx_bad_ip),
    ("TCP", |h, _| h.set_ip_protocol(6), Counter::rx_bad_ip),
    ("source address", |h, l| h.set_ip_src(l.peer_ip ^ 0x100), Counter::rx_bad_ip),
    ("destination address, high half", |h, l| h.set_ip_dst(l.ip ^ 0x8000_0000), Counter::rx_bad_ip),
    ("destination address, low half", |h, l| h.set_ip_dst(l.ip ^ 1), Counter::rx_bad_ip),
    ("UDP port", |h, l| h.set_udp_dst(l.udp_port ^ 0x100), Counter::rx_bad_udp),
    ("UDP length", |h, _| h.set_udp_length(h.udp_length() + 1), Counter::rx_bad_udp),
    ("UDP checksum", |h, _| h.set_udp_checksum(1), Counter::rx_bad_udp),
    ("wire version 0", |h, _| h.set_version_type(h.version_type() & 15), Counter::rx_bad_type),
    ("wire version 1", |h, _| h.set_version_type(h.version_type() & 15 | 0x10), Counter::rx_bad_type),
    ("type 0", |h, _| h.set_version_type(0x20), Counter::rx_bad_type),
];

/// Each single fault of the headers, in a frame of each type.
#[test]
fn eth_rx_header_faults() {
    for_each_width(|t, bench| {
        for (what, change, counter) in FAULTS {
            for (kind, ..) in FrameType::ALL {
                let link = bench.link.clone();
                // Not longer than a block, which only CONTROL frames may be.
                let mut frame = loop {
                    let frame = good_frame(&mut t.rng, &link, *kind);
                    if frame.payload().len() <= BLOCK_BYTES {
                        break frame.with_header(|h| change(h, &link));
                    }
                };
                frame.reseal();
                let gaps = *t.rng.pick(&[0, 3]);
                bad_then_good(bench, t, &format!("{what} in {kind:?}"), &frame, *counter, gaps);
            }
        }
        for (kind, ..) in FrameType::ALL {
            // A checksum that is wrong by itself: each bit of it.
            for bit in 0..16 {
                let frame = good_frame(&mut t.rng, &bench.link, *kind);
                let frame = frame.with_header(|h| h.set_ip_checksum(h.ip_checksum() ^ 1 << bit));
                bad_then_good(bench, t, "IP checksum", &frame, Counter::rx_bad_checksum, 0);
            }
        }
    });
}

/// Slots at and past the limits, for the types in which they are the peer's and those in which they are this card's.
#[test]
fn eth_rx_slots() {
    for_each_width(|t, bench| {
        let link = Link { peer_slots: 512, ..bench.link.clone() };
        bench.set_link(link.clone());
        for (kind, ..) in FrameType::ALL.iter().filter(|k| k.0 != FrameType::Control) {
            let of_peer = net::of_peer(*kind);
            let limit = if of_peer { 512 } else { 4096 };
            for slot in [0, limit - 1, limit, 4096, 0x8000, 0xffff] {
                let mut frame = good_frame(&mut t.rng, &link, *kind).with_header(|h| h.set_slot(slot));
                frame.reseal();
                let want = if slot < limit { Counter::rx_good } else { Counter::rx_bad_slot };
                bad_then_good(bench, t, &format!("slot {slot} in {kind:?}"), &frame, want, 0);
            }
        }
        // More peer slots than a slot number can name.
        bench.idle(4);
        bench.set_link(Link { peer_slots: 0xffff, ..link.clone() });
        let mut frame = good_frame(&mut t.rng, &link, FrameType::Write).with_header(|h| h.set_slot(0x1000));
        frame.reseal();
        bad_then_good(bench, t, "slot 4096", &frame, Counter::rx_bad_slot, 0);
    });
}

/// A frame of that type, payload and header's word on offset and length, with all else right.
fn sized(rng: &mut Rng, link: &Link, kind: FrameType, payload: usize, says: (u64, u64)) -> Frame {
    let mut h = link.peer().header(kind, payload);
    h.set_offset(says.0).set_length(says.1);
    Frame::seal(&h, &rng.bits(8 * payload.max(1)).to_bytes_le()[..payload], 0)
}

/// Payload lengths and offsets that no card sends, in frames that are as long as their IPv4 header says.
#[test]
fn eth_rx_lengths_and_offsets() {
    for_each_width(|t, bench| {
        let link = bench.link.clone();
        let mut check = |t: &mut Trial, kind, payload: usize, offset: u64, length: u64| {
            let frame = sized(&mut t.rng, &link, kind, payload, (offset, length));
            let what = format!("{kind:?}: {payload} bytes, says {offset}, {length}");
            bad_then_good(bench, t, &what, &frame, Counter::rx_bad_length, 0);
        };
        use FrameType::{Ack, AskCommit, Busy, Commit, Control, Flush, Grant, NotOwner, OwnReq, Refused, Taken, Write};
        // Offset and length in units of 64 bytes.
        for (payload, offset, length) in [
            (4096, 1, 64),
            (4096, 0, 22),
            (1408, 0, 64),
            (1408, 1, 22),
            (1408, 44, 22),
            (1280, 0, 20),
            (1280, 44, 22),
            (1280, 22, 20),
            (1344, 0, 21),
            (0, 0, 0),
            (64, 0, 1),
            (1400, 0, 21),
            (1407, 0, 22),
            (1409, 0, 22),
            (1408, 0xff, 22),
        ] {
            check(t, Write, payload, offset, length);
        }
        for (payload, length) in
            [(0, 0), (64, 0), (64, 2), (64, 255), (128, 1), (65, 1), (100, 1), (100, 2), (8896, 138)]
        {
            check(t, Control, payload, 0, length);
        }
        for kind in [Ack, Busy, Refused, NotOwner, Flush, Commit, AskCommit, OwnReq, Grant, Taken] {
            for (payload, length) in [(64, 1), (64, 0), (0, 1), (1, 0), (1, 1), (4096, 64)] {
                check(t, kind, payload, 0, length);
            }
        }
    });
}

/// Frames cut short at every beat, and within a beat.
#[test]
fn eth_rx_cut_at_every_beat() {
    for_each_width(|t, bench| {
        for kind in [FrameType::Write, FrameType::Ack, FrameType::Control, FrameType::Flush, FrameType::OwnReq] {
            let mut frame = good_frame(&mut t.rng, &bench.link, kind);
            if kind == FrameType::Write {
                frame = sized(&mut t.rng, &bench.link, kind, 1408, (0, 22));
            }
            let (whole, width) = (frame.bytes.len(), bench.width);
            for bytes in (1..whole).filter(|n| n % width == 0 || *n < 140 || n + 20 > whole) {
                let mut cut = frame.clone();
                cut.bytes.truncate(bytes);
                let gaps = *t.rng.pick(&[0, 0, 3]);
                bad_then_good(bench, t, &format!("{kind:?} cut to {bytes} bytes"), &cut, Counter::rx_short, gaps);
            }
        }
    });
}

/// Frames with bytes too many, and frames longer than any that a card sends.
#[test]
fn eth_rx_long_frames() {
    for_each_width(|t, bench| {
        for (kind, ..) in FrameType::ALL {
            for more in [1, 3, 8, 56, 64, 72, 512, 5000] {
                let mut frame = good_frame(&mut t.rng, &bench.link, *kind);
                frame.bytes.extend(t.rng.bits(8 * more).to_bytes_le());
                bad_then_good(bench, t, &format!("{kind:?} and {more} bytes"), &frame, Counter::rx_long, 0);
                // The same with a trailer at its end that is right.
                frame.reseal_crc();
                bad_then_good(bench, t, &format!("{kind:?} and {more} bytes, sealed"), &frame, Counter::rx_long, 0);
            }
        }
        let link = bench.link.clone();
        for (kind, payload) in [
            (FrameType::Write, BLOCK_BYTES + 64),
            (FrameType::Ack, BLOCK_BYTES + 8),
            (FrameType::Control, 8896 + 64),
            (FrameType::Control, 65_472),
        ] {
            let frame = sized(&mut t.rng, &link, kind, payload, (0, payload as u64 / 64));
            bad_then_good(bench, t, &format!("{kind:?} of {payload} bytes"), &frame, Counter::rx_long, 0);
        }
        // Longer than the counter of bytes counts.
        let mut frame = good_frame(&mut t.rng, &link, FrameType::Write);
        frame.bytes.extend(vec![0; 200_000]);
        bad_then_good(bench, t, "200 kB", &frame, Counter::rx_long, 0);
    });
}

/// A CRC that is wrong by each bit, payload and commit words that were changed, and the MAC's word that a frame is bad.
#[test]
fn eth_rx_crc_and_fcs() {
    for_each_width(|t, bench| {
        for (kind, ..) in FrameType::ALL {
            for bit in 0..64 {
                let mut frame = good_frame(&mut t.rng, &bench.link, *kind);
                let at = frame.bytes.len() - 8 + bit / 8;
                frame.bytes[at] ^= 1 << (bit % 8);
                bad_then_good(bench, t, &format!("{kind:?}, bit {bit} of the trailer"), &frame, Counter::rx_bad_crc, 0);
            }
            let mut frame = good_frame(&mut t.rng, &bench.link, *kind);
            frame.bad = true;
            bad_then_good(bench, t, "bad FCS", &frame, Counter::rx_bad_fcs, 0);
            frame.bytes.truncate(20);
            bad_then_good(bench, t, "bad FCS, short", &frame, Counter::rx_bad_fcs, 0);
        }
        for bit in 0..8 * 1408 {
            if bit % 61 == 0 {
                let mut frame = sized(&mut t.rng, &bench.link, FrameType::Write, 1408, (22, 22));
                frame.bytes[64 + bit / 8] ^= 1 << (bit % 8);
                bad_then_good(bench, t, &format!("bit {bit} of the payload"), &frame, Counter::rx_bad_crc, 0);
            }
        }
    });
}

/// Random bytes of random length, and random bytes behind good headers.
#[test]
fn eth_rx_random_bytes() {
    for_each_width(|t, bench| {
        for _ in 0..400 {
            let most = *t.rng.pick(&[20, 100, 300, 2000]);
            let length = 1 + t.rng.below(most) as usize;
            let mut frame = Frame { bytes: t.rng.bits(8 * length).to_bytes_le(), bad: t.rng.one_in(8) };
            if t.rng.one_in(2) {
                let kind = any_kind(&mut t.rng);
                let good = good_frame(&mut t.rng, &bench.link, kind);
                let keep = length.min(14 + t.rng.below(50) as usize);
                frame.bytes[..keep].copy_from_slice(&good.bytes[..keep]);
            }
            let gaps = *t.rng.pick(&[0, 0, 2]);
            assert_ne!(bench.send(t, &frame, gaps), Counter::rx_good);
            if t.rng.one_in(4) {
                let kind = any_kind(&mut t.rng);
                let good = good_frame(&mut t.rng, &bench.link, kind);
                assert_eq!(bench.send(t, &good, gaps), Counter::rx_good);
            }
        }
    });
}

/// Good frames with some bytes changed are never taken for good, but where nobody looks; with the checksums made right
/// again, exactly those are taken that the parser takes.
#[test]
fn eth_rx_mutated_frames() {
    for_each_width(|t, bench| {
        let mut resealed_good = 0;
        for _ in 0..1500 {
            let kind = if t.rng.one_in(4) { any_kind(&mut t.rng) } else { FrameType::Ack };
            let good = good_frame(&mut t.rng, &bench.link, kind);
            let mut frame = good.clone();
            for _ in 0..=t.rng.below(3) {
                let reach = if t.rng.one_in(2) { 64 } else { frame.bytes.len() as u64 };
                let at = t.rng.below(reach) as usize;
                frame.bytes[at] ^= if t.rng.one_in(2) { 1 << t.rng.below(8) } else { t.rng.next_u64() as u8 };
            }
            if t.rng.one_in(3) {
                frame.reseal();
                resealed_good += u64::from(bench.send(t, &frame, 0) == Counter::rx_good);
            } else if bench.send(t, &frame, 0) == Counter::rx_good {
                assert_eq!(frame.bytes[40..], good.bytes[40..], "a changed frame was taken");
            }
        }
        assert!(resealed_good > 20, "only {resealed_good} changed and sealed frames were good");
        let seen = VERDICTS.iter().filter(|c| bench.counts.contains_key(c)).count();
        assert!(seen >= 10, "only {seen} of the counters were reached: {:?}", bench.counts);
    });
}

/// Short frames without a gap between them, good and bad, and one-beat rubbish in every cycle.
#[test]
fn eth_rx_keeps_up() {
    for_each_width(|t, bench| {
        for _ in 0..300 {
            let kind = *t.rng.pick(&[FrameType::Ack, FrameType::Busy, FrameType::Refused, FrameType::Flush]);
            let mut frame = good_frame(&mut t.rng, &bench.link, kind);
            if t.rng.one_in(4) {
                frame.bytes[66] ^= 1;
            }
            if t.rng.one_in(4) {
                frame.bytes.truncate(1 + t.rng.below(bench.width as u64) as usize);
            }
            bench.send(t, &frame, 0);
        }
        let rubbish = Frame { bytes: vec![0; bench.width], bad: false };
        for _ in 0..50 {
            bench.send(t, &rubbish, 0);
        }
    });
}

/// A reset in the middle of a frame: what is left of it is a frame that fails, and the next one is taken.
#[test]
fn eth_rx_reset_in_a_frame() {
    trial(|t| {
        for data_w in [64, 512] {
            for part in [1, 3, 8, 9, 20] {
                let mut bench = RxBench::new(t, data_w);
                let frame = good_frame(&mut t.rng, &bench.link, FrameType::Write);
                let mut begun = frame.clone();
                begun.bytes.truncate(part * bench.width);
                bench.begin_and_reset(t, &begun);
                let rest = Frame { bytes: frame.bytes[begun.bytes.len()..].to_vec(), bad: false };
                assert_ne!(bench.send(t, &rest, 0), Counter::rx_good);
                assert_eq!(bench.send(t, &frame, 0), Counter::rx_good);
                bench.settle();
            }
        }
    });
}
