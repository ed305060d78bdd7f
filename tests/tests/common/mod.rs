//! What the tests of several blocks share: blocks of data, events, and the home writer's side of a gather RAM.

#![allow(dead_code, reason = "each test takes what it needs")]

use dyad_hdl::bundle::LBA_W;
use dyad_hdl::ir::Bits;
use dyad_hdl::params::Params;
use dyad_spec::BLOCK_BYTES;
use dyad_tests::{Dut, Rng, Sink, Source, Stall, Trial, field, trial};
use dyad_verilator::PortId;
use std::collections::VecDeque;

/// Every pair of widths, of datapath and store port.
pub fn builds() -> [Params; 3] {
    [Params::new(64), Params { store_w: 128, ..Params::new(64) }, Params::new(512)]
}

/// A trial on each pipeline of a build: that whose machines decide as they read, and that whose machines decide a cycle later.
pub fn each_pipeline(p: &Params, body: impl Fn(&mut Trial, &Params)) {
    for p in [p.clone(), p.clone().deeper()] {
        trial(|t| body(t, &p));
    }
}

/// A block of random bytes.
pub fn random_block(rng: &mut Rng) -> Vec<u8> {
    (0..BLOCK_BYTES / 8).flat_map(|_| rng.next_u64().to_le_bytes()).collect()
}

/// Bytes as beats of `w` bits.
pub fn beats(bytes: &[u8], w: usize) -> Vec<Bits> {
    bytes.chunks(w / 8).map(Bits::from_bytes_le).collect()
}

/// CRC32C, by the crate that programs use.
pub fn crc32c(bytes: &[u8]) -> u64 {
    u64::from(crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(bytes))
}

/// The words of an array port: the first one lowest.
pub fn words(list: &[u32]) -> Bits {
    Bits::from_bytes_le(&list.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
}

/// Block addresses of an array port, of `LBA_W` bits each: the first one lowest.
pub fn addresses(list: &[u64]) -> Bits {
    let mut packed = Bits::zero(LBA_W * list.len());
    list.iter().enumerate().for_each(|(n, a)| packed.set(LBA_W * n, &Bits::from_u64(*a, LBA_W)));
    packed
}

/// A sum of block addresses, as the card has it.
pub fn wrapped(address: u64) -> u64 {
    address & ((1 << LBA_W) - 1)
}

/// The sending end of an event port.
#[derive(Clone, Debug)]
pub struct EventIn {
    valid: PortId,
    data: PortId,
    width: usize,
}

impl EventIn {
    /// The sender of event `name`.
    pub fn new(dut: &Dut, name: &str) -> Self {
        let data = format!("{name}_data");
        Self { valid: dut.port(&format!("{name}_valid")), data: dut.port(&data), width: dut.width(&data) }
    }

    /// Before settle: the event, or none with random data.
    pub fn put(&self, dut: &mut Dut, word: Option<&Bits>, rng: &mut Rng) {
        dut.set(self.valid, u64::from(word.is_some()));
        match word {
            Some(word) => {
                assert_eq!(word.width(), self.width, "width of an event");
                dut.set_bits(self.data, word);
            }
            None => dut.set(self.data, rng.next_u64() & Bits::ones(self.width.min(64)).low_u64()),
        }
    }
}

/// The receiving end of an event port.
#[derive(Clone, Debug)]
pub struct EventOut {
    valid: PortId,
    data: PortId,
}

impl EventOut {
    /// The receiver of event `name`.
    pub fn new(dut: &Dut, name: &str) -> Self {
        Self { valid: dut.port(&format!("{name}_valid")), data: dut.port(&format!("{name}_data")) }
    }

    /// Between settle and edge: the event of this cycle.
    pub fn sample(&self, dut: &Dut) -> Option<Bits> {
        (dut.get(self.valid) == 1).then(|| dut.get_bits(self.data))
    }
}

/// Counts pulses of outputs.
#[derive(Clone, Debug)]
pub struct Pulses(Vec<(String, PortId, u64)>);

impl Pulses {
    /// Counts each of `names`.
    pub fn new(dut: &Dut, names: &[&str]) -> Self {
        Self(names.iter().map(|n| (n.to_string(), dut.port(&format!("ev_{n}")), 0)).collect())
    }

    /// Between settle and edge.
    pub fn sample(&mut self, dut: &Dut) {
        self.0.iter_mut().for_each(|(_, port, count)| *count += dut.get(*port));
    }

    /// How many there were of one.
    pub fn of(&self, name: &str) -> u64 {
        self.0.iter().find(|p| p.0 == name).unwrap_or_else(|| panic!("no event {name}")).2
    }

    /// Those that are not 0.
    pub fn seen(&self) -> Vec<(&str, u64)> {
        self.0.iter().filter(|p| p.2 != 0).map(|p| (p.0.as_str(), p.2)).collect()
    }
}

/// A block that a gather buffer's owner sent home, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Homed {
    /// Gather buffer.
    pub buf: u64,
    /// Block in the store.
    pub block: u64,
    /// What was read.
    pub bytes: Vec<u8>,
}

