//! What the tests of `eth_tx` and `eth_rx` share: a link's configuration, frames in plain Rust, both ends of a MAC.
#![allow(dead_code, reason = "each test uses a part")]

pub mod rx_bench;
pub mod tx_bench;

use dyad_hdl::ir::Bits;
use dyad_spec::counters::Counter;
use dyad_spec::wire::{self, Header};
use dyad_spec::{BLOCK_BYTES, FrameType};
use dyad_tests::{Dut, Rng};
use dyad_verilator::PortId;

/// Largest payload of a CONTROL frame.
pub const CONTROL_MAX: usize = 8896;

/// Configuration of one end of a link.
#[derive(Clone, Debug)]
pub struct Link {
    pub mac: u64,
    pub peer_mac: u64,
    pub ip: u64,
    pub peer_ip: u64,
    pub udp_port: u64,
    pub generation: u64,
    pub jumbo: bool,
    pub up: bool,
    /// Slots of this end and of the other.
    pub slots: u64,
    pub peer_slots: u64,
}

impl Link {
    /// Random addresses.
    pub fn random(rng: &mut Rng, slots: usize) -> Self {
        let mut bits = |w: u32| rng.next_u64() >> (64 - w);
        Self {
            mac: bits(48),
            peer_mac: bits(48),
            ip: bits(32),
            peer_ip: bits(32),
            udp_port: bits(16),
            generation: bits(15) + 1,
            jumbo: true,
            up: true,
            slots: slots as u64,
            peer_slots: slots as u64,
        }
    }

    /// The other end.
    pub fn peer(&self) -> Self {
        Self {
            mac: self.peer_mac,
            peer_mac: self.mac,
            ip: self.peer_ip,
            peer_ip: self.ip,
            slots: self.peer_slots,
            peer_slots: self.slots,
            ..self.clone()
        }
    }

    pub fn poke_tx(&self, dut: &mut Dut) {
        dut.poke("jumbo", u64::from(self.jumbo));
        dut.poke("peer_mac", self.peer_mac);
        self.poke_both(dut);
    }

    pub fn poke_rx(&self, dut: &mut Dut) {
        dut.poke("link_ok", u64::from(self.up));
        dut.poke("peer_slots", self.peer_slots);
        self.poke_both(dut);
    }

    fn poke_both(&self, dut: &mut Dut) {
        dut.poke("generation", self.generation);
        dut.poke("mac", self.mac);
        dut.poke("ip", self.ip);
        dut.poke("peer_ip", self.peer_ip);
        dut.poke("udp_port", self.udp_port);
    }

    /// Parts of a block.
    pub fn parts(&self) -> &'static [(usize, usize)] {
        if self.jumbo { wire::PARTS_JUMBO } else { wire::PARTS_STANDARD }
    }

    /// Headers of a frame that this end sends, with `payload` bytes.
    pub fn header(&self, ftype: FrameType, payload: usize) -> Header {
        let mut h = Header::new();
        h.set_eth_dst(self.peer_mac).set_eth_src(self.mac).set_ethertype(wire::ETHERTYPE_IPV4);
        h.set_ip_version_ihl(wire::IPV4_VERSION_IHL).set_ip_length((58 + payload) as u64);
        h.set_ip_fragment(wire::IPV4_FLAGS_DF).set_ip_ttl(wire::IPV4_TTL).set_ip_protocol(wire::IPV4_PROTOCOL_UDP);
        h.set_ip_src(self.ip).set_ip_dst(self.peer_ip).set_udp_src(self.udp_port).set_udp_dst(self.udp_port);
        h.set_udp_length((38 + payload) as u64).set_version_type(wire::WIRE_VERSION << 4 | ftype.code());
        h.set_generation(if ftype == FrameType::Control { 0 } else { self.generation });
        h.set_length((payload / wire::OFFSET_UNIT) as u64);
        h
    }
}

/// A frame without its FCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub bytes: Vec<u8>,
    /// The MAC says that it is bad.
    pub bad: bool,
}

impl Frame {
    /// Sets the IPv4 checksum, adds payload and trailer.
    pub fn seal(header: &Header, payload: &[u8], commit: u32) -> Self {
        let mut bytes = header.0.to_vec();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&commit.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut frame = Self { bytes, bad: false };
        frame.reseal();
        frame
    }

