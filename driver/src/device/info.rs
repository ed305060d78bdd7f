//! What a card is, and what it can be told.

use std::net::Ipv4Addr;
use std::time::Duration;

use dyad_spec::{LBA_BITS, wire};

use crate::bar::LunFlags;

/// What the card says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Name of the device, as the backing has it.
    pub name: String,
    /// Version of the contract: major in the high half.
    pub version: u32,
    /// Bits of the host port and of the streams.
    pub data_width_bits: u32,
    /// Bits of the store port.
    pub store_width_bits: u32,
    /// Slots: operations on blocks that the card can have in flight.
    pub slot_count: u32,
    /// Queue pairs.
    pub queue_count: u32,
    /// Interrupt vectors.
    pub vector_count: u32,
    /// LUNs.
    pub lun_count: u32,
    /// Log2 of the most entries that a queue may have.
    pub queue_log2_max: u32,
    /// Extents in the directory.
    pub extent_count: u32,
    /// Core clock in kHz.
    pub clock_khz: u32,
    /// Period of the time-out scan in cycles.
    pub period_cycles: u32,
    /// Gather buffers of the local leg.
    pub local_buffer_count: u32,
    /// Gather buffers of the peer's blocks.
    pub mirror_buffer_count: u32,
    /// Bits of a block's address, in a LUN and in the store.
    pub block_address_bits: u32,
    /// Bits of an address in host memory.
    pub host_address_bits: u32,
}

impl Info {
    /// Most blocks of a LUN, and of a store as far as the card reaches it.
    pub fn blocks_max(&self) -> u64 {
        (1 << self.block_address_bits.min(LBA_BITS as u32)) - 1
    }

    /// Cycles of the card's clock as nanoseconds, rounded to the nearest.
    pub fn cycles_to_ns(&self, cycles: u64) -> u64 {
        let khz = u128::from(self.clock_khz.max(1));
        ((u128::from(cycles) * 1_000_000 + khz / 2) / khz) as u64
    }

    /// A time as cycles of the card's clock, rounded up.
    pub fn duration_to_cycles(&self, time: Duration) -> u64 {
        (time.as_nanos() * u128::from(self.clock_khz)).div_ceil(1_000_000) as u64
    }
}

/// The size of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtu {
    /// 1500: a block rides in three frames.
    Standard,
    /// 9000: a block rides in one frame.
    Jumbo,
}

impl Mtu {
    /// Bytes of an IP packet.
    pub fn bytes(self) -> usize {
        match self {
            Mtu::Standard => wire::MTU_STANDARD,
            Mtu::Jumbo => wire::MTU_JUMBO,
        }
    }

    /// Payload bytes of the largest frame.
    pub fn payload_bytes(self) -> usize {
        let parts = match self {
            Mtu::Standard => wire::PARTS_STANDARD,
            Mtu::Jumbo => wire::PARTS_JUMBO,
        };
        parts[0].1
    }
}

/// Addresses and time-outs of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// This card's MAC address, as written.
    pub mac: [u8; 6],
    /// The peer's.
    pub peer_mac: [u8; 6],
    /// This card's address.
    pub ip: Ipv4Addr,
    /// The peer's.
    pub peer_ip: Ipv4Addr,
    /// UDP port of both ends.
    pub udp_port: u16,
    /// The size of frames.
    pub mtu: Mtu,
    /// Time after which a block that is not acknowledged is sent again: more than a round trip. Raised to what the card
    /// can do at least.
    pub resend: Duration,
    /// Times that a block is sent again, 0 to 15.
    pub resend_limit: u8,
}

impl LinkConfig {
    /// What two cards on one cable need: private addresses by site, jumbo frames, a resend time-out of 4 ms.
    pub fn for_site(site: u8) -> Self {
        let mac = |site: u8| [0x02, 0, 0, 0, 0, 0x0a + site];
        let ip = |site: u8| Ipv4Addr::new(10, 0, 0, 10 + site);
        let peer = 1 - site.min(1);
        Self {
            mac: mac(site.min(1)),
            peer_mac: mac(peer),
            ip: ip(site.min(1)),
            peer_ip: ip(peer),
            udp_port: 4791,
            mtu: Mtu::Jumbo,
            resend: Duration::from_millis(4),
            resend_limit: 7,
        }
    }
}

/// A LUN as the card's table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunEntry {
    /// State.
    pub flags: LunFlags,
    /// Default owner, site 0 or 1.
    pub owner: u8,
    /// Log2 of the blocks in an extent, 0 to 31.
    pub extent_shift: u8,
    /// LUN generation.
    pub generation: u16,
    /// Blocks, less than 2^40.
    pub blocks: u64,
    /// First block in the store.
    pub store_base: u64,
    /// First directory entry.
    pub extent_base: u32,
}
