//! The meaning of each construct, by hand-made examples.

use super::exec::small;
use super::{Interp, InterpError};
use crate::ir::data::*;
use crate::ir::{eval, word_count};
use crate::prelude::*;

/// The value of a combinational expression of two inputs of 8 bits.
fn value(f: impl FnOnce(E, E) -> E, a: u64, b: u64) -> u64 {
    let m = module("m", |m| {
        let e = f(m.input("a", 8), m.input("b", 8));
        m.output("y", e.width()).set(e);
    });
    let mut sim = Interp::new(&m).unwrap();
    sim.poke_u64("a", a);
    sim.poke_u64("b", b);
    sim.peek_u64("y")
}

#[test]
fn arithmetic_wraps() {
    assert_eq!(value(|a, b| a + b, 255, 2), 1);
    assert_eq!(value(|a, b| a - b, 1, 2), 255);
    assert_eq!(value(|a, b| (a + b).shr(1), 255, 1), 0);
    assert_eq!(value(|a, b| a.add_wide(b), 255, 255), 510);
}

#[test]
fn comparisons_are_unsigned() {
    let all = |a: E, b: E| cat(&[a.eq(b), a.ne(b), a.lt(b), a.le(b), a.gt(b), a.ge(b)]);
    assert_eq!(value(all, 200, 100), 0b010011);
    assert_eq!(value(all, 100, 200), 0b011100);
    assert_eq!(value(all, 7, 7), 0b100101);
}

#[test]
fn shifts_run_out_to_zero() {
    for (n, left, right) in [(0, 0x81, 0x81), (1, 0x02, 0x40), (7, 0x80, 0x01), (8, 0, 0), (255, 0, 0)] {
        assert_eq!(value(|a, b| a.shl_by(b), 0x81, n), left, "<< {n}");
        assert_eq!(value(|a, b| a.shr_by(b), 0x81, n), right, ">> {n}");
        assert_eq!(value(|a, _| a.shl(n as usize), 0x81, 0), left);
        assert_eq!(value(|a, _| a.shr(n as usize), 0x81, 0), right);
    }
}

#[test]
fn what_lies_past_the_end() {
    assert_eq!(value(|a, b| a.at(b), 0xff, 7), 1);
    assert_eq!(value(|a, b| a.at(b), 0xff, 8), 0, "dynamic bit");
    assert_eq!(value(|a, b| a.slice_dyn(b, 3), 0xff, 2), 0b011, "the last unit is filled up with zeros");
    assert_eq!(value(|a, b| a.slice_dyn(b, 3), 0xff, 3), 0);
    assert_eq!(value(|a, b| select(b, &[a, a + 1, a + 2]), 10, 1), 11);
    assert_eq!(value(|a, b| select(b, &[a, a + 1, a + 2]), 10, 200), 12, "the last item");
}

#[test]
fn concatenation_starts_at_the_top() {
    assert_eq!(value(|a, b| cat(&[a.slice(0, 4), b]), 0x5a, 0xc3), 0xac3);
    assert_eq!(value(|a, _| rep(a.bit(0), 3), 1, 0), 7);
}

#[test]
fn one_hot_helpers() {
    let grants = |a: E, _| {
        let mut g = priority(&[a.bit(0), a.bit(1), a.bit(2)]);
        g.reverse();
        cat(&g)
    };
    for (reqs, want) in [(0, 0), (0b110, 0b010), (0b111, 0b001), (0b100, 0b100)] {
        assert_eq!(value(grants, reqs, 0), want);
    }
    let pick = |a: E, b: E| onehot_mux(&[a.bit(0), a.bit(1)], &[b, !b]);
    assert_eq!([0, 1, 2, 3].map(|s| value(pick, s, 0x0f)), [0, 0x0f, 0xf0, 0xff]);
}

