//! The CRC32C of a frame as its beats go by (RFC 3720 12.1): from byte 40 of the headers to the end of the commit word.
//!
//! Each beat's part of the checksum is a wide parity of the beat alone; it is registered, and joins the register of the
//! beats before it one beat later. The loop from register to register is so a parity of some 16 bits at either width. All
//! values are kept as of four bytes later: the checksum over a trailer's commit word of zero is there without further
//! logic, and a commit word that is not zero adds its own part.

use dyad_spec::wire::{CRC_FIRST_BYTE, HEADER_BYTES};

use crate::prelude::*;
use crate::prim::crc32c::{crc_data, crc_init, crc_zeros};

/// Bytes of the commit word, between the payload and the checksum.
const COMMIT_BYTES: usize = 4;

/// The running checksum of one stream of frames.
pub struct FrameCrc {
    /// Register after all beats but the last one taken.
    before: Var,
    /// What the last beat taken adds.
    last: Var,
    data_w: usize,
}

impl FrameCrc {
    /// For beats of `data_w` bits.
    pub fn new(m: &M, data_w: usize) -> Self {
        Self { before: m.reg_nr("crc_before", 32), last: m.reg_nr("crc_last", 32), data_w }
    }

    /// The number of the header's beat in which the covered bytes begin.
    pub fn first_beat(data_w: usize) -> usize {
        CRC_FIRST_BYTE * 8 / data_w
    }

    /// Where `en` is 1, takes `beat`; where `first` is 1 as well, it is the beat in which the covered bytes begin, and
    /// what was before is forgotten.
    pub fn take(&self, en: E, first: E, beat: E) {
        let bytes = self.data_w / 8;
        // Bytes of the first beat that are not covered.
        let skip = CRC_FIRST_BYTE % bytes;
        let covered = HEADER_BYTES.min(CRC_FIRST_BYTE - skip + bytes) - CRC_FIRST_BYTE;
        let start = crc_zeros(crc_init(), covered + COMMIT_BYTES) & rep(first, 32);
        let mut part = crc_data(beat.slice(8 * skip, 8 * (bytes - skip)), COMMIT_BYTES) ^ start;
        if skip > 0 {
            part = part ^ (crc_data(beat.trunc(8 * skip), bytes - skip + COMMIT_BYTES) & rep(!first, 32));
        }
        when(en, || {
            self.last.set(part);
            self.before.set(mux(first, 0, self.value()));
        });
    }

    /// The register after all beats taken and four zero bytes.
    fn value(&self) -> E {
        crc_zeros(self.before.get(), self.data_w / 8) ^ self.last
    }

    /// The checksum of all beats taken and a commit word of zero, as the trailer's field: byte 0 in bits 7:0.
    pub fn checksum(&self) -> E {
        !self.value()
    }

    /// Whether `trailer` (64 bits: commit word, checksum) belongs to the beats taken.
    pub fn verifies(&self, trailer: E) -> E {
        let (commit, crc) = (trailer.trunc(8 * COMMIT_BYTES), trailer.slice(8 * COMMIT_BYTES, 32));
        (self.value() ^ crc_data(commit, 0) ^ crc).all()
    }
}
