//! The card as the ECP5 boards have it, two of them joined by RGMII, each reached by its serial line: what no test of a block sees,
//! which is clocks, resets, nibbles, and the wires of `constraints/ecp5/ecp5_card.v`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use dyad_driver::backing::{Deadline, Wake};
use dyad_driver::dma::DmaBuffer;
use dyad_driver::{Backing, Device, Error, LinkConfig, Result, mailbox};
use dyad_hdl::board::ecp5_parts;
use dyad_hdl::params::Params;
use dyad_spec::regs;
use dyad_spec::wire::MAILBOX_BYTES;
use dyad_tests::Rng;
use dyad_verilator::{Model, Options, PortId};

/// Periods of the core's clock in a bit of the serial line, and ticks of the model in one.
const DIV: usize = 4;
const BIT_TICKS: usize = 8 * DIV;
/// Ticks after which an answer that has not come does not come.
const PATIENCE: usize = 100_000;

struct Pair {
    model: Model,
    rx: PortId,
    tx: PortId,
    /// Level of both lines to the cards.
    lines: u64,
    ticks: u64,
}

impl Pair {
    fn new() -> Self {
        let card = concat!(env!("CARGO_MANIFEST_DIR"), "/../constraints/ecp5/ecp5_card.v");
        let card = std::fs::read_to_string(card).unwrap();
        // The PHY's reset takes 2^20 cycles; here it has no PHY to wait for.
        let short = card.replace("reset_sync_2_20 u_phy_rst", "reset_sync_2_4 u_phy_rst");
        assert_ne!(short, card);
        let parts = ecp5_parts(&Params { clock_khz: 62_500, ..Params::board(64) }, DIV);
        let macros = format!("`define CORE_DIV 8\n`define SERIAL serial_{DIV}\n");
        let verilog = [&macros, &parts, &short, include_str!("pair.v")].concat();
        let model = Model::compile("ecp5_pair", &verilog, &Options::default()).unwrap();
        let (rx, tx) = (model.expect_port("serial_rx"), model.expect_port("serial_tx"));
        let mut pair = Self { model, rx, tx, lines: 3, ticks: 0 };
        pair.set("rst_n", 1);
        pair.run(2000);
        pair
    }

    fn set(&mut self, port: &str, value: u64) {
        let port = self.model.expect_port(port);
        self.model.set_u64(port, value);
    }

    fn get(&self, port: &str) -> u64 {
        self.model.get_u64(self.model.expect_port(port))
    }

    fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.model.set_u64(self.rx, self.lines);
            self.model.tick();
            self.ticks += 1;
        }
    }

    /// Asks a card, and returns `count` bytes of its answer; none when they do not come.
    fn ask(&mut self, site: usize, request: &[u8], count: usize) -> Option<Vec<u8>> {
        let mut bits: VecDeque<bool> = request
            .iter()
            .flat_map(|byte| std::iter::once(false).chain((0..8).map(move |i| byte >> i & 1 == 1)).chain([true]))
            .collect();
        let mut answer = Vec::new();
        while let Some(bit) = bits.pop_front() {
            self.lines = self.lines & !(1 << site) | u64::from(bit) << site;
            self.run(BIT_TICKS);
        }
        while answer.len() < count {
            let mut waited = 0;
            while self.model.get_u64(self.tx) >> site & 1 == 1 {
                self.run(1);
                waited += 1;
                if waited == PATIENCE {
                    return None;
                }
            }
            // From the start bit's edge to the middle of the first bit, then from bit to bit.
            self.run(BIT_TICKS / 2);
            let mut byte = 0;
            for bit in 0..8 {
                self.run(BIT_TICKS);
                byte |= u8::from(self.model.get_u64(self.tx) >> site & 1 == 1) << bit;
            }
            self.run(BIT_TICKS);
            answer.push(byte);
        }
        Some(answer)
    }
}

/// A card's registers by its serial line. It has no memory of this process.
struct Serial {
    pair: Rc<RefCell<Pair>>,
    site: usize,
}

impl Backing for Serial {
    fn name(&self) -> &str {
        ["ecp5 a", "ecp5 b"][self.site]
    }

    fn read32(&self, offset: usize) -> u32 {
        let request = [&b"r"[..], &(offset as u32).to_le_bytes()].concat();
        let answer = self.pair.borrow_mut().ask(self.site, &request, 5);
        answer.map_or(u32::MAX, |bytes| {
            assert_eq!(bytes[0], b'R', "{bytes:x?}");
            u32::from_le_bytes(bytes[1..].try_into().unwrap())
        })
    }

