//! Transmitter and receiver.

use dyad_hdl::board::{WORD_W, gmii_rx::gmii_rx, gmii_tx::gmii_tx};
use dyad_hdl::interp::Interp;
use dyad_hdl::ir::Bits;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// FCS by the definition, IEEE 802.3 3.2.9: bit by bit.
fn fcs(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

/// What the wire carries for a frame: preamble, frame, padding, FCS.
fn on_wire(frame: &[u8]) -> Vec<u8> {
    let mut padded = frame.to_vec();
    padded.resize(frame.len().max(60), 0);
    let mut wire = vec![0x55; 7];
    wire.push(0xd5);
    wire.extend(&padded);
    wire.extend(fcs(&padded).to_le_bytes());
    wire
}

/// A frame as words; `bad` is `user` of the last.
fn words(frame: &[u8], bad: bool) -> Vec<Bits> {
    let count = frame.len().div_ceil(8);
    let word = |(n, chunk): (usize, &[u8])| {
        let mut word = Bits::from_bytes_le(chunk).resize(WORD_W);
        word.set(64, &Bits::from_u64((1 << chunk.len()) - 1, 8));
        let last = u64::from(n + 1 == count);
        word.set(72, &Bits::from_u64(last, 1));
        word.set(73, &Bits::from_u64(last & u64::from(bad), 1));
        word
    };
    frame.chunks(8).enumerate().map(word).collect()
}

/// One cycle of GMII: byte, valid, error.
type Gmii = (u8, bool, bool);

/// Sends `input` words, each not before its cycle; returns the line.
fn send(input: &[(usize, Bits)], cycles: usize) -> Vec<Gmii> {
    let mut tx = Interp::new(&gmii_tx()).unwrap();
    let mut next = 0;
    (0..cycles)
        .map(|cycle| {
            let offered = input.get(next).filter(|(when, _)| *when <= cycle);
            tx.poke_u64("s_valid", offered.is_some().into());
            if let Some((_, word)) = offered {
                tx.poke("s_data", word);
            }
            let taken = offered.is_some() && tx.peek_u64("s_ready") == 1;
            next += usize::from(taken);
            let line = (tx.peek_u64("gmii_txd") as u8, tx.peek_u64("gmii_tx_en") == 1, tx.peek_u64("gmii_tx_er") == 1);
            tx.step().unwrap();
            line
        })
        .collect()
}

/// The bursts of a line, and the idle cycles before each.
fn bursts(line: &[Gmii]) -> Vec<(usize, Vec<Gmii>)> {
    let mut out = Vec::new();
    let mut idle = 0;
    let mut burst = Vec::new();
    for gmii in line {
        if gmii.1 {
            burst.push(*gmii);
        } else {
            if !burst.is_empty() {
                out.push((idle, std::mem::take(&mut burst)));
                idle = 0;
            }
            idle += 1;
        }
    }
    out
}

/// What the receiver makes of a line: frames and their verdict. `ready` by cycle.
fn receive(line: &[Gmii], mut ready: impl FnMut(usize) -> bool) -> Vec<(Vec<u8>, bool)> {
    let mut rx = Interp::new(&gmii_rx()).unwrap();
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    let idle = [(0u8, false, false); 40];
    // After reset the receiver waits for an idle line.
    for (cycle, (byte, dv, er)) in idle[..4].iter().chain(line).chain(&idle).enumerate() {
        rx.poke_u64("gmii_rxd", (*byte).into());
        rx.poke_u64("gmii_rx_dv", (*dv).into());
        rx.poke_u64("gmii_rx_er", (*er).into());
        let take = ready(cycle);
        rx.poke_u64("m_ready", take.into());
        if take && rx.peek_u64("m_valid") == 1 {
            let word = rx.peek("m_data");
            let keep = word.get(64, 8).low_u64();
            assert!((keep + 1).is_power_of_two() && keep > 0, "keep {keep:#x} is not low ones");
            let last = word.bit(72);
            assert!(last || keep == 0xff, "a word before the last is not full");
            frame.extend(&word.to_bytes_le()[..keep.count_ones() as usize]);
            if last {
                frames.push((std::mem::take(&mut frame), !word.bit(73)));
            } else {
                assert!(!word.bit(73), "a verdict before the end");
            }
        }
        rx.step().unwrap();
    }
    assert!(frame.is_empty(), "a frame has no end");
    frames
}

fn random_frame(rng: &mut ChaCha8Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.random()).collect()
}

#[test]
fn gmii_tx_sends_what_the_standard_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut lengths: Vec<usize> = (1..=80).collect();
    lengths.extend([1514, 4170]);
    let frames: Vec<Vec<u8>> = lengths.iter().map(|len| random_frame(&mut rng, *len)).collect();
    let input: Vec<_> = frames.iter().flat_map(|f| words(f, false)).map(|w| (0, w)).collect();
    let cycles = frames.iter().map(|f| f.len().max(60) + 24).sum::<usize>() + 20;
    let line = send(&input, cycles);
    let bursts = bursts(&line);
    assert_eq!(bursts.len(), frames.len(), "every frame in the cycles that the documentation says");
    for (n, ((idle, burst), frame)) in bursts.iter().zip(&frames).enumerate() {
        let bytes: Vec<u8> = burst.iter().map(|g| g.0).collect();
        assert_eq!(bytes, on_wire(frame), "frame of {} bytes", frame.len());
        assert!(burst.iter().all(|g| !g.2), "no error");
        assert!(n == 0 || *idle == 12, "gap of {idle} bytes");
    }
}

