//! `flush`: raises the store's flush line, for this host's FLUSH and for the peer's.
//!
//! ```text
//!             +---------+---> m_ctl    FLUSH and ACK frames
//!  s_flush -->|         |---> m_local  end of the local leg, to slots
//! s_again --->|  flush  |
//!   s_rx ---->|         |---> store_flush_req
//!             +---------+<--- store_flush_ack, store_flush_err
//! ```
//!
//! AXI has no flush, so the store port has a request line, held until the one-cycle answer. Writes that completed
//! before are on the store by then, for each had its B answer before it completed. A FLUSH of this host raises the line
//! here and sends a FLUSH frame; the peer raises its own and acknowledges.
//!
//! - Latency: `s_flush` to the line 1 cycle. Throughput: one flush of the store at a time, the peer's first.
//! - Backpressure: `s_flush` waits. The peer's flushes beyond 16 are dropped; the peer repeats.
//! - Reset: forgets all. Errors: StoreError in `m_local`, REFUSED to the peer, `ev_store_error`.
//! - Tests: `tests/tests/flush.rs`.

use dyad_spec::{FrameType, Status};

use crate::bundle::{LBA_W, LUN_W, Launch, LocalDone, Resend, SLOT_W, TX_SHORT_W, TxCtl};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::stream::{event_in, stream_in, stream_out};

/// The flush line of a card.
pub fn flush(p: &Params) -> Module {
    module("flush", |m| {
        m.doc("Raises the store's flush line for this host and for the peer.");
        let now = m.input("now", 32);
        let s_flush = stream_in(m, "s_flush", Launch::WIDTH);
        let s_again = stream_in(m, "s_again", Resend::WIDTH);
        let (rx_valid, rx_data) = event_in(m, "s_rx", SLOT_W + 32);
        let m_ctl = stream_out(m, "m_ctl", TxCtl::WIDTH);
        let m_local = stream_out(m, "m_local", LocalDone::WIDTH);
        let req = m.output("store_flush_req", 1);
        let ack = m.input("store_flush_ack", 1);
        let err = m.input("store_flush_err", 1);
        let ev_store_error = m.output("ev_store_error", 1);
        let ev_overrun = m.output("ev_overrun", 1);
        let quiet = m.output("quiet", 1);

        let ctl = m.inst("u_ctl", &fifo(4, TX_SHORT_W));
        m_ctl.valid.set(ctl.get("m_valid"));
        m_ctl.data.set(ctl.get("m_data").zext(TxCtl::WIDTH));
        ctl.set("m_ready", m_ctl.ready);
        let room = ctl.get("s_ready");
        let remote = m.inst("u_remote", &fifo(16, SLOT_W + 32 + 32));
        remote.set("s_valid", rx_valid);
        remote.set("s_data", cat(&[now, rx_data]));
        ev_overrun.set(rx_valid & !remote.get("s_ready"));
        let remote_slot = remote.get("m_data").slice(0, SLOT_W);
        let remote_seq = remote.get("m_data").slice(SLOT_W, 32);
        let remote_time = remote.get("m_data").slice(SLOT_W + 32, 32);

        const IDLE: u64 = 0;
        const LOCAL: u64 = 1;
        const REMOTE: u64 = 2;
        const ANSWER: u64 = 3;
        const REPLY: u64 = 4;
        let state = m.reg("state", 3, IDLE);
        let is = |k: u64| state.eq(k);
        let failed = m.reg("failed", 1, 0);
        let slot = m.reg_nr("slot", SLOT_W);
        let local = Launch::unpack_in(p, s_flush.data);
        let again = Resend::unpack_in(p, s_again.data);
        let go_remote = is(IDLE) & remote.get("m_valid");
        let go_local = (is(IDLE) & !remote.get("m_valid") & s_flush.valid & (room | local.local)).named("go_local");
        s_flush.ready.set(go_local);
        req.set(is(LOCAL) | is(REMOTE));
        when(go_remote, || state.set(REMOTE)).elsewhen(go_local, || {
            state.set(LOCAL);
            slot.set(local.slot);
        });
        when((is(LOCAL) | is(REMOTE)) & ack, || {
            failed.set(err);
            state.set(mux(is(LOCAL), lit(ANSWER, 3), lit(REPLY, 3)));
        });
        ev_store_error.set((is(LOCAL) | is(REMOTE)) & ack & err);
        let store_error = lit(Status::StoreError.code(), 8);
        m_local.valid.set(is(ANSWER));
        m_local.data.set(
            LocalDone {
                slot: slot.get(),
                status: mux(failed, store_error, lit(Status::Ok.code(), 8)),
                crc: zero(32),
                own: zero(1),
            }
            .pack(),
        );
        when(m_local.fire(), || state.set(IDLE));
        let reply = (is(REPLY) & room).named("reply");
        when(reply, || state.set(IDLE));
        remote.set("m_ready", reply);

        // Frames: an answer to the peer, a new flush, or a repeat.
        let new_frame = go_local & !local.local;
        let repeat = (s_again.valid & room & !reply & !new_frame).named("repeat");
        s_again.ready.set(repeat);
        let flush_frame = |slot: E, seq: E| {
            TxCtl {
                ftype: lit(FrameType::Flush.code(), 4),
                code: zero(8),
                slot,
                seq,
                t_ref: now,
                lun: zero(LUN_W),
                epoch: zero(32),
                lba_high: zero(LBA_W - 32),
            }
            .pack()
        };
        let answer = TxCtl {
            ftype: mux(failed, lit(FrameType::Refused.code(), 4), lit(FrameType::Ack.code(), 4)),
            code: mux(failed, lit(Status::PeerStoreError.code(), 8), 0),
            slot: remote_slot,
            seq: remote_seq,
            t_ref: remote_time,
            lun: zero(LUN_W),
            epoch: zero(32),
            lba_high: zero(LBA_W - 32),
        };
        ctl.set("s_valid", reply | new_frame | repeat);
        ctl.set(
            "s_data",
            onehot_mux(
                &[reply, new_frame, repeat],
                &[answer.pack(), flush_frame(local.slot, local.seq), flush_frame(again.slot, again.seq)],
            )
            .trunc(TX_SHORT_W),
        );
        quiet.set(is(IDLE) & !remote.get("m_valid") & !s_flush.valid & !s_again.valid & !ctl.get("m_valid"));
    })
}
