//! The parts of `board/`: the MAC against a plain function, into itself and with a bad line; the FIFO between clocks at all
//! ratios; memory and serial line against arrays. And the lint tools on their text.

mod host;
mod mac;

#[allow(dead_code, reason = "each test uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::collections::VecDeque;

use dyad_hdl::board::{axi_ram, cdc_fifo, gmii_rx, gmii_tx, serial};
use dyad_hdl::interp::Interp;
use dyad_hdl::ir::Module;
use dyad_hdl::verilog;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All blocks of the directory, at the sizes that boards use and at small ones.
fn blocks() -> Vec<Module> {
    vec![
        gmii_tx::gmii_tx(),
        gmii_rx::gmii_rx(),
        cdc_fifo::cdc_put(4, 74),
        cdc_fifo::cdc_take(4, 74),
        cdc_fifo::cdc_put(16, 3),
        cdc_fifo::cdc_take(16, 3),
        axi_ram::axi_ram(1024, 64, 64),
        axi_ram::axi_ram(16, 256, 40),
        axi_ram::axi_store(1024, 128, 52),
        serial::serial(16),
    ]
}

#[test]
fn blocks_pass_the_lint_tools() {
    for block in blocks() {
        let text = verilog::print(&block);
        for tool in [support::verilator, support::yosys, support::slang] {
            tool(block.name(), &text).unwrap_or_else(|e| panic!("{}: {e}", block.name()));
        }
    }
}

/// Words keep their order at every ratio of the clocks, with pauses at both ends; and the FIFO fills to its depth.
#[test]
fn cdc_fifo_keeps_order_at_all_ratios() {
    for (depth, ratio) in [4, 8, 16].into_iter().flat_map(|d| [(1, 1), (7, 8), (8, 7), (1, 5), (5, 1)].map(|r| (d, r)))
    {
        let mut rng = ChaCha8Rng::seed_from_u64(depth as u64);
        let mut put = Interp::new(&cdc_fifo::cdc_put(depth, 8)).unwrap();
        let mut take = Interp::new(&cdc_fifo::cdc_take(depth, 8)).unwrap();
        let (mut inside, mut most, mut done) = (VecDeque::new(), 0, 0u32);
        let (mut at_put, mut at_take) = (0, 0);
        for round in 0.. {
            // For a while nothing is taken.
            let stalled = round % 400 < 100;
            put.poke("take_gray", &take.peek("take_gray"));
            take.poke("words", &put.peek("words"));
            take.poke("put_gray", &put.peek("put_gray"));
            // Whichever clock ticks next.
            if at_put <= at_take {
                at_put += ratio.0;
                let valid = rng.random_bool(0.8);
                let word: u8 = rng.random();
                put.poke_u64("s_valid", valid.into());
                put.poke_u64("s_data", word.into());
                if valid && put.peek_u64("s_ready") == 1 {
                    inside.push_back(word);
                    most = most.max(inside.len());
                }
                put.step().unwrap();
            } else {
                at_take += ratio.1;
                let ready = !stalled && rng.random_bool(0.7);
                take.poke_u64("m_ready", ready.into());
                if ready && take.peek_u64("m_valid") == 1 {
                    assert_eq!(
                        Some(take.peek_u64("m_data") as u8),
                        inside.pop_front(),
                        "{depth} {ratio:?}: word {done}"
                    );
                    done += 1;
                }
                take.step().unwrap();
            }
            if round > 6000 {
                break;
            }
        }
        assert_eq!(most, depth, "{ratio:?}: it fills to its depth, and not past it");
        assert!(done > 500, "{depth} {ratio:?}: {done} words");
    }
}
