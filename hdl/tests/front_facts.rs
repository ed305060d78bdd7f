//! Expressions that rust-hdl's own Verilog printer gets wrong. The reference is rust-hdl's simulator, which runs
//! `update()`.

mod front_support;

use dyad_hdl::ir;
use front_support::Trio;
use rust_hdl::prelude::*;

#[derive(LogicBlock, Default)]
struct Facts {
    a: Signal<In, Bits<8>>,
    b: Signal<In, Bits<8>>,
    m: Signal<In, Bits<8>>,
    x: Signal<In, Bit>,
    y: Signal<In, Bit>,
    z: Signal<In, Bit>,
    and_equals: Signal<Out, Bit>,
    bit_equals: Signal<Out, Bit>,
    sum_equals: Signal<Out, Bit>,
    sum_shifted: Signal<Out, Bits<8>>,
    sum_cast: Signal<Out, Bits<16>>,
}

impl Logic for Facts {
    #[hdl_gen]
    fn update(&mut self) {
        self.and_equals.next = self.a.val() & self.m.val() == self.b.val();
        self.bit_equals.next = self.x.val() & self.y.val() == self.z.val();
        self.sum_equals.next = self.a.val() + 1 == self.b.val();
        self.sum_shifted.next = (self.a.val() + 1) >> 1;
        self.sum_cast.next = bit_cast::<16, 8>(self.a.val() + self.b.val());
    }
}

ports!(Facts; ; in a, b, m, x, y, z; out and_equals, bit_equals, sum_equals, sum_shifted, sum_cast);

/// The rows of the table, each with the vector on which rust-hdl's Verilog was wrong.
#[test]
fn the_known_vectors() {
    let mut t = Trio::new("facts", Facts::default);
    let rows: [(&[(&str, u64)], &str, u64); 5] = [
        (&[("a", 18), ("m", 15), ("b", 2)], "and_equals", 1),
        (&[("x", 0), ("y", 1), ("z", 0)], "bit_equals", 1),
        (&[("a", 255), ("b", 0)], "sum_equals", 1),
        (&[("a", 255)], "sum_shifted", 0),
        (&[("a", 255), ("b", 255)], "sum_cast", 254),
    ];
    for (inputs, output, want) in rows {
        for &(name, v) in inputs {
            let w = if "xyz".contains(name) { 1 } else { 8 };
            t.set(name, &ir::Bits::from_u64(v, w));
        }
        t.compare();
        assert_eq!(t.interp.peek_u64(output), want, "{output}");
    }
}

#[test]
fn random_vectors() {
    Trio::new("facts", Facts::default).run(20_000, 1);
}
