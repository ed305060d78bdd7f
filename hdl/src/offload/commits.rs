//! `commits`: tells the peer which of this site's writes are complete.
//!
//! ```text
//!           +-----------+---> ride_*    for the trailer of the next frame
//!  s_done ->|  FIFO     |<--- ride_taken
//!           |  timer    |---> m_ctl     a COMMIT frame by itself
//!           +-----------+
//! ```
//!
//! A COMMIT costs nothing where frames flow: it rides in a trailer. Where none comes for [`wait`] cycles, or nothing else
//! is under way at this site (`alone`), a frame is sent for it; the next one rides in that.
//!
//! - Interface: `ride_valid`, `ride_data` ([`SlotUse`]) are an offer: taken in a cycle in which `ride_taken` is 1, and taken
//!   back when a frame is sent for it.
//! - Parameters: `slots`. Latency: `s_done` to `ride_valid` 3 cycles, to `m_ctl` 5 when `alone`.
//! - Throughput: one a cycle.
//! - Backpressure: none towards `s_done`: when [`DEPTH`] wait, one more is dropped (`ev_dropped`); the peer asks for it.
//! - Reset, and a link that is down: forgets all; the peer does, too. Errors: none.
//! - Source: the project's design, section 5, "Commits". Tests: `tests/tests/commits.rs`.

use dyad_spec::FrameType;

use crate::bundle::{LBA_W, LUN_W, SlotUse, TxCtl};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo_ram;
use crate::stream::{Mailer, event_in};

/// COMMITs that can wait.
pub const DEPTH: usize = 1024;

/// Cycles after which a COMMIT does not wait for a trailer any longer: two blocks' worth. While blocks are sent one after the
/// other there always is one before; at the peer, writers wait for the COMMIT of a block that was requested.
pub fn wait(p: &Params) -> usize {
    2 * (p.block_beats() + p.header_beats() + 1)
}

/// The COMMITs of a card.
pub fn commits(p: &Params) -> Module {
    let depth = DEPTH.min(p.slots);
    module("commits", |m| {
        m.doc("Tells the peer which writes are complete.");
        let now = m.input("now", 32);
        let link_ok = m.input("link_ok", 1);
        let alone = m.input("alone", 1);
        let (done_valid, done) = event_in(m, "s_done", SlotUse::WIDTH);
        let ride_valid = m.output("ride_valid", 1);
        let ride_data = m.output("ride_data", SlotUse::WIDTH);
        let ride_taken = m.input("ride_taken", 1);
        let m_ctl = Mailer::new(m, "m_ctl", TxCtl::WIDTH);
        let dropped = m.output("ev_dropped", 1);
        let quiet = m.output("quiet", 1);

        let queue = m.inst("u_queue", &fifo_ram(depth, SlotUse::WIDTH));
        queue.set("s_valid", done_valid & link_ok);
        queue.set("s_data", done);
        dropped.set(done_valid & link_ok & !queue.get("s_ready"));
        let head = SlotUse::unpack(queue.get("m_data"));
        let waits = queue.get("m_valid");
        // Since when the first one waits.
        let since = m.reg_nr("since", 32);
        let fresh = m.reg("fresh", 1, 1);
        let due = (alone | (now - since).ge(wait(p))).named("due");
        // What `m_ctl` brings back would come late: `offers` goes into the trailer that is sent in this cycle.
        let late = (waits & !fresh & due & link_ok & !m_ctl.full()).named("late");
        let offers = (waits & link_ok & !late).named("offers");
        ride_valid.set(offers);
        ride_data.set(queue.get("m_data"));
        let leaves = late | (offers & ride_taken) | (waits & !link_ok);
        queue.set("m_ready", leaves);
        fresh.set(!waits | leaves);
        when(fresh, || since.set(now));
        when(late, || {
            let frame = TxCtl {
                ftype: lit(FrameType::Commit.code(), 4),
                code: zero(8),
                slot: head.slot,
                seq: head.seq,
                t_ref: now,
                lun: zero(LUN_W),
                epoch: zero(32),
                lba_high: zero(LBA_W - 32),
            };
            m_ctl.send(frame.pack());
        });
        quiet.set(!waits & !m_ctl.full());
    })
}
