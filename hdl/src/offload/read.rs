//! `read`: carries blocks from the local store to host memory.
//!
//! ```text
//!             +--------+---> m_rd      block of the store
//!   s_read -->|  read  |<--- s_rdata
//!             |        |---> m_wr, m_wdata   bursts of host memory
//!             |        |<--- s_b
//!             +--------+---> m_end     to slots
//! ```
//!
//! The slot holds the block's lock, shared with other readers, until the last byte has been written to the host, so no
//! write can tear what is read.
//!
//! - Parameters: `DATA_W`, `STORE_W`. Up to 8 blocks are under way.
//! - Latency: `s_read` to `m_rd` 0; store beat to host beat 2 cycles. Throughput: a host beat a cycle.
//! - Backpressure: store beats wait for the host.
//! - Ordering: in the order of `s_read`. Reset: AXI is reset with it.
//! - Errors: StoreError, DmaWriteFault in `m_end`; the host's buffer is then undefined.
//! - Tests: `tests/tests/read.rs`.

use dyad_spec::Status;

use super::launch::bursts;
use crate::bundle::{HostBurst, LBA_W, Launch, OpEnd, SLOT_W};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::prim::width::narrow;
use crate::stream::{event_in, stream_in, stream_out};

/// The reads of a card.
pub fn read(p: &Params) -> Module {
    let (d, s) = (p.data_w, p.store_w);
    module(p.named("read"), |m| {
        m.doc("Carries blocks from the local store to host memory.");
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let s_read = stream_in(m, "s_read", Launch::WIDTH);
        let m_rd = stream_out(m, "m_rd", LBA_W);
        let s_rdata = stream_in(m, "s_rdata", s + 2);
        let m_wr = stream_out(m, "m_wr", HostBurst::WIDTH);
        let m_wdata = stream_out(m, "m_wdata", d);
        let (b_valid, b_err) = event_in(m, "s_b", 1);
        let m_end = stream_out(m, "m_end", OpEnd::WIDTH);
        let ev_store_error = m.output("ev_store_error", 1);
        let ev_dma_fault = m.output("ev_dma_fault", 1);
        let quiet = m.output("quiet", 1);

        // Ask the store; note where the block goes.
        let req = Launch::unpack_in(p, s_read.data);
        let going = m.inst("u_going", &fifo(8, SLOT_W + 52));
        let ending = m.inst("u_ending", &fifo(16, SLOT_W));
        let results = m.inst("u_results", &fifo(16, 1));
        m_rd.valid.set(s_read.valid & going.get("s_ready"));
        m_rd.data.set(store_base.slice_dyn(req.lun, LBA_W) + req.lba);
        s_read.ready.set(m_rd.ready & going.get("s_ready"));
        going.set("s_valid", s_read.fire());
        going.set("s_data", cat(&[req.page, req.slot]));

        // The block's bursts; the data follow by themselves, in order.
        let burst = m.reg("burst", 1, 0);
        let last_burst = if bursts(p) == 1 { lit(1, 1) } else { burst.get() };
        let page = going.get("m_data").slice(SLOT_W, 52);
        m_wr.valid.set(going.get("m_valid") & ending.get("s_ready"));
        m_wr.data.set(
            HostBurst {
                addr: cat(&[page, burst.get(), zero(11)]),
                beats: lit((p.block_beats() / bursts(p)) as u64, 9),
            }
            .pack(),
        );
        when(m_wr.fire(), || burst.set(!last_burst));
        let whole = (m_wr.fire() & last_burst).named("whole");
        going.set("m_ready", whole);
        ending.set("s_valid", whole);
        ending.set("s_data", going.get("m_data").slice(0, SLOT_W));

        // Data: remember whether any beat of the block was bad.
        let thin = m.inst("u_narrow", &narrow(s, d));
        let store_bad = m.reg("store_bad", 1, 0);
        let last = s_rdata.data.bit(s);
        let bad = store_bad | s_rdata.data.bit(s + 1);
        let results_ready = results.get("s_ready");
        thin.set("s_valid", s_rdata.valid & results_ready);
        thin.set("s_data", s_rdata.data.slice(0, s));
        s_rdata.ready.set(thin.get("s_ready") & results_ready);
        when(s_rdata.fire(), || store_bad.set(bad & !last));
        results.set("s_valid", s_rdata.fire() & last);
        results.set("s_data", bad);
        ev_store_error.set(s_rdata.fire() & last & bad);
        m_wdata.valid.set(thin.get("m_valid"));
        m_wdata.data.set(thin.get("m_data"));
        thin.set("m_ready", m_wdata.ready);

        // Answers of host memory: the last burst's ends the block.
        let answered = m.reg("answered", 1, 0);
        let host_bad = m.reg("host_bad", 1, 0);
        let last_answer = if bursts(p) == 1 { lit(1, 1) } else { answered.get() };
        let done = m.inst("u_done", &fifo(16, 1));
        when(b_valid, || {
            answered.set(!last_answer);
            host_bad.set(!last_answer & b_err);
        });
        done.set("s_valid", b_valid & last_answer);
        done.set("s_data", b_err | host_bad);
        ev_dma_fault.set(b_valid & last_answer & (b_err | host_bad));
        m_end.valid.set(done.get("m_valid"));
        let status = mux(
            results.get("m_data"),
            lit(Status::StoreError.code(), 8),
            mux(done.get("m_data"), lit(Status::DmaWriteFault.code(), 8), lit(Status::Ok.code(), 8)),
        );
        m_end.data.set(OpEnd { slot: ending.get("m_data"), status }.pack());
        let pop = m_end.fire();
        done.set("m_ready", pop);
        results.set("m_ready", pop);
        ending.set("m_ready", pop);
        quiet.set(!s_read.valid & !going.get("m_valid") & !ending.get("m_valid"));
        m.prove("a_block_ends_after_it_began", !done.get("m_valid") | (ending.get("m_valid") & results.get("m_valid")));
        m.prove("no_answer_is_lost", !(b_valid & last_answer) | done.get("s_ready"));
    })
}
