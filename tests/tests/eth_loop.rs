//! `net::eth_tx` into `net::eth_rx`, wire to wire: what was given at one end comes out at the other.

mod net;

use std::collections::VecDeque;

use dyad_hdl::bundle::{Answer, OwnFrame, RxEnd, RxHead, TxCtl, TxJob};
use dyad_hdl::ir::Bits;
use dyad_hdl::net::eth_rx::{FLUSH_FIELDS, eth_rx};
use dyad_hdl::net::eth_tx::{eth_tx, pay_width};
use dyad_hdl::params::Params;
use dyad_spec::wire::ZEROES_BYTES;
use dyad_spec::{BLOCK_BYTES, FrameType};
use dyad_tests::{Dut, Source, Stall, Trial, field, pack, trial};
use net::Link;

/// Values of a job, by name.
type Fields = Vec<(&'static str, u64)>;

/// What is expected at the receiver.
#[derive(Default)]
struct Expected {
    answers: VecDeque<Bits>,
    flushes: VecDeque<Bits>,
    owns: VecDeque<Bits>,
    blocks: VecDeque<(Fields, Vec<u8>)>,
    messages: VecDeque<Vec<u8>>,
}

struct Pair {
    tx: Dut,
    rx: Dut,
    sources: Vec<Source>,
    now: u64,
    /// Headers of the frames that come in, and the payload of the first of them so far.
    heads: VecDeque<Bits>,
    bytes: Vec<u8>,
    /// Of the block that comes in.
    block: Vec<u8>,
    message: Vec<u8>,
    /// Short frames, blocks, messages that came.
    counts: [u64; 3],
}

const STREAMS: [&str; 5] = ["s_ctl", "s_job", "s_pay", "s_mb", "s_mbpay"];

impl Pair {
    fn new(t: &mut Trial, data_w: usize, jumbo: bool, stall: Stall) -> Self {
        let p = Params::new(data_w);
        let (mut tx, mut rx) = (t.dut(&eth_tx(&p)), t.dut(&eth_rx(&p)));
        let link = Link { jumbo, ..Link::random(&mut t.rng, p.slots) };
        link.poke_tx(&mut tx);
        link.peer().poke_rx(&mut rx);
        tx.ticks(8);
        let sources =
            STREAMS.iter().map(|s| Source::new(&tx, s, if s.ends_with("pay") { Stall::None } else { stall })).collect();
        let (heads, bytes, block, message) = Default::default();
        Self { tx, rx, sources, now: 7, heads, bytes, block, message, counts: [0; 3] }
    }

    fn push(&mut self, name: &str, word: Bits) {
        let at = STREAMS.iter().position(|s| *s == name).expect("a stream");
        self.sources[at].push(word);
    }

    /// One cycle of both ends; the receiver sees what the sender shows.
    fn cycle(&mut self, t: &mut Trial, want: &mut Expected) {
        self.tx.poke("now", self.now & 0xffff_ffff);
        self.rx.poke("now", self.now & 0xffff_ffff);
        for source in &mut self.sources {
            source.drive(&mut self.tx, &mut t.rng);
        }
        self.tx.poke("m_axis_tx_tready", 1);
        self.tx.settle();
        for wire in ["tdata", "tkeep", "tvalid", "tlast", "tuser"] {
            let value = self.tx.peek_bits(&format!("m_axis_tx_{wire}"));
            self.rx.poke_bits(&format!("s_axis_rx_{wire}"), &value);
        }
        self.rx.settle();
        for source in &mut self.sources {
            source.sample(&self.tx);
        }
        self.receive(want);
        self.tx.edge();
        self.rx.edge();
        self.now += 1;
    }

    fn event(&self, name: &str) -> Option<Bits> {
        (self.rx.peek(&format!("{name}_valid")) == 1).then(|| self.rx.peek_bits(&format!("{name}_data")))
    }

    fn receive(&mut self, want: &mut Expected) {
        if let Some(answer) = self.event("m_answer") {
            let mut expected = want.answers.pop_front().expect("an answer was sent");
            // The sender's word on how long it had the block is its own affair.
            expected.set(expected.width() - 32, &answer.get(answer.width() - 32, 32));
            assert_eq!(answer, expected);
            self.counts[0] += 1;
        }
        if let Some(flush) = self.event("m_flush") {
            assert_eq!(Some(flush), want.flushes.pop_front());
            self.counts[0] += 1;
        }
        if let Some(own) = self.event("m_own") {
            assert_eq!(Some(own), want.owns.pop_front());
            self.counts[0] += 1;
        }
        // A header may come one cycle before the end of the frame before it.
        self.heads.extend(self.event("m_whdr"));
        if let Some(beat) = self.event("m_wbeat") {
            self.bytes.extend(beat.to_bytes_le());
        }
        if let Some(end) = self.event("m_wend") {
            assert_eq!(field(RxEnd::FIELDS, &end, "good"), 1, "a frame was bad");
            let header = self.heads.pop_front().expect("an end follows a header");
            let get = |name: &str| field(RxHead::FIELDS, &header, name);
            assert_eq!(get("offset") as usize * 64, self.block.len(), "parts come in order");
            assert_eq!(get("length") as usize * 64, self.bytes.len(), "payload announced");
            self.block.append(&mut self.bytes);
            let (fields, _) = want.blocks.front().expect("a block was sent");
            fields.iter().for_each(|(name, value)| assert_eq!(get(name), *value, "{name}"));
            if self.block.len() == bytes_of_block(get("zeroes") == 1) {
                let (_, data) = want.blocks.pop_front().expect("as above");
                assert_eq!(self.block, data, "block");
                self.block.clear();
                self.counts[1] += 1;
            }
        }
        if let Some(beat) = self.event("m_mbbeat") {
            let bytes = beat.to_bytes_le();
            let first = beat.bit(beat.width() - 1);
            assert_eq!(first, self.message.is_empty(), "first beat of a message");
            self.message.extend(&bytes[..bytes.len() - 1]);
        }
        if let Some(end) = self.event("m_mbend") {
            assert_eq!((end.low_u64() & 1, end.low_u64() >> 1), (1, self.message.len() as u64), "end of a message");
            assert_eq!(Some(std::mem::take(&mut self.message)), want.messages.pop_front());
            self.counts[2] += 1;
        }
    }
}

/// Bytes of payload that a block's frames carry.
fn bytes_of_block(zeroes: bool) -> usize {
    if zeroes { ZEROES_BYTES } else { BLOCK_BYTES }
}

/// Traffic of every kind, at a random pace.
fn traffic(t: &mut Trial, data_w: usize, jumbo: bool, stall: Stall) {
    let mut pair = Pair::new(t, data_w, jumbo, stall);
    let mut want = Expected::default();
    let beat = data_w / 8;
    for _ in 0..40 {
        let (slot, seq) = (t.rng.below(4096), t.rng.next_u64() >> 32);
        match t.rng.below(3) {
            0 => {
                use FrameType::{Ack, Busy, Flush, Grant, NotOwner, OwnReq, Refused, Taken};
                let ftype = *t.rng.pick(&[Ack, Busy, Refused, NotOwner, Flush, OwnReq, Grant, Taken]);
                let code = t.rng.below(256);
                let fields = [("ftype", ftype.code()), ("code", code), ("slot", slot), ("seq", seq)];
                let (lun, lba, epoch) = (t.rng.below(8), t.rng.next_u64() >> 24, t.rng.next_u64() >> 32);
                let about_owners = matches!(ftype, OwnReq | Grant | Taken);
                let more = if about_owners { [("lun", lun), ("epoch", epoch)] } else { [("lun", 0), ("epoch", 0)] };
                let (low, high) = (lba & 0xffff_ffff, lba >> 32);
                let place = if about_owners { [low, high] } else { [t.rng.next_u64() >> 32, 0] };
                let place = [("t_ref", place[0]), ("lba_high", place[1])];
                pair.push("s_ctl", pack(TxCtl::FIELDS, &[&fields[..], &more, &place].concat()));
                if about_owners {
                    want.owns.push_back(pack(OwnFrame::FIELDS, &[&fields[..], &more, &[("lba", lba)]].concat()));
                } else if ftype == Flush {
                    want.flushes.push_back(pack(FLUSH_FIELDS, &fields[2..]));
                } else {
                    want.answers.push_back(pack(Answer::FIELDS, &fields));
                }
            }
            1 => {
                let (lba, epoch) = (t.rng.next_u64() >> 24, t.rng.next_u64() >> 32);
                let zeroes = t.rng.one_in(4);
                let block = [("lun", t.rng.below(8)), ("lba", lba), ("epoch", epoch), ("zeroes", zeroes.into())];
                let fields = [&[("slot", slot), ("seq", seq)][..], &block].concat();
                pair.push("s_job", pack(TxJob::FIELDS, &fields));
                let bytes = bytes_of_block(zeroes);
                let data = if zeroes { vec![0; bytes] } else { t.rng.bits(8 * bytes).to_bytes_le() };
                for (i, chunk) in data.chunks(beat).enumerate() {
                    let mut word = Bits::from_bytes_le(chunk).resize(pay_width(data_w));
                    word.set(data_w + 1, &Bits::from_u64(u64::from((i + 1) * beat == bytes), 1));
                    pair.push("s_pay", word);
                }
                want.blocks.push_back((fields, data));
            }
            _ => {
                let bytes = 64 * (1 + t.rng.below(30)) as usize;
                let message = t.rng.bits(8 * bytes).to_bytes_le();
                pair.push("s_mb", Bits::from_u64(bytes as u64, 16));
                message.chunks(beat).for_each(|c| pair.push("s_mbpay", Bits::from_bytes_le(c)));
                want.messages.push_back(message);
            }
        }
        for _ in 0..t.rng.below(BLOCK_BYTES as u64 / beat as u64) {
            pair.cycle(t, &mut want);
        }
    }
    let left = |want: &Expected| {
        let short = want.answers.len() + want.flushes.len() + want.owns.len();
        short + want.blocks.len() + want.messages.len()
    };
    for _ in 0..100_000 {
        if left(&want) == 0 {
            break;
        }
        pair.cycle(t, &mut want);
    }
    assert_eq!(left(&want), 0, "some of what was given never came");
    (0..20).for_each(|_| pair.cycle(t, &mut want));
    assert!(pair.counts.iter().all(|n| *n > 3), "too little came: {:?}", pair.counts);
}

#[test]
fn eth_loop_carries_everything() {
    trial(|t| {
        for (data_w, jumbo) in [(64, true), (64, false), (512, true), (512, false)] {
            for stall in [Stall::None, Stall::Random] {
                traffic(t, data_w, jumbo, stall);
            }
        }
    });
}
