//! The 64 bytes of headers as bits, placed by the field tables of [`dyad_spec::wire`].
//!
//! Byte *i* of a frame is bits 8*i*+7 : 8*i* of the vector; fields of more than one byte are in network order, first
//! byte most significant. Functions on expressions, no state.

use dyad_spec::wire::{self, HEADER_BYTES, TRAILER_BYTES};
use dyad_spec::{Field, FrameType};

use crate::bundle::{LBA_W, SLOT_W};
use crate::prelude::*;

/// Bits of all headers together.
pub const HEADER_W: usize = 8 * HEADER_BYTES;
/// The low bits of a total length: the headers' and the trailer's share of it, below one unit of payload.
const IP_OVERHEAD: usize = HEADER_BYTES + TRAILER_BYTES - wire::ETHERNET_BYTES;
/// Bytes of an IPv4 header.
pub const IP_HEADER_BYTES: usize = (wire::IPV4_VERSION_IHL as usize & 0xf) * 4;

// A length is joined to the overhead's bits, not added.
const _: () = assert!(IP_OVERHEAD < wire::OFFSET_UNIT && wire::OFFSET_UNIT == 64);

/// Reverses the bytes: between network order and the order of a vector.
#[track_caller]
pub fn swap_bytes(e: impl Into<E>) -> E {
    let e = e.into();
    assert_eq!(e.width() % 8, 0, "swap_bytes: whole bytes");
    let bytes: Vec<E> = (0..e.width() / 8).map(|i| e.slice(8 * i, 8)).collect();
    cat(&bytes)
}

/// The value of a field of `header`, the vector of all headers.
#[track_caller]
pub fn field(header: E, f: &Field) -> E {
    swap_bytes(header.slice(f.lsb, f.width))
}

/// IPv4 total length of a frame with `length` (8 bits) units of 64 bytes of payload.
pub fn ip_length(length: E) -> E {
    cat(&[length.zext(10), lit(IP_OVERHEAD as u64, 6)])
}

/// UDP length of the same frame.
pub fn udp_length(length: E) -> E {
    cat(&[length.zext(10), lit((IP_OVERHEAD - IP_HEADER_BYTES) as u64, 6)])
}

/// Joins values to a header; what is not set is zero.
pub struct HeaderBuilder(Vec<(Field, E)>);

impl HeaderBuilder {
    /// All zeroes.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a field; a value that is narrower is extended with zeroes.
    #[track_caller]
    pub fn set(&mut self, f: Field, value: impl Into<E>) -> &mut Self {
        assert!(self.0.iter().all(|(g, _)| g.lsb != f.lsb), "{} is set twice", f.name);
        self.0.push((f, value.into().zext(f.width)));
        self
    }

    /// Sets a field to a number.
    #[track_caller]
    pub fn set_u64(&mut self, f: Field, value: u64) -> &mut Self {
        self.set(f, lit(value, f.width))
    }

    /// The vector.
    pub fn build(&self) -> E {
        let mut parts: Vec<E> = wire::FIELDS
            .iter()
            .map(|f| match self.0.iter().find(|(g, _)| g == f) {
                Some((_, value)) => swap_bytes(*value),
                None => zero(f.width),
            })
            .collect();
        parts.reverse();
        cat(&parts)
    }
}

impl Default for HeaderBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// The first byte of the wire header of a frame type.
pub fn version_type(ftype: FrameType) -> u64 {
    wire::WIRE_VERSION << 4 | ftype.code()
}

crate::bundle! {
    /// What differs from frame to frame.
    FrameFields {
        /// Frame type.
        ftype: 4,
        /// Code of REFUSED.
        code: 8,
        /// Link generation.
        generation: 16,
        /// Slot.
        slot: SLOT_W,
        /// Sequence.
        seq: 32,
        /// LUN.
        lun: 8,
        /// Offset in units of 64 bytes.
        offset: 8,
        /// Payload in units of 64 bytes.
        length: 8,
        /// Block address; ACK: cycles.
        lba: LBA_W,
        /// Epoch.
        epoch: 32,
    }
}

impl FrameFields {
    /// All zeroes.
    pub fn none() -> Self {
        Self::unpack(zero(Self::WIDTH))
    }
}

/// What is the same in all frames of a link: configuration, as input ports.
pub struct Addresses {
    /// Own MAC address.
    pub mac: E,
    /// The peer's.
    pub peer_mac: E,
    /// Own IPv4 address.
    pub ip: E,
    /// The peer's.
    pub peer_ip: E,
    /// UDP port of both ends.
    pub udp_port: E,
}

/// The headers of a frame; `checksum` is the IPv4 checksum.
pub fn frame_header(a: &Addresses, f: &FrameFields, checksum: E) -> E {
    let mut h = HeaderBuilder::new();
    h.set(wire::ETH_DST, a.peer_mac).set(wire::ETH_SRC, a.mac).set_u64(wire::ETHERTYPE, wire::ETHERTYPE_IPV4);
    h.set_u64(wire::IP_VERSION_IHL, wire::IPV4_VERSION_IHL).set(wire::IP_LENGTH, ip_length(f.length));
    h.set_u64(wire::IP_FRAGMENT, wire::IPV4_FLAGS_DF).set_u64(wire::IP_TTL, wire::IPV4_TTL);
    h.set_u64(wire::IP_PROTOCOL, wire::IPV4_PROTOCOL_UDP).set(wire::IP_CHECKSUM, checksum);
    h.set(wire::IP_SRC, a.ip).set(wire::IP_DST, a.peer_ip);
    h.set(wire::UDP_SRC, a.udp_port).set(wire::UDP_DST, a.udp_port).set(wire::UDP_LENGTH, udp_length(f.length));
    h.set(wire::VERSION_TYPE, cat(&[lit(wire::WIRE_VERSION, 4), f.ftype])).set(wire::CODE, f.code);
    h.set(wire::GENERATION, f.generation).set(wire::SLOT, f.slot).set(wire::SEQ, f.seq).set(wire::LUN, f.lun);
    h.set(wire::OFFSET, f.offset).set(wire::LENGTH, f.length).set(wire::LBA, f.lba).set(wire::EPOCH, f.epoch);
    h.build()
}
