//! `directory`: who owns an extent, and since which epoch.
//!
//! ```text
//!                   +-----------------------------------------+
//!   lun_control ===>|                                         |
//!    lun_blocks ===>|  LUN  ->  extent  ->  RAM  ->  compare  |
//! lun_extent_base =>|                                         |
//!                   |                                         |
//!      s_lookup --->| lun, lba, tag      tag, valid, owner, .. |---> m_lookup
//!      s_update --->| lun, lba, owner, epoch, closing         |
//!                   +-----------------------------------------+
//! ```
//!
//! **Theory.** A LUN is cut in extents of 2^`LUN_EXTENT_SHIFT` blocks. Extent n of a LUN has entry
//! `LUN_EXTENT_BASE + n` of one RAM: the directory is exact, not a cache. An entry holds owner, extent epoch, the LUN
//! generation in which it was written, whether its owner is about to hand it over, and a bit that says that it ever was
//! written. An entry of another generation than
//! the LUN's reads as the LUN's default: `LUN_OWNER`, epoch 0. So a whole LUN changes its owner with one register. Lookups
//! and updates go down pipelines of one depth, so an update needs no forwarding to be seen by the lookups behind it.
//!
//! **Interface.** Events. `s_lookup` ([`LookupReq`]) and `s_update` ([`DirUpdate`]) are taken in every cycle. `m_lookup`
//! ([`Lookup`]) answers each lookup, in order, with its tag. The LUN arrays have LUN n in bits 32n+31:32n, `lun_blocks` in bits 40n+39:40n;
//! their values in the cycle in which a lookup or update comes in are those that it sees.
//!
//! An address is valid when its LUN is, when it is below `LUN_BLOCKS`, and when its entry is inside the RAM (a driver that
//! gives a LUN more extents than there are gets no answer from another LUN's entry). For an invalid address the rest of the
//! answer is zero, and an update does nothing.
//!
//! **Parameters.** `extents`: a power of two, 64 to 1 Mi; `luns`.
//!
//! **Latency.** [`LATENCY`] cycles, always. **Throughput.** One lookup and one update per cycle, for every sequence of
//! addresses.
//!
//! **Backpressure.** None; nothing is dropped.
//!
//! **Reset.** Forgets what is in the pipelines. Entries stay: after a reset the driver gives each LUN a new generation.
//!
//! **Clocks.** One.
//!
//! **Ordering.** An update is seen by the lookups of all later cycles and by none of its own cycle or before. Generations
//! are 16 bits: before a LUN's generation comes round to a value that it had, the driver writes every entry of the LUN.
//!
//! **Errors.** None here; who asked counts what it refuses.
//!
//! **Test.** `tests/tests/directory.rs`: a million cycles against a map.

use dyad_spec::regs;

use crate::bundle::{DirUpdate, INDEX_W, LBA_W, Lookup, LookupReq};
use crate::fields::field;
use crate::params::Params;
use crate::prelude::*;
use crate::stream::{event_in, event_out};

/// Cycles from `s_lookup` to `m_lookup`.
pub const LATENCY: usize = 4;

crate::bundle! {
    /// A word of the RAM.
    Entry {
        /// The word has been written; memories start at zero.
        written: 1,
        /// About to be handed over.
        closing: 1,
        /// Owner.
        owner: 1,
        /// Extent epoch.
        epoch: 16,
        /// LUN generation.
        generation: 16,
    }
}

/// The LUN arrays.
#[derive(Clone, Copy)]
struct Luns {
    control: E,
    blocks: E,
    base: E,
}

/// An address on its way to the RAM: two stages, the same for lookups and updates.
struct Place {
    /// Stage 2 holds something.
    here: Var,
    /// The address is inside.
    valid: Var,
    /// Number of the entry.
    index: Var,
    /// `LUN_CONTROL`.
    control: Var,
}

