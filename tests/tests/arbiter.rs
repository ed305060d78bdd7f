//! `prim::arbiter`: order per input, stability, fairness.

use dyad_hdl::ir::{Bits, Module};
use dyad_hdl::prim::arbiter::{Fixed, RoundRobin, chosen_mux, stream_mux};
use dyad_tests::{Scoreboard, Sink, Source, Stall, Trial, trial};

const WORDS: u64 = 2000;

/// Every word comes once, in the order of its input, and with the number of its input where the block tells it.
fn joins(t: &mut Trial, module: &Module, n: usize) {
    let mut dut = t.dut(module);
    let tells = module.ports().iter().any(|p| p.name == "sel");
    for take in Stall::ALL {
        dut.reset();
        let mut sources: Vec<Source> =
            (0..n).map(|i| Source::new(&dut, &format!("s{i}"), *t.rng.pick(&Stall::ALL))).collect();
        let mut boards: Vec<Scoreboard<Bits>> = (0..n).map(|i| Scoreboard::new(&format!("word of {i}"))).collect();
        for (source, board) in sources.iter_mut().zip(&mut boards) {
            for _ in 0..WORDS {
                let word = t.rng.bits(33);
                board.expect(word.clone());
                source.push(word);
            }
        }
        let mut sink = Sink::new(&dut, "m", take);
        let mut held: Option<u64> = None;
        while boards.iter().any(|b| b.missing() > 0) {
            assert!(dut.cycle() < 100 * WORDS * n as u64, "{take:?}: stuck");
            sources.iter_mut().for_each(|s| s.drive(&mut dut, &mut t.rng));
            sink.drive(&mut dut, &mut t.rng);
            dut.settle();
            if tells && dut.peek("m_valid") == 1 {
                let sel = dut.peek("sel");
                assert!(held.is_none_or(|h| h == sel), "the grant moved from {held:?} to {sel} before ready");
                held = Some(sel);
            }
            let taken: Vec<usize> = (0..n).filter(|&i| sources[i].sample(&dut).is_some()).collect();
            if let Some(word) = sink.sample(&dut) {
                let [from] = taken[..] else { panic!("a word came, and {taken:?} were taken from") };
                boards[from].got(&word);
                assert!(!tells || held == Some(from as u64), "{held:?} is told, {from} was taken from");
                held = None;
            } else {
                assert!(taken.is_empty(), "a word was taken and did not come out");
            }
            dut.edge();
        }
        boards.iter().for_each(Scoreboard::finish);
    }
}

#[test]
fn round_robin_joins() {
    trial(|t| {
        for n in [1, 2, 3, 5] {
            joins(t, &stream_mux(n, 33, RoundRobin), n);
        }
    });
}

#[test]
fn fixed_joins() {
    trial(|t| joins(t, &stream_mux(3, 33, Fixed), 3));
}

#[test]
fn chosen_joins() {
    trial(|t| {
        for n in [2, 3, 5] {
            joins(t, &chosen_mux(n, 33, RoundRobin), n);
        }
        joins(t, &chosen_mux(3, 33, Fixed), 3);
    });
}

/// A beat in every second cycle, round the inputs that ask.
#[test]
fn chosen_goes_round() {
    trial(|t| {
        let mut dut = t.dut(&chosen_mux(3, 33, RoundRobin));
        for i in 0..3 {
            dut.poke(&format!("s{i}_valid"), 1);
            dut.poke(&format!("s{i}_data"), 10 + i);
        }
        dut.poke("m_ready", 1);
        for turn in 0..30 {
            dut.settle();
            assert_eq!(dut.peek("m_valid"), 0, "turn {turn}: chosen");
            dut.edge();
            dut.settle();
            assert_eq!((dut.peek("m_valid"), dut.peek("m_data")), (1, 10 + turn % 3), "turn {turn}: passed");
            dut.edge();
        }
    });
}

/// With all inputs asking all the time, the beats go round.
#[test]
fn round_robin_is_fair() {
    trial(|t| {
        let mut dut = t.dut(&stream_mux(3, 33, RoundRobin));
        (0..3).for_each(|i| dut.poke(&format!("s{i}_valid"), 1));
        dut.poke("m_ready", 1);
        for turn in 0..30 {
            dut.settle();
            assert_eq!(dut.peek("sel"), turn % 3, "turn {turn}");
            dut.edge();
        }
        // An input that stops asking is passed over.
        dut.poke("s1_valid", 0);
        for turn in 0..10 {
            dut.settle();
            assert_eq!(dut.peek("sel"), [0, 2][turn % 2], "turn {turn}");
            dut.edge();
        }
    });
}

#[test]
fn fixed_prefers_the_lowest() {
    trial(|t| {
        let mut dut = t.dut(&stream_mux(3, 33, Fixed));
        dut.poke("m_ready", 1);
        for asking in 1..8u64 {
            (0..3).for_each(|i| dut.poke(&format!("s{i}_valid"), asking >> i & 1));
            dut.settle();
            assert_eq!(dut.peek("sel"), u64::from(asking.trailing_zeros()), "requests {asking:03b}");
            assert_eq!(dut.peek("m_valid"), 1);
            dut.edge();
        }
    });
}
