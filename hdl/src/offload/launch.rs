//! `launch`: brings the payload of a write from host memory, once, to both legs at once.
//!
//! ```text
//!                +----------------------------------+
//!   s_write ---> | reserve a gather buffer          | ---> m_rd     bursts of host memory
//!                |                                  | ---> m_job    frame wanted, to eth_tx
//!   s_rdata ---> | tee: gather RAM, frame, CRC32C   | ---> m_pay    payload, to eth_tx
//!                |                                  | ---> m_home   whole block, to home
//!    s_done ---> | answer of the store              | ---> m_local  end of the local leg, to slots
//!                +----------------------------------+
//!                     rd_en, rd_addr -> rd_data   (home reads the gather RAM)
//! ```
//!
//! A gather buffer is reserved before the host read starts, and home jobs queue up, so the payload never waits for the
//! store. Each beat that comes from host memory is written to the buffer and handed to the frame in the same cycle. When the
//! last beat is in, the block goes home; that of a request goes to its slot's place in the staging area. A beat with an error
//! ends the frame as bad and drops the buffer: the store keeps the old block. Of a block of zeroes nothing is read: the few that
//! its frame carries are made here, and `home` makes the rest.
//!
//! - Parameters: `DATA_W`, `STORE_W`, `local_bufs` = reads under way.
//! - Latency: `s_write` to `m_rd` 1 cycle; `s_rdata` to `m_pay` 0; last beat to `m_home` 1.
//! - Throughput: a beat a cycle.
//! - Backpressure: the host's read channel waits for `m_pay`; for blocks of a local LUN it never waits. At most 16 blocks
//!   are under way between `s_write` and `m_local`.
//! - Ordering: blocks go out in the order of `s_write`.
//! - Reset: buffers become free; AXI is reset with it.
//! - Errors: `ev_dma_fault`, and status DmaReadFault or StoreError in `m_local`.
//! - Source: CRC32C, RFC 3720 12.1. Tests: `tests/tests/launch.rs`.

use dyad_spec::wire::{ZEROES_BYTES, crc32c};
use dyad_spec::{BLOCK_BYTES, Status, regs};

use crate::bundle::{HomeJob, HostBurst, LBA_W, Launch, LocalDone, SLOT_W, TxJob};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::crc32c::crc_step;
use crate::prim::fifo::fifo;
use crate::stream::{event_in, stream_in, stream_out};

crate::bundle! {
    /// A block whose payload has been asked for.
    Coming {
        /// Gather buffer.
        buf: 4,
        /// Slot.
        slot: SLOT_W,
        /// No frame is sent.
        local: 1,
        /// Block in the store.
        block: LBA_W,
        /// It is all zeroes: none of it comes from host memory.
        zeroes: 1,
    }
}

/// Bursts of host memory that a block is read in: 256 beats are the most that AXI4 allows (AXI IHI 0022 A3.4.1).
pub fn bursts(p: &Params) -> usize {
    p.block_beats().div_ceil(256)
}

