//! The mailbox: messages between the two drivers, in CONTROL frames.
//!
//! ```text
//!                    ┌──────────────┐
//!     mb_tx_* ══════►│              ╞═► m_mb, m_mbpay   to eth_tx
//!     mb_send ──────►│ mailbox_<D>  │
//!   mb_rx_*   ◄══════┤              │◄═ s_mbbeat, s_mbend   from eth_rx
//!     mb_take ──────►│              ├─► irq, ev_*, quiet
//!                    └──────────────┘
//! ```
//!
//! **Interface.** `mb_*` is the `csr`'s side: `mb_tx_we` has a bit for each byte of a word. `mb_send` with `mb_send_bytes`
//! sends what was written: `m_mb` {payload bytes} and then on `m_mbpay` that many bytes, the message and zeroes after it.
//! The count is cut to a multiple of 64 between 256 and a block; an order while `mb_tx_busy` is lost. Received payload
//! comes as events: `s_mbbeat` {data, first}, then `s_mbend` {good, bytes:16}. A good message sets `mb_rx_valid` and is
//! kept until `mb_take`; up to [`KEPT`] are kept, and are shown in their order. `mb_rx_data` comes one cycle after `mb_rx_addr`; past the message's `mb_rx_bytes` it is what
//! earlier ones left. `irq` is a pulse for each message. `quiet`: nothing to send.
//!
//! **Parameters.** [`Params`]: `data_w`.
//!
//! **Latency.** `mb_send` to `m_mb_valid` and `m_mbpay_valid` 1 cycle. `s_mbend` to `mb_rx_valid` and `irq` 1 cycle.
//!
//! **Throughput.** A beat a cycle, both ways.
//!
//! **Backpressure.** None towards the wire: a message that begins while [`KEPT`] wait is dropped.
//!
//! **Reset.** Forgets all messages.
//!
//! **Clocks.** One.
//!
//! **Ordering.** As they came.
//!
//! **Errors.** A dropped message: `ev_mailbox_dropped`. One that is not good is forgotten; `eth_rx` counts it.
//!
//! **Source.** None: the format is the drivers'.
//!
//! **Proof and test.** Property `mailbox_busy`; `tests/tests/mailbox.rs`.

use dyad_spec::BLOCK_BYTES;
use dyad_spec::wire::{MAILBOX_BYTES, OFFSET_UNIT};

use crate::params::Params;
use crate::prelude::*;
use crate::stream::{event_in, stream_out};

/// Messages that wait for the driver, at most: a handshake sends two in a row. A power of two.
pub const KEPT: usize = 4;
/// Bits of a job for `eth_tx`: the payload's bytes.
pub const MB_JOB_W: usize = 16;

/// The mailbox of a card.
pub fn mailbox(p: &Params) -> Module {
    let d = p.data_w;
    module(p.named("mailbox"), |m| {
        m.doc("Mailbox: one message each way between the two drivers.");
        let sends = transmit(m, d);
        receive(m, d);
        m.output("quiet", 1).set(!sends);
    })
}

/// Cuts an address of 32-bit words into a beat's address and the word's place in the beat.
fn split(addr: E, d: usize) -> (E, E) {
    let place_w = clog2(d / 32);
    (addr.slice(place_w, addr.width() - place_w), addr.slice(0, place_w))
}

