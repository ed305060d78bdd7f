//! Memory and serial line.

use std::collections::VecDeque;

use dyad_hdl::board::{
    axi_ram::{axi_ram, axi_store},
    serial::serial,
};
use dyad_hdl::interp::Interp;
use dyad_hdl::ir::{Bits, Module};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Bursts at random places and of random lengths with random strobes and pauses, and accesses by the other way in, against an
/// array.
#[test]
fn axi_ram_is_an_array() {
    for (words, data_w, addr_w) in [(16, 256, 40), (64, 64, 64)] {
        is_an_array(&axi_ram(words, data_w, addr_w), words, data_w, true);
    }
}

/// The same for whole words and one way in.
#[test]
fn axi_store_is_an_array() {
    is_an_array(&axi_store(32, 128, 52), 32, 128, false);
}

fn is_an_array(ram: &Module, words: usize, data_w: usize, shared: bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(words as u64);
    let mut ram = Interp::new(ram).unwrap();
    let bytes = data_w / 8;
    let mut array = vec![0u8; words * bytes];
    for round in 0..300 {
        let beats = rng.random_range(1..=words.min(8));
        let start = rng.random_range(0..=words - beats);
        // Now and then above the memory: refused, and nothing happens.
        let above = round % 17 == 16;
        let addr = (start * bytes + usize::from(above) * words * bytes) as u64;
        match round % if shared { 3 } else { 2 } {
            0 => {
                let response = write(&mut ram, &mut rng, addr, beats, (bytes, shared), |n, data, strobe| {
                    for (i, byte) in data.iter().enumerate().filter(|(i, _)| !above && strobe >> i & 1 == 1) {
                        array[(start + n) * bytes + i] = *byte;
                    }
                });
                assert_eq!(response, (if above { 3 } else { 0 }, 5));
            }
            1 => {
                let (data, response) = read(&mut ram, &mut rng, addr, beats);
                assert_eq!(response, if above { 3 } else { 0 });
                if !above {
                    assert_eq!(data, array[start * bytes..(start + beats) * bytes], "{beats} beats at {start}");
                }
            }
            _ => {
                let at = rng.random_range(0..words * bytes / 4) * 4;
                let value: u32 = rng.random();
                let write = rng.random_bool(0.5);
                let got = port(&mut ram, write, at as u64, value);
                if write {
                    array[at..at + 4].copy_from_slice(&value.to_le_bytes());
                } else {
                    assert_eq!(got.to_le_bytes(), array[at..at + 4], "32 bits at {at}");
                }
            }
        }
    }
}

/// A write burst; tells `each` about beats; returns response and id.
fn write(
    ram: &mut Interp,
    rng: &mut ChaCha8Rng,
    addr: u64,
    beats: usize,
    (bytes, strobed): (usize, bool),
    mut each: impl FnMut(usize, &[u8], u64),
) -> (u64, u64) {
    ram.poke_u64("s_axi_awaddr", addr);
    ram.poke_u64("s_axi_awid", 5);
    handshake(ram, "s_axi_aw");
    for n in 0..beats {
        let data: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
        let whole = u64::from(!strobed) | rng.random_range(0..2);
        let strobe = rng.random::<u64>() >> (64 - bytes) | whole * (u64::MAX >> (64 - bytes));
        ram.poke("s_axi_wdata", &Bits::from_bytes_le(&data));
        if strobed {
            ram.poke_u64("s_axi_wstrb", strobe);
        }
        ram.poke_u64("s_axi_wlast", (n + 1 == beats).into());
        for _ in 0..rng.random_range(0..3) {
            ram.step().unwrap();
        }
        handshake(ram, "s_axi_w");
        each(n, &data, strobe);
    }
    wait(ram, "s_axi_bvalid");
    let response = (ram.peek_u64("s_axi_bresp"), ram.peek_u64("s_axi_bid"));
    ram.poke_u64("s_axi_bready", 1);
    ram.step().unwrap();
    ram.poke_u64("s_axi_bready", 0);
    response
}

/// A read burst: bytes, and the response of its last beat.
fn read(ram: &mut Interp, rng: &mut ChaCha8Rng, addr: u64, beats: usize) -> (Vec<u8>, u64) {
    ram.poke_u64("s_axi_araddr", addr);
    ram.poke_u64("s_axi_arlen", beats as u64 - 1);
    ram.poke_u64("s_axi_arid", 9);
    handshake(ram, "s_axi_ar");
    let mut data = Vec::new();
    for n in 0..beats {
        for _ in 0..rng.random_range(0..3) {
            ram.step().unwrap();
        }
        wait(ram, "s_axi_rvalid");
        data.extend(ram.peek("s_axi_rdata").to_bytes_le());
        assert_eq!((ram.peek_u64("s_axi_rlast"), ram.peek_u64("s_axi_rid")), ((n + 1 == beats).into(), 9));
        let response = ram.peek_u64("s_axi_rresp");
        ram.poke_u64("s_axi_rready", 1);
        ram.step().unwrap();
        ram.poke_u64("s_axi_rready", 0);
        if n + 1 == beats {
            return (data, response);
        }
    }
    unreachable!("a burst has at least a beat")
}

/// One access by the other way in.
fn port(ram: &mut Interp, write: bool, addr: u64, value: u32) -> u32 {
    ram.poke_u64("p_valid", 1);
    ram.poke_u64("p_write", write.into());
    ram.poke_u64("p_addr", addr);
    ram.poke_u64("p_wdata", value.into());
    wait(ram, "p_done");
    let got = ram.peek_u64("p_rdata") as u32;
    ram.poke_u64("p_valid", 0);
    ram.step().unwrap();
    got
}

