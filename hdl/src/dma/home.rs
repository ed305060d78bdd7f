//! `home`: writes whole, verified blocks from the gather buffers into the local store.
//!
//! ```text
//!               +----------+
//! s_job0..2 --->|          |===> m_axi_aw*, m_axi_w*
//!    rd_addr <--|   home   |
//! rd_data0..2 -->|          |<=== m_axi_b*
//! m_done0..2 <--|          |
//!               +----------+
//! ```
//!
//! Client 0 is the local leg of this host's writes, client 1 the mirror, client 2 the copies from the staging area. A job names a gather buffer and a block of the
//! store; the buffer's words, or zeroes where the job says so, are read from the client's RAM (data come one cycle after the address, and hold while
//! `rd_en` is low) and go out as one burst of 4096 bytes. `m_done` says that the store has answered, and whether with
//! an error.
//!
//! - Parameters: `STORE_W` 256 or 1024: 128 or 32 beats a block.
//! - Latency: job to AW 1 cycle, to the first W beat 2. Throughput: a beat a cycle, one idle cycle between blocks.
//! - Backpressure: W data wait for WREADY, not for AWREADY (AXI IHI 0022 A3.3.1: a slave may want to see both), and never
//!   stand before their AW does. A job waits for the last W beat and the AW of the one before. Up to 16 blocks wait for
//!   their answer.
//! - Ordering: the clients that wait take turns; answers in order (one AXI identifier).
//! - Reset: `rst` with the bus. While `drain` is 1, for a reset of the clients alone, no job is taken; blocks that have
//!   begun go home whole; `quiet` says when. The gather RAMs keep their words through the clients' reset.
//! - Errors: passed on in `m_done`. Tests: `tests/tests/home.rs`.

use crate::bundle::{HomeJob, STORE_ADDR_W};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::{onehot_index, round_robin};
use crate::prim::fifo::fifo;
use crate::stream::{event_out, stream_in};

/// Clients: 0 the local leg, 1 the mirror, 2 copies.
pub const CLIENTS: usize = 3;
/// Bits of a client's number.
const CLIENT_W: usize = 2;

/// The store's write port.
pub fn home(p: &Params) -> Module {
    let (w, beats) = (p.store_w, p.store_beats());
    let index_w = clog2(beats);
    module(p.named("home"), |m| {
        m.doc("Writes whole blocks from the gather buffers into the local store.");
        let job: Vec<_> = (0..CLIENTS).map(|i| stream_in(m, &format!("s_job{i}"), HomeJob::WIDTH)).collect();
        let rd_en = m.output("rd_en", 1);
        let rd_addr = m.output("rd_addr", 4 + index_w);
        let rd_data: Vec<E> = (0..CLIENTS).map(|i| m.input(format!("rd_data{i}"), w)).collect();
        let done: Vec<_> = (0..CLIENTS).map(|i| event_out(m, &format!("m_done{i}"), 5)).collect();
        let awaddr = m.output("m_axi_awaddr", STORE_ADDR_W);
        let awlen = m.output("m_axi_awlen", 8);
        let awsize = m.output("m_axi_awsize", 3);
        let awburst = m.output("m_axi_awburst", 2);
        let awvalid = m.output("m_axi_awvalid", 1);
        let awready = m.input("m_axi_awready", 1);
        let wdata = m.output("m_axi_wdata", w);
        let wstrb = m.output("m_axi_wstrb", w / 8);
        let wlast = m.output("m_axi_wlast", 1);
        let wvalid = m.output("m_axi_wvalid", 1);
        let wready = m.input("m_axi_wready", 1);
        let bresp = m.input("m_axi_bresp", 2);
        let bvalid = m.input("m_axi_bvalid", 1);
        let bready = m.output("m_axi_bready", 1);
        let drain = m.input("drain", 1);
        let quiet = m.output("quiet", 1);

        let tags = m.inst("u_tags", &fifo(16, CLIENT_W + 4));
        let active = m.reg("active", 1, 0);
        let client = m.reg("client", CLIENT_W, 0);
        let buf = m.reg_nr("buf", 4);
        let zeroes = m.reg_nr("zeroes", 1);
        let index = m.reg("index", index_w, 0);
        let aw_full = m.reg("aw_full", 1, 0);
        let aw_addr = m.reg_nr("aw_addr", STORE_ADDR_W);

        // Choose a job when the last beat of the one before leaves, so that W beats stay behind their AW.
        let w_valid = m.reg("w_valid", 1, 0);
        let w_free = !w_valid | wready;
        let room = !active & w_free & !aw_full & tags.get("s_ready") & !drain;
        let takes = round_robin(&job.iter().map(|j| j.valid).collect::<Vec<_>>(), client.get());
        for (job, take) in job.iter().zip(&takes) {
            job.ready.set(room & *take);
        }
        let go = (room & any_of(&takes)).named("go");
        let chosen = HomeJob::unpack_in(p, onehot_mux(&takes, &job.iter().map(|j| j.data).collect::<Vec<_>>()));
        let number = onehot_index(&takes);
        tags.set("s_valid", go);
        tags.set("s_data", cat(&[number, chosen.buf]));
        when(awready, || aw_full.set(0));

        // Read stage, then the W channel straight from the RAM's output.
        let w_last = m.reg("w_last", 1, 0);
        let w_client = m.reg("w_client", CLIENT_W, 0);
        let w_zeroes = m.reg_nr("w_zeroes", 1);
        let advance = w_free.named("advance");
        let fetch = (active & advance).named("fetch");
        let at_end = index.eq(beats - 1);
        rd_en.set(fetch);
        rd_addr.set(cat(&[buf.get(), index.get()]));
        when(advance, || {
            w_valid.set(active);
            w_last.set(at_end);
            w_client.set(client);
            w_zeroes.set(zeroes);
        });
        when(fetch, || {
            index.set(index + 1);
            when(at_end, || {
                active.set(0);
                index.set(0);
            });
        });
        when(go, || {
            active.set(1);
            client.set(number);
            buf.set(chosen.buf);
            zeroes.set(chosen.zeroes);
            aw_full.set(1);
            aw_addr.set(cat(&[chosen.block, zero(12)]));
        });
        awaddr.set(aw_addr);
        awlen.set(beats - 1);
        awsize.set(clog2(w / 8));
        awburst.set(1);
        awvalid.set(aw_full);
        wdata.set(onehot_mux(&(0..CLIENTS).map(|i| w_client.eq(i) & !w_zeroes).collect::<Vec<_>>(), &rd_data));
        wstrb.set(ones(w / 8));
        wlast.set(w_last);
        wvalid.set(w_valid);

        // Answers.
        let tag = tags.get("m_data");
        let waiting = tags.get("m_valid");
        bready.set(waiting);
        let answered = bvalid & waiting;
        tags.set("m_ready", answered);
        for (i, (valid, data)) in done.iter().enumerate() {
            valid.set(answered & tag.slice(4, CLIENT_W).eq(i));
            data.set(cat(&[bresp.any(), tag.slice(0, 4)]));
        }
        quiet.set(!active & !w_valid & !waiting & !aw_full);
    })
}
