//! Sends frames by GMII: preamble, padding to the minimum length, FCS, gap between frames.
//!
//! ```text
//!             ┌─────────┐
//!   s_valid ─►│         ╞═► gmii_txd 8
//!   s_ready ◄─┤ gmii_tx ├─► gmii_tx_en
//!    s_data ═►│         ├─► gmii_tx_er
//!             └─────────┘
//! ```
//!
//! **Interface.** `s`: words of [`WORD_W`] bits, data 64, keep 8 (low ones; all ones before the last word), last, user. `user`
//! with `last`: the frame is bad, and its FCS is spoiled. Frames come without preamble and FCS. The three outputs are
//! registers.
//!
//! **Parameters.** None.
//!
//! **Latency.** From the first word at `s` to the first byte of the preamble 2 cycles, to the first byte of data 10.
//!
//! **Throughput.** A byte a cycle; a frame of n bytes takes max(n, 60) + 24 cycles.
//!
//! **Backpressure.** `s_ready` is 1 for one cycle in eight. A word that is not there when its first byte is due ends the frame
//! with a spoiled FCS and `gmii_tx_er`; what still comes of that frame is thrown away.
//!
//! **Reset.** Ends what is being sent at once; words of that frame that come afterwards are taken for a new one.
//!
//! **Clocks.** One, 125 MHz. **Ordering.** As it comes.
//!
//! **Errors.** None counted: what the peer throws away, it counts.
//!
//! **Source.** IEEE 802.3 3.1.1 (frame), 3.2.9 (FCS), 4.4.2 (gap of 96 bits, 64 bytes at least), 35.2.2 (GMII).
//!
//! **Test.** `hdl/tests/board`, `gmii_*`: against a plain function, and into `gmii_rx`.

use super::{WORD_W, fcs_step};
use crate::prelude::*;
use crate::stream::stream_in;

const IDLE: u64 = 0;
const PREAMBLE: u64 = 1;
const DATA: u64 = 2;
const PAD: u64 = 3;
const FCS: u64 = 4;
const GAP: u64 = 5;

/// Bytes of a frame without FCS, at least.
const LEAST: u64 = 60;
/// Cycles of the gap that are counted: one more passes in `IDLE`.
const GAP_CYCLES: u64 = 11;

/// The transmitter.
pub fn gmii_tx() -> Module {
    module("gmii_tx", |m| {
        m.doc("Gigabit Ethernet transmitter: preamble, padding, FCS, gap.");
        let s = stream_in(m, "s", WORD_W);
        let txd_out = m.output("gmii_txd", 8);
        let en_out = m.output("gmii_tx_en", 1);
        let er_out = m.output("gmii_tx_er", 1);

        let state = m.reg("state", 3, IDLE);
        let n = m.reg("n", 4, 0);
        let data = m.reg_nr("data", 64);
        let keep = m.reg_nr("keep", 8);
        let last = m.reg_nr("last", 1);
        let user = m.reg_nr("user", 1);
        // Bytes sent, up to the least length.
        let sent = m.reg("sent", 6, 0);
        let crc = m.reg_nr("crc", 32);
        let bad = m.reg("bad", 1, 0);
        // The rest of a frame that was given up is thrown away.
        let drain = m.reg("drain", 1, 0);
        let txd = m.reg_nr("txd", 8);
        let en = m.reg("en", 1, 0);
        let er = m.reg("er", 1, 0);
        txd_out.set(txd);
        en_out.set(en);
        er_out.set(er);

        let s_last = s.data.bit(72);
        let load = m.wire_or("load", 1, 0u64);
        s.ready.set(load.get() | drain);
        when(load, || {
            data.set(s.data.slice(0, 64));
            keep.set(s.data.slice(64, 8));
            last.set(s_last);
            user.set(s.data.bit(73));
        });
        when(drain & s.valid & s_last, || drain.set(0));

        // The byte of this cycle, for data and padding.
        let byte = mux(state.eq(DATA), data.trunc(8), 0).named("byte");
        let next_crc = fcs_step(crc.get(), byte);
        let long_enough = sent.get().ge(LEAST - 1).named("long_enough");
        let count = || {
            txd.set(byte);
            crc.set(next_crc);
            when(sent.ne(63u64), || sent.set(sent + 1));
        };

        en.set(0);
        er.set(0);
        switch(state.get(), |c| {
            c.is(IDLE, || {
                n.set(0);
                bad.set(0);
                when(s.valid & !drain, || state.set(PREAMBLE));
            });
            c.is(PREAMBLE, || {
                en.set(1);
                txd.set(mux(n.eq(7u64), lit(0xd5, 8), 0x55));
                n.set(n + 1);
                when(n.eq(7u64), || {
                    load.set(1);
                    crc.set(ones(32));
                    sent.set(0);
                    state.set(DATA);
                });
            });
            c.is(DATA, || {
                en.set(1);
                count();
                n.set(0);
                data.set(data.shr(8));
                keep.set(keep.shr(1));
                when(!keep.bit(1), || {
                    when(last, || {
                        bad.set(user);
                        state.set(mux(long_enough, lit(FCS, 3), PAD));
                    })
                    .elsewhen(s.valid, || {
                        load.set(1);
                        data.set(s.data.slice(0, 64));
                        keep.set(s.data.slice(64, 8));
                    })
                    .otherwise(|| {
                        bad.set(1);
                        drain.set(1);
                        state.set(FCS);
                    });
                });
            });
            c.is(PAD, || {
                en.set(1);
                count();
                when(long_enough, || state.set(FCS));
            });
            c.is(FCS, || {
                en.set(1);
                er.set(bad);
                // Complemented, or, to spoil it, as it stands.
                txd.set(crc.trunc(8) ^ rep(!bad, 8));
                crc.set(crc.shr(8));
                n.set(n + 1);
                when(n.eq(3u64), || {
                    n.set(0);
                    state.set(GAP);
                });
            });
            c.default(|| {
                n.set(n + 1);
                when(n.eq(GAP_CYCLES - 1), || state.set(IDLE));
            });
        });
    })
}
