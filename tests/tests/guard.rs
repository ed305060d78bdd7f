//! `top::guard`: frames from a source that is reset at any moment reach the MAC whole, or end as bad.

use dyad_hdl::ir::Bits;
use dyad_hdl::top::guard::axis_guard;
use dyad_tests::{Dut, Rng, trial};

/// A beat: data, keep, last, user.
type Beat = (Bits, u64, bool, bool);

/// A source of frames that can be reset.
#[derive(Default)]
struct Source {
    /// Beats of the frame that are left, the next one first.
    frame: Vec<Beat>,
    offered: bool,
}

impl Source {
    fn next(&mut self, rng: &mut Rng, data_w: usize) -> Option<Beat> {
        if self.frame.is_empty() && rng.one_in(3) {
            let len = 1 + rng.below(6) as usize;
            self.frame = (0..len).map(|n| (rng.bits(data_w), u64::MAX, n + 1 == len, false)).collect();
        }
        self.offered |= !self.frame.is_empty() && !rng.one_in(4);
        self.offered.then(|| self.frame[0].clone())
    }
}

fn shown(dut: &Dut) -> Option<Beat> {
    (dut.peek("m_axis_tvalid") == 1).then(|| {
        let keep = dut.peek("m_axis_tkeep");
        (dut.peek_bits("m_axis_tdata"), keep, dut.peek("m_axis_tlast") == 1, dut.peek("m_axis_tuser") == 1)
    })
}

/// Resets at random moments of random length, at a MAC that pauses: the MAC's rules are kept, what was offered is
/// delivered, an open frame gets a bad end, and nothing is left open.
#[test]
fn guard_ends_open_frames() {
    trial(|t| {
        for data_w in [64, 512] {
            for pause in [0, 2, 6] {
                let mut dut = t.dut(&axis_guard(&format!("axis_guard_{data_w}"), data_w));
                let rng = &mut t.rng;
                let keep_all = Bits::ones(data_w / 8).low_u64();
                let mut source = Source::default();
                // Beats that the MAC must see next: a frame in work, and the end that a reset owes it.
                let mut inside = false;
                let mut owed: Vec<Option<Beat>> = Vec::new();
                let mut held: Option<Beat> = None;
                let mut drain = 0;
                let (mut whole, mut ended, mut kept) = (0, 0, 0);
                for cycle in 0..20_000u64 {
                    let (resetting, owing) = (drain > 0, !owed.is_empty());
                    let beat = if resetting { None } else { source.next(rng, data_w) };
                    // In reset the source shows anything but a valid beat.
                    let begins = !resetting && rng.one_in(40);
                    dut.poke("drain", (resetting || begins).into());
                    dut.poke("s_axis_tvalid", beat.is_some().into());
                    dut.poke_bits("s_axis_tdata", &beat.as_ref().map_or_else(|| rng.bits(data_w), |b| b.0.clone()));
                    dut.poke("s_axis_tkeep", beat.as_ref().map_or(0, |b| b.1) & keep_all);
                    dut.poke("s_axis_tlast", beat.as_ref().map_or_else(|| rng.below(2), |b| b.2.into()));
                    dut.poke("s_axis_tuser", beat.as_ref().map_or_else(|| rng.below(2), |b| b.3.into()));
                    let ready = pause == 0 || !rng.one_in(pause);
                    dut.poke("m_axis_tready", ready.into());
                    dut.settle();
                    let out = shown(&dut);
                    if let Some(held) = &held {
                        assert_eq!(out.as_ref(), Some(held), "cycle {cycle}: a beat changed before ready");
                    }
                    held = if ready { None } else { out.clone() };
                    let visible = out.is_some();
                    let accepted = beat.is_some() && dut.peek("s_axis_tready") == 1;
                    if let Some((data, keep, last, user)) = out.filter(|_| ready) {
                        if resetting {
                            match owed.remove(0) {
                                Some(want) => {
                                    assert_eq!((data, last, user), (want.0, want.2, want.3), "what was offered")
                                }
                                None => {
                                    assert!(last && user && keep == 1, "a bad end");
                                    ended += 1;
                                }
                            }
                        } else {
                            let want = beat.clone().expect("only what the source shows passes");
                            assert_eq!((data, keep, last, user), (want.0, keep_all, want.2, want.3));
                            assert!(accepted, "both sides see the beat pass");
                            whole += u64::from(last);
                        }
                        inside = !last;
                    }
                    if accepted {
                        source.offered = false;
                        source.frame.remove(0);
                    }
                    if begins {
                        // Owed: what is offered, and an end when the frame is open after it.
                        // (In the first cycle after a reset nothing passes yet.)
                        let beat = beat.filter(|_| visible);
                        let open = beat.as_ref().map_or(inside, |b| !b.2);
                        let offered = beat.filter(|_| !accepted);
                        kept += u64::from(offered.is_some());
                        owed = offered.map(Some).into_iter().chain(open.then_some(None)).collect();
                        drain = 1;
                        source = Source::default();
                    } else if resetting {
                        assert_eq!(dut.peek("hold") == 1, owing, "cycle {cycle}: hold says that something is owed");
                        // It lasts while something is owed, and may last longer.
                        if !owing && rng.one_in(2) {
                            assert!(!inside, "cycle {cycle}: a frame is left open");
                            drain = 0;
                        }
                    }
                    dut.edge();
                }
                assert!(whole > 500 && ended > 50 && (pause == 0 || kept > 20), "{whole} {ended} {kept}");
            }
        }
    });
}
