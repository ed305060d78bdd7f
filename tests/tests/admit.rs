//! `offload::admit`: each slot with the directory's answer to its own question, in order.

mod common;

use common::{EventIn, Streams};
use dyad_hdl::bundle::{Admit, LockGrant, Lookup, LookupReq};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::admit::{TAG, admit};
use dyad_tests::{Scoreboard, Stall, field, pack, trial};
use std::collections::VecDeque;

/// What a directory says of an address: any function of it.
fn answer(lun: u64, lba: u64, epoch: u64) -> (u64, u64, u64) {
    (u64::from(!lba.is_multiple_of(7)), (lba ^ lun) & 1, (lba << 8 | lun) + epoch & 0xffff_ffff)
}

/// A directory of each latency, busy with others, that changes its mind between: the answer is of the moment after the
/// lock was won.
#[test]
fn admit_asks_for_each_slot() {
    trial(|t| {
        for latency in 1..=4 {
            for stall in Stall::ALL {
                let mut dut = t.dut(&admit());
                let mut streams = Streams::new(&dut, &["s_grant"], &["m_dir", "m_admit"], stall);
                let dir = EventIn::new(&dut, "s_dir");
                let mut line: VecDeque<Option<Bits>> = VecDeque::from(vec![None; latency]);
                let mut slots = VecDeque::new();
                let mut out = Scoreboard::new("admission");
                for _ in 0..300 {
                    let (slot, lun, lba) = (t.rng.below(4096), t.rng.below(8), t.rng.next_u64() >> 32);
                    streams.push("s_grant", pack(LockGrant::FIELDS, &[("id", slot), ("lun", lun), ("lba", lba)]));
                    slots.push_back((slot, lun, lba));
                }
                let mut epoch = 0;
                let mut calm = 0;
                while calm < 20 {
                    epoch += u64::from(t.rng.one_in(5));
                    streams.drive(&mut dut, &mut t.rng);
                    // Answers to others come all the time.
                    let other =
                        |tag| pack(Lookup::FIELDS, &[("tag", tag), ("valid", 1), ("owner", 1), ("epoch", 0xbad)]);
                    let word = line.pop_front().expect("one a cycle").or_else(|| {
                        let tag = *t.rng.pick(&[0, 2, 3, 15]);
                        t.rng.one_in(2).then(|| other(tag))
                    });
                    dir.put(&mut dut, word.as_ref(), &mut t.rng);
                    dut.settle();
                    let (came, _) = streams.sample(&dut);
                    let mut asked = None;
                    for (name, word) in came {
                        if name == "m_admit" {
                            let of = |name: &str| field(Admit::FIELDS, &word, name);
                            out.got(&(of("slot"), of("valid"), of("owner"), of("epoch")));
                            continue;
                        }
                        let of = |name: &str| field(LookupReq::FIELDS, &word, name);
                        let (slot, lun, lba) = slots.pop_front().expect("a slot waits");
                        assert_eq!((of("lun"), of("lba"), of("tag")), (lun, lba, TAG));
                        let (valid, owner, epoch) = answer(lun, lba, epoch);
                        let fields = [("tag", TAG), ("valid", valid), ("owner", owner), ("epoch", epoch)];
                        asked = Some(pack(Lookup::FIELDS, &fields));
                        out.expect((slot, valid, owner, epoch));
                    }
                    line.push_back(asked);
                    calm = if slots.is_empty() && out.missing() == 0 { calm + 1 } else { 0 };
                    dut.edge();
                    assert!(dut.cycle() < 100_000, "it never ends");
                }
                out.finish();
                dut.settle();
                assert_eq!(dut.peek("quiet"), 1);
            }
        }
    });
}