fn handshake(ram: &mut Interp, channel: &str) {
    ram.poke_u64(&format!("{channel}valid"), 1);
    wait(ram, &format!("{channel}ready"));
    ram.step().unwrap();
    ram.poke_u64(&format!("{channel}valid"), 0);
}

fn wait(ram: &mut Interp, port: &str) {
    for _ in 0..20 {
        if ram.peek_u64(port) == 1 {
            return;
        }
        ram.step().unwrap();
    }
    panic!("{port} did not come");
}

const DIV: usize = 8;

/// The board around a [`serial`]: registers that answer after some cycles, a memory, and the line's other end.
struct Board {
    dut: Interp,
    regs: Vec<u32>,
    memory: Vec<u32>,
    line: VecDeque<bool>,
    sent: Vec<bool>,
    /// Cycles until the access under way is answered.
    delay: usize,
    written: Option<u64>,
}

impl Board {
    fn new() -> Self {
        let dut = Interp::new(&serial(DIV)).unwrap();
        let (regs, memory) = (vec![0; 64], vec![0; 64]);
        let mut board = Self { dut, regs, memory, line: [].into(), sent: Vec::new(), delay: 0, written: None };
        board.run(4 * DIV);
        board
    }

    /// Puts bytes on the line, a stop bit and a half between them.
    fn say(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let bits = std::iter::once(false).chain((0..8).map(|i| byte >> i & 1 == 1)).chain([true]);
            self.line.extend(bits.flat_map(|bit| [bit; DIV]));
            self.line.extend([true; DIV / 2]);
        }
    }

    fn run(&mut self, cycles: usize) {
        for _ in 0..cycles {
            let d = &mut self.dut;
            d.poke_u64("rx", self.line.pop_front().unwrap_or(true).into());
            for port in
                ["m_axil_awready", "m_axil_wready", "m_axil_arready", "m_axil_bvalid", "m_axil_rvalid", "p_done"]
            {
                d.poke_u64(port, 0);
            }
            let (aw, w) = (d.peek_u64("m_axil_awvalid") == 1, d.peek_u64("m_axil_wvalid") == 1);
            let (ar, p) = (d.peek_u64("m_axil_arvalid") == 1, d.peek_u64("p_valid") == 1);
            if aw || w || ar || p || self.written.is_some() {
                self.delay += 1;
            }
            if self.delay == 5 {
                self.delay = 0;
                if let Some(read) = self.written.take() {
                    d.poke_u64(if read == 1 { "m_axil_rvalid" } else { "m_axil_bvalid" }, 1);
                } else if ar {
                    let addr = d.peek_u64("m_axil_araddr") as usize;
                    d.poke_u64("m_axil_rdata", self.regs[addr / 4].into());
                    d.poke_u64("m_axil_arready", 1);
                    self.written = Some(1);
                } else if aw && w {
                    let addr = d.peek_u64("m_axil_awaddr") as usize;
                    self.regs[addr / 4] = d.peek_u64("m_axil_wdata") as u32;
                    d.poke_u64("m_axil_awready", 1);
                    d.poke_u64("m_axil_wready", 1);
                    self.written = Some(0);
                } else if p {
                    let at = d.peek_u64("p_addr") as usize / 4;
                    if d.peek_u64("p_write") == 1 {
                        self.memory[at] = d.peek_u64("p_wdata") as u32;
                    }
                    d.poke_u64("p_rdata", self.memory[at].into());
                    d.poke_u64("p_done", 1);
                }
            }
            self.sent.push(d.peek_u64("tx") == 1);
            d.step().unwrap();
        }
    }

    /// Asks and returns the bytes of the answer.
    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.sent.clear();
        self.say(request);
        self.run((request.len() + 7) * 12 * DIV);
        let mut bytes = Vec::new();
        let mut at = 0;
        while let Some(start) = self.sent[at..].iter().position(|bit| !bit) {
            let bit = |n: usize| self.sent[at + start + n * DIV + DIV / 2];
            bytes.push((0..8).map(|n| u8::from(bit(n + 1)) << n).sum());
            assert!(bit(9), "the stop bit");
            at += start + 9 * DIV + DIV / 2;
        }
        bytes
    }
}

fn request(kind: u8, addr: u32, data: Option<u32>) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(addr.to_le_bytes());
    bytes.extend(data.into_iter().flat_map(u32::to_le_bytes));
    bytes
}

#[test]
fn serial_reaches_registers_and_memory() {
    let mut board = Board::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for n in 0..12u32 {
        let value: u32 = rng.random();
        for (addr, register) in [(4 * n, true), (1 << 31 | 4 * n, false)] {
            assert_eq!(board.ask(&request(b'w', addr, Some(value ^ addr))), [b'W']);
            let stored = if register { &board.regs } else { &board.memory };
            assert_eq!(stored[n as usize], value ^ addr);
            let mut expected = vec![b'R'];
            expected.extend((value ^ addr).to_le_bytes());
            assert_eq!(board.ask(&request(b'r', addr, None)), expected);
        }
    }
}

#[test]
fn serial_gets_back_in_step() {
    let mut board = Board::new();
    board.regs[1] = 77;
    // Half a request, then nine zeros: it is completed, answered, and the rest is thrown away.
    board.ask(b"w\x08");
    board.ask(&[0; 9]);
    let mut expected = vec![b'R'];
    expected.extend(77u32.to_le_bytes());
    assert_eq!(board.ask(&request(b'r', 4, None)), expected);
    // Bytes that begin no request.
    assert_eq!(board.ask(b"xyz\xff"), [0u8; 0]);
    assert_eq!(board.ask(&request(b'r', 4, None)), expected);
}
