//! `follow`: hands extents over to the site that writes them, unasked.
//!
//! ```text
//!              +----------------+
//!   s_note --->| writes in a    |---> m_op   release of an extent, to slots
//!    after --->| row, of some   |---> ev_followed
//!              | extents        |---> quiet, init_done
//!              +----------------+
//! ```
//!
//! `admit` says of each write that it has admitted in an extent of this site's whose it was ([`Note`]). When `after` writes in a
//! row were the peer's, a release of the extent goes to `slots`, as if a host had asked for it, but without a command that would
//! be told of its end. So a site whose virtual machine has moved away is left by its extents, too: at the site that has got
//! them, writes need no staging and no copy any more. A write of this site's own begins the row anew, and so does a release:
//! where both sites write, extents stay.
//!
//! The rows of [`PLACES`] extents are kept, by the low bits of the directory's index; an extent of which another takes the place
//! begins anew. With more busy extents than places some are handed over later, or not.
//!
//! - Interface: `after`: 0 is never, at most 255; a change holds from the next note on.
//! - Latency: 2 cycles from `s_note` to `m_op`, 4 in a deep build. Throughput: a note in as many; `admit` makes one in 6.
//! - Backpressure: none towards `s_note`. While a release waits to be taken, rows that are long enough wait for their next note.
//! - Reset: forgets the rows in [`PLACES`] cycles (`init_done`); notes that come meanwhile count for nothing.
//! - Errors: none. `ev_followed` counts releases.
//! - Source: the project's design, section 5, "Change of owner". Tests: `tests/tests/follow.rs`.

use crate::bundle::op_kind::OWN;
use crate::bundle::own_code::{RELEASE, UNASKED};
use crate::bundle::{CMD_W, INDEX_W, KIND_W, Note, OpInfo};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::next::Stages;
use crate::stream::{Mailer, event_in, pulse};

/// Extents whose rows are kept at a time.
pub const PLACES: usize = 512;
const PLACE_W: usize = clog2(PLACES);
/// Bits of a row's length.
const ROW_W: usize = 8;

crate::bundle! {
    /// What is kept of an extent.
    Row {
        /// The high bits of its index.
        tag: INDEX_W - PLACE_W,
        /// Writes of the peer's since the last one of this site's; the longest stands for all that are longer.
        length: ROW_W,
    }
}

/// What hands extents over.
pub fn follow(p: &Params) -> Module {
    module("follow", |m| {
        m.doc("Hands extents over to the site that writes them.");
        let after = m.input("after", ROW_W);
        let (valid, note_in) = event_in(m, "s_note", Note::WIDTH);
        let m_op = Mailer::new(m, "m_op", OpInfo::WIDTH);
        let followed = pulse(m, "followed");
        let quiet = m.output("quiet", 1);
        let init_done = m.output("init_done", 1);

        let clear_at = m.reg("clear_at", PLACE_W + 1, 0);
        let clearing = (!clear_at.bit(PLACE_W)).named("clearing");
        when(clearing, || clear_at.set(clear_at + 1));
        init_done.set(!clearing);

        let stages = Stages::new(m, p.deep);
        let noted = stages.busy;
        stages.begin(valid & !clearing);
        m.assume("notes_are_apart", !valid | !stages.under_way());
        let note = Note::unpack_in(p, stages.hold("note_q", note_in));
        let ram = m.ram("rows", PLACES, Row::WIDTH);
        let read = stages.fetched("row_f", ram.read(Note::unpack_in(p, note_in).index.trunc(PLACE_W)));
        let row = Row::unpack_in(p, stages.late("row", read));

        let (place, tag) = (note.index.trunc(PLACE_W), note.index.slice(PLACE_W, INDEX_W - PLACE_W));
        let known = stages.late("known", Row::unpack_in(p, read).tag.eq(tag));
        let before = mux(known, row.length, 0).named("before");
        let longer = mux(before.all(), before, before + 1).named("longer");
        let enough = (after.any() & longer.ge(after)).named("enough");
        let hands_over = (noted & note.theirs & enough & !m_op.full()).named("hands_over");
        let length = mux(note.theirs & !hands_over, longer, 0);
        // A write of this site's where nothing is kept takes nobody's place.
        ram.write(
            clearing | (noted & (note.theirs | known)),
            mux(clearing, clear_at.trunc(PLACE_W), place),
            mux(clearing, zero(Row::WIDTH), Row { tag, length }.pack()),
        );
        followed.set(hands_over);
        when(hands_over, || {
            m_op.send(
                OpInfo {
                    cmd: zero(CMD_W),
                    block: zero(6),
                    kind: lit(OWN, KIND_W),
                    local: zero(1),
                    lun: note.lun,
                    lba: note.lba,
                    page: lit(1 << RELEASE | 1 << UNASKED, 52),
                }
                .pack(),
            );
        });
        quiet.set(!stages.under_way() & !m_op.full());
    })
}
