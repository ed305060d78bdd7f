//! The frame on the wire.
//!
//! Ethernet II (IEEE 802.3-2018 3.1), IPv4 without options (RFC 791 3.1), UDP (RFC 768) and the Dyad header together fill
//! exactly 64 bytes, so that the payload starts on a beat at every datapath width. After the payload comes a trailer of
//! 8 bytes with a CRC32C (RFC 3720 12.1) over everything from byte 40 to the end of the trailer's commit word. Byte 40
//! is the UDP checksum, which is always sent as zero (RFC 768: no checksum).

use crate::field::layout;

/// Bytes of all headers together.
pub const HEADER_BYTES: usize = 64;
/// Bytes of the trailer.
pub const TRAILER_BYTES: usize = 8;
/// Bytes of a frame without payload.
pub const SHORT_FRAME_BYTES: usize = HEADER_BYTES + TRAILER_BYTES;
/// First byte that the CRC covers.
pub const CRC_FIRST_BYTE: usize = 40;
/// Version of the wire format, in the Dyad header.
pub const WIRE_VERSION: u64 = 2;
/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u64 = 0x0800;
/// Version 4, header of five words.
pub const IPV4_VERSION_IHL: u64 = 0x45;
/// Don't fragment.
pub const IPV4_FLAGS_DF: u64 = 0x4000;
/// Time to live of frames that a card sends.
pub const IPV4_TTL: u64 = 64;
/// Protocol number of UDP.
pub const IPV4_PROTOCOL_UDP: u64 = 17;
/// Bytes of the Ethernet header.
pub const ETHERNET_BYTES: usize = 14;
/// Bytes of an Ethernet frame on the line that its headers and payload do not show: preamble and start (8), frame check
/// sequence (4), least gap (12).
pub const LINE_OVERHEAD_BYTES: usize = 24;
/// MTU at which a block is cut in three frames.
pub const MTU_STANDARD: usize = 1500;
/// Least MTU at which a block rides in one frame.
pub const MTU_JUMBO: usize = 9000;
/// (offset, length) in bytes of each frame's part of a block at MTU 9000.
pub const PARTS_JUMBO: &[(usize, usize)] = &[(0, 4096)];
/// (offset, length) in bytes of each frame's part of a block at MTU 1500.
pub const PARTS_STANDARD: &[(usize, usize)] = &[(0, 1408), (1408, 1408), (2816, 1280)];
/// Payload of a frame that stands for a whole block of zeroes, in bytes, all of them zero: so long that the receiver has looked
/// the block up before the frame ends.
pub const ZEROES_BYTES: usize = 256;
/// Unit of the `offset` and `length` fields, in bytes.
pub const OFFSET_UNIT: usize = 64;
/// Bytes of a driver's message in a CONTROL frame that the mailbox keeps.
pub const MAILBOX_BYTES: usize = 256;

layout! {
    /// All headers of a frame.
    Header, 64, Big {
        /// Destination MAC address.
        ETH_DST, eth_dst, set_eth_dst: 0, 48;
        /// Source MAC address.
        ETH_SRC, eth_src, set_eth_src: 48, 48;
        /// EtherType: 0x0800, IPv4.
        ETHERTYPE, ethertype, set_ethertype: 96, 16;
        /// IPv4 version and header length: 0x45. Options are refused.
        IP_VERSION_IHL, ip_version_ihl, set_ip_version_ihl: 112, 8;
        /// IPv4 type of service: sent as zero, not checked.
        IP_TOS, ip_tos, set_ip_tos: 120, 8;
        /// IPv4 total length: 50 bytes of headers, payload, 8 bytes of trailer.
        IP_LENGTH, ip_length, set_ip_length: 128, 16;
        /// IPv4 identification: zero (RFC 6864 4.1: atomic datagrams need none).
        IP_ID, ip_id, set_ip_id: 144, 16;
        /// IPv4 flags and fragment offset: don't fragment. Fragments are refused.
        IP_FRAGMENT, ip_fragment, set_ip_fragment: 160, 16;
        /// IPv4 time to live: 64, not checked.
        IP_TTL, ip_ttl, set_ip_ttl: 176, 8;
        /// IPv4 protocol: 17, UDP.
        IP_PROTOCOL, ip_protocol, set_ip_protocol: 184, 8;
        /// IPv4 header checksum (RFC 1071).
        IP_CHECKSUM, ip_checksum, set_ip_checksum: 192, 16;
        /// Source address.
        IP_SRC, ip_src, set_ip_src: 208, 32;
        /// Destination address.
        IP_DST, ip_dst, set_ip_dst: 240, 32;
        /// UDP source port.
        UDP_SRC, udp_src, set_udp_src: 272, 16;
        /// UDP destination port.
        UDP_DST, udp_dst, set_udp_dst: 288, 16;
        /// UDP length: IPv4 total length less 20.
        UDP_LENGTH, udp_length, set_udp_length: 304, 16;
        /// UDP checksum: zero, meaning none; integrity is the trailer's CRC32C.
        UDP_CHECKSUM, udp_checksum, set_udp_checksum: 320, 16;
        /// Wire version in the high nibble, frame type in the low one.
        VERSION_TYPE, version_type, set_version_type: 336, 8;
        /// REFUSED: the reason, a status code. BUSY: 1 when a turn is kept for the request. NOT_OWNER: the owner.
        /// OWN_REQ, GRANT, TAKEN: bit 0 for a whole LUN, bit 1 for what nobody asked for. Otherwise zero.
        CODE, code, set_code: 344, 8;
        /// Link generation. Frames of another generation are dropped and counted; CONTROL frames carry zero.
        GENERATION, generation, set_generation: 352, 16;
        /// The sender's slot; in an answer, the slot answered.
        SLOT, slot, set_slot: 368, 16;
        /// Sequence number of the slot's use: one higher with each use.
        SEQ, seq, set_seq: 384, 32;
        /// LUN number.
        LUN, lun, set_lun: 416, 8;
        /// WRITE, REQUEST: where the payload belongs in its block, in units of 64 bytes.
        OFFSET, offset, set_offset: 424, 8;
        /// Payload length in units of 64 bytes.
        LENGTH, length, set_length: 432, 8;
        /// WRITE, REQUEST, and those of zeroes: logical block address. OWN_REQ, GRANT, TAKEN: any address of the extent. ACK: cycles between the block's last beat and this frame's first.
        LBA, lba, set_lba: 440, 40;
        /// WRITE, REQUEST, those of zeroes, OWN_REQ: epoch of the extent at the sender. GRANT, TAKEN: the new one. Otherwise zero; of a LUN, the
        /// extent's half is zero.
        EPOCH, epoch, set_epoch: 480, 32;
    }
}

