//! The printed text is clean under Verilator -Wall, yosys and slang, for a design that has every construct in it.

mod support;

use dyad_hdl::prelude::*;
use dyad_hdl::verilog;

/// Every operation on operands of width `w`; a combinational module.
fn operations(w: usize) -> Module {
    module(format!("operations_{w}"), |m| {
        m.doc(format!("Every operation on operands of {w} bits.\n\nFor the lint tools."));
        let (a, b) = (m.input("a", w), m.input("b", w));
        let (c, i) = (m.input("c", 1), m.input("i", 3));
        let out = |name: &str, e: E| m.output(name, e.width()).set(e);
        out("sum", a + b);
        out("difference", a - b);
        out("bitwise", (a & b) | (a ^ !b));
        out("wide", a.add_wide(b));
        out("compare", cat(&[a.eq(b), a.ne(b), a.lt(b), a.le(b), a.gt(b), a.ge(b), a.ne(0), a.lt(1)]));
        out("reduce", cat(&[a.any(), b.all(), (a + b).parity()]));
        out("shifted", a.shl_by(i) ^ b.shr_by(a));
        out("shifted_const", a.shl(1) | b.shr(w / 2));
        out("chosen", mux(c, a, b));
        out("selected", select(i, &[a, b, a + 1, b - 1, !a]));
        out("bit_at", cat(&[a.at(i), (a + b).at(b)]));
        out("unit_at", (a ^ b).zext(w + 5).slice_dyn(i, 3));
        out("lookup", lit_big([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210], 128).slice_dyn(i, 16));
        out("sliced", (a + b).slice(w / 2, w - w / 2));
        out("repeated", cat(&[rep(c, 5), rep(a.bit(0), 2), zero(3), ones(2)]));
        out("onehot", onehot_mux(&[c, i.bit(0), i.bit(2)], &[a, b, a - b]));
        out("grant", cat(&priority(&[c, i.bit(0), i.bit(1), i.bit(2)])));
        out("combined", cat(&[any_of(&[a, b]), all_of(&[c, a])]));
    })
}

/// Statements, registers with and without reset, an unused input bit.
fn statements() -> Module {
    module("statements", |m| {
        let (sel, x) = (m.input("sel", 4), m.input("x", 12));
        let q = m.reg("q", 8, 0x5a);
        let wide = m.reg_wide("wide", 100, Bits::ones(99));
        let data = m.reg_nr("reg", 8); // a keyword
        let never_read = m.reg("never_read", 3, 0);
        let (off, stuck, still) = (lit(0, 1), m.reg("stuck", 3, 2), m.reg_nr("still", 3));
        when(off, || {
            stuck.set(x.slice(0, 3));
            still.set(stuck);
        });
        m.output("constants", 3).set(stuck | still);
        let w = m.wire_or("w", 8, 0);
        let pieces = m.wire("pieces", 8);
        pieces.set_slice(0, x.slice(0, 4));
        pieces.set_slice(4, !x.slice(4, 4));
        let both = m.wire("both", 4);
        let hot = sel.eq(3).named("hot");
        when(hot, || {
            w.set(x.slice(0, 8));
            q.set(q + 1);
            data.set(w);
            both.set(1);
        })
        .elsewhen(sel.bit(0), || {
            w.set_slice(4, x.slice(0, 4));
            never_read.set(never_read.get() + 1);
            both.set(2);
        })
        .otherwise(|| {
            both.set(sel);
            switch(sel, |s| {
                s.is(0, || q.set(x.slice(2, 8)));
                s.is_any(&[4, 6], || {
                    wide.set_slice(90, x.slice(0, 10));
                    when(x.bit(7), || q.set(0)).otherwise(|| q.set_slice(3, x.slice(0, 2)));
                });
                s.default(|| wide.set(wide.shl(3)));
            });
        });
        m.output("y", 8).set(w ^ q ^ data ^ pieces);
        m.output("z", 100).set(wide);
        m.output("v", 4).set(both);
        m.prove("both_in_range", both.get().le(15) & hot.eq(sel.eq(3)));
        m.assume("sel_small", sel.lt(9));
        m.cover("q_wraps", q.eq(0xff));
    })
}

/// Memories of each kind.
fn memories() -> Module {
    module("memories", |m| {
        let (en, addr, data) = (m.input("en", 1), m.input("addr", 9), m.input("data", 36));
        let block = m.ram("block", 512, 36);
        block.write(en, addr, data);
        m.output("q0", 36).set(block.read(addr));
        m.output("q1", 36).set(block.read_en(en, addr + 1));
        let deep = m.ram("deep", 5000, 2).collisions_undefined();
        deep.write(en, cat(&[data.slice(0, 4), addr]), data.slice(4, 2));
        m.output("q4", 2).set(deep.read(cat(&[addr, data.slice(6, 4)])));
        let lanes = m.ram("lanes", 300, 32);
        lanes.write_lanes(data.slice(32, 4), 8, addr, data.slice(0, 32) + 1);
        m.output("q2", 7).set(lanes.read(addr).slice(3, 7));
        let small = m.ram("small", 16, 4);
        small.write(en, addr.slice(0, 4), data.slice(0, 4));
        m.output("q3", 4).set(small.read_async(addr.slice(4, 4)));
    })
}

/// All of the above below one top, with outputs that are not used.
fn everything() -> Module {
    let (ops, wide, st, mem) = (operations(8), operations(77), statements(), memories());
    module("everything", |m| {
        let (x, en) = (m.input("x", 80), m.input("en", 1));
        m.input("spare", 9);
        let u = m.inst("u_ops", &ops);
        let v = m.inst("u_wide", &wide);
        for (inst, w) in [(u, 8), (v, 77)] {
            inst.set("a", x.slice(0, w));
            inst.set("b", x.slice(3, w));
            inst.set("c", en);
            inst.set("i", x.slice(1, 3));
        }
        let s = m.inst("u_statements", &st);
        s.set("sel", u.get("sum").slice(2, 4));
        s.set("x", v.get("sum").slice(0, 12));
        let r = m.inst("u_memories", &mem);
        r.set("en", en & s.get("y").any());
        r.set("addr", 5);
        r.set("data", x.slice(40, 36));
        m.output("out", 8).set(s.get("y") ^ r.get("q0").slice(0, 8));
    })
}

#[test]
fn verilator_finds_nothing() {
    support::verilator("everything", &verilog::print(&everything())).unwrap();
}

#[test]
fn yosys_finds_nothing() {
    support::yosys("everything", &verilog::print(&everything())).unwrap();
}

#[test]
fn slang_finds_nothing() {
    support::slang("everything", &verilog::print(&everything())).unwrap();
}

#[test]
fn text_is_deterministic() {
    assert_eq!(verilog::print(&everything()), verilog::print(&everything()));
}
