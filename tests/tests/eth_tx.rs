//! `net::eth_tx`: every frame that the MAC takes is parsed by plain Rust and compared with the job it came from.

mod net;

use dyad_spec::{BLOCK_BYTES, FrameType};
use dyad_tests::{Stall, Trial, trial};
use net::tx_bench::{Bench, Paces};

/// Blocks, blocks sent again, short frames and messages at random times. Some blocks have bad payload.
fn traffic(t: &mut Trial, data_w: usize, jumbo: bool, paces: Paces, steps: u64) -> Bench {
    let mut bench = Bench::new(t, data_w, jumbo, paces);
    for _ in 0..steps {
        match t.rng.below(9) {
            0..=3 => {
                let beats = (BLOCK_BYTES / bench.beat) as u64;
                let err = t.rng.one_in(6).then(|| t.rng.below(beats) as usize);
                let again = t.rng.one_in(3);
                bench.block(t, again, err);
            }
            4..=6 => (0..=t.rng.below(3)).for_each(|_| bench.ctl(t)),
            7 => bench.zeroes(t),
            _ => {
                let bytes = *t.rng.pick(&[64, 256, 1408, 4096, 8896]);
                bench.mail(t, bytes);
            }
        }
        (0..t.rng.below(4)).for_each(|_| bench.commit(t));
        for _ in 0..t.rng.below(2 * 4096 / bench.beat as u64) {
            bench.cycle(t);
        }
    }
    bench.drain(t);
    assert!(bench.rode > 0, "{} COMMITs rode along", bench.rode);
    bench
}

/// Frames of every type, at both widths and MTUs, with a MAC that never, sometimes, and often pauses.
#[test]
fn eth_tx_frames_are_right() {
    trial(|t| {
        for (data_w, jumbo) in [(64, true), (64, false), (512, true), (512, false)] {
            for mac in Stall::ALL {
                let bench = traffic(t, data_w, jumbo, Paces { mac, ..Paces::FULL }, 90);
                let bad = bench.taken.iter().filter(|f| f.frame.bad).count();
                assert!(bad > 0 && bad < 35, "{bad} of {} frames were bad", bench.taken.len());
                for kind in [FrameType::Write, FrameType::WriteZeroes, FrameType::Ack, FrameType::Control] {
                    let is = |f: &&net::Taken| f.frame.header().version_type() & 15 == kind.code();
                    assert!(bench.taken.iter().any(|f| is(&f)), "no frame of type {kind:?}");
                }
            }
        }
    });
}

/// Payload that comes late ends its frame as bad, once; frames of other sources stay whole.
#[test]
fn eth_tx_late_payload_ends_the_frame() {
    trial(|t| {
        for (data_w, jumbo) in [(64, true), (64, false), (512, true), (512, false)] {
            for pay in [Stall::Quarter, Stall::Random] {
                for mac in Stall::ALL {
                    let bench = traffic(t, data_w, jumbo, Paces { pay, mail: pay, mac }, 25);
                    let kind = |f: &net::Taken| f.frame.header().version_type() & 15;
                    let bad = |k: FrameType| bench.taken.iter().any(|f| f.frame.bad && kind(f) == k.code());
                    if mac == Stall::None {
                        assert!(bad(FrameType::Write), "{data_w} {jumbo} {pay:?}: no block was late");
                    }
                }
            }
        }
    });
}

/// A message's payload that pauses ends its frame as bad; the rest of it is thrown away, and the next message is whole.
#[test]
fn eth_tx_late_message_ends_the_frame() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = Bench::new(t, data_w, true, Paces { mail: Stall::Quarter, ..Paces::FULL });
            for _ in 0..40 {
                let bytes = *t.rng.pick(&[64, 128, 256]);
                bench.mail(t, bytes);
            }
            bench.drain(t);
            let bad = bench.taken.iter().filter(|f| f.frame.bad).count();
            assert!(bad > 0 && bad < 40, "{bad} of 40 messages ended as bad");
        }
    });
}

/// Bad payload at each beat of a block: the frame ends there, nothing of the block follows, the next block is whole.
#[test]
fn eth_tx_bad_payload_at_every_beat() {
    trial(|t| {
        for (data_w, jumbo) in [(64, true), (64, false), (512, true), (512, false)] {
            let mut bench = Bench::new(t, data_w, jumbo, Paces::FULL);
            let beats = BLOCK_BYTES / bench.beat;
            // At 64 bits every seventh beat, and those around the ends of parts.
            let edge = |b: usize| {
                bench.link.parts().iter().any(|(o, l)| [*o, o + l].iter().any(|e| (b + 2).abs_diff(e / 8) < 4))
            };
            let chosen: Vec<usize> = (0..beats).filter(|b| data_w == 512 || b % 7 == 0 || edge(*b)).collect();
            for beat in &chosen {
                bench.block(t, false, Some(*beat));
                bench.block(t, false, None);
            }
            bench.drain(t);
            let parts = bench.link.parts().len();
            let bad = bench.taken.iter().filter(|f| f.frame.bad).count();
            assert_eq!(bad, chosen.len());
            let whole = bench.taken.len() - bad;
            let before: usize =
                chosen.iter().map(|b| bench.link.parts().iter().filter(|(o, l)| o + l <= b * bench.beat).count()).sum();
            assert_eq!(whole, chosen.len() * parts + before, "frames around the bad ones");
        }
    });
}

