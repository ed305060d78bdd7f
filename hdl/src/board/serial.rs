//! Registers and memory by a serial line: the host of a board that has no PCIe.
//!
//! ```text
//!          ┌──────────────┐═► m_axil_*   registers
//!    rx ──►│ serial_<DIV> │═► p_valid, p_write, p_addr, p_wdata   memory
//!    tx ◄──┤              │◄═ p_done, p_rdata
//!          └──────────────┘
//! ```
//!
//! **Interface.** 8 data bits, no parity, one stop bit. A request is a byte, `w` or `r`, a 32-bit address, and for `w` 32 bits of
//! data, each least significant byte first. The answer to `w` is `W`, to `r` it is `R` and 32 bits of data. Below address 2^31 are
//! the card's registers, above it the memory that the card takes for its host's. A byte that is neither `w` nor `r` where a request
//! should begin is thrown away, so that nine bytes of 0 bring both ends in step.
//!
//! **Parameters.** `div`, 4 to 65535: clock cycles of a bit.
//!
//! **Latency.** 5 bytes in and 5 bytes out for a read: 870 µs at 115,200 baud.
//!
//! **Throughput.** One request at a time.
//!
//! **Backpressure.** None on the line: who asks again before the answer has come loses what he sends.
//!
//! **Reset.** Forgets the request. **Clocks.** One; `rx` is synchronised here. **Ordering.** As asked.
//!
//! **Errors.** A byte with a bad stop bit is thrown away.
//!
//! **Source.** AXI4-Lite: AXI IHI 0022 B1.
//!
//! **Test.** `hdl/tests/board`, `serial_*`.

use crate::prelude::*;
use crate::prim::kernels::bit_sync;

/// Bytes from a line: `byte_valid` for one cycle, `byte`.
fn receiver(m: &M, rx: E, div: usize) -> (E, E) {
    let sync = m.inst("rx_sync", &bit_sync::<2>());
    // Inverted: the synchroniser powers up at 0, and the line rests at 1.
    sync.set("d", !rx);
    let line = !sync.get("q");
    let w = clog2(div);
    let (wait, bits) = (m.reg("rx_wait", w, 0), m.reg("rx_bits", 4, 0));
    let byte = m.reg_nr("rx_byte", 8);
    let valid = m.reg("rx_valid", 1, 0);
    valid.set(0);
    when(bits.eq(0u64), || {
        // The start bit: from its edge to the middle of the bit.
        when(!line, || {
            bits.set(10);
            wait.set(div / 2 - 1);
        });
    })
    .elsewhen(wait.any(), || wait.set(wait - 1))
    .otherwise(|| {
        wait.set(div - 1);
        bits.set(bits - 1);
        when(bits.eq(10u64) & line, || bits.set(0));
        when(bits.le(9u64) & bits.ne(1u64), || byte.set(cat(&[line, byte.slice(1, 7)])));
        when(bits.eq(1u64), || valid.set(line));
    });
    (valid.get(), byte.get())
}

/// Sends `data` when `start`; returns whether it is busy, and the line.
fn sender(m: &M, start: E, data: E, div: usize) -> (E, E) {
    let w = clog2(div);
    let (wait, bits) = (m.reg("tx_wait", w, 0), m.reg("tx_bits", 4, 0));
    let shift = m.reg_nr("tx_shift", 9);
    let line = m.reg("tx_line", 1, 1);
    when(bits.any(), || {
        when(wait.any(), || wait.set(wait - 1)).otherwise(|| {
            wait.set(div - 1);
            bits.set(bits - 1);
            line.set(shift.bit(0));
            shift.set(cat(&[lit(1, 1), shift.slice(1, 8)]));
        });
    })
    .elsewhen(start, || {
        bits.set(11);
        wait.set(0);
        shift.set(cat(&[data, zero(1)]));
    });
    (bits.any(), line.get())
}

const COLLECT: u64 = 0;
const REGISTER: u64 = 1;
const MEMORY: u64 = 2;
const ANSWER: u64 = 3;

