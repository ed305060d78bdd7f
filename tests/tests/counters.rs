//! `counters` against an array of sums.

use dyad_hdl::csr::counters::counters;
use dyad_hdl::ir::Bits;
use dyad_spec::counters::Counter;
use dyad_spec::regs::COUNTERS_MAX;
use dyad_tests::{Dut, Trial, trial};

const N: usize = Counter::ALL.len();

/// One cycle with these events and this address.
fn cycle(dut: &mut Dut, events: &Bits, addr: usize) {
    dut.poke_bits("events", events);
    dut.poke("addr", addr as u64);
    dut.tick();
}

/// Reads every address, a cycle each; what is asked in one cycle comes two later.
fn read_all(dut: &mut Dut) -> Vec<u64> {
    let mut words = Vec::new();
    for addr in 0..COUNTERS_MAX + 2 {
        dut.poke_bits("events", &Bits::zero(N));
        dut.poke("addr", (addr % COUNTERS_MAX) as u64);
        dut.settle();
        words.push(dut.peek("data"));
        dut.edge();
    }
    words.split_off(2)
}

fn run(t: &mut Trial, density: impl Fn(usize) -> u64) {
    let mut dut = t.dut(&counters());
    let mut want = [0u64; N];
    for _ in 0..3 {
        for _ in 0..1 + t.rng.below(4000) {
            let mut events = Bits::zero(N);
            for (i, sum) in want.iter_mut().enumerate() {
                if t.rng.below(1000) < density(i) {
                    events.set(i, &Bits::ones(1));
                    *sum += 1;
                }
            }
            cycle(&mut dut, &events, t.rng.below(COUNTERS_MAX as u64) as usize);
        }
        (0..N + 4).for_each(|_| cycle(&mut dut, &Bits::zero(N), 0));
        let got = read_all(&mut dut);
        for (i, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(got[i], want[i], "{}", counter.name());
        }
        assert!(got[N..].iter().all(|w| *w == 0), "no counter past the last");
    }
    assert!(want.iter().any(|w| *w > 0));
}

#[test]
fn every_event_is_counted_even_in_every_cycle() {
    trial(|t| run(t, |_| 1000));
}

#[test]
fn counters_of_any_density_are_exact() {
    trial(|t| {
        run(t, |i| (i as u64 * 17) % 1001);
        run(t, |i| if i % 7 == 0 { 3 } else { 500 });
    });
}

/// Totals stay in RAM over a reset; they must not be seen, nor added to.
#[test]
fn reset_sets_all_to_zero_and_loses_nothing_after_it() {
    trial(|t| {
        let mut dut = t.dut(&counters());
        for events in [u64::MAX, 0b1010] {
            for _ in 0..500 {
                cycle(&mut dut, &Bits::from_words(&[events], N), 0);
            }
            dut.reset();
        }
        let early = 5;
        (0..early).for_each(|_| cycle(&mut dut, &Bits::ones(N), 3));
        let got = read_all(&mut dut);
        assert!(got[..N / 2].iter().all(|w| *w == 0), "totals of before the reset");
        (0..N).for_each(|_| cycle(&mut dut, &Bits::zero(N), 0));
        assert_eq!(read_all(&mut dut)[..N], [early; N]);
    });
}
