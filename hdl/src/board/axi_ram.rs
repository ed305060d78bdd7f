//! Memory behind an AXI4 port, in block RAM; with a second, slow way in for whoever has no AXI, or of whole words for a store.
//!
//! ```text
//!                    ┌────────────────────┐
//!  s_axi_aw*, w* ═══►│                    │◄─ p_valid, p_write, p_addr, p_wdata 32
//!  s_axi_b*      ◄═══┤ axi_ram_<W>x<D>    ├─► p_done, p_rdata 32     (axi_store_<W>x<D>: no p, no wstrb)
//!  s_axi_ar*     ═══►│                    │
//!  s_axi_r*      ◄═══┤                    │
//!                    └────────────────────┘
//! ```
//!
//! **Interface.** AXI4: INCR bursts of whole words, which is all that the core asks for; 4-bit ids. `p`: one access of 32 bits at
//! byte address `p_addr`, held until `p_done`, which is 1 for a cycle; `p_rdata` is there with it.
//!
//! A [`axi_store`] is written in whole words alone and has one way in.
//!
//! **Parameters.** `words` of `data_w` bits, a power of two, 16 to 65536; `data_w` 64, 128 or 256; `addr_w` up to 64.
//!
//! **Latency.** Read: two cycles from address to first beat. Write: the answer follows the last beat by one cycle. `p`: two cycles
//! when nothing else goes on.
//!
//! **Throughput.** A beat a cycle inside a burst, each way; two cycles between bursts.
//!
//! **Backpressure.** One burst each way at a time. `p` waits for both to end, and gives way to both.
//!
//! **Reset.** Forgets bursts; the memory keeps its words.
//!
//! **Clocks.** One. **Ordering.** Between reads and writes none but that of the answers.
//!
//! **Errors.** A burst that starts above the memory gets DECERR and does nothing. A word that is read while it is written is undefined: the
//! core's lock table lets that happen to no block, and a host may not look at what it has asked a card to write.
//!
//! **Source.** AXI IHI 0022 A3.
//!
//! **Test.** `hdl/tests/board`, `axi_*_is_an_array`, against a byte array.

use crate::prelude::*;

/// Memory in bytes, with a second way in.
///
/// # Panics
/// When a parameter is out of its range.
pub fn axi_ram(words: usize, data_w: usize, addr_w: usize) -> Module {
    memory(words, data_w, addr_w, true)
}

/// Memory in whole words.
///
/// # Panics
/// When a parameter is out of its range.
pub fn axi_store(words: usize, data_w: usize, addr_w: usize) -> Module {
    memory(words, data_w, addr_w, false)
}