/// The payload's way from the host.
pub fn launch(p: &Params) -> Module {
    let (d, s) = (p.data_w, p.store_w);
    let lanes = s / d;
    let beats = p.block_beats();
    let bufs = p.local_bufs;
    module(p.named("launch"), |m| {
        m.doc("Brings the payload of writes from host memory to both legs at once.");
        let store_base = m.input("lun_store_base", LBA_W * p.luns);
        let staging_base = m.input("staging_base", LBA_W);
        let s_write = stream_in(m, "s_write", Launch::WIDTH);
        let m_rd = stream_out(m, "m_rd", HostBurst::WIDTH);
        let s_rdata = stream_in(m, "s_rdata", d + 2);
        let m_job = stream_out(m, "m_job", TxJob::WIDTH);
        let m_pay = stream_out(m, "m_pay", d + 2);
        let m_home = stream_out(m, "m_home", HomeJob::WIDTH);
        let (done_valid, done_data) = event_in(m, "s_done", 5);
        let m_local = stream_out(m, "m_local", LocalDone::WIDTH);
        let rd_en = m.input("rd_en", 1);
        let rd_addr = m.input("rd_addr", 4 + clog2(p.store_beats()));
        let rd_data = m.output("rd_data", s);
        let ev_fault = m.output("ev_dma_fault", 1);
        let ev_store_error = m.output("ev_store_error", 1);
        let quiet = m.output("quiet", 1);
        let _ = regs::LUN_STORE_BASE;

        // Ask: a buffer, the bursts, the frame.
        let used = m.reg("used", bufs, 0);
        let free: Vec<E> = (0..bufs).map(|i| !used.bit(i)).collect();
        let pick = priority(&free);
        let mut buf = zero(4);
        for (i, p) in pick.iter().enumerate() {
            buf = buf | mux(*p, lit(i as u64, 4), 0);
        }
        let any_free = any_of(&free);
        let req = Launch::unpack_in(p, s_write.data);
        let coming = m.inst("u_coming", &fifo(16, Coming::WIDTH));
        let asking = m.reg("asking", 1, 0);
        let burst = m.reg("burst", 1, 0);
        let page = m.reg_nr("page", 52);
        let job_full = m.reg("job_full", 1, 0);
        let job = m.reg_nr("job", TxJob::WIDTH);
        let burst_beats = beats / bursts(p);
        let last_burst = if bursts(p) == 1 { lit(1, 1) } else { burst.get() };
        let ask_ends = m_rd.fire() & last_burst;
        // Blocks from `s_write` to `m_local`: no more than ends that can wait there.
        let due = m.reg("due", 5, 0);
        let room = due.ne(16) & coming.get("s_ready");
        let take = s_write.valid & any_free & room & (!asking | ask_ends) & (!job_full | m_job.ready);
        let take = take.named("take");
        due.set(due + take.zext(5) - m_local.fire().zext(5));
        s_write.ready.set(take);
        m_rd.valid.set(asking);
        m_rd.data.set(
            HostBurst { addr: cat(&[page.get(), burst.get(), zero(11)]), beats: lit(burst_beats as u64, 9) }.pack(),
        );
        when(m_rd.fire(), || {
            when(last_burst, || {
                asking.set(0);
                burst.set(0);
            })
            .otherwise(|| burst.set(1));
        });
        m_job.valid.set(job_full);
        m_job.data.set(job);
        when(m_job.ready, || job_full.set(0));
        coming.set("s_valid", take);
        // A request waits in the staging area until its owner has it.
        let at_home = store_base.slice_dyn(req.lun, LBA_W) + req.lba;
        let block = mux(req.request, staging_base + req.slot.zext(LBA_W), at_home);
        coming.set("s_data", Coming { buf, slot: req.slot, local: req.local, block, zeroes: req.zeroes }.pack());
        when(take, || {
            asking.set(!req.zeroes);
            page.set(req.page);
            when(!req.local, || job_full.set(1));
            let Launch { slot, seq, lun, lba, epoch, request, zeroes, .. } = req;
            job.set(TxJob { slot, seq, lun, lba, epoch, request, zeroes }.pack());
        });

        // The payload comes: gather RAM, frame, checksum.
        let cur = Coming::unpack_in(p, coming.get("m_data"));
        let open = coming.get("m_valid");
        // What host memory brings meanwhile is of a later block.
        let real = (!cur.zeroes).named("real");
        let data = s_rdata.data.slice(0, d) & rep(real, d);
        let err = s_rdata.data.bit(d + 1) & real;
        let index = m.reg("index", clog2(beats), 0);
        let faulty = m.reg("faulty", 1, 0);
        let crc = m.reg_wide("crc", 32, u64::from(u32::MAX));
        let end = (index.eq(beats - 1) | (cur.zeroes & index.eq(ZEROES_BYTES * 8 / d - 1))).named("end");
        // At its last beat a block must be able to fail. A whole one always finds room among the home jobs.
        let homes = m.inst("u_homes", &fifo(16, HomeJob::WIDTH));
        let fault_full = m.reg("fault_full", 1, 0);
        let fault_slot = m.reg_nr("fault_slot", SLOT_W);
        let accept = open & (!end | !fault_full);
        let pay_ready = cur.local | m_pay.ready;
        let comes = s_rdata.valid | cur.zeroes;
        s_rdata.ready.set(accept & pay_ready & real);
        m_pay.valid.set(comes & accept & !cur.local);
        m_pay.data.set(cat(&[end, err, data]));
        let beat = (comes & accept & pay_ready).named("beat");
        let crc_next = crc_step(crc.get(), data);
        let bad = (faulty | err).named("bad");
        let lane_bits = clog2(lanes);
        let ram = m.ram("gather", bufs * p.store_beats(), s).collisions_undefined();
        let word = cat(&[cur.buf.slice(0, clog2(bufs)), index.slice(lane_bits, clog2(beats) - lane_bits)]);
        let lane_en: Vec<E> = (0..lanes).rev().map(|i| beat & index.slice(0, lane_bits).eq(i)).collect();
        ram.write_lanes(cat(&lane_en), d, word, rep(data, lanes));
        rd_data.set(ram.read_en(rd_en, rd_addr.slice(0, clog2(bufs) + clog2(p.store_beats()))));
        when(beat, || {
            index.set(index + 1);
            crc.set(crc_next);
            faulty.set(bad);
            when(end, || {
                index.set(0);
                crc.set(u64::from(u32::MAX));
                faulty.set(0);
            });
        });
        coming.set("m_ready", beat & end);
        homes.set("s_valid", beat & end & !bad);
        homes.set("s_data", HomeJob { buf: cur.buf, block: cur.block, zeroes: cur.zeroes }.pack());
        m_home.valid.set(homes.get("m_valid"));
        m_home.data.set(homes.get("m_data"));
        homes.set("m_ready", m_home.ready);
        when(!done_valid, || fault_full.set(0));
        when(beat & end & bad, || {
            fault_full.set(1);
            fault_slot.set(cur.slot);
        });
        ev_fault.set(beat & end & bad);

        // What each buffer holds, and the end of the local leg: the store's answer, or a fault.
        let slots = m.ram("slot_of", bufs, SLOT_W + 32);
        let crc_of_zeroes = lit(crc32c(&[0; BLOCK_BYTES]).into(), 32);
        slots.write(
            beat & end,
            cur.buf.slice(0, clog2(bufs)),
            cat(&[mux(cur.zeroes, crc_of_zeroes, !crc_next), cur.slot]),
        );
        let done_buf = done_data.slice(0, 4);
        let kept = slots.read_async(done_buf.slice(0, clog2(bufs)));
        let status = mux(done_data.bit(4), lit(Status::StoreError.code(), 8), lit(Status::Ok.code(), 8));
        let answer = LocalDone { slot: kept.slice(0, SLOT_W), status, crc: kept.slice(SLOT_W, 32), own: zero(1) };
        ev_store_error.set(done_valid & done_data.bit(4));
        let fault = LocalDone {
            slot: fault_slot.get(),
            status: lit(Status::DmaReadFault.code(), 8),
            crc: zero(32),
            own: zero(1),
        };
        let ends = m.inst("u_ends", &fifo(16, LocalDone::WIDTH));
        ends.set("s_valid", done_valid | fault_full);
        ends.set("s_data", mux(done_valid, answer.pack(), fault.pack()));
        m_local.valid.set(ends.get("m_valid"));
        m_local.data.set(ends.get("m_data"));
        ends.set("m_ready", m_local.ready);

        // Buffers.
        let one = |i: E, on: E| mux(on, lit(1, bufs).shl_by(i), 0);
        let taken = one(buf, take);
        let freed = one(done_buf, done_valid) | one(cur.buf, beat & end & bad);
        used.set((used | taken) & !freed);
        quiet.set(!due.any() & !used.any() & !asking & !job_full & !s_write.valid);
        m.prove("no_end_is_lost", !(done_valid | fault_full) | ends.get("s_ready"));
        m.prove("a_home_job_has_room", !(beat & end & !bad) | homes.get("s_ready"));
    })
}
