//! `seq_check`: is a frame's sequence new?
//!
//! ```text
//!                    +-------------------------+
//!   ask_slot     --->|  RAM, a word for each   |---> same    the sequence answered last
//!   ask_seq      --->|  slot of the peer       |---> older   one before it
//!   s_note       --->|                         |
//!   generation   --->|                         |
//!                    +-------------------------+
//! ```
//!
//! For each slot of the peer the RAM keeps the sequence that was answered last (`s_note`), and the link generation in which
//! that was. Sequences are compared by serial number arithmetic: one is older when it is up to 2^31 - 1 behind. What is
//! neither `same` nor `older` is new: this site has not answered it.
//!
//! - Parameters: `slots`, a power of two.
//! - Interface: `ask_slot` in a cycle, `ask_seq` and both answers in the next. A note counts for what is asked after its cycle.
//!   `generation` is the link's, in the cycle of the answers, and in that of a note.
//! - Latency: 1 cycle. Throughput: a question and a note a cycle. Backpressure: none.
//! - Reset: keeps the RAM. Nothing of it is valid in another link generation, and each reset begins one.
//! - Errors: none of its own.
//! - Source: RFC 1982, section 3.2, for the comparison; the project's design, section 5, rule R2.
//! - Proof and test: `tests/tests/proofs`: a sequence that was answered is never new again in its generation, as long as those
//!   answered after it are less than 2^31 ahead; one that is ahead of what was answered is new. `tests/tests/mirror.rs`.

use crate::bundle::SlotUse;
use crate::prelude::*;
use crate::stream::event_in;

/// The check, inside its module: ports, and the RAM.
pub struct SeqCheck {
    /// Input: the link's generation.
    pub generation: E,
    /// Input: the slot that is asked about.
    pub ask_slot: E,
    /// Input: the sequence that is asked about, one cycle later.
    pub ask_seq: E,
    /// Input: a sequence has been answered.
    pub note_valid: E,
    /// Input: which.
    pub note: SlotUse,
    /// Output: it was answered last.
    pub same: E,
    /// Output: it comes before the one answered last.
    pub older: E,
    /// Generation and sequence, by slot.
    pub table: Ram,
}

impl SeqCheck {
    /// Builds it in `m`, which a proof gives more than a card.
    pub fn new(m: &M, slots: usize) -> Self {
        let slot_w = clog2(slots);
        let generation = m.input("generation", 16);
        let ask_slot = m.input("ask_slot", slot_w);
        let ask_seq = m.input("ask_seq", 32);
        let (note_valid, note_data) = event_in(m, "s_note", SlotUse::WIDTH);

        let table = m.ram("table", slots, 16 + 32);
        let note = SlotUse::unpack(note_data);
        table.write(note_valid, note.slot.trunc(slot_w), cat(&[generation, note.seq]));
        let last = table.read(ask_slot);
        let known = last.slice(32, 16).eq(generation).named("known");
        let ahead = (ask_seq - last.slice(0, 32)).named("ahead");
        let same = (known & ahead.eq(0)).named("is_same");
        let older = (known & ahead.bit(31)).named("is_older");
        m.output("same", 1).set(same);
        m.output("older", 1).set(older);
        Self { generation, ask_slot, ask_seq, note_valid, note, same, older, table }
    }
}

/// The check for `slots` slots of the peer.
pub fn seq_check(slots: usize) -> Module {
    module("seq_check", |m| {
        m.doc(format!("Is the sequence of a frame new? For {slots} slots of the peer."));
        SeqCheck::new(m, slots);
    })
}