/// The bridge at `div` clock cycles a bit.
///
/// # Panics
/// When `div` is out of its range.
pub fn serial(div: usize) -> Module {
    assert!((4..=65535).contains(&div), "serial: {div} cycles a bit");
    module(format!("serial_{div}"), |m| {
        m.doc("Registers and memory by a serial line.");
        let rx = m.input("rx", 1);
        let tx = m.output("tx", 1);
        let (awvalid_o, awready) = (m.output("m_axil_awvalid", 1), m.input("m_axil_awready", 1));
        let (wvalid_o, wready) = (m.output("m_axil_wvalid", 1), m.input("m_axil_wready", 1));
        let (bvalid, bready) = (m.input("m_axil_bvalid", 1), m.output("m_axil_bready", 1));
        let (arvalid_o, arready) = (m.output("m_axil_arvalid", 1), m.input("m_axil_arready", 1));
        let (rvalid, rready) = (m.input("m_axil_rvalid", 1), m.output("m_axil_rready", 1));
        let rdata = m.input("m_axil_rdata", 32);
        let (awaddr, araddr) = (m.output("m_axil_awaddr", 16), m.output("m_axil_araddr", 16));
        let (wdata, wstrb) = (m.output("m_axil_wdata", 32), m.output("m_axil_wstrb", 4));
        let (p_valid, p_write) = (m.output("p_valid", 1), m.output("p_write", 1));
        let (p_addr, p_wdata) = (m.output("p_addr", 31), m.output("p_wdata", 32));
        let (p_done, p_rdata) = (m.input("p_done", 1), m.input("p_rdata", 32));

        let (got, byte) = receiver(m, rx, div);
        let state = m.reg("state", 2, COLLECT);
        let write = m.reg_nr("write", 1);
        // Bytes that are still to come, or to be sent.
        let left = m.reg("left", 4, 0);
        // Address and data as they come, the first byte lowest in the end; and the answer.
        let bytes = m.reg_nr("bytes", 64);
        let addr = mux(write, bytes.slice(0, 32), bytes.slice(32, 32)).named("addr");
        let data = bytes.slice(32, 32);
        let (aw, w, ar) = (m.reg("aw", 1, 0), m.reg("w", 1, 0), m.reg("ar", 1, 0));
        when(awready, || aw.set(0));
        when(wready, || w.set(0));
        when(arready, || ar.set(0));

        let send = m.wire_or("send", 1, 0u64);
        let (busy, line) = sender(m, send.get(), bytes.trunc(8), div);
        tx.set(line);
        let answer = |value: E| {
            bytes.set(cat(&[zero(24), value, mux(write, lit(b'W'.into(), 8), lit(b'R'.into(), 8))]));
            left.set(mux(write, lit(1, 4), 5));
            state.set(ANSWER);
        };
        switch(state.get(), |c| {
            c.is(COLLECT, || {
                when(got & left.eq(0u64), || {
                    let is_write = byte.eq(u64::from(b'w'));
                    write.set(is_write);
                    when(is_write | byte.eq(u64::from(b'r')), || left.set(mux(is_write, lit(8, 4), 4)));
                })
                .elsewhen(got, || {
                    bytes.set(cat(&[byte, bytes.slice(8, 56)]));
                    left.set(left - 1);
                    when(left.eq(1u64), || {
                        // The address is complete in a write; in a read its last byte comes now, and is its highest.
                        let high = mux(write, bytes.bit(39), byte.bit(7));
                        aw.set(write & !high);
                        w.set(write & !high);
                        ar.set(!write & !high);
                        state.set(mux(high, lit(MEMORY, 2), REGISTER));
                    });
                });
            });
            c.is(REGISTER, || {
                when(bvalid | rvalid, || answer(rdata));
            });
            c.is(MEMORY, || {
                when(p_done, || answer(p_rdata));
            });
            c.default(|| {
                when(!busy & left.any(), || {
                    send.set(1);
                    bytes.set(bytes.shr(8));
                    left.set(left - 1);
                })
                .elsewhen(!busy, || state.set(COLLECT));
            });
        });

        awvalid_o.set(aw);
        wvalid_o.set(w);
        arvalid_o.set(ar);
        awaddr.set(addr.trunc(16));
        araddr.set(addr.trunc(16));
        wdata.set(data);
        wstrb.set(ones(4));
        bready.set(state.eq(REGISTER));
        rready.set(state.eq(REGISTER));
        p_valid.set(state.eq(MEMORY));
        p_write.set(write);
        p_addr.set(addr.trunc(31));
        p_wdata.set(data);
    })
}
