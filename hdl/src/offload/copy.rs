//! `copy`: brings a block from the staging area home, when its owner has it.
//!
//! ```text
//!             +----------+---> m_rd      block of the staging area
//!             |          |<--- s_rdata
//!  s_copy --->|   copy   |---> m_home    whole block, to home
//!             |          |<--- s_done
//!             +----------+---> m_local   end of the copy, to slots
//!         rd_en, rd_addr -> rd_data   (home reads the gather RAM)
//! ```
//!
//! The slot holds the block's lock alone, so no reader sees the block before the copy has ended. The whole block is here
//! before its home write begins: a store that fails to read leaves the old block as it was.
//!
//! - Parameters: `STORE_W`, `slots`. Two gather buffers.
//! - Latency: `s_copy` to `m_rd` 0; the store's latency, `store_beats`, and 2 cycles to `m_home`; answer to `m_local` 1.
//! - Throughput: a block each `store_beats` or so, for reads and home writes overlap.
//! - Backpressure: `s_copy` waits for a buffer; the store's read channel waits one cycle at most; answers of the store are
//!   always taken.
//! - Ordering: in the order of `s_copy`, but for those that fail. Reset: AXI is reset with it.
//! - Errors: StoreError in `m_local`, `ev_store_error`.
//! - Source: the project's design, section 5, "Write at the other site". Tests: `tests/tests/copy.rs`.

use dyad_spec::Status;

use crate::bundle::{CopyJob, HomeJob, LBA_W, LocalDone, SLOT_W};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::stream::{event_in, stream_in, stream_out};

/// Gather buffers.
const BUFS: usize = 2;

crate::bundle! {
    /// A block that was asked for.
    Coming {
        /// Gather buffer.
        buf: 1,
        /// Slot.
        slot: SLOT_W,
        /// Block in the store.
        block: LBA_W,
    }
}

/// The copies of a card.
pub fn copy(p: &Params) -> Module {
    let s = p.store_w;
    let index_w = clog2(p.store_beats());
    module(p.named("copy"), |m| {
        m.doc("Brings blocks from the staging area home.");
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let staging_base = m.input("staging_base", LBA_W);
        let s_copy = stream_in(m, "s_copy", CopyJob::WIDTH);
        let m_rd = stream_out(m, "m_rd", LBA_W);
        let s_rdata = stream_in(m, "s_rdata", s + 2);
        let m_home = stream_out(m, "m_home", HomeJob::WIDTH);
        let (done_valid, done_data) = event_in(m, "s_done", 5);
        let m_local = stream_out(m, "m_local", LocalDone::WIDTH);
        let rd_en = m.input("rd_en", 1);
        let rd_addr = m.input("rd_addr", 4 + index_w);
        let rd_data = m.output("rd_data", s);
        let ev_store_error = m.output("ev_store_error", 1);
        let quiet = m.output("quiet", 1);

        // Ask: a buffer, the staged block. A buffer is used again when its end has been taken.
        let used = m.reg("used", BUFS, 0);
        let buf = used.bit(0);
        let free = !used.all();
        let job = CopyJob::unpack(s_copy.data);
        let coming = m.inst("u_coming", &fifo(BUFS, Coming::WIDTH));
        m_rd.valid.set(s_copy.valid & free);
        m_rd.data.set(staging_base + job.slot.zext(LBA_W));
        s_copy.ready.set(free & m_rd.ready);
        let take = s_copy.fire().named("take");
        coming.set("s_valid", take);
        let block = store_base.slice_dyn(job.lun, LBA_W) + job.lba;
        coming.set("s_data", Coming { buf, slot: job.slot, block }.pack());

        // The block comes.
        let cur = Coming::unpack_in(p, coming.get("m_data"));
        let ram = m.ram("gather", BUFS * p.store_beats(), s).collisions_undefined();
        let index = m.reg("index", index_w, 0);
        let failed = m.reg("failed", 1, 0);
        let homes = m.inst("u_homes", &fifo(BUFS, HomeJob::WIDTH));
        let fault = m.reg("fault", 1, 0);
        let fault_buf = m.reg_nr("fault_buf", 1);
        let last = s_rdata.data.bit(s);
        s_rdata.ready.set(coming.get("m_valid") & !fault);
        let beat = s_rdata.fire().named("beat");
        let bad = (failed | s_rdata.data.bit(s + 1)).named("bad");
        let end = (beat & last).named("end");
        ram.write(beat, cat(&[cur.buf, index.get()]), s_rdata.data.slice(0, s));
        rd_data.set(ram.read_en(rd_en, rd_addr.slice(0, 1 + index_w)));
        when(beat, || {
            index.set(mux(last, 0, index + 1));
            failed.set(bad & !last);
        });
        coming.set("m_ready", end);
        homes.set("s_valid", end & !bad);
        homes.set("s_data", HomeJob { buf: cur.buf.zext(4), block: cur.block, zeroes: zero(1) }.pack());
        m_home.valid.set(homes.get("m_valid"));
        m_home.data.set(homes.get("m_data"));
        homes.set("m_ready", m_home.ready);

        // Whose block is in which buffer; the end of it, a failure after an answer of the store.
        let slot: Vec<Var> = (0..BUFS).map(|i| m.reg_nr(format!("slot{i}"), SLOT_W)).collect();
        for (i, slot) in slot.iter().enumerate() {
            when(take & buf.eq(i), || slot.set(job.slot));
        }
        when(!done_valid, || fault.set(0));
        when(end & bad, || {
            fault.set(1);
            fault_buf.set(cur.buf);
        });
        ev_store_error.set((end & bad) | (done_valid & done_data.bit(4)));
        let ends = m.inst("u_ends", &fifo(BUFS, LocalDone::WIDTH + 1));
        let ended = mux(done_valid, done_data.bit(0), fault_buf);
        let well = done_valid & !done_data.bit(4);
        let status = mux(well, lit(Status::Ok.code(), 8), lit(Status::StoreError.code(), 8));
        let of = select(ended, &slot.iter().map(|s| s.get()).collect::<Vec<_>>());
        ends.set("s_valid", done_valid | fault);
        ends.set("s_data", cat(&[ended, LocalDone { slot: of, status, crc: zero(32), own: zero(1) }.pack()]));
        m_local.valid.set(ends.get("m_valid"));
        m_local.data.set(ends.get("m_data").trunc(LocalDone::WIDTH));
        ends.set("m_ready", m_local.ready);
        let leaves = ends.get("m_data").bit(LocalDone::WIDTH);
        for i in 0..BUFS {
            let taken = take & buf.eq(i);
            let left = m_local.fire() & leaves.eq(i);
            used.set_slice(i, (used.bit(i) | taken) & !left);
        }
        quiet.set(!used.any() & !s_copy.valid);
        m.prove("no_end_is_lost", !(done_valid | fault) | ends.get("s_ready"));
        m.prove("a_home_job_has_room", !(end & !bad) | homes.get("s_ready"));
        m.prove("a_coming_block_has_room", !take | coming.get("s_ready"));
    })
}
