//! The write half of the AXI4 port to host memory, shared by three clients.
//!
//! ```text
//!                    ┌─────────────┐
//!   s_wr0..2    ════►│             ╞═► m_axi_aw*
//!   s_wdata0..2 ════►│ host_wr_<D> ╞═► m_axi_w*
//!   m_b0..2     ◄────┤             │◄═ m_axi_b*
//!         drain ────►│             ├─► quiet
//!                    └─────────────┘
//! ```
//!
//! **Interface.** Clients: 0 `cq_post`, 1 read data, 2 `admin`. `s_wr<n>` is [`HostBurst`]: 1 to 256 beats that do not cross
//! a 4 KiB boundary, from an address that is a multiple of the beat. `s_wdata<n>` brings just as many beats of data; it
//! may come before, with or after its burst. `m_b<n>` is an event {err}: the burst's answer. One AXI ID, as in
//! `host_rd`; INCR, full width, all bytes. `quiet`: nothing is under way.
//!
//! **Parameters.** [`Params`]: `data_w`.
//!
//! **Latency.** `s_wr` to `m_axi_awvalid` 1 cycle; the burst's first data are taken in that cycle and stand at
//! `m_axi_wvalid` one later. `m_axi_bvalid` to `m_b_valid` 0.
//!
//! **Throughput.** A beat a cycle; one cycle between bursts.
//!
//! **Backpressure.** Outputs to the bus come from registers. `s_wdata_ready` depends on `m_axi_wready`, `s_wr_ready` on
//! `m_axi_awready`. Data do not wait for their address to be accepted (a slave may want to see both), but never stand
//! before their address does. 32 bursts may wait for their answers; `m_axi_bready` is always 1.
//!
//! **Reset.** `rst` forgets all; only for use together with the bus. While `drain` is 1 (the card's soft reset) nothing new
//! is taken, a burst that has begun is ended with beats that write no byte, and answers are thrown away. Hold `drain`
//! until `quiet`.
//!
//! **Clocks.** One.
//!
//! **Ordering.** At the end of a burst, client 0 goes before 1, and 1 before 2. Bursts are not interleaved, and are answered
//! in order.
//!
//! **Errors.** SLVERR and DECERR come as `err` in the client's event. An answer that nobody waits for is thrown away.
//!
//! **Source.** AXI IHI 0022 A3.2.1, A3.3.1 (data and address do not wait for each other), A3.4.1, A3.4.3 (strobes),
//! A3.4.4.
//!
//! **Proof and test.** Property `wr_client`; `tests/tests/host_wr.rs`.

use crate::bundle::HostBurst;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::onehot_index;
use crate::prim::fifo::fifo;
use crate::stream::{StreamIn, event_out, stream_in};

/// Clients of the port, the first to be served first.
pub const CLIENTS: usize = 3;
/// Bursts that may wait for their answers.
pub const OUTSTANDING: usize = 32;

/// The write port of a card.
pub fn host_wr(p: &Params) -> Module {
    let d = p.data_w;
    module(p.named("host_wr"), |m| {
        m.doc("AXI4 write port to host memory for three clients.");
        let drain = m.input("drain", 1);
        let streams = |name: &str, w: usize| -> Vec<StreamIn> {
            (0..CLIENTS).map(|n| stream_in(m, &format!("{name}{n}"), w)).collect()
        };
        let asks = streams("s_wr", HostBurst::WIDTH);
        let gives = streams("s_wdata", d);
        let tags = m.inst("tags", &fifo(OUTSTANDING, 2));
        // The burst whose data flow.
        let active = m.reg("active", 1, 0);
        let client = m.reg_nr("client", 2);
        let left = m.reg_nr("left", 9);

        // Addresses.
        let aw_valid = m.reg("aw_valid", 1, 0);
        let aw = m.reg_nr("aw", HostBurst::WIDTH);
        let aw_ready = m.input("m_axi_awready", 1);
        let open = (!active & (!aw_valid | aw_ready) & tags.get("s_ready") & !drain).named("open");
        let grants = priority(&asks.iter().map(|s| s.valid).collect::<Vec<_>>());
        let number = onehot_index(&grants);
        let taken = (any_of(&grants) & open).named("taken");
        let chosen = onehot_mux(&grants, &asks.iter().map(|s| s.data).collect::<Vec<_>>());
        aw_valid.set(taken | (aw_valid & !aw_ready));
        when(taken, || {
            aw.set(chosen);
            active.set(1);
            client.set(number);
            left.set(HostBurst::unpack_in(p, chosen).beats);
        });
        for (s, grant) in asks.iter().zip(&grants) {
            s.ready.set(*grant & open);
        }
        tags.set("s_valid", taken);
        tags.set("s_data", number);
        let burst = HostBurst::unpack_in(p, aw.get());
        m.output("m_axi_awvalid", 1).set(aw_valid);
        m.output("m_axi_awaddr", 64).set(burst.addr);
        m.output("m_axi_awlen", 8).set((burst.beats - 1).trunc(8));
        m.output("m_axi_awsize", 3).set(clog2(d / 8));
        m.output("m_axi_awburst", 2).set(super::BURST_INCR);

        // Data.
        let w_valid = m.reg("w_valid", 1, 0);
        let w_data = m.reg_nr("w_data", d);
        let (w_full, w_last) = (m.reg_nr("w_full", 1), m.reg_nr("w_last", 1));
        let w_ready = m.input("m_axi_wready", 1);
        let whose: Vec<E> = (0..CLIENTS).map(|n| active & client.eq(n)).collect();
        let free = !w_valid | w_ready;
        let here = onehot_mux(&whose, &gives.iter().map(|s| s.valid).collect::<Vec<_>>()) | (active & drain);
        let moves = (here & free).named("moves");
        let last = left.eq(1);
        when(moves, || {
            w_data.set(onehot_mux(&whose, &gives.iter().map(|s| s.data).collect::<Vec<_>>()));
            w_full.set(!drain);
            w_last.set(last);
            left.set(left - 1);
            when(last, || active.set(0));
        });
        w_valid.set(moves | (w_valid & !w_ready));
        for (s, mine) in gives.iter().zip(&whose) {
            s.ready.set(*mine & free & !drain);
        }
        m.output("m_axi_wvalid", 1).set(w_valid);
        m.output("m_axi_wdata", d).set(w_data);
        m.output("m_axi_wstrb", d / 8).set(rep(w_full, d / 8));
        m.output("m_axi_wlast", 1).set(w_last);

        // Answers.
        let b_valid = m.input("m_axi_bvalid", 1);
        let err = m.input("m_axi_bresp", 2).bit(1);
        m.output("m_axi_bready", 1).set(1);
        let (known, tag) = (tags.get("m_valid"), tags.get("m_data"));
        for n in 0..CLIENTS {
            let (valid, data) = event_out(m, &format!("m_b{n}"), 1);
            valid.set(b_valid & known & tag.eq(n) & !drain);
            data.set(err);
        }
        tags.set("m_ready", b_valid);

        m.output("quiet", 1).set(!any_of(&[active.get(), aw_valid.get(), w_valid.get(), known]));
        m.prove("wr_client", !active | client.lt(CLIENTS));
    })
}
