//! The CRC32C of a frame as its beats go by (RFC 3720 12.1): from byte 40 of the headers to the end of the commit word.
//!
//! All values are kept as of four bytes later: the checksum over a trailer's commit word of zero is there without
//! further logic, and a commit word that is not zero adds its own part. The loop from register to register is a parity
//! of some 16 bits at either width; the wide parity, that of the beat itself, stands outside it. A sender takes beats
//! from its output register ([`SentCrc`]); a receiver registers each beat's part and has it join the rest one beat
//! later ([`TakenCrc`]).

use dyad_spec::wire::{CRC_FIRST_BYTE, HEADER_BYTES};

use crate::prelude::*;
use crate::prim::crc32c::{crc_data, crc_init, crc_zeros};

/// Bytes of the commit word, between the payload and the checksum.
const COMMIT_BYTES: usize = 4;

/// The number of the header's beat in which the covered bytes begin.
pub fn first_beat(data_w: usize) -> usize {
    CRC_FIRST_BYTE * 8 / data_w
}

/// What a beat adds to the register, as of four bytes later. `first`: it is the one in which the covered bytes begin.
fn part(beat: E, first: E) -> E {
    let bytes = beat.width() / 8;
    // Bytes of the first beat that are not covered, and that are.
    let skip = CRC_FIRST_BYTE % bytes;
    let covered = (bytes - skip).min(HEADER_BYTES - CRC_FIRST_BYTE);
    let start = crc_zeros(crc_init(), covered + COMMIT_BYTES) & rep(first, 32);
    let always = crc_data(beat.slice(8 * skip, 8 * (bytes - skip)), COMMIT_BYTES) ^ start;
    if skip == 0 {
        return always;
    }
    always ^ (crc_data(beat.trunc(8 * skip), bytes - skip + COMMIT_BYTES) & rep(!first, 32))
}

/// The running checksum of frames that are sent.
pub struct SentCrc {
    /// Register before the beat that is shown.
    before: Var,
    first: Var,
    shown: E,
}

impl SentCrc {
    /// Of the beats that the register `shown` holds in turn. Where `advance` is 1 it takes the next one, which is the
    /// one in which the covered bytes begin where `first` is 1; what was before is then forgotten.
    pub fn new(m: &M, shown: E, advance: E, first: E) -> Self {
        let crc = Self { before: m.reg_nr("crc", 32), first: m.reg("crc_first", 1, 0), shown };
        when(advance, || {
            crc.first.set(first);
            crc.before.set(mux(first, 0, crc.value()));
        });
        crc
    }

    fn value(&self) -> E {
        crc_zeros(self.before.get(), self.shown.width() / 8) ^ part(self.shown, self.first.get())
    }

    /// The trailer's field for the frame up to the beat that is shown: byte 0 in bits 7:0.
    pub fn checksum(&self) -> E {
        !self.value()
    }
}

/// The running checksum of frames that come in.
pub struct TakenCrc {
    /// Register after all beats but the last one.
    before: Var,
    /// What the last beat adds.
    last: Var,
    data_w: usize,
}

impl TakenCrc {
    /// Where `valid` is 1, `beat` comes; where `first` is 1 as well, the covered bytes begin in it.
    pub fn new(m: &M, valid: E, beat: E, first: E) -> Self {
        let data_w = beat.width();
        let crc = Self { before: m.reg_nr("crc_before", 32), last: m.reg_nr("crc_last", 32), data_w };
        when(valid, || {
            crc.last.set(part(beat, first));
            crc.before.set(mux(first, 0, crc.value()));
        });
        crc
    }

    fn value(&self) -> E {
        crc_zeros(self.before.get(), self.data_w / 8) ^ self.last
    }

    /// Whether `trailer` (64 bits: commit word, checksum) belongs to the beats before it.
    pub fn verifies(&self, trailer: E) -> E {
        let (commit, crc) = (trailer.trunc(8 * COMMIT_BYTES), trailer.slice(8 * COMMIT_BYTES, 32));
        (self.value() ^ crc_data(commit, 0) ^ crc).all()
    }
}
