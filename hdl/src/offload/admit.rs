//! `admit`: asks the directory about each slot whose lock was won.
//!
//! ```text
//!             +----------+---> m_dir    lookup wanted
//!  s_grant -->|  admit   |<--- s_dir    its answer
//!             +----------+---> m_admit  to slots
//! ```
//!
//! The lookup is made after the lock was won, so an operation that waited is looked up at the end of its wait, and
//! never twice.
//!
//! - Latency: that of the directory. Throughput: one operation at a time, 6 cycles each with an idle directory.
//! - Backpressure: keeps an answer until `m_admit` takes it. Reset: forgets the operation in work.
//! - Errors: none. Tests: `tests/tests/admit.rs`.

use crate::bundle::{Admit, LockGrant, Lookup, LookupReq, SLOT_W};
use crate::prelude::*;
use crate::stream::{event_in, stream_in, stream_out};

/// Tag of this block's lookups.
pub const TAG: u64 = 1;

/// The admission of a card.
pub fn admit() -> Module {
    module("admit", |m| {
        m.doc("Asks the directory about each slot whose lock was won.");
        let s_grant = stream_in(m, "s_grant", LockGrant::WIDTH);
        let m_dir = stream_out(m, "m_dir", LookupReq::WIDTH);
        let (dir_valid, dir_data) = event_in(m, "s_dir", Lookup::WIDTH);
        let m_admit = stream_out(m, "m_admit", Admit::WIDTH);
        let quiet = m.output("quiet", 1);

        let waiting = m.reg("waiting", 1, 0);
        let kept = m.reg("kept", 1, 0);
        let slot = m.reg_nr("slot", SLOT_W);
        let answer_q = m.reg_nr("answer_q", Lookup::WIDTH);
        let grant = LockGrant::unpack(s_grant.data);
        let free = !waiting;
        m_dir.valid.set(s_grant.valid & free);
        m_dir.data.set(LookupReq { lun: grant.lun, lba: grant.lba, tag: lit(TAG, 4) }.pack());
        s_grant.ready.set(m_dir.ready & free);
        when(s_grant.fire(), || {
            waiting.set(1);
            slot.set(grant.id.slice(0, SLOT_W));
        });
        let mine = (dir_valid & Lookup::unpack(dir_data).tag.eq(TAG)).named("mine");
        let answer = Lookup::unpack(mux(kept, answer_q.get(), dir_data));
        m_admit.valid.set(kept | mine);
        m_admit
            .data
            .set(Admit { slot: slot.get(), valid: answer.valid, owner: answer.owner, epoch: answer.epoch }.pack());
        when(mine, || answer_q.set(dir_data));
        when(m_admit.fire(), || {
            waiting.set(0);
            kept.set(0);
        })
        .elsewhen(mine, || kept.set(1));
        quiet.set(!waiting & !s_grant.valid);
        m.prove("an_answer_is_waited_for", !mine | waiting);
    })
}