/// `shared`: with a second way in, and byte lanes.
fn memory(words: usize, data_w: usize, addr_w: usize, shared: bool) -> Module {
    let kind = if shared { "axi_ram" } else { "axi_store" };
    assert!(words.is_power_of_two() && (16..=65536).contains(&words), "{kind}: {words} words");
    assert!(matches!(data_w, 64 | 128 | 256) && addr_w <= 64, "{kind}: {data_w} bits, address of {addr_w}");
    let (lsb, index_w) = (clog2(data_w / 8), clog2(words));
    assert!(addr_w > lsb + index_w, "{kind}: address of {addr_w} bits");
    module(format!("{kind}_{data_w}x{words}"), |m| {
        m.doc(format!("{words} words of {data_w} bits behind AXI4."));
        let ch = |ch: &str| {
            let name = |n: &str| format!("s_axi_{ch}{n}");
            (
                m.input(name("valid"), 1),
                m.output(name("ready"), 1),
                m.input(name("addr"), addr_w),
                m.input(name("id"), 4),
            )
        };
        let (awvalid, awready, awaddr, awid) = ch("aw");
        let (arvalid, arready, araddr, arid) = ch("ar");
        let arlen = m.input("s_axi_arlen", 8);
        let (wvalid, wready) = (m.input("s_axi_wvalid", 1), m.output("s_axi_wready", 1));
        let wdata = m.input("s_axi_wdata", data_w);
        let wlast = m.input("s_axi_wlast", 1);
        let (bvalid, bready) = (m.output("s_axi_bvalid", 1), m.input("s_axi_bready", 1));
        let (bresp, bid) = (m.output("s_axi_bresp", 2), m.output("s_axi_bid", 4));
        let (rvalid, rready) = (m.output("s_axi_rvalid", 1), m.input("s_axi_rready", 1));
        let (rdata, rresp) = (m.output("s_axi_rdata", data_w), m.output("s_axi_rresp", 2));
        let (rlast, rid) = (m.output("s_axi_rlast", 1), m.output("s_axi_rid", 4));

        let ram = m.ram("words", words, data_w).collisions_undefined();
        let outside = |addr: E| addr.slice(lsb + index_w, addr_w - lsb - index_w).any();
        let index = |addr: E| addr.slice(lsb, index_w);

        // Writes: address, beats, answer.
        let (w_busy, b_full, w_bad) = (m.reg("w_busy", 1, 0), m.reg("b_full", 1, 0), m.reg_nr("w_bad", 1));
        let (w_index, w_id) = (m.reg_nr("w_index", index_w), m.reg_nr("w_id", 4));
        awready.set(!w_busy & !b_full);
        when(awvalid & !w_busy & !b_full, || {
            w_busy.set(1);
            w_index.set(index(awaddr));
            w_id.set(awid);
            w_bad.set(outside(awaddr));
        });
        wready.set(w_busy);
        let beat = (wvalid & w_busy).named("beat");
        when(beat, || {
            w_index.set(w_index + 1);
            when(wlast, || {
                w_busy.set(0);
                b_full.set(1);
            });
        });
        when(bready & b_full, || b_full.set(0));
        bvalid.set(b_full);
        bresp.set(rep(w_bad, 2));
        bid.set(w_id);

        // Reads: each beat is read from the RAM in the cycle before it is shown.
        let (r_left, r_some) = (m.reg("r_left", 9, 0), m.reg("r_some", 1, 0));
        let (r_index, r_id) = (m.reg_nr("r_index", index_w), m.reg_nr("r_id", 4));
        let (r_bad, r_last) = (m.reg_nr("r_bad", 1), m.reg_nr("r_last", 1));
        let r_idle = (r_left.eq(0u64) & !r_some).named("r_idle");
        arready.set(r_idle);
        when(arvalid & r_idle, || {
            r_left.set(arlen.zext(9) + 1);
            r_index.set(index(araddr));
            r_id.set(arid);
            r_bad.set(outside(araddr));
        });
        let moves = (!r_some | rready).named("moves");
        let fetch = (r_left.any() & moves).named("fetch");
        when(moves, || {
            r_some.set(fetch);
            r_last.set(r_left.eq(1u64));
        });
        when(fetch, || {
            r_left.set(r_left - 1);
            r_index.set(r_index + 1);
        });

        rvalid.set(r_some);
        rresp.set(rep(r_bad, 2));
        rlast.set(r_last);
        rid.set(r_id);
        if !shared {
            ram.write(beat & !w_bad, w_index, wdata);
            rdata.set(ram.read_en(fetch, r_index));
            return;
        }

        // The other way in: in a cycle in which nothing goes on or begins.
        let wstrb = m.input("s_axi_wstrb", data_w / 8);
        let (p_valid, p_write) = (m.input("p_valid", 1), m.input("p_write", 1));
        let (p_addr, p_wdata) = (m.input("p_addr", lsb + index_w), m.input("p_wdata", 32));
        let (p_done, p_rdata) = (m.output("p_done", 1), m.output("p_rdata", 32));
        let p_busy = m.reg("p_busy", 1, 0);
        let quiet = !w_busy & !b_full & r_idle & !awvalid & !arvalid;
        let p_go = (p_valid & !p_busy & quiet).named("p_go");
        p_busy.set(p_go);
        let lanes = data_w / 32;
        let lane = if lanes == 2 { p_addr.bit(2) } else { p_addr.slice(2, lsb - 2) };
        let p_lane = m.reg_nr("p_lane", lane.width());
        when(p_go, || p_lane.set(lane));
        let p_strobe: Vec<E> = (0..lanes).rev().map(|i| rep(lane.eq(i), 4)).collect();

        let strobe = mux(p_go, cat(&p_strobe) & rep(p_write, data_w / 8), wstrb & rep(beat & !w_bad, data_w / 8));
        ram.write_lanes(strobe, 8, mux(p_go, index(p_addr), w_index.get()), mux(p_go, rep(p_wdata, lanes), wdata));
        let word = ram.read_en(fetch | p_go, mux(p_go, index(p_addr), r_index.get()));
        rdata.set(word);
        let items: Vec<E> = (0..lanes).map(|i| word.slice(32 * i, 32)).collect();
        p_rdata.set(select(p_lane.get(), &items));
        p_done.set(p_busy);
    })
}