#[test]
fn registers_hold_reset_and_take_the_last_assignment() {
    let m = module("m", |m| {
        let (en, d) = (m.input("en", 1), m.input("d", 8));
        let (q, nr) = (m.reg("q", 8, 0x55), m.reg_nr("nr", 8));
        when(en, || {
            q.set(d);
            q.set_slice(4, zero(4));
            nr.set(q);
        });
        m.output("y", 8).set(q);
        m.output("z", 8).set(nr);
    });
    let mut sim = Interp::new(&m).unwrap();
    assert_eq!((sim.peek_u64("y"), sim.peek_u64("z")), (0x55, 0), "power-up");
    sim.poke_u64("d", 0xff);
    sim.step().unwrap();
    assert_eq!(sim.peek_u64("y"), 0x55, "held");
    sim.poke_u64("en", 1);
    sim.step().unwrap();
    assert_eq!((sim.peek_u64("y"), sim.peek_u64("z")), (0x0f, 0x55));
    sim.poke_u64("rst", 1);
    sim.step().unwrap();
    assert_eq!((sim.peek_u64("y"), sim.peek_u64("z")), (0x55, 0x0f), "only registers with reset are reset");
}

#[test]
fn wires_read_their_final_value() {
    let m = module("m", |m| {
        let (c, a) = (m.input("c", 1), m.input("a", 8));
        let w = m.wire_or("w", 8, 1);
        m.output("y", 8).set(w);
        when(c, || w.set(a)).elsewhen(a.bit(0), || w.set(2)).otherwise(|| {
            switch(a, |s| {
                s.is_any(&[4, 6], || w.set(3));
                s.is(8, || w.set_slice(7, ones(1)));
                s.default(|| w.set(4));
            });
        });
    });
    let mut sim = Interp::new(&m).unwrap();
    for (c, a, want) in [(1, 9, 9), (0, 9, 2), (0, 4, 3), (0, 6, 3), (0, 8, 0x81), (0, 10, 4)] {
        sim.poke_u64("c", c);
        sim.poke_u64("a", a);
        assert_eq!(sim.peek_u64("y"), want, "c {c}, a {a}");
    }
}

#[test]
fn memories() {
    let m = module("m", |m| {
        let (lanes, en) = (m.input("lanes", 2), m.input("en", 1));
        let (addr, data) = (m.input("addr", 3), m.input("data", 16));
        let r = m.ram("r", 8, 16);
        r.write_lanes(lanes, 8, addr, data);
        m.output("sync", 16).set(r.read(addr));
        m.output("held", 16).set(r.read_en(en, addr));
        m.output("now", 16).set(r.read_async(addr));
    });
    let mut sim = Interp::new(&m).unwrap();
    let mut cycle = |lanes, en, addr, data| {
        for (port, v) in [("lanes", lanes), ("en", en), ("addr", addr), ("data", data)] {
            sim.poke_u64(port, v);
        }
        sim.step().unwrap();
        ["sync", "held", "now"].map(|p| sim.peek_u64(p))
    };
    assert_eq!(cycle(0b11, 0, 3, 0x1234), [0, 0, 0x1234], "old data, held data, new data");
    assert_eq!(cycle(0b00, 1, 3, 0), [0x1234, 0x1234, 0x1234]);
    assert_eq!(cycle(0b01, 0, 3, 0xabcd), [0x1234, 0x1234, 0x12cd], "one lane");
    assert_eq!(cycle(0b00, 0, 4, 0), [0, 0x1234, 0]);
    assert_eq!(sim.peek_mem("r", 3), Bits::from_u64(0x12cd, 16));
}

#[test]
fn broken_promises_about_collisions_show() {
    let m = module("m", |m| {
        let addr = m.input("addr", 2);
        let r = m.ram("r", 4, 5).collisions_undefined();
        r.write(m.input("en", 1), addr, addr.zext(5));
        m.output("y", 5).set(r.read(3));
    });
    let mut sim = Interp::new(&m).unwrap();
    let mut cycle = |en, addr| {
        sim.poke_u64("en", en);
        sim.poke_u64("addr", addr);
        sim.step().unwrap();
        sim.peek_u64("y")
    };
    assert_eq!([cycle(1, 3), cycle(0, 3), cycle(1, 2)], [0b11111, 3, 3]);
}

#[test]
fn paths_reach_into_children() {
    let child = module("child", |m| {
        let a = m.input("a", 8);
        let count = m.reg("count", 8, 0);
        let sum = (count + a).named("sum");
        count.set(sum);
        m.output("y", 8).set(count);
    });
    let m = module("m", |m| {
        let u = m.inst("u_child", &child);
        u.set("a", m.input("a", 8) + 1);
        m.output("y", 8).set(u.get("y"));
    });
    let mut sim = Interp::new(&m).unwrap();
    sim.poke_u64("a", 2);
    sim.step().unwrap();
    assert_eq!(sim.peek_path("u_child.count"), Bits::from_u64(3, 8));
    assert_eq!(sim.peek_path("u_child.sum"), Bits::from_u64(6, 8));
    assert_eq!(sim.cycle(), 1);
}