    /// The trailer's commit word, of a frame that is whole.
    pub fn commit(&self) -> u32 {
        let at = self.bytes.len() - wire::TRAILER_BYTES;
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    /// Makes both checksums right again.
    pub fn reseal(&mut self) {
        let mut h = self.header();
        h.set_ip_checksum(0);
        let sum = wire::ipv4_checksum(&h.0[14..34]);
        h.set_ip_checksum(u64::from(sum));
        self.bytes[..64].copy_from_slice(&h.0);
        self.reseal_crc();
    }

    /// Makes the CRC32C right again.
    pub fn reseal_crc(&mut self) {
        let end = self.bytes.len() - 4;
        let crc = wire::crc32c(&self.bytes[wire::CRC_FIRST_BYTE..end]);
        self.bytes[end..].copy_from_slice(&crc.to_le_bytes());
    }

    /// The first 64 bytes.
    pub fn header(&self) -> Header {
        let mut h = Header::new();
        h.0.copy_from_slice(&self.bytes[..64]);
        h
    }

    pub fn with_header(mut self, change: impl FnOnce(&mut Header) -> &mut Header) -> Self {
        let mut h = self.header();
        change(&mut h);
        self.bytes[..64].copy_from_slice(&h.0);
        self
    }

    pub fn payload(&self) -> &[u8] {
        &self.bytes[64..self.bytes.len() - 8]
    }

    /// Which counter the frame belongs in at that end of the link: `rx_good`, or the first check that fails.
    pub fn verdict(&self, link: &Link) -> Counter {
        let n = self.bytes.len();
        if self.bad {
            return Counter::rx_bad_fcs;
        }
        if n < 72 {
            return Counter::rx_short;
        }
        let h = self.header();
        let ipv4 = h.ethertype() == 0x0800;
        let says = h.ip_length() as usize + 14;
        let most = if h.version_type() == (wire::WIRE_VERSION << 4 | 6) { CONTROL_MAX } else { BLOCK_BYTES };
        if ipv4 && n < says {
            return Counter::rx_short;
        }
        if n > 72 + most || ipv4 && n > says {
            return Counter::rx_long;
        }
        if let Some(counter) = header_fault(&h, link) {
            return counter;
        }
        if wire::crc32c(&self.bytes[40..n - 4]).to_le_bytes() != self.bytes[n - 4..] {
            return Counter::rx_bad_crc;
        }
        Counter::rx_good
    }
}

/// A frame that names a slot of its sender.
pub fn of_peer(kind: FrameType) -> bool {
    use FrameType::{Commit, Flush, OwnReq};
    of_block(kind) || matches!(kind, Flush | Commit | OwnReq)
}

/// Frames that carry a block, or a part of one.
pub fn of_block(kind: FrameType) -> bool {
    use FrameType::{Request, RequestZeroes, Write, WriteZeroes};
    matches!(kind, Write | Request | WriteZeroes | RequestZeroes)
}

/// The first check that the headers alone fail.
pub fn header_fault(h: &Header, link: &Link) -> Option<Counter> {
    let kind =
        FrameType::try_from((h.version_type() & 15) as u8).ok().filter(|_| h.version_type() >> 4 == wire::WIRE_VERSION);
    if h.eth_dst() != link.mac {
        return Some(Counter::rx_bad_mac);
    }
    if h.ethertype() != 0x0800 {
        return Some(Counter::rx_bad_ethertype);
    }
    if h.ip_version_ihl() != 0x45
        || h.ip_fragment() & !0x4000 != 0
        || h.ip_protocol() != 17
        || h.ip_src() != link.peer_ip
        || h.ip_dst() != link.ip
    {
        return Some(Counter::rx_bad_ip);
    }
    if wire::ipv4_checksum(&h.0[14..34]) != 0 {
        return Some(Counter::rx_bad_checksum);
    }
    if h.udp_dst() != link.udp_port
        || h.udp_length() != (h.ip_length().wrapping_sub(20)) & 0xffff
        || h.udp_checksum() != 0
    {
        return Some(Counter::rx_bad_udp);
    }
    let Some(kind) = kind else {
        return Some(Counter::rx_bad_type);
    };
    let generation_right = match kind {
        FrameType::Control => h.generation() == 0,
        _ => link.up && h.generation() == link.generation,
    };
    if !generation_right {
        return Some(Counter::rx_bad_generation);
    }
    let slots = match kind {
        kind if of_peer(kind) => link.peer_slots.min(4096),
        FrameType::Control => 1 << 16,
        _ => link.slots,
    };
    if h.slot() >= slots {
        return Some(Counter::rx_bad_slot);
    }
    let (offset, length) = (h.offset() as usize * 64, h.length() as usize * 64);
    let length_right = match kind {
        FrameType::Write | FrameType::Request => {
            wire::PARTS_JUMBO.iter().chain(wire::PARTS_STANDARD).any(|p| *p == (offset, length))
        }
        FrameType::WriteZeroes | FrameType::RequestZeroes => (offset, length) == (0, wire::ZEROES_BYTES),
        FrameType::Control => length > 0 && length <= CONTROL_MAX,
        _ => length == 0,
    };
    if !length_right || h.ip_length() as usize != 58 + length {
        return Some(Counter::rx_bad_length);
    }
    None
}

/// A beat of an AXI4-Stream with whole bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisBeat {
    pub data: Vec<u8>,
    pub keep: Bits,
    pub last: bool,
    pub user: bool,
}

