//! `mailbox` against plain bytes.

use dyad_hdl::ir::Bits;
use dyad_hdl::net::mailbox::{KEPT, mailbox};
use dyad_hdl::params::Params;
use dyad_spec::BLOCK_BYTES;
use dyad_spec::wire::MAILBOX_BYTES;
use dyad_tests::{Dut, Rng, Sink, Stall, prove, trial};
use std::collections::VecDeque;

/// Writes a message word by word, now and then byte by byte.
fn compose(dut: &mut Dut, rng: &mut Rng, message: &[u8]) {
    for (i, word) in message.chunks(4).enumerate() {
        let value = u64::from(u32::from_le_bytes(word.try_into().unwrap()));
        let lanes: &[u64] = if rng.one_in(4) { &[1, 2, 4, 8] } else { &[0xf] };
        for we in lanes {
            let mask = (0..4).fold(0, |m, b| if we >> b & 1 == 1 { m | 0xff << (8 * b) } else { m });
            dut.poke("mb_tx_we", *we);
            dut.poke("mb_tx_addr", i as u64);
            dut.poke("mb_tx_data", value & mask | rng.next_u64() & !mask);
            dut.tick();
        }
    }
    dut.poke("mb_tx_we", 0);
}

#[test]
fn a_message_is_sent_with_zeroes_after_it() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut dut = t.dut(&mailbox(&Params::new(data_w)));
            for (n, stall) in Stall::ALL.into_iter().cycle().take(9).enumerate() {
                let message: Vec<u8> = (0..MAILBOX_BYTES).map(|_| t.rng.next_u64() as u8).collect();
                compose(&mut dut, &mut t.rng, &message);
                let order = [256, 1408, 4096, 0, 300, 65535, 320, 4160, 63][n];
                let bytes = (order & !63).clamp(MAILBOX_BYTES, BLOCK_BYTES);
                dut.poke("mb_send", 1);
                dut.poke("mb_send_bytes", order as u64);
                dut.tick();
                dut.poke("mb_send", 0);
                dut.settle();
                assert_eq!((dut.peek("m_mb_valid"), dut.peek("m_mbpay_valid")), (1, 1), "after one cycle");
                let (mut job, mut pay) = (Sink::new(&dut, "m_mb", stall), Sink::new(&dut, "m_mbpay", stall));
                let (mut jobs, mut payload) = (Vec::new(), Vec::new());
                let start = dut.cycle();
                loop {
                    // An order while one is under way does nothing.
                    dut.poke("mb_send", u64::from(t.rng.one_in(8) && jobs.len() + payload.len() < 2));
                    job.drive(&mut dut, &mut t.rng);
                    pay.drive(&mut dut, &mut t.rng);
                    dut.settle();
                    jobs.extend(job.sample(&dut).map(|j| j.low_u64() as usize));
                    payload.extend(pay.sample(&dut).map(|b| b.to_bytes_le()).into_iter().flatten());
                    let done = dut.peek("mb_tx_busy") == 0;
                    assert_eq!(dut.peek("quiet") == 1, done);
                    dut.edge();
                    if done {
                        break;
                    }
                    assert!(dut.cycle() < start + 100_000, "stuck");
                }
                dut.poke("mb_send", 0);
                let mut want = message.clone();
                want.resize(bytes, 0);
                assert_eq!(jobs, [bytes], "order of {order} bytes");
                assert_eq!(payload, want);
                if stall == Stall::None {
                    assert_eq!(dut.cycle() - start, (bytes * 8 / data_w) as u64 + 2, "a beat a cycle");
                }
            }
        }
    });
}

/// Sends a frame's payload in, with pauses. Returns whether it was let in, and whether it was counted as dropped.
fn deliver(
    dut: &mut Dut,
    rng: &mut Rng,
    payload: &[u8],
    good: bool,
    data_w: usize,
    take_at: Option<usize>,
) -> (bool, bool) {
    for (i, chunk) in payload.chunks(data_w / 8).enumerate() {
        while rng.one_in(3) {
            dut.tick();
        }
        let mut beat = Bits::zero(data_w + 1);
        beat.set(0, &Bits::from_bytes_le(chunk).resize(data_w));
        beat.set(data_w, &Bits::from_u64(u64::from(i == 0), 1));
        dut.poke_bits("s_mbbeat_data", &beat);
        dut.poke("s_mbbeat_valid", 1);
        dut.poke("mb_take", u64::from(take_at == Some(i)));
        dut.tick();
        dut.poke("s_mbbeat_valid", 0);
        dut.poke("mb_take", 0);
    }
    dut.poke("s_mbend_data", u64::from(good) | (payload.len() as u64) << 1);
    dut.poke("s_mbend_valid", 1);
    dut.tick();
    dut.poke("s_mbend_valid", 0);
    dut.settle();
    assert_eq!(dut.peek("irq"), dut.peek("ev_mailbox_received"));
    let result = (dut.peek("irq") == 1, dut.peek("ev_mailbox_dropped") == 1);
    dut.edge();
    dut.settle();
    assert_eq!((dut.peek("irq"), dut.peek("ev_mailbox_dropped")), (0, 0), "pulses");
    result
}

fn read(dut: &mut Dut, bytes: usize) -> Vec<u8> {
    let mut words = Vec::new();
    for i in 0..=bytes / 4 {
        dut.poke("mb_rx_addr", (i % 64) as u64);
        dut.settle();
        words.push(dut.peek("mb_rx_data") as u32);
        dut.edge();
    }
    words[1..].iter().flat_map(|w| w.to_le_bytes()).collect()
}

#[test]
fn messages_are_kept_until_they_are_taken() {
    trial(|t| {
        for data_w in [64, 512] {
            let mut dut = t.dut(&mailbox(&Params::new(data_w)));
            let mut kept: VecDeque<Vec<u8>> = VecDeque::new();
            let (mut received, mut dropped) = (0, 0);
            for _ in 0..400 {
                let bytes = 64 * (1 + t.rng.below(64) as usize);
                let payload: Vec<u8> = (0..bytes).map(|_| t.rng.next_u64() as u8).collect();
                let good = !t.rng.one_in(4);
                let room = kept.len() < KEPT;
                // Now and then the host takes the message that waits while the next one comes in.
                let take_at =
                    (!kept.is_empty() && t.rng.one_in(4)).then(|| t.rng.below((bytes * 8 / data_w) as u64) as usize);
                let result = deliver(&mut dut, &mut t.rng, &payload, good, data_w, take_at);
                assert_eq!(result, (good && room, good && !room));
                received += u32::from(result.0);
                dropped += u32::from(result.1);
                if take_at.is_some() {
                    kept.pop_front();
                }
                if result.0 {
                    kept.push_back(payload);
                }
                let takes = if t.rng.one_in(12) { KEPT + 1 } else { usize::from(t.rng.one_in(3)) };
                for _ in 0..takes {
                    dut.settle();
                    assert_eq!(dut.peek("mb_rx_valid"), u64::from(!kept.is_empty()));
                    // To take where nothing is does nothing.
                    if let Some(message) = kept.pop_front() {
                        let seen = message.len().min(MAILBOX_BYTES);
                        assert_eq!(dut.peek("mb_rx_bytes"), message.len() as u64);
                        assert_eq!(read(&mut dut, seen), message[..seen]);
                    }
                    dut.poke("mb_take", 1);
                    dut.tick();
                    dut.poke("mb_take", 0);
                }
            }
            assert!(received > 50 && dropped > 20, "{received} received, {dropped} dropped");
        }
    });
}

#[test]
fn properties_are_proved() {
    prove(&mailbox(&Params::new(64)), 3, 0);
}