/// The trailer after the payload.
pub mod trailer {
    use super::layout;

    layout! {
        /// The last 8 bytes of a frame before its frame check sequence.
        Trailer, 8, Big {
            /// A COMMIT that rides along, in frames of every type but CONTROL: the sender's slot in bits 31:20, the low 20
            /// bits of its sequence in bits 19:0. Zero: none.
            COMMIT, commit, set_commit: 0, 32;
            /// CRC32C. Its four bytes are sent least significant first, as RFC 3720 has it: the field read in network
            /// order is the byte-swapped checksum.
            CRC, crc, set_crc: 32, 32;
        }
    }
}

/// Bits of a sequence in a trailer's commit word.
pub const COMMIT_SEQ_BITS: usize = 20;

/// The commit word of a slot and a sequence. Where it comes out as zero (slot 0, and a sequence that ends in twenty zeroes) it
/// says nothing: the peer asks.
pub const fn commit_word(slot: u16, seq: u32) -> u32 {
    (slot as u32) << COMMIT_SEQ_BITS | seq & ((1 << COMMIT_SEQ_BITS) - 1)
}

/// CRC32C of `bytes`, bit by bit: the definition (RFC 3720 12.1, reflected), for checks and examples. Programs use the
/// crate `crc`, the card an XOR tree; tests hold them against each other.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0x82f6_3b78 } else { c >> 1 })
    })
}

/// One's-complement sum of the 16-bit words of `bytes`, complemented (RFC 1071 1): zero over a header whose checksum
/// field is right.
pub fn ipv4_checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0))).sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A whole frame of `N` bytes: sets the IPv4 checksum of `header`, appends `payload` and the trailer.
///
/// # Panics
/// When `N` is not 72 plus the payload's length.
pub fn seal<const N: usize>(header: &mut Header, payload: &[u8]) -> [u8; N] {
    assert_eq!(N, SHORT_FRAME_BYTES + payload.len(), "frame length");
    header.set_ip_checksum(0);
    let checksum = ipv4_checksum(&header.0[ETHERNET_BYTES..ETHERNET_BYTES + 20]);
    header.set_ip_checksum(u64::from(checksum));
    let mut frame = [0; N];
    frame[..HEADER_BYTES].copy_from_slice(&header.0);
    frame[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
    let crc = crc32c(&frame[CRC_FIRST_BYTE..N - 4]);
    frame[N - 4..].copy_from_slice(&crc.to_le_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_of_rfc_3720_examples() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn checksum_of_a_sealed_header_verifies() {
        let frame = crate::docs::worked_frame();
        assert_eq!(ipv4_checksum(&frame[14..34]), 0);
        assert_ne!(frame[24..26], [0, 0]);
    }

    #[test]
    fn header_fields_cover_64_bytes_without_overlap() {
        let mut next = 0;
        for f in FIELDS {
            assert_eq!(f.lsb, next, "{} does not follow the field before it", f.name);
            next += f.width;
        }
        assert_eq!(next, HEADER_BYTES * 8);
    }

    #[test]
    fn parts_cover_the_block_and_fit_the_mtu() {
        for (mtu, parts) in [(MTU_JUMBO, PARTS_JUMBO), (MTU_STANDARD, PARTS_STANDARD)] {
            let mut next = 0;
            for (offset, length) in parts {
                assert_eq!(*offset, next);
                assert_eq!(length % OFFSET_UNIT, 0);
                assert!(SHORT_FRAME_BYTES - ETHERNET_BYTES + length <= mtu);
                next += length;
            }
            assert_eq!(next, crate::BLOCK_BYTES);
        }
    }
}
