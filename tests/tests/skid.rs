//! `prim::skid` and `prim::width` against plain Rust.

use dyad_hdl::ir::{Bits, Module};
use dyad_hdl::prim::skid::{half_slice, skid};
use dyad_hdl::prim::width::{narrow, widen};
use dyad_tests::{Scoreboard, Sink, Source, Stall, Trial, trial};

const WORDS: usize = 3000;

/// Sends `WORDS` random words with every mix of pauses; `convert` says what must come out of them. Returns the cycles
/// that the run without pauses took.
fn run(t: &mut Trial, module: &Module, convert: impl Fn(&[Bits]) -> Vec<Bits>) -> u64 {
    let mut dut = t.dut(module);
    let width = dut.width("s_data");
    let mut fastest = 0;
    for (put, take) in Stall::ALL.into_iter().flat_map(|a| Stall::ALL.map(|b| (a, b))) {
        dut.reset();
        let mut source = Source::new(&dut, "s", put);
        let mut sink = Sink::new(&dut, "m", take);
        let mut board = Scoreboard::new("word");
        let words: Vec<Bits> = (0..WORDS).map(|_| t.rng.bits(width)).collect();
        convert(&words).into_iter().for_each(|w| board.expect(w));
        words.into_iter().for_each(|w| source.push(w));
        while board.missing() > 0 {
            assert!(dut.cycle() < 200 * WORDS as u64, "{put:?} {take:?}: stuck with {} to come", board.missing());
            source.drive(&mut dut, &mut t.rng);
            sink.drive(&mut dut, &mut t.rng);
            dut.settle();
            source.sample(&dut);
            if let Some(word) = sink.sample(&dut) {
                board.got(&word);
            }
            dut.edge();
        }
        board.finish();
        if (put, take) == (Stall::None, Stall::None) {
            fastest = dut.cycle();
        }
    }
    fastest
}

fn cut(words: &[Bits], to: usize) -> Vec<Bits> {
    words.iter().flat_map(|w| (0..w.width() / to).map(move |i| w.get(i * to, to))).collect()
}

fn join(words: &[Bits], to: usize) -> Vec<Bits> {
    let from = words[0].width();
    let whole = words.chunks_exact(to / from).map(|parts| {
        let mut word = Bits::zero(to);
        parts.iter().enumerate().for_each(|(i, p)| word.set(i * from, p));
        word
    });
    whole.collect()
}

#[test]
fn skid_keeps_order_at_full_rate() {
    trial(|t| {
        for width in [1, 77] {
            assert_eq!(run(t, &skid(width), <[Bits]>::to_vec), WORDS as u64 + 1, "one cycle of latency, no bubbles");
        }
    });
}

/// Neither end's signals reach the other's in the same cycle.
#[test]
fn skid_cuts_both_directions() {
    for module in [skid(8), half_slice(8)] {
        assert!(module.data().comb_deps.iter().all(Vec::is_empty), "a path of logic from an input to an output");
    }
}

#[test]
fn half_slice_keeps_order_at_half_rate() {
    trial(|t| {
        for width in [1, 77] {
            assert_eq!(run(t, &half_slice(width), <[Bits]>::to_vec), 2 * WORDS as u64, "a beat every second cycle");
        }
    });
}

#[test]
fn widen_joins_lowest_first_at_full_rate() {
    trial(|t| {
        for (from, to) in [(64, 256), (512, 1024), (8, 24)] {
            let whole = WORDS - WORDS % (to / from);
            assert_eq!(run(t, &widen(from, to), |w| join(w, to)), whole as u64 + 1, "{from} to {to}");
        }
    });
}

#[test]
fn narrow_cuts_lowest_first_at_full_rate() {
    trial(|t| {
        for (from, to) in [(256, 64), (1024, 512), (24, 8)] {
            let parts = (WORDS * (from / to)) as u64;
            assert_eq!(run(t, &narrow(from, to), |w| cut(w, to)), parts + 1, "{from} to {to}");
        }
    });
}

#[test]
#[should_panic(expected = "100 bits in parts of 64 bits")]
fn widths_that_do_not_divide_are_refused() {
    widen(64, 100);
}
