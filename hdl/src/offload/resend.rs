//! `resend`: reads a block again from the local store and hands it to the wire.
//!
//! ```text
//!               +----------+---> m_rd     block of the store
//!  s_resend --->|  resend  |<--- s_rdata
//!               |          |---> m_dir    its epoch (s_dir: the answer)
//!               |          |---> m_job, m_pay   to eth_tx
//!               +----------+---> m_local  the store failed, or holds other bytes
//! ```
//!
//! The block is under its slot's lock, and its own home write has been answered, so the store holds what was sent
//! first; or, for a request, it is in the slot's place in the staging area. The block is read whole before its frame starts; its CRC32C is compared with the slot's as it leaves. When they
//! differ, the last frame ends as bad: the peer never has the block whole. The frames name the epoch of now: the one that the
//! block was first sent in may have been followed by that of another generation of its LUN.
//!
//! - Parameters: `DATA_W`, `STORE_W`. One block at a time.
//! - Latency: store latency, `store_beats`, 5 cycles. Throughput: a block each `block_beats + store_beats + latency`.
//! - Backpressure: waits for the wire; the store's read channel is never held up for longer than it takes to fill the
//!   buffer, which is always free when a block is asked for.
//! - Reset: AXI is reset with it.
//! - Errors: `m_local` with StoreError or StoreIntegrity; `ev_store_error`, `ev_store_integrity`.
//! - Tests: `tests/tests/resend.rs`.

use dyad_spec::Status;

use super::fill::Fill;
use crate::bundle::{LBA_W, LocalDone, Lookup, LookupReq, Resend, TxJob};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::crc32c::crc_step;
use crate::stream::{event_in, stream_in, stream_out};

/// Tag of this block's lookups.
pub const TAG: u64 = 3;

/// The resender of a card.
pub fn resend(p: &Params) -> Module {
    let (d, s) = (p.data_w, p.store_w);
    let beats = p.block_beats();
    module(p.named("resend"), |m| {
        m.doc("Reads a block again from the local store and hands it to the wire.");
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let staging_base = m.input("staging_base", LBA_W);
        let s_resend = stream_in(m, "s_resend", Resend::WIDTH);
        let m_rd = stream_out(m, "m_rd", LBA_W);
        let s_rdata = stream_in(m, "s_rdata", s + 2);
        let m_job = stream_out(m, "m_job", TxJob::WIDTH);
        let m_pay = stream_out(m, "m_pay", d + 2);
        let m_dir = stream_out(m, "m_dir", LookupReq::WIDTH);
        let (dir_valid, dir_data) = event_in(m, "s_dir", Lookup::WIDTH);
        let m_local = stream_out(m, "m_local", LocalDone::WIDTH);
        let ev_store_error = m.output("ev_store_error", 1);
        let ev_integrity = m.output("ev_store_integrity", 1);
        let quiet = m.output("quiet", 1);

        const IDLE: u64 = 0;
        const FILL: u64 = 1;
        const SEND: u64 = 2;
        const DRAIN: u64 = 3;
        let state = m.reg("state", 2, IDLE);
        let is = |k: u64| state.eq(k);
        let req = Resend::unpack_in(p, s_resend.data);
        let cur_q = m.reg_nr("cur", Resend::WIDTH);
        let cur = Resend::unpack_in(p, cur_q.get());

        // Job and payload are offered side by side: the frame starts when some of the payload is there.
        let job = m.reg("job", 1, 0);
        let tell = m.reg("tell", 1, 0);
        let asked = m.wire("asked", 1);
        let idle = is(IDLE) & !job & !tell & asked;
        m_rd.valid.set(idle & s_resend.valid);
        let at_home = store_base.slice_dyn(req.lun, LBA_W) + req.lba;
        m_rd.data.set(mux(req.request, staging_base + req.slot.zext(LBA_W), at_home));
        s_resend.ready.set(idle & m_rd.ready);
        when(s_resend.fire(), || {
            cur_q.set(s_resend.data);
            state.set(FILL);
        });

        // Fill.
        let Fill { beats: thin, filled, bad } = Fill::new(m, p, &s_rdata, is(FILL));
        when(filled, || {
            state.set(mux(bad, lit(DRAIN, 2), lit(SEND, 2)));
            job.set(!bad);
        });
        let fill_failed = (filled & bad).named("fill_failed");

        let may_start = m.wire("may_start", 1);
        m_job.valid.set(job & may_start);
        // The epoch, while the block is read; no frame starts without it.
        let ask = m.reg("ask", 1, 0);
        let known = m.reg("known", 1, 0);
        let fresh = m.reg("fresh", 1, 1);
        let epoch = m.reg_nr("epoch", 32);
        let answer = Lookup::unpack_in(p, dir_data);
        m_dir.valid.set(ask);
        m_dir.data.set(LookupReq { lun: cur.lun, lba: cur.lba, tag: lit(TAG, 4) }.pack());
        when(m_dir.ready, || ask.set(0));
        // A block that could not be read ends without its epoch: that is waited for before the next.
        asked.set(known | fresh);
        when(s_resend.fire(), || {
            fresh.set(0);
            ask.set(1);
            known.set(0);
        });
        when(dir_valid & answer.tag.eq(TAG), || {
            known.set(1);
            epoch.set(answer.epoch);
        });
        let Resend { slot, seq, lun, lba, request, .. } = cur;
        let epoch = epoch.get();
        may_start.set(known);
        m_job.data.set(TxJob { slot, seq, lun, lba, epoch, request, zeroes: zero(1) }.pack());
        when(m_job.fire(), || job.set(0));

        // Send, or throw away.
        let index = m.reg("index", clog2(beats), 0);
        let crc = m.reg_wide("crc", 32, u64::from(u32::MAX));
        let data = thin.get("m_data");
        let crc_next = crc_step(crc.get(), data);
        let end = index.eq(beats - 1);
        let differs = (end & (!crc_next).ne(cur.crc)).named("differs");
        m_pay.valid.set(is(SEND) & known & thin.get("m_valid"));
        m_pay.data.set(cat(&[end, differs, data]));
        let go = ((is(SEND) & known & m_pay.ready) | is(DRAIN)).named("go");
        let moves = thin.get("m_valid") & go;
        thin.set("m_ready", go);
        when(moves, || {
            index.set(index + 1);
            crc.set(crc_next);
            when(end, || {
                index.set(0);
                crc.set(u64::from(u32::MAX));
                state.set(IDLE);
            });
        });
        let mismatch = (moves & differs & is(SEND)).named("mismatch");

        let told = m.reg_nr("told", LocalDone::WIDTH);
        m_local.valid.set(tell);
        m_local.data.set(told);
        when(m_local.ready, || tell.set(0));
        when(fill_failed | mismatch, || {
            tell.set(1);
            let code = mux(mismatch, lit(Status::StoreIntegrity.code(), 8), lit(Status::StoreError.code(), 8));
            told.set(LocalDone { slot: cur.slot, status: code, crc: cur.crc, own: zero(1) }.pack());
        });
        ev_store_error.set(fill_failed);
        ev_integrity.set(mismatch);
        quiet.set(is(IDLE) & !s_resend.valid & !tell & !job);
        m.prove("the_buffer_is_empty_before_a_block", !is(IDLE) | index.eq(0));
    })
}