    fn write32(&self, offset: usize, value: u32) {
        let request = [&b"w"[..], &(offset as u32).to_le_bytes(), &value.to_le_bytes()].concat();
        assert_eq!(self.pair.borrow_mut().ask(self.site, &request, 1), Some(vec![b'W']), "{offset:#x}");
    }

    fn dma_alloc(&self, _len_bytes: usize) -> Result<DmaBuffer> {
        let reason = Some("this line is for registers alone".into());
        Err(Error::DeviceGone { device: self.name().into(), during: "making DMA memory", reason })
    }

    fn vectors(&self) -> u16 {
        0
    }

    fn now(&self) -> u64 {
        self.pair.borrow().ticks * 2
    }

    fn wait(&self, _vector: Option<u16>, until: Deadline) -> Wake {
        while self.now() < until.0 {
            self.pair.borrow_mut().run(100);
        }
        Wake::Deadline
    }
}

fn cards() -> (Rc<RefCell<Pair>>, [Device<Serial>; 2]) {
    let pair = Rc::new(RefCell::new(Pair::new()));
    let cards = [0, 1].map(|site| Device::open(Serial { pair: Rc::clone(&pair), site }).unwrap());
    for (site, card) in cards.iter().enumerate() {
        card.configure_link(site as u8, &LinkConfig::for_site(site as u8)).unwrap();
    }
    (pair, cards)
}

fn message(rng: &mut Rng) -> [u8; MAILBOX_BYTES] {
    std::array::from_fn(|_| rng.below(256) as u8)
}

#[test]
fn messages_cross_from_line_to_line() {
    let (pair, cards) = cards();
    assert_eq!(cards[0].info().clock_khz, 62_500);
    assert_eq!(pair.borrow().get("lights") & 0x11, 0, "out of reset");
    let mut rng = Rng::new(1);
    for round in 0..4 {
        // Both at once, in frames as short and as long as the core sends them.
        let sent = [message(&mut rng), message(&mut rng)];
        let bytes = [256, 1408, 4096, 320][round];
        for (card, message) in cards.iter().zip(&sent) {
            assert!(mailbox::send(card.backing(), message, bytes));
        }
        let until = Deadline(cards[0].backing().now() + 200_000);
        cards[0].backing().wait(None, until);
        for (card, message) in cards.iter().zip([&sent[1], &sent[0]]) {
            let came = mailbox::receive(card.backing()).expect("a message");
            assert_eq!((&came.message, came.frame_bytes), (message, bytes), "round {round}");
            assert_eq!(mailbox::receive(card.backing()), None);
        }
    }
}

#[test]
fn a_cable_that_is_cut_within_a_frame_loses_it_and_no_more() {
    let (pair, cards) = cards();
    let mut rng = Rng::new(2);
    let (lost, kept) = (message(&mut rng), message(&mut rng));
    assert!(mailbox::send(cards[0].backing(), &lost, 4096));
    // 4096 bytes take 4 ticks each; the send itself has taken longer than the frame needs to begin.
    pair.borrow_mut().set("cut", 1);
    pair.borrow_mut().run(40_000);
    pair.borrow_mut().set("cut", 0);
    assert_eq!(mailbox::receive(cards[1].backing()), None);
    assert!(mailbox::send(cards[0].backing(), &kept, 256));
    pair.borrow_mut().run(20_000);
    assert_eq!(mailbox::receive(cards[1].backing()).map(|came| came.message), Some(kept));
}

#[test]
fn a_reset_of_the_board_is_one_of_all_its_clocks() {
    let (pair, cards) = cards();
    let card = &cards[0];
    card.backing().write32(regs::SCRATCH.offset, 0x1234_5678);
    assert_eq!(card.backing().read32(regs::SCRATCH.offset), 0x1234_5678);
    pair.borrow_mut().set("rst_n", 0);
    pair.borrow_mut().run(400);
    assert_eq!(pair.borrow().get("lights") & 0x11, 0x11, "in reset");
    pair.borrow_mut().set("rst_n", 1);
    pair.borrow_mut().run(2000);
    assert_eq!(pair.borrow().get("lights") & 0x11, 0, "out of reset");
    assert_eq!(card.backing().read32(regs::SCRATCH.offset), 0);
}
