//! `prim::fifo` and `prim::fifo_ram` against a queue.

use dyad_hdl::ir::Module;
use dyad_hdl::prim::fifo::{fifo, fifo_ram};
use dyad_tests::{Scoreboard, Sink, Source, Stall, Trial, trial};

const WORDS: usize = 4000;

/// Order, count, and that it fills to its depth, with every mix of pauses.
fn keeps_order(t: &mut Trial, module: &Module, depth: u64) {
    let mut dut = t.dut(module);
    let width = dut.width("s_data");
    for (put, take) in Stall::ALL.into_iter().flat_map(|a| Stall::ALL.map(|b| (a, b))) {
        dut.reset();
        let mut source = Source::new(&dut, "s", put);
        let mut sink = Sink::new(&dut, "m", take);
        let mut board = Scoreboard::new("word");
        let (mut inside, mut most) = (0u64, 0);
        for _ in 0..WORDS {
            let word = t.rng.bits(width);
            board.expect(word.clone());
            source.push(word);
        }
        // For a while nothing is taken, so that it fills; then all is.
        let blocked = 4 * depth + 16;
        for cycle in 0..blocked + 40 * WORDS as u64 {
            source.drive(&mut dut, &mut t.rng);
            if cycle < blocked {
                sink.drive_as(&mut dut, false)
            } else {
                sink.drive(&mut dut, &mut t.rng)
            }
            dut.settle();
            assert_eq!(dut.peek("count"), inside, "{put:?} {take:?} cycle {cycle}: count");
            assert_eq!(dut.peek("s_ready"), u64::from(inside < depth), "{put:?} {take:?} cycle {cycle}: ready");
            inside += u64::from(source.sample(&dut).is_some());
            if let Some(word) = sink.sample(&dut) {
                board.got(&word);
                inside -= 1;
            }
            most = most.max(inside);
            dut.edge();
            if board.missing() == 0 {
                break;
            }
        }
        board.finish();
        assert_eq!(most, depth, "{put:?} {take:?}: it never was full");
    }
}

/// Cycles from a write into the empty FIFO until the word is at the output.
fn latency(t: &Trial, module: &Module) -> u64 {
    let mut dut = t.dut(module);
    dut.poke("s_valid", 1);
    dut.poke("s_data", 1);
    dut.tick();
    dut.poke("s_valid", 0);
    for cycles in 1..10 {
        dut.settle();
        if dut.peek("m_valid") == 1 {
            assert_eq!(dut.peek("m_data"), 1);
            return cycles;
        }
        dut.edge();
    }
    panic!("the word never came");
}

/// With both ends ready, a word moves every cycle.
fn full_rate(t: &mut Trial, module: &Module) {
    let mut dut = t.dut(module);
    let mut source = Source::new(&dut, "s", Stall::None);
    let mut sink = Sink::new(&dut, "m", Stall::None);
    let width = dut.width("s_data");
    (0..1000).for_each(|_| source.push(t.rng.bits(width)));
    let mut out = 0;
    for _ in 0..1003 {
        source.drive(&mut dut, &mut t.rng);
        sink.drive(&mut dut, &mut t.rng);
        dut.settle();
        source.sample(&dut);
        out += u64::from(sink.sample(&dut).is_some());
        dut.edge();
    }
    assert_eq!(out, 1000, "words in 1000 cycles and the latency");
}

#[test]
fn fifo_keeps_order() {
    trial(|t| {
        for (depth, width) in [(2, 1), (5, 70), (16, 32)] {
            keeps_order(t, &fifo(depth, width), depth as u64);
        }
    });
}

#[test]
fn fifo_latency_is_1_at_full_rate() {
    trial(|t| {
        assert_eq!(latency(t, &fifo(16, 32)), 1);
        full_rate(t, &fifo(2, 1));
        full_rate(t, &fifo(16, 32));
    });
}

#[test]
fn fifo_ram_keeps_order() {
    trial(|t| {
        for (depth, width) in [(4, 9), (37, 130), (512, 64)] {
            keeps_order(t, &fifo_ram(depth, width), depth as u64);
        }
    });
}

#[test]
fn fifo_ram_latency_is_3_at_full_rate() {
    trial(|t| {
        assert_eq!(latency(t, &fifo_ram(512, 64)), 3);
        full_rate(t, &fifo_ram(512, 64));
        full_rate(t, &fifo_ram(4, 9));
    });
}

#[test]
#[should_panic(expected = "depth 2 to 1024")]
fn fifo_of_one_word_is_refused() {
    fifo(1, 8);
}

#[test]
#[should_panic(expected = "depth 4 to 65536")]
fn fifo_ram_of_two_words_is_refused() {
    fifo_ram(2, 8);
}