#[test]
fn properties_stop_the_run_outside_reset() {
    let m = module("m", |m| {
        let q = m.reg("q", 2, 0);
        q.set(q + 1);
        m.prove("in_range", q.lt(3));
        m.cover("never", zero(1));
    });
    let mut sim = Interp::new(&m).unwrap();
    (0..3).for_each(|_| sim.step().unwrap());
    let failed = InterpError::Property { kind: PropKind::Prove, path: "in_range".into(), cycle: 3 };
    assert_eq!(sim.step(), Err(failed.clone()));
    assert_eq!(failed.to_string(), "Prove property in_range does not hold in cycle 3");
    sim.poke_u64("rst", 1);
    sim.step().unwrap();
}

/// The two implementations of each operation on values of up to 64 bits agree.
#[test]
fn fast_path_agrees_with_the_general_one() {
    let mut state = 1u64;
    let mut random = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    for round in 0..20_000 {
        let w = 1 + random(64) as usize;
        let cut = |v: u64, w: usize| if w == 64 { v } else { v & ((1 << w) - 1) };
        let mut wide = || cut(random(1 << 31) << 33 ^ random(1 << 31) << 10 ^ random(1 << 31), w);
        let (x, y) = (wide(), wide());
        let n_w = 1 + random(8) as usize;
        let (n, c, unit) = (cut(random(100), n_w), random(2), 1 + random(w as u64) as usize);
        // Operands 0 and 1 have width w, 2 is a count, 3 a bit, 4 a multiple of the unit.
        let vals = [x, y, n, c, cut(x, w / unit * unit)];
        let widths = [w, w, n_w, 1, w / unit * unit];
        let lsb = random(w as u64) as u32;
        let parts = vec![3, 2, 3];
        let ops = [
            (NodeOp::Slice(0, lsb), w - lsb as usize),
            (NodeOp::Cat(parts.clone()), parts.iter().map(|&p| widths[p as usize]).sum()),
            (NodeOp::Cat(vec![0]), w),
            (NodeOp::Rep(2, 3), n_w * 3),
            (NodeOp::Rep(0, 1), w),
            (NodeOp::Not(0), w),
            (NodeOp::Red(RedOp::Any, 0), 1),
            (NodeOp::Red(RedOp::All, 2), 1),
            (NodeOp::Red(RedOp::Parity, 0), 1),
            (NodeOp::Bin(BinOp::Add, 0, 1), w),
            (NodeOp::Bin(BinOp::Sub, 0, 1), w),
            (NodeOp::Bin(BinOp::And, 0, 1), w),
            (NodeOp::Bin(BinOp::Or, 0, 1), w),
            (NodeOp::Bin(BinOp::Xor, 0, 1), w),
            (NodeOp::Cmp(CmpOp::Eq, 0, 1), 1),
            (NodeOp::Cmp(CmpOp::Ne, 0, 0), 1),
            (NodeOp::Cmp(CmpOp::Lt, 0, 1), 1),
            (NodeOp::Cmp(CmpOp::Le, 0, 1), 1),
            (NodeOp::Shl(0, 2), w),
            (NodeOp::Shr(0, 2), w),
            (NodeOp::Mux(3, 0, 1), w),
            (NodeOp::Select(2, vec![0, 1, 0]), w),
            (NodeOp::SliceDyn(4, 2), unit),
        ];
        for (op, w) in ops {
            let mut used = Vec::new();
            op.operands(|a| used.push(widths[a as usize]));
            let fast = small(&op, &used, w, &vals);
            let mut general = vec![u64::MAX; word_count(w)];
            eval(&op, w, &mut general, &|a| (std::slice::from_ref(&vals[a as usize]), widths[a as usize]));
            // Insertions leave the bits above the width alone.
            assert_eq!(fast, cut(general[0], w), "round {round}: {op:?} on {vals:x?} of {widths:?} bits");
        }
    }
}
