//! Receives frames by GMII: finds the start, takes the FCS off, and says whether the frame is good.
//!
//! ```text
//!                ┌─────────┐
//!   gmii_rxd   ═►│         ├─► m_valid
//!   gmii_rx_dv ─►│ gmii_rx │◄─ m_ready
//!   gmii_rx_er ─►│         ╞═► m_data
//!                └─────────┘
//! ```
//!
//! **Interface.** `m`: words of [`WORD_W`] bits as [`gmii_tx`](super::gmii_tx) has them; `user` with `last` says that the
//! frame is bad: FCS, an error from the PHY, shorter than 64 bytes with its FCS, or a word of it was lost.
//!
//! **Parameters.** None.
//!
//! **Latency.** A word is shown two cycles after the byte that is five bytes behind its last one; the last word two cycles
//! after `gmii_rx_dv` has fallen.
//!
//! **Throughput.** A byte a cycle.
//!
//! **Backpressure.** The wire does not wait: a word waits until the next one comes, which is lost if it is not taken then; the frame is
//! ended as bad as soon as something is taken again, and what comes in the meantime is lost too.
//!
//! **Reset.** Forgets the frame; its rest is not taken for a frame.
//!
//! **Clocks.** One, the PHY's receive clock. **Ordering.** As it comes.
//!
//! **Errors.** In `user`; the core counts them.
//!
//! **Source.** IEEE 802.3 3.1.1, 3.2.9, 3.4 (invalid frames), 35.2.2 (GMII).
//!
//! **Test.** `hdl/tests/board`, `gmii_*`.

use super::{FCS_RESIDUE, WORD_W, fcs_step};
use crate::prelude::*;
use crate::stream::stream_out;

/// Between frames, or in the preamble.
const HUNT: u64 = 0;
/// In a frame.
const DATA: u64 = 1;
/// In something that is no frame, until the line is idle.
const SKIP: u64 = 2;

/// Bytes of a frame with FCS, at least.
const LEAST: u64 = 64;

/// The receiver.
pub fn gmii_rx() -> Module {
    module("gmii_rx", |m| {
        m.doc("Gigabit Ethernet receiver: start of frame, FCS, least length.");
        let rxd = m.input("gmii_rxd", 8);
        let dv = m.input("gmii_rx_dv", 1);
        let er = m.input("gmii_rx_er", 1);
        let out = stream_out(m, "m", WORD_W);

        // After reset the line may be in the middle of a frame.
        let state = m.reg("state", 2, SKIP);
        let crc = m.reg_nr("crc", 32);
        let bad = m.reg_nr("bad", 1);
        let length = m.reg("length", 7, 0);
        // The last four bytes may be the FCS.
        let tail = m.reg_nr("tail", 32);
        let tail_n = m.reg("tail_n", 3, 0);
        // Bytes of the next word.
        let word = m.reg_nr("word", 64);
        let n = m.reg("n", 4, 0);

        // A word to be shown in this cycle.
        let full = m.wire_or("full", 1, 0u64);
        let end = m.wire_or("end", 1, 0u64);
        let verdict = m.wire_or("verdict", 1, 0u64);

        let settled = tail_n.eq(4u64);
        let begin = || {
            crc.set(ones(32));
            bad.set(0);
            length.set(0);
            tail_n.set(0);
            n.set(0);
            state.set(DATA);
        };
        switch(state.get(), |c| {
            c.is(HUNT, || {
                when(dv & rxd.eq(0xd5u64) & !er, begin).elsewhen(dv & (rxd.ne(0x55u64) | er), || state.set(SKIP));
            });
            c.is(DATA, || {
                when(dv, || {
                    crc.set(fcs_step(crc.get(), rxd));
                    when(er, || bad.set(1));
                    when(!length.all(), || length.set(length + 1));
                    tail.set(cat(&[rxd, tail.slice(8, 24)]));
                    when(!settled, || tail_n.set(tail_n + 1)).otherwise(|| {
                        // The oldest of the four is data.
                        let shifted = cat(&[tail.trunc(8), word.slice(8, 56)]);
                        word.set(shifted);
                        n.set(mux(n.eq(8u64), 1, n + 1));
                        full.set(n.eq(8u64));
                    });
                })
                .otherwise(|| {
                    end.set(n.any());
                    verdict.set(bad.get() | crc.ne(FCS_RESIDUE) | length.lt(LEAST));
                    state.set(HUNT);
                });
            });
            c.default(|| {
                when(!dv, || state.set(HUNT));
            });
        });

        // What is shown stands in registers: behind them is a FIFO of another clock.
        let held = m.reg("held", 1, 0);
        let held_word = m.reg_nr("held_word", WORD_W);
        let free = (!held | out.ready).named("free");

        // Losses. `open`: a word of the frame is out and its end is not. `owe`: the end of such a frame could not be shown.
        let open = m.reg("open", 1, 0);
        let lost = m.reg("lost", 1, 0);
        let owe = m.reg("owe", 1, 0);
        let fits = free & !lost & !owe;
        let shows = (full.get() | end) & !lost & !owe;
        when(free, || held.set(shows | owe));
        out.valid.set(held);
        when(full, || {
            when(fits, || open.set(1)).otherwise(|| lost.set(1));
        });
        when(end, || {
            open.set(0);
            lost.set(0);
            when(!fits & open & !owe, || owe.set(1));
        });
        when(owe & free, || owe.set(0));

        // Bytes come in at the top: a short word is moved down.
        let missing = lit(8, 4) - n;
        let moved = word.get().shr_by(cat(&[missing, zero(3)]));
        let keep = ones(8).shr_by(missing);
        let shown = cat(&[verdict.get(), end.get(), mux(end, keep, ones(8)), mux(end, moved, word)]);
        let owed = cat(&[lit(1, 1), lit(1, 1), lit(1, 8), zero(64)]);
        when(free, || held_word.set(mux(owe, owed, shown)));
        out.data.set(held_word);
    })
}