#[test]
fn gmii_tx_spoils_bad_frames_and_frames_that_run_dry() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (bad, dry, good) = (random_frame(&mut rng, 100), random_frame(&mut rng, 200), random_frame(&mut rng, 70));
    let mut input: Vec<_> = words(&bad, true).into_iter().map(|w| (0, w)).collect();
    // From its sixth word on the second frame comes too late.
    input.extend(words(&dry, false).into_iter().enumerate().map(|(n, w)| (if n < 5 { 0 } else { 400 }, w)));
    input.extend(words(&good, false).into_iter().map(|w| (0, w)));
    let line = send(&input, 1200);
    let bursts = bursts(&line);
    assert_eq!(bursts.len(), 3);
    for (burst, frame) in [(&bursts[0].1, &bad[..]), (&bursts[1].1, &dry[..40])] {
        let mut wire = on_wire(frame);
        if frame.len() < 60 {
            wire.truncate(8 + frame.len());
            wire.extend(fcs(frame).to_le_bytes());
        }
        let end = wire.len() - 4;
        let bytes: Vec<u8> = burst.iter().map(|g| g.0).collect();
        assert_eq!(bytes[..end], wire[..end]);
        let complement: Vec<u8> = wire[end..].iter().map(|b| !b).collect();
        assert_eq!(bytes[end..], complement, "the FCS is the complement of the right one");
        assert!(burst[end..].iter().all(|g| g.2), "gmii_tx_er");
    }
    let bytes: Vec<u8> = bursts[2].1.iter().map(|g| g.0).collect();
    assert_eq!(bytes, on_wire(&good), "the frame after it is whole");
    let verdicts: Vec<bool> = receive(&line, |_| true).into_iter().map(|(_, good)| good).collect();
    assert_eq!(verdicts, [false, false, true]);
}

#[test]
fn gmii_loop_carries_frames_of_every_length() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut frames: Vec<Vec<u8>> = (60..=160).map(|len| random_frame(&mut rng, len)).collect();
    frames.push(random_frame(&mut rng, 4170));
    let input: Vec<_> = frames.iter().flat_map(|f| words(f, false)).map(|w| (0, w)).collect();
    let line = send(&input, frames.iter().map(|f| f.len() + 24).sum::<usize>() + 20);
    let got = receive(&line, |_| true);
    let expected: Vec<_> = frames.into_iter().map(|frame| (frame, true)).collect();
    assert_eq!(got, expected);
}

#[test]
fn gmii_rx_finds_every_kind_of_bad_frame() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let frame = random_frame(&mut rng, 90);
    let line = |wire: &[u8]| -> Vec<Gmii> {
        let burst = wire.iter().map(|b| (*b, true, false));
        burst.chain([(0, false, false); 12]).collect()
    };
    let good = line(&on_wire(&frame));
    assert_eq!(receive(&good, |_| true), [(frame.clone(), true)]);
    // Each byte of frame and FCS with one bit wrong, and with the PHY's error.
    for n in 8..8 + 94 {
        let mut wrong = good.clone();
        wrong[n].0 ^= 1 << rng.random_range(0..8);
        let mut error = good.clone();
        error[n].2 = true;
        for line in [wrong, error] {
            let verdicts: Vec<bool> = receive(&line, |_| true).into_iter().map(|(_, good)| good).collect();
            assert_eq!(verdicts, [false], "byte {n}");
        }
    }
    // Too short, with a right FCS.
    let mut runt = on_wire(&frame[..60]);
    runt.truncate(8 + 50);
    runt.extend(fcs(&frame[..50]).to_le_bytes());
    runt[8..58].copy_from_slice(&frame[..50]);
    assert_eq!(receive(&line(&runt), |_| true), [(frame[..50].to_vec(), false)]);
    // Nothing that could be a frame: no start, less than an FCS, a carrier with other bytes.
    for noise in [vec![0x55; 30], vec![0x55, 0x55, 0xd5, 1, 2, 3], vec![1, 2, 3, 0xd5, 5, 6, 7, 8, 9, 10, 11]] {
        let mut both = line(&noise);
        both.extend(&good);
        assert_eq!(receive(&both, |_| true), [(frame.clone(), true)], "{noise:x?}");
    }
}

#[test]
fn gmii_rx_ends_what_was_not_taken() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..60 {
        let frames: Vec<Vec<u8>> = (0..6)
            .map(|_| {
                let len = rng.random_range(60..200);
                random_frame(&mut rng, len)
            })
            .collect();
        let mut line = Vec::new();
        for frame in &frames {
            line.extend(on_wire(frame).iter().map(|b| (*b, true, false)));
            line.extend([(0, false, false); 12]);
        }
        // Not ready for a stretch somewhere; ready again at the end.
        let from = rng.random_range(0..line.len());
        let to = from + rng.random_range(1..300);
        let got = receive(&line, |cycle| !(from..to.min(line.len())).contains(&cycle));
        let whole: Vec<&Vec<u8>> = got.iter().filter(|(_, good)| *good).map(|(frame, _)| frame).collect();
        // What is good is one of the frames, in order; what was cut short is bad.
        let mut rest = frames.iter();
        for frame in whole {
            assert!(rest.any(|f| f == frame), "a good frame that was not sent, or out of order");
        }
        assert!(
            got.iter().filter(|(_, good)| !good).count() <= 2,
            "one stretch spoils at most two frames that had begun"
        );
    }
}
