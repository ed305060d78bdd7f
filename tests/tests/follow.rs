//! `offload::follow`: rows of the peer's writes against a map; and, on two cards, extents that go where they are written.

mod common;

use std::collections::HashMap;

use common::{EventIn, each_pipeline};
use dyad_driver::Mtu;
use dyad_hdl::bundle::own_code::{RELEASE, UNASKED};
use dyad_hdl::bundle::{Note, OpInfo, op_kind};
use dyad_hdl::offload::follow::{PLACES, follow};
use dyad_hdl::params::Params;
use dyad_sim::Site;
use dyad_spec::counters::Counter;
use dyad_tests::system::{LUN, Pair, Setup, pattern};
use dyad_tests::{Sink, Stall, field, pack};

/// Notes of a few extents, some of which share a place, against what the page says.
#[test]
fn rows_are_counted() {
    each_pipeline(&Params::new(64), |t, p| {
        for after in [0, 1, 2, 7, 255] {
            let mut dut = t.dut(&follow(p));
            let mut ops = Sink::new(&dut, "m_op", Stall::Random);
            let note = EventIn::new(&dut, "s_note");
            dut.poke("after", after);
            dut.settle();
            while dut.peek("init_done") == 0 {
                dut.edge();
                dut.settle();
            }
            // By place: whose row it is, and its length.
            let mut rows: HashMap<u64, (u64, u64)> = HashMap::new();
            let (mut expected, mut came) = (Vec::new(), Vec::new());
            for n in 0..30_000 {
                let seldom = if after > 100 { 2000 } else { 12 };
                let index = t.rng.below(5) + if t.rng.one_in(seldom) { PLACES as u64 } else { 0 };
                let theirs = !t.rng.one_in(seldom);
                let fields =
                    [("index", index), ("lun", index % 8), ("lba", index * 64 + n % 64), ("theirs", theirs.into())];
                note.put(&mut dut, Some(&pack(Note::FIELDS, &fields)), &mut t.rng);
                // As often as `admit` makes them, or later, when a release waits to be taken.
                for step in 0.. {
                    ops.drive(&mut dut, &mut t.rng);
                    dut.settle();
                    came.extend(ops.sample(&dut));
                    let done = step >= 5 && dut.peek("quiet") == 1;
                    dut.edge();
                    note.put(&mut dut, None, &mut t.rng);
                    if done {
                        break;
                    }
                }
                let row = rows.entry(index % PLACES as u64).or_insert((u64::MAX, 0));
                if theirs {
                    *row = (index, if row.0 == index { (row.1 + 1).min(255) } else { 1 });
                    if after != 0 && row.1 >= after {
                        row.1 = 0;
                        expected.push((index % 8, index * 64 + n % 64));
                    }
                } else if row.0 == index {
                    row.1 = 0;
                }
            }
            let got: Vec<_> = came
                .iter()
                .map(|op| {
                    let of = |name: &str| field(OpInfo::FIELDS, op, name);
                    assert_eq!((of("kind"), of("local"), of("page")), (op_kind::OWN, 0, 1 << RELEASE | 1 << UNASKED));
                    (of("lun"), of("lba"))
                })
                .collect();
            assert!(got == expected, "after {after}: {} releases, {} expected", got.len(), expected.len());
            assert_eq!(got.is_empty(), after == 0);
        }
    });
}

/// Who owns a block, as both sites have it.
fn owner(pair: &mut Pair, lba: u64) -> u8 {
    let [a, b] = [&mut pair.qa, &mut pair.qb].map(|q| q.lookup(LUN, &[lba]).expect("a lookup")[0].expect("a block"));
    assert_eq!(a, b, "block {lba}");
    a.owner
}

/// An extent that B alone writes becomes B's, one that both write stays A's; no command fails for it, and all writes are there.
#[test]
fn extents_follow_their_writer() {
    for (data_w, mtu) in [(64, Mtu::Jumbo), (512, Mtu::Standard)] {
        let mut pair = Pair::new(&Setup { extent_shift: 2, ..Setup::new(data_w, mtu) });
        pair.a.device().set_hand_over_after(8);
        for n in 0..40 {
            for (lba, from) in [(n % 4, Site::B), (64 + n % 4, if n % 6 == 5 { Site::A } else { Site::B })] {
                let queue = if from == Site::A { &mut pair.qa } else { &mut pair.qb };
                queue.write(LUN, lba, &pattern(lba, n)).unwrap_or_else(|error| panic!("{error}"));
            }
        }
        pair.bench.world_mut().run(500_000);
        assert_eq!([0, 64, 4].map(|lba| owner(&mut pair, lba)), [1, 0, 0], "{}", pair.counters());
        let a = pair.a.device();
        assert_eq!([Counter::owners_followed, Counter::owners_granted].map(|c| a.counter(c)), [1, 1]);
        for lba in (0..4).chain(64..68) {
            let last = (0..40).rev().find(|n| n % 4 == lba % 4).expect("it was written");
            for site in [Site::A, Site::B] {
                assert!(pair.stored(site, lba) == pattern(lba, last), "block {lba} at {site}");
            }
        }
        // It does not come back by itself, for B has no such register set; and A's writes of it are requests now.
        for n in 0..20 {
            pair.qa.write(LUN, 1, &pattern(1, 100 + n)).expect("a write");
        }
        assert_eq!(owner(&mut pair, 1), 1);
        // Nor does anything move when the register says never.
        pair.a.device().set_hand_over_after(0);
        for n in 0..20 {
            pair.qb.write(LUN, 65, &pattern(65, n)).expect("a write");
        }
        assert_eq!(owner(&mut pair, 65), 0);
        pair.check_rules();
    }
}

/// A whole burst of the other site's is under way when the row is long enough: what is not admitted any more becomes B's own.
#[test]
fn a_burst_goes_on_at_the_new_owner() {
    let mut pair = Pair::new(&Setup { extent_shift: 6, ..Setup::new(64, Mtu::Jumbo) });
    pair.a.device().set_hand_over_after(5);
    let data: Vec<u8> = (0..64).flat_map(|lba| pattern(lba, 3)).collect();
    pair.qb.write(LUN, 0, &data).unwrap_or_else(|error| panic!("{error}\n{}", pair.counters()));
    pair.bench.world_mut().run(500_000);
    assert_eq!(owner(&mut pair, 7), 1);
    for lba in 0..64 {
        assert!(pair.stored(Site::A, lba) == pattern(lba, 3) && pair.stored(Site::B, lba) == pattern(lba, 3), "{lba}");
    }
    pair.check_rules();
}
