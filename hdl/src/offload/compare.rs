//! `compare`: is a block what the host expects?
//!
//! ```text
//!            +-----------+---> m_rd       block of the store
//!            |           |<--- s_rdata
//!   s_job -->|  compare  |---> m_hrd      bursts of host memory
//!            |           |<--- s_hdata
//!            +-----------+---> m_result   equal, or why not, to slots
//! ```
//!
//! The slot holds the block's lock alone, so the block stays what it is until the slot has decided. The block is read from the
//! store whole; then the host's page comes and is compared beat by beat.
//!
//! - Parameters: `DATA_W`, `STORE_W`. One block at a time.
//! - Latency: store latency, `store_beats`, host latency, `block_beats`, 5 cycles. Throughput: a block each time.
//! - Backpressure: `s_job` waits for the block before. The read channels are never held up: the store's fills a buffer of a
//!   whole block, the host's is compared as it comes.
//! - Reset: AXI is reset with it.
//! - Errors: status Miscompare when a byte differs, DmaReadFault, StoreError (`ev_store_error`).
//! - Source: COMPARE AND WRITE, SBC-4 5.3. Tests: `tests/tests/compare.rs`.

use dyad_spec::Status;

use super::fill::Fill;
use super::launch::bursts;
use crate::bundle::{CompareJob, Compared, HostBurst, LBA_W};
use crate::dma::HostBeat;
use crate::params::Params;
use crate::prelude::*;
use crate::stream::{Mailer, stream_in, stream_out};

const IDLE: u64 = 0;
const FILL: u64 = 1;
const ASK: u64 = 2;
const COMPARE: u64 = 3;
const DRAIN: u64 = 4;
const TELL: u64 = 5;

/// The comparer of a card.
pub fn compare(p: &Params) -> Module {
    let (d, s) = (p.data_w, p.store_w);
    let beats = p.block_beats();
    module(p.named("compare"), |m| {
        m.doc("Compares a block of the store with a page of host memory.");
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let s_job = stream_in(m, "s_job", CompareJob::WIDTH);
        let m_rd = stream_out(m, "m_rd", LBA_W);
        let s_rdata = stream_in(m, "s_rdata", s + 2);
        let m_hrd = stream_out(m, "m_hrd", HostBurst::WIDTH);
        let s_hdata = stream_in(m, "s_hdata", HostBeat::width(d));
        let m_result = Mailer::new(m, "m_result", Compared::WIDTH);
        let ev_fault = m.output("ev_dma_fault", 1);
        let ev_store_error = m.output("ev_store_error", 1);
        let quiet = m.output("quiet", 1);

        let state = m.reg("state", 3, IDLE);
        let is = |k: u64| state.eq(k);
        let new = CompareJob::unpack_in(p, s_job.data);
        let job_q = m.reg_nr("job_q", CompareJob::WIDTH);
        let job = CompareJob::unpack_in(p, job_q.get());
        m_rd.valid.set(is(IDLE) & s_job.valid);
        m_rd.data.set(store_base.slice_dyn(new.lun, LBA_W) + new.lba);
        s_job.ready.set(is(IDLE) & m_rd.ready);
        when(s_job.fire(), || {
            job_q.set(s_job.data);
            state.set(FILL);
        });

        // The block of the store.
        let Fill { beats: thin, filled, bad } = Fill::new(m, p, &s_rdata, is(FILL));
        let status = m.reg_nr("status", 8);
        when(filled, || {
            state.set(mux(bad, lit(DRAIN, 3), lit(ASK, 3)));
            status.set(mux(bad, lit(Status::StoreError.code(), 8), Status::Ok.code()));
        });
        ev_store_error.set(filled & bad);

        // The page of the host.
        let burst = m.reg("burst", 1, 0);
        let last_burst = if bursts(p) == 1 { lit(1, 1) } else { burst.get() };
        m_hrd.valid.set(is(ASK));
        let burst_beats = lit((beats / bursts(p)) as u64, 9);
        m_hrd.data.set(HostBurst { addr: cat(&[job.page, burst.get(), zero(11)]), beats: burst_beats }.pack());
        when(m_hrd.fire(), || {
            burst.set(!last_burst);
            when(last_burst, || state.set(COMPARE));
        });

        // Beat by beat; an error of the host's goes before a difference.
        let index = m.reg("index", clog2(beats), 0);
        let end = index.eq(beats - 1);
        let beat = HostBeat::unpack(s_hdata.data, d);
        // The first burst may come before the second has been asked for.
        let wanted = is(COMPARE) | is(ASK);
        s_hdata.ready.set(thin.get("m_valid") & wanted);
        let compared = s_hdata.fire().named("compared");
        thin.set("m_ready", compared | is(DRAIN));
        let moves = (thin.get("m_valid") & (compared | is(DRAIN))).named("moves");
        let differs = beat.data.ne(thin.get("m_data"));
        let fault = Status::DmaReadFault.code();
        when(compared, || {
            when(beat.err, || status.set(fault))
                .elsewhen(differs & status.eq(Status::Ok.code()), || status.set(Status::Miscompare.code()));
        });
        when(moves, || {
            index.set(index + 1);
            when(end, || {
                index.set(0);
                state.set(TELL);
            });
        });
        let tells = (is(TELL) & m_result.free()).named("tells");
        when(tells, || {
            state.set(IDLE);
            m_result.send(Compared { slot: job.slot, status: status.get(), epoch: job.epoch }.pack());
        });
        ev_fault.set(tells & status.eq(fault));
        quiet.set(is(IDLE) & !s_job.valid & !m_result.full());
        m.prove("the_buffer_is_empty_before_a_block", !is(IDLE) | index.eq(0));
    })
}