/// A frame as beats of `width` bytes; what is not kept is random.
pub fn beats_of(frame: &Frame, width: usize, rng: &mut Rng) -> Vec<AxisBeat> {
    let count = frame.bytes.len().div_ceil(width);
    let chunks = frame.bytes.chunks(width).enumerate();
    chunks
        .map(|(i, chunk)| {
            let last = i + 1 == count;
            let mut data = chunk.to_vec();
            data.extend(rng.bits(8 * (width - chunk.len()).max(1)).to_bytes_le());
            data.truncate(width);
            let keep = Bits::ones(chunk.len()).resize(width);
            AxisBeat { data, keep, last, user: if last { frame.bad } else { rng.one_in(16) } }
        })
        .collect()
}

/// Ports of an AXI4-Stream.
pub struct Axis {
    pub valid: PortId,
    pub ready: PortId,
    data: PortId,
    keep: PortId,
    last: PortId,
    user: PortId,
    width: usize,
}

impl Axis {
    pub fn new(dut: &Dut, name: &str) -> Self {
        let port = |suffix: &str| dut.port(&format!("{name}_{suffix}"));
        Self {
            valid: port("tvalid"),
            ready: port("tready"),
            data: port("tdata"),
            keep: port("tkeep"),
            last: port("tlast"),
            user: port("tuser"),
            width: dut.width(&format!("{name}_tkeep")),
        }
    }

    /// Drives a beat, or none.
    pub fn put(&self, dut: &mut Dut, beat: Option<&AxisBeat>) {
        dut.set(self.valid, u64::from(beat.is_some()));
        if let Some(beat) = beat {
            dut.set_bits(self.data, &Bits::from_bytes_le(&beat.data));
            dut.set_bits(self.keep, &beat.keep);
            dut.set(self.last, u64::from(beat.last));
            dut.set(self.user, u64::from(beat.user));
        }
    }

    /// The beat that is shown.
    pub fn shown(&self, dut: &Dut) -> Option<AxisBeat> {
        (dut.get(self.valid) == 1).then(|| AxisBeat {
            data: dut.get_bits(self.data).to_bytes_le(),
            keep: dut.get_bits(self.keep).resize(self.width),
            last: dut.get(self.last) == 1,
            user: dut.get(self.user) == 1,
        })
    }
}

/// A frame that a MAC took, with the cycles in which its first and its last beat were first shown.
#[derive(Clone, Debug)]
pub struct Taken {
    pub frame: Frame,
    pub beats: usize,
    pub shown_first: u64,
    pub shown_last: u64,
    pub taken_last: u64,
}

/// The MAC's receiving end: takes whole frames, and checks the stream's rules and that frames have no gaps.
pub struct MacTx {
    axis: Axis,
    held: Option<AxisBeat>,
    inside: Option<Taken>,
    shown_since: Option<u64>,
}

impl MacTx {
    pub fn new(dut: &Dut) -> Self {
        Self { axis: Axis::new(dut, "m_axis_tx"), held: None, inside: None, shown_since: None }
    }

    pub fn drive(&self, dut: &mut Dut, ready: bool) {
        dut.set(self.axis.ready, u64::from(ready));
    }

    /// Between settle and edge.
    pub fn sample(&mut self, dut: &Dut) -> Option<Taken> {
        let (cycle, ready) = (dut.cycle(), dut.get(self.axis.ready) == 1);
        let Some(beat) = self.axis.shown(dut) else {
            assert!(self.held.is_none(), "cycle {cycle}: a beat was taken back");
            assert!(self.inside.is_none(), "cycle {cycle}: a gap in a frame");
            return None;
        };
        if let Some(held) = &self.held {
            assert_eq!(*held, beat, "cycle {cycle}: a beat changed before it was taken");
        }
        let shown = *self.shown_since.get_or_insert(cycle);
        let inside = self.inside.get_or_insert_with(|| Taken {
            frame: Frame { bytes: Vec::new(), bad: false },
            beats: 0,
            shown_first: shown,
            shown_last: 0,
            taken_last: 0,
        });
        if !ready {
            self.held = Some(beat);
            return None;
        }
        self.held = None;
        self.shown_since = None;
        let kept = (0..self.axis.width).take_while(|i| beat.keep.bit(*i)).count();
        assert_eq!(beat.keep, Bits::ones(kept).resize(self.axis.width), "cycle {cycle}: keep is not low ones");
        assert!(beat.last || kept == self.axis.width, "cycle {cycle}: keep before the last beat");
        assert!(beat.last || !beat.user, "cycle {cycle}: user before the last beat");
        inside.frame.bytes.extend_from_slice(&beat.data[..kept]);
        inside.beats += 1;
        if !beat.last {
            return None;
        }
        inside.frame.bad = beat.user;
        inside.shown_last = shown;
        inside.taken_last = cycle;
        self.inside.take()
    }
}
