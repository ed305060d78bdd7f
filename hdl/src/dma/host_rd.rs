//! The read half of the AXI4 port to host memory, shared by four clients.
//!
//! ```text
//!                    ┌─────────────┐
//!   s_rd0..3    ════►│             ╞═► m_axi_ar*
//!   m_rdata0..3 ◄════┤ host_rd_<D> │◄═ m_axi_r*
//!         drain ────►│             ├─► quiet
//!                    └─────────────┘
//! ```
//!
//! **Interface.** Clients: 0 `sq_fetch`, 1 payload, 2 `admin`, 3 `compare`. `s_rd<n>` is [`HostBurst`]: 1 to 256 beats that do not cross
//! a 4 KiB boundary, from an address that is a multiple of the beat. `m_rdata<n>` is [`HostBeat`]. One AXI ID: the
//! outputs have no ID signals; tie them to any constant. Bursts are INCR, of full width. `quiet`: nothing is asked for
//! and not ended.
//!
//! **Parameters.** [`Params`]: `data_w`.
//!
//! **Latency.** `s_rd` to `m_axi_arvalid` 1 cycle. `m_axi_rvalid` to `m_rdata_valid` 0: a path of logic.
//!
//! **Throughput.** An address a cycle, a beat a cycle.
//!
//! **Backpressure.** `m_axi_rready` is the ready of the client whose burst comes, a path of logic; a client asks only for
//! what it can take, or else stops the others. `s_rd_ready` depends on `m_axi_arready`. 32 bursts may be under way.
//!
//! **Reset.** `rst` forgets all; only for use together with the bus. While `drain` is 1 (the card's soft reset) nothing new
//! is taken and what comes is thrown away; an address that stands stays until it is accepted. Hold `drain` until `quiet`.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Client 0 goes before 2, then 3, then 1; but the bursts of one payload come one after the other, for the frame that
//! has begun with the first cannot wait. Bursts end in the order in which they were taken.
//!
//! **Errors.** SLVERR and DECERR come as `err` with their beat. A beat that nobody asked for is thrown away.
//!
//! **Source.** AXI IHI 0022 A3.2.1 (handshake), A3.4.1 (bursts), A3.4.4 (responses), A5.3 (order of one ID).
//!
//! **Proof and test.** Property `rd_one_client`; `tests/tests/host_rd.rs`.

use dyad_spec::BLOCK_BYTES;

use super::HostBeat;
use crate::bundle::HostBurst;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::arbiter::onehot_index;
use crate::prim::fifo::fifo;
use crate::stream::{StreamIn, StreamOut, stream_in, stream_out};

/// Clients of the port.
pub const CLIENTS: usize = 4;
/// The client whose bursts go out in a frame.
const PAYLOAD: usize = 1;
/// Clients, the first to be served first.
const PRECEDENCE: [usize; CLIENTS] = [0, 2, 3, 1];
/// Bursts that may be under way.
pub const OUTSTANDING: usize = 32;

/// The read port of a card.
pub fn host_rd(p: &Params) -> Module {
    let d = p.data_w;
    module(p.named("host_rd"), |m| {
        m.doc("AXI4 read port to host memory for four clients.");
        let drain = m.input("drain", 1);
        let asks: Vec<StreamIn> = (0..CLIENTS).map(|n| stream_in(m, &format!("s_rd{n}"), HostBurst::WIDTH)).collect();
        let gives: Vec<StreamOut> =
            (0..CLIENTS).map(|n| stream_out(m, &format!("m_rdata{n}"), HostBeat::width(d))).collect();

        // Addresses.
        let ar_valid = m.reg("ar_valid", 1, 0);
        let ar = m.reg_nr("ar", HostBurst::WIDTH);
        let ar_ready = m.input("m_axi_arready", 1);
        let tags = m.inst("tags", &fifo(OUTSTANDING, 2));
        let open = ((!ar_valid | ar_ready) & tags.get("s_ready") & !drain).named("open");
        let mut grants = [zero(1); CLIENTS];
        // A payload of which the last burst was taken, and not the last of its page.
        let begun = m.reg("begun", 1, 0);
        let rest = (begun & asks[PAYLOAD].valid).named("rest");
        let ordered = priority(&PRECEDENCE.map(|n| if n == PAYLOAD { asks[n].valid } else { asks[n].valid & !rest }));
        for (n, grant) in PRECEDENCE.into_iter().zip(ordered) {
            grants[n] = grant;
        }
        let taken = (any_of(&grants) & open).named("taken");
        let payload = HostBurst::unpack_in(p, asks[PAYLOAD].data);
        let page = clog2(BLOCK_BYTES) - clog2(d / 8);
        let end = payload.addr.slice(clog2(d / 8), page) + payload.beats.trunc(page);
        when(drain, || begun.set(0)).elsewhen(taken, || begun.set(grants[PAYLOAD] & end.any()));
        when(taken, || ar.set(onehot_mux(&grants, &asks.iter().map(|s| s.data).collect::<Vec<_>>())));
        ar_valid.set(taken | (ar_valid & !ar_ready));
        for (s, grant) in asks.iter().zip(&grants) {
            s.ready.set(*grant & open);
        }
        tags.set("s_valid", taken);
        tags.set("s_data", onehot_index(&grants));
        let burst = HostBurst::unpack_in(p, ar.get());
        m.output("m_axi_arvalid", 1).set(ar_valid);
        m.output("m_axi_araddr", 64).set(burst.addr);
        m.output("m_axi_arlen", 8).set((burst.beats - 1).trunc(8));
        m.output("m_axi_arsize", 3).set(clog2(d / 8));
        m.output("m_axi_arburst", 2).set(super::BURST_INCR);

        // Data. The tag says whose they are.
        let r_valid = m.input("m_axi_rvalid", 1);
        let last = m.input("m_axi_rlast", 1);
        let err = m.input("m_axi_rresp", 2).bit(1);
        let beat = HostBeat { data: m.input("m_axi_rdata", d), last, err };
        let (known, tag) = (tags.get("m_valid"), tags.get("m_data"));
        let whose: Vec<E> = (0..CLIENTS).map(|n| tag.eq(n)).collect();
        for (out, mine) in gives.iter().zip(&whose) {
            out.valid.set(r_valid & known & *mine & !drain);
            out.data.set(beat.pack());
        }
        let readies: Vec<E> = gives.iter().map(|out| out.ready).collect();
        let r_ready = onehot_mux(&whose, &readies) | drain | !known;
        m.output("m_axi_rready", 1).set(r_ready);
        tags.set("m_ready", r_valid & r_ready & last);

        m.output("quiet", 1).set(!ar_valid & !known);
        let given: Vec<E> = gives.iter().map(|out| out.valid.get()).collect();
        let twos = (0..CLIENTS).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| given[i] & given[j]);
        m.prove("rd_one_client", !any_of(&twos.collect::<Vec<_>>()));
    })
}