impl Place {
    fn new(m: &M, p: &Params, name: &str, luns: Luns, valid: E, lun: E, lba: E) -> Self {
        let reg = |what: &str, w| m.reg_nr(format!("{name}_{what}"), w);
        let flag = |what: &str| m.reg(format!("{name}_{what}"), 1, 0);

        // Stage 1: the LUN.
        let here_1 = flag("here_1");
        let (control_1, blocks_1) = (reg("control_1", 32), reg("blocks_1", LBA_W));
        let (base_1, lba_1) = (reg("base_1", 32), reg("lba_1", LBA_W));
        here_1.set(valid);
        control_1.set(luns.control.slice_dyn(lun, 32));
        blocks_1.set(luns.blocks.slice_dyn(lun, LBA_W));
        base_1.set(luns.base.slice_dyn(lun, 32));
        lba_1.set(lba);

        // Stage 2: the entry.
        let here = flag("here_2");
        let (inside, control) = (reg("inside_2", 1), reg("control_2", 32));
        let index_w = clog2(p.extents);
        let index = reg("index_2", index_w);
        let extent = lba_1.shr_by(field(control_1.get(), regs::LUN_EXTENT_SHIFT)).named(format!("{name}_extent"));
        let entry = base_1.trunc(index_w).add_wide(extent.trunc(index_w));
        // The entry's number is past the RAM: by itself either part is, or their sum.
        let past = [
            entry.bit(index_w),
            base_1.slice(index_w, 32 - index_w).any(),
            extent.slice(index_w, LBA_W - index_w).any(),
        ];
        let there = field(control_1.get(), regs::LUN_VALID);
        here.set(here_1);
        inside.set(there & lba_1.lt(blocks_1) & !any_of(&past));
        index.set(entry.trunc(index_w));
        control.set(control_1);
        Self { here, valid: inside, index, control }
    }

    fn generation(&self) -> E {
        field(self.control.get(), regs::LUN_GENERATION)
    }
}

/// Carries a value along `stages` registers.
fn delay(m: &M, name: &str, value: E, stages: usize) -> E {
    (1..=stages).fold(value, |value, stage| {
        let q = m.reg_nr(format!("{name}_{stage}"), value.width());
        q.set(value);
        q.get()
    })
}

/// The directory of a card.
///
/// # Panics
/// When `p` is out of range.
pub fn directory(p: &Params) -> Module {
    p.check();
    module("directory", |m| {
        m.doc(format!("Owner and epoch of {} extents: one lookup and one update per cycle.", p.extents));
        let luns = Luns {
            control: m.input("lun_control", 32 * p.luns),
            blocks: m.input("lun_blocks", LBA_W * p.luns),
            base: m.input("lun_extent_base", 32 * p.luns),
        };
        let (lookup_valid, lookup_data) = event_in(m, "s_lookup", LookupReq::WIDTH);
        let (update_valid, update_data) = event_in(m, "s_update", DirUpdate::WIDTH);
        let (answer_valid, answer_data) = event_out(m, "m_lookup", Lookup::WIDTH);
        let lookup = LookupReq::unpack_in(p, lookup_data);
        let update = DirUpdate::unpack_in(p, update_data);

        let asked = Place::new(m, p, "lookup", luns, lookup_valid, lookup.lun, lookup.lba);
        let told = Place::new(m, p, "update", luns, update_valid, update.lun, update.lba);
        let ram = m.ram("entries", p.extents, Entry::WIDTH);

        // Stage 2 to 3: both at once; the lookup gets the old entry.
        let new = Entry {
            written: lit(1, 1),
            closing: delay(m, "update_closing", update.closing, 2),
            owner: delay(m, "update_owner", update.owner, 2),
            epoch: delay(m, "update_epoch", update.epoch, 2),
            generation: told.generation(),
        };
        ram.write(told.here & told.valid, told.index, new.pack());
        let entry = Entry::unpack_in(p, ram.read(asked.index));
        let here_3 = m.reg("lookup_here_3", 1, 0);
        here_3.set(asked.here);
        let valid_3 = delay(m, "lookup_valid_3", asked.valid.get(), 1);
        let index_3 = delay(m, "lookup_index_3", asked.index.get(), 1);
        let control_3 = delay(m, "lookup_control_3", asked.control.get(), 1);

        // Stage 3 to 4: the entry, or the default.
        let generation = field(control_3, regs::LUN_GENERATION);
        let current = (entry.written & entry.generation.eq(generation)).named("current");
        let owner = mux(current, entry.owner, field(control_3, regs::LUN_OWNER));
        let epoch = cat(&[generation, mux(current, entry.epoch, 0)]);
        let answer = m.reg_nr("answer", Lookup::WIDTH);
        let here_4 = m.reg("lookup_here_4", 1, 0);
        here_4.set(here_3);
        answer.set(
            Lookup {
                tag: delay(m, "lookup_tag", lookup.tag, LATENCY - 1),
                valid: valid_3,
                owner: owner & valid_3,
                epoch: mux(valid_3, epoch, 0),
                closing: current & entry.closing & valid_3,
                index: index_3.zext(INDEX_W),
            }
            .pack(),
        );
        answer_valid.set(here_4);
        answer_data.set(answer);
    })
}
