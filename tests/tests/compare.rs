//! `offload::compare`: equal or not, whatever byte it is that differs, and nothing said that a fault has made up.

mod common;

use common::{Pulses, Streams, addresses, beats, builds, random_block, wrapped};
use dyad_hdl::bundle::{CompareJob, Compared, HostBurst};
use dyad_hdl::ir::Bits;
use dyad_hdl::offload::compare::compare;
use dyad_spec::{BLOCK_BYTES, Status};
use dyad_tests::{Scoreboard, Stall, field, pack, trial};
use std::collections::VecDeque;

const BASES: [u64; 8] = [7, 100, 0x20_0000, 3, 0xff_ffff_ff00, 5, 0x12_0000_0000, 0];

/// What is wrong with a job: byte that differs, beat of the store, beat of the host that can't be read.
#[derive(Clone, Copy, Default)]
struct Wrong {
    byte: Option<usize>,
    store: Option<usize>,
    host: Option<usize>,
}

impl Wrong {
    fn status(self) -> Status {
        match self {
            Self { store: Some(_), .. } => Status::StoreError,
            Self { host: Some(_), .. } => Status::DmaReadFault,
            Self { byte: Some(_), .. } => Status::Miscompare,
            _ => Status::Ok,
        }
    }
}

fn word_of(beat: &Bits, w: usize, last: bool, err: bool) -> Bits {
    let mut word = beat.resize(w + 2);
    word.set(w, &Bits::from_u64(last.into(), 1));
    word.set(w + 1, &Bits::from_u64(err.into(), 1));
    word
}

#[test]
fn compare_says_what_is_so() {
    trial(|t| {
        for p in builds() {
            for stall in Stall::ALL {
                let mut dut = t.fast_dut(&compare(&p));
                dut.poke_bits("lun_store_base", &addresses(&BASES));
                let outs = ["m_rd", "m_hrd", "m_result"];
                let mut streams = Streams::new(&dut, &["s_job", "s_rdata", "s_hdata"], &outs, stall);
                let mut events = Pulses::new(&dut, &["dma_fault", "store_error"]);
                let mut results = Scoreboard::new("result");
                let (mut store, mut host) = (VecDeque::new(), VecDeque::new());
                let (mut faults, mut errors) = (0, 0);
                let (host_beats, store_beats) = (p.block_beats() as u64, p.store_beats() as u64);
                for n in 0..60 {
                    let any = |rng: &mut dyad_tests::Rng, below| rng.one_in(3).then(|| rng.below(below) as usize);
                    let wrong = match n {
                        0 => Wrong::default(),
                        1 => Wrong { byte: Some(0), ..Wrong::default() },
                        2 => Wrong { byte: Some(BLOCK_BYTES - 1), ..Wrong::default() },
                        _ => Wrong {
                            byte: any(&mut t.rng, BLOCK_BYTES as u64),
                            store: any(&mut t.rng, 2 * store_beats).filter(|b| *b < p.store_beats()),
                            host: any(&mut t.rng, 2 * host_beats).filter(|b| *b < p.block_beats()),
                        },
                    };
                    let block = random_block(&mut t.rng);
                    let mut page = block.clone();
                    if let Some(at) = wrong.byte {
                        page[at] ^= 1 << t.rng.below(8);
                    }
                    let (slot, lun, lba) = (t.rng.below(4096), t.rng.below(8), t.rng.next_u64() >> 24);
                    let (iova, epoch) = (t.rng.below(1 << 52), t.rng.next_u64() >> 32);
                    let fields = [("slot", slot), ("lun", lun), ("lba", lba), ("page", iova), ("epoch", epoch)];
                    streams.push("s_job", pack(CompareJob::FIELDS, &fields));
                    store.push_back((BASES[lun as usize] + lba, block, wrong.store));
                    if wrong.store.is_none() {
                        host.push_back((iova, page, wrong.host));
                    }
                    faults += u64::from(wrong.status() == Status::DmaReadFault);
                    errors += u64::from(wrong.status() == Status::StoreError);
                    results.expect((slot, wrong.status().code(), epoch));
                }
                let mut asked = 0;
                while results.missing() > 0 {
                    assert!(dut.cycle() < 400_000, "it never ends");
                    streams.drive(&mut dut, &mut t.rng);
                    dut.settle();
                    events.sample(&dut);
                    for (name, word) in streams.sample(&dut).0 {
                        match name {
                            "m_rd" => {
                                let (place, block, bad) = store.pop_front().expect("a job waits");
                                assert_eq!(word.low_u64(), wrapped(place));
                                let data = beats(&block, p.store_w);
                                for (i, beat) in data.iter().enumerate() {
                                    let word = word_of(beat, p.store_w, i + 1 == data.len(), bad == Some(i));
                                    streams.push("s_rdata", word);
                                }
                            }
                            "m_hrd" => {
                                let of = |name: &str| field(HostBurst::FIELDS, &word, name);
                                let (iova, page, bad) = host.front().expect("a page is wanted");
                                assert_eq!(of("addr"), (iova << 12) + asked as u64 * p.data_w as u64 / 8);
                                let data = beats(page, p.data_w);
                                let count = of("beats") as usize;
                                for i in asked..asked + count {
                                    let last = i + 1 == asked + count;
                                    streams.push("s_hdata", word_of(&data[i], p.data_w, last, *bad == Some(i)));
                                }
                                asked += count;
                                if asked == data.len() {
                                    host.pop_front();
                                    asked = 0;
                                }
                            }
                            _ => {
                                let of = |name: &str| field(Compared::FIELDS, &word, name);
                                results.got(&(of("slot"), of("status"), of("epoch")));
                            }
                        }
                    }
                    dut.edge();
                }
                dut.ticks(3);
                dut.settle();
                assert_eq!((events.of("dma_fault"), events.of("store_error")), (faults, errors));
                assert_eq!((dut.peek("quiet"), host.len(), streams.all_waiting()), (1, 0, 0));
            }
        }
    });
}
