//! `store_rd`: reads whole blocks from the local store, for READ, the resender, copies and comparisons.
//!
//! ```text
//!              +-----------+
//! s_rd0..3 --->|           |===> m_axi_ar*
//!              | store_rd  |
//! m_rdata0..3 <|           |<=== m_axi_r*
//!              +-----------+
//! ```
//!
//! A request is a block number; the answer is one burst of 4096 bytes, `{data, last, err}` a beat, `err` when RRESP was
//! not OKAY. Answers come in the order of the requests (one AXI identifier, AXI IHI 0022 A5.3).
//!
//! - Parameters: `STORE_W` 256 or 1024: bursts of 128 or 32 beats.
//! - Latency: request to AR 1 cycle; R to the client 0. Throughput: a beat a cycle.
//! - Backpressure: RREADY is that of the client whose burst is on; up to 16 bursts wait.
//! - Reset: `rst` with the bus. While `drain` is 1, for a reset of the clients alone, no request is taken, and data that
//!   come are dropped; `quiet` says when no more will come.
//! - Errors: passed on. Tests: `tests/tests/store_rd.rs`.

use crate::bundle::{LBA_W, STORE_ADDR_W};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::{onehot_index, round_robin};
use crate::prim::fifo::fifo;
use crate::stream::{stream_in, stream_out};

/// Clients: 0 READ, 1 the resender, 2 copies from the staging area, 3 comparisons.
pub const CLIENTS: usize = 4;
/// Bits of a client's number.
const CLIENT_W: usize = 2;

/// The store's read port.
pub fn store_rd(p: &Params) -> Module {
    let w = p.store_w;
    module(p.named("store_rd"), |m| {
        m.doc("Reads whole blocks from the local store for its clients, in order.");
        let rd: Vec<_> = (0..CLIENTS).map(|i| stream_in(m, &format!("s_rd{i}"), LBA_W)).collect();
        let out: Vec<_> = (0..CLIENTS).map(|i| stream_out(m, &format!("m_rdata{i}"), w + 2)).collect();
        let araddr = m.output("m_axi_araddr", STORE_ADDR_W);
        let arlen = m.output("m_axi_arlen", 8);
        let arsize = m.output("m_axi_arsize", 3);
        let arburst = m.output("m_axi_arburst", 2);
        let arvalid = m.output("m_axi_arvalid", 1);
        let arready = m.input("m_axi_arready", 1);
        let rdata = m.input("m_axi_rdata", w);
        let rresp = m.input("m_axi_rresp", 2);
        let rlast = m.input("m_axi_rlast", 1);
        let rvalid = m.input("m_axi_rvalid", 1);
        let rready = m.output("m_axi_rready", 1);
        let drain = m.input("drain", 1);
        let quiet = m.output("quiet", 1);

        let tags = m.inst("u_tags", &fifo(16, CLIENT_W));
        let full = m.reg("ar_full", 1, 0);
        let addr = m.reg_nr("ar_addr", STORE_ADDR_W);
        let last_client = m.reg("last_client", CLIENT_W, 0);
        let room = (!full | arready) & tags.get("s_ready") & !drain;
        let takes = round_robin(&rd.iter().map(|r| r.valid).collect::<Vec<_>>(), last_client.get());
        for (rd, take) in rd.iter().zip(&takes) {
            rd.ready.set(room & *take);
        }
        let go = (room & any_of(&takes)).named("go");
        let number = onehot_index(&takes);
        let block = onehot_mux(&takes, &rd.iter().map(|r| r.data).collect::<Vec<_>>());
        tags.set("s_valid", go);
        tags.set("s_data", number);
        when(arready, || full.set(0));
        when(go, || {
            full.set(1);
            last_client.set(number);
            addr.set(cat(&[block, zero(12)]));
        });
        araddr.set(addr);
        arlen.set(p.store_beats() - 1);
        arsize.set(clog2(w / 8));
        arburst.set(1);
        arvalid.set(full);

        let client = tags.get("m_data");
        let open = tags.get("m_valid");
        for (i, o) in out.iter().enumerate() {
            o.valid.set(rvalid & open & client.eq(i) & !drain);
            o.data.set(cat(&[rresp.any(), rlast, rdata]));
        }
        let takers: Vec<E> = out.iter().enumerate().map(|(i, o)| client.eq(i) & o.ready).collect();
        let ready = open & (drain | any_of(&takers));
        rready.set(ready);
        tags.set("m_ready", rvalid & ready & rlast);
        quiet.set(!open & !full);
    })
}