/// Returns whether a message is being sent.
fn transmit(m: &M, d: usize) -> E {
    let beats = MAILBOX_BYTES * 8 / d;
    let we = m.input("mb_tx_we", 4);
    let addr = m.input("mb_tx_addr", clog2(MAILBOX_BYTES / 4));
    let data = m.input("mb_tx_data", 32);
    let send = m.input("mb_send", 1);
    let order = m.input("mb_send_bytes", 16);
    let job = stream_out(m, "m_mb", MB_JOB_W);
    let pay = stream_out(m, "m_mbpay", d);

    let message = m.ram("tx_message", beats, d);
    let (row, place) = split(addr, d);
    let lanes = we.zext(d / 8).shl_by(cat(&[place, zero(2)]));
    message.write_lanes(lanes, 8, row, rep(data, d / 32));

    // Whole units, at least a message, at most a block.
    let unit_w = clog2(OFFSET_UNIT);
    let units = order.slice(unit_w, 16 - unit_w);
    let (least, most) = (MAILBOX_BYTES / OFFSET_UNIT, BLOCK_BYTES / OFFSET_UNIT);
    let units = mux(units.lt(least), least, mux(units.gt(most), lit(most as u64, units.width()), units));
    let left_w = clog2(BLOCK_BYTES * 8 / d + 1);
    let per_unit = clog2(OFFSET_UNIT * 8 / d);

    let (busy, asking) = (m.reg("tx_busy", 1, 0), m.reg("tx_asking", 1, 0));
    let bytes = m.reg_nr("tx_bytes", MB_JOB_W);
    let left = m.reg("tx_left", left_w, 0);
    let next = m.reg("tx_row", clog2(beats) + 1, 0);
    when(send & !busy, || {
        busy.set(1);
        asking.set(1);
        bytes.set(cat(&[units, zero(unit_w)]).resize(MB_JOB_W));
        left.set(units.resize(left_w).shl(per_unit));
        next.set(0);
    });
    when(job.fire(), || asking.set(0));
    when(pay.fire(), || {
        left.set(left - 1);
        when(next.lt(beats), || next.set(next + 1));
    });
    when(busy & !asking & !left.any(), || busy.set(0));
    job.valid.set(asking);
    job.data.set(bytes);
    pay.valid.set(left.any());
    pay.data.set(mux(next.lt(beats), message.read_async(next.trunc(clog2(beats))), 0));
    m.output("mb_tx_busy", 1).set(busy);
    m.prove("mailbox_busy", busy | !(asking | left.any()));
    busy.get()
}

fn receive(m: &M, d: usize) {
    let beats = MAILBOX_BYTES * 8 / d;
    let (beat_valid, beat) = event_in(m, "s_mbbeat", d + 1);
    let (end_valid, end) = event_in(m, "s_mbend", 17);
    let (first, good, bytes) = (beat.bit(d), end.bit(0), end.slice(1, 16));
    let take = m.input("mb_take", 1);
    let addr = m.input("mb_rx_addr", clog2(MAILBOX_BYTES / 4));

    // What begins while all places are taken is not let in, even when one is taken out meanwhile.
    let place_w = clog2(KEPT);
    let head = m.reg("rx_head", place_w + 1, 0);
    let tail = m.reg("rx_tail", place_w + 1, 0);
    let held = (tail - head).named("rx_held");
    let full = held.bit(place_w).named("rx_full");
    let waits = held.any().named("rx_waits");
    let shut = m.reg("rx_shut", 1, 0);
    let row = m.reg("rx_row", clog2(beats) + 1, 0);
    let here = mux(first, 0, row.get());
    let refused = mux(beat_valid & first, full, shut);
    let message = m.ram("rx_message", KEPT * beats, d);
    let to = cat(&[tail.slice(0, place_w), here.trunc(clog2(beats))]);
    message.write(beat_valid & !refused & here.lt(beats), to, beat.slice(0, d));
    when(beat_valid, || {
        row.set(mux(here.lt(beats), here + 1, here));
        shut.set(refused);
    });

    let comes = end_valid & good & !refused & !full;
    let dropped = end_valid & good & (refused | full);
    let counts: Vec<Var> = (0..KEPT).map(|i| m.reg_nr(format!("rx_bytes{i}"), 16)).collect();
    when(take & waits, || head.set(head + 1));
    when(comes, || {
        tail.set(tail + 1);
        for (i, count) in counts.iter().enumerate() {
            when(tail.slice(0, place_w).eq(i), || count.set(bytes));
        }
    });
    let first_held = head.slice(0, place_w);
    let hits: Vec<E> = (0..KEPT).map(|i| first_held.eq(i)).collect();
    let count = onehot_mux(&hits, &counts.iter().map(|c| c.get()).collect::<Vec<_>>());
    let (irq, lost) = (m.reg("irq_q", 1, 0), m.reg("lost", 1, 0));
    irq.set(comes);
    lost.set(dropped);

    let (row_read, place) = split(addr, d);
    let place_q = m.reg_nr("rx_place", place.width());
    place_q.set(place);
    m.output("mb_rx_data", 32).set(message.read(cat(&[first_held, row_read])).slice_dyn(place_q, 32));
    m.output("mb_rx_valid", 1).set(waits);
    m.output("mb_rx_bytes", 16).set(count);
    m.output("irq", 1).set(irq);
    m.output("ev_mailbox_received", 1).set(irq);
    m.output("ev_mailbox_dropped", 1).set(lost);
    m.prove("mailbox_places", held.le(KEPT));
}