/// The home writer's side: takes jobs, and reads their buffers as `home` does, with pauses.
pub struct Reader {
    sink: Sink,
    rd_en: PortId,
    rd_addr: PortId,
    rd_data: PortId,
    index_w: usize,
    words: usize,
    stall: u64,
    /// Buffer, block in the store, whether it is all zeroes.
    jobs: VecDeque<(u64, u64, bool)>,
    bytes: Vec<u8>,
    asked: usize,
    pending: bool,
    consume: bool,
    fetch: bool,
    /// Whether it takes jobs.
    pub open: bool,
}

impl Reader {
    /// A reader of words of `store_w` bits that pauses in one of `stall` cycles; 0 for never.
    pub fn new(dut: &Dut, store_w: usize, stall: u64) -> Self {
        let words = BLOCK_BYTES * 8 / store_w;
        Self {
            sink: Sink::new(dut, "m_home", Stall::None),
            rd_en: dut.port("rd_en"),
            rd_addr: dut.port("rd_addr"),
            rd_data: dut.port("rd_data"),
            index_w: words.ilog2() as usize,
            words,
            stall,
            jobs: VecDeque::new(),
            bytes: Vec::new(),
            asked: 0,
            pending: false,
            consume: false,
            fetch: false,
            open: true,
        }
    }

    /// Whether a job is being read.
    pub fn busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Before settle.
    pub fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        let go = self.stall == 0 || !rng.one_in(self.stall);
        self.consume = self.pending && go;
        self.fetch = !self.jobs.is_empty() && self.asked < self.words && (!self.pending || self.consume);
        dut.set(self.rd_en, u64::from(self.fetch));
        let buf = self.jobs.front().map_or(0, |j| j.0);
        let address = buf << self.index_w | self.asked as u64;
        let any = rng.below(1 << (4 + self.index_w));
        dut.set(self.rd_addr, if self.fetch { address } else { any });
        self.sink.drive_as(dut, self.open && self.jobs.len() < 2 && go);
    }

    /// Between settle and edge: a block that has been read.
    pub fn sample(&mut self, dut: &Dut) -> Option<Homed> {
        if self.consume {
            self.bytes.extend(dut.get_bits(self.rd_data).to_bytes_le());
            self.pending = false;
        }
        if self.fetch {
            self.asked += 1;
            self.pending = true;
        }
        if let Some(job) = self.sink.sample(dut) {
            let of = |name| field(dyad_hdl::bundle::HomeJob::FIELDS, &job, name);
            self.jobs.push_back((of("buf"), of("block"), of("zeroes") == 1));
        }
        if self.bytes.len() < BLOCK_BYTES {
            return None;
        }
        self.asked = 0;
        let (buf, block, zeroes) = self.jobs.pop_front().expect("a job was read");
        let bytes = std::mem::take(&mut self.bytes);
        Some(Homed { buf, block, bytes: if zeroes { vec![0; BLOCK_BYTES] } else { bytes } })
    }
}

/// The streams of a block: sources and sinks by name, all with the same kind of pauses.
pub struct Streams {
    sources: Vec<(&'static str, Source)>,
    sinks: Vec<(&'static str, Sink)>,
    /// Sinks that take nothing at present.
    pub closed: Vec<&'static str>,
}

impl Streams {
    /// Both ends.
    pub fn new(dut: &Dut, sources: &[&'static str], sinks: &[&'static str], stall: Stall) -> Self {
        Self {
            sources: sources.iter().map(|n| (*n, Source::new(dut, n, stall))).collect(),
            sinks: sinks.iter().map(|n| (*n, Sink::new(dut, n, stall))).collect(),
            closed: Vec::new(),
        }
    }

    /// Another kind of pauses for one of them.
    pub fn pace(&mut self, dut: &Dut, name: &str, stall: Stall) {
        for (n, source) in self.sources.iter_mut().filter(|s| s.0 == name) {
            *source = Source::new(dut, n, stall);
        }
        for (n, sink) in self.sinks.iter_mut().filter(|s| s.0 == name) {
            *sink = Sink::new(dut, n, stall);
        }
    }

    /// Queues a word.
    pub fn push(&mut self, name: &str, word: Bits) {
        self.sources.iter_mut().find(|s| s.0 == name).expect("a source").1.push(word);
    }

    /// Words of a source that have not been taken.
    pub fn waiting(&self, name: &str) -> usize {
        self.sources.iter().find(|s| s.0 == name).expect("a source").1.waiting()
    }

    /// Words of all sources that have not been taken.
    pub fn all_waiting(&self) -> usize {
        self.sources.iter().map(|s| s.1.waiting()).sum()
    }

    /// Before settle.
    pub fn drive(&mut self, dut: &mut Dut, rng: &mut Rng) {
        self.sources.iter_mut().for_each(|s| s.1.drive(dut, rng));
        for (name, sink) in &mut self.sinks {
            if self.closed.contains(name) {
                sink.drive_as(dut, false);
            } else {
                sink.drive(dut, rng);
            }
        }
    }

    /// Between settle and edge: the words that came, and those that were taken.
    pub fn sample(&mut self, dut: &Dut) -> (Vec<(&'static str, Bits)>, Vec<(&'static str, Bits)>) {
        let came = self.sinks.iter_mut().filter_map(|(n, s)| s.sample(dut).map(|w| (*n, w))).collect();
        let taken = self.sources.iter_mut().filter_map(|(n, s)| s.sample(dut).map(|w| (*n, w))).collect();
        (came, taken)
    }
}