/// With payload there and the MAC ready: no idle cycle, so a block costs its beats of headers, payload and trailers.
#[test]
fn eth_tx_goodput() {
    trial(|t| {
        for (data_w, jumbo, cycles) in [(64, true, 521), (64, false, 539), (512, true, 66), (512, false, 70)] {
            let mut bench = Bench::new(t, data_w, jumbo, Paces::FULL);
            for _ in 0..20 {
                bench.block(t, false, None);
            }
            bench.drain(t);
            let parts = bench.link.parts().len();
            let starts: Vec<u64> = bench.taken.iter().step_by(parts).map(|f| f.shown_first).collect();
            assert_eq!(starts.len(), 20);
            for pair in starts.windows(2) {
                assert_eq!(pair[1] - pair[0], cycles, "DATA_W {data_w}, jumbo {jumbo}: cycles from block to block");
            }
        }
    });
}

/// Cycles from the first cycle in which `port` is valid to the first in which `m_axis_tx_tvalid` is.
fn latency(bench: &mut Bench, t: &mut Trial, port: &str) -> u64 {
    let mut since = None;
    for _ in 0..200 {
        let before = bench.dut.cycle();
        bench.cycle(t);
        // Read after the edge: inputs are those of the cycle before it.
        if since.is_none() && bench.dut.peek(port) == 1 {
            since = Some(before);
        }
        if bench.dut.peek("m_axis_tx_tvalid") == 1 {
            return bench.dut.cycle() - since.expect("valid comes first");
        }
    }
    panic!("no frame came");
}

#[test]
fn eth_tx_latency() {
    trial(|t| {
        for (data_w, first_beat, message) in [(64, 1, 1), (512, 5, 2)] {
            let mut bench = Bench::new(t, data_w, true, Paces::FULL);
            bench.ctl(t);
            assert_eq!(latency(&mut bench, t, "s_ctl_valid"), 1, "DATA_W {data_w}: short frame");
            bench.drain(t);
            bench.block(t, false, None);
            assert_eq!(
                latency(&mut bench, t, "s_pay_valid"),
                first_beat,
                "DATA_W {data_w}: from the first beat of payload"
            );
            bench.drain(t);
            bench.mail(t, 256);
            assert_eq!(latency(&mut bench, t, "s_mb_valid"), message, "DATA_W {data_w}: message");
            bench.drain(t);
        }
    });
}

/// Short frames go between the parts of a block, blocks and blocks sent again take turns, messages come last.
#[test]
fn eth_tx_order_of_sources() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut bench = Bench::new(t, data_w, false, Paces::FULL);
            for again in [false, true, false, true] {
                bench.block(t, again, None);
            }
            // The first part is on its way when the short frames and the message come.
            (0..20).for_each(|_| bench.cycle(t));
            bench.mail(t, 256);
            (0..3).for_each(|_| bench.ctl(t));
            bench.drain(t);
            let name = |f: &net::Taken| match f.frame.header().version_type() & 15 {
                1 | 7 if bench.jobs[&f.frame.header().seq()].again => 'r',
                1 | 7 => 'w',
                6 => 'm',
                _ => 'c',
            };
            let order: String = bench.taken.iter().map(name).collect();
            let frames = order.strip_suffix('m').unwrap_or_else(|| panic!("the message comes last: {order}"));
            assert!(frames[1..].starts_with("ccc"), "short frames come at the next boundary: {order}");
            assert_eq!(frames.replacen("ccc", "", 1), turns(frames), "blocks take turns: {order}");
        }
    });
}

/// Both block streams have something to send all the time: they alternate, frame by frame.
fn turns(order: &str) -> String {
    let first = order.chars().next().expect("a frame");
    let other = if first == 'w' { 'r' } else { 'w' };
    (0..12).map(|i| if i % 2 == 0 { first } else { other }).collect()
}

/// While a block waits for payload in the middle, others go on.
#[test]
fn eth_tx_a_stalled_block_stops_nothing() {
    trial(|t| {
        let mut bench = Bench::new(t, 64, false, Paces::FULL);
        let (seq, mut words) = bench.job(t, false, None, false);
        let rest = words.split_off(bench.link.parts()[0].1 / bench.beat);
        bench.payload(false, words);
        (0..400).for_each(|_| bench.cycle(t));
        assert_eq!(bench.taken.len(), 1, "the first part of block {seq}");
        bench.block(t, true, None);
        bench.ctl(t);
        (0..700).for_each(|_| bench.cycle(t));
        assert_eq!(bench.taken.len(), 1 + 3 + 1, "the other block and the short frame");
        assert_eq!(bench.dut.peek("busy"), 1, "busy while half a block is there");
        bench.payload(false, rest);
        bench.drain(t);
        assert_eq!(bench.taken.len(), 3 + 3 + 1);
        assert!(bench.taken.iter().all(|f| !f.frame.bad));
    });
}
