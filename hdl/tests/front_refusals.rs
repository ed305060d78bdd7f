//! What the import refuses: the block, the signal and the reason are named. Nothing is translated wrongly in silence.

mod front_support;
#[path = "front_support/raw.rs"]
mod raw;

use dyad_hdl::front::{self, FrontError, Reason, Reset, ResetDff};
use raw::{Raw, bin, int, sig};
use rust_hdl::core::ast::*;
use rust_hdl::prelude::*;

fn refused<B: Block>(fresh: B) -> FrontError {
    match front::import("top", fresh) {
        Ok(m) => panic!("imported:\n{}", dyad_hdl::verilog::print(&m)),
        Err(e) => e,
    }
}

/// A circuit with the given fields and kernel is refused at `$signal`, in block `$block`, for `$reason`.
macro_rules! refuses {
    ($test:ident: { $($field:ident: $ty:ty),* $(,)? } { $($kernel:tt)* } => $block:literal, $signal:literal, $reason:pat) => {
        #[test]
        fn $test() {
            #[derive(LogicBlock, Default)]
            struct Wrong {
                $($field: $ty,)*
            }

            impl Logic for Wrong {
                $($kernel)*
            }

            let e = refused(Wrong::default());
            assert!(matches!(e.reason, $reason), "{e}");
            assert_eq!((e.block.as_str(), e.signal.as_str()), ($block, $signal), "{e}");
        }
    };
}

refuses!(latch: { c: Signal<In, Bit>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        if self.c.val() {
            self.y.next = true;
        }
    }
} => "top", "y", Reason::Latch);

refuses!(latch_in_one_arm_of_a_match: { s: Signal<In, Bits<2>>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        match self.s.val().index() {
            0 => self.y.next = true,
            1 => {}
            _ => self.y.next = false,
        }
    }
} => "top", "y", Reason::Latch);

refuses!(latch_at_a_flip_flop: { clock: Signal<In, Clock>, c: Signal<In, Bit>, q: DFF<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.q.clock.next = self.clock.val();
        if self.c.val() {
            self.q.d.next = !self.q.q.val();
        }
    }
} => "top", "q.d", Reason::Latch);

refuses!(latch_of_some_bits: { y: Signal<Out, Nibbles> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next.low = 3.into();
    }
} => "top", "y", Reason::Latch);

refuses!(output_that_is_never_assigned: { x: Signal<In, Bit>, y: Signal<Out, Bit>, z: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val();
    }
} => "top", "z", Reason::NeverAssigned);

refuses!(input_of_a_child_that_is_never_assigned: { y: Signal<Out, Bit>, u: Inverter } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.u.y.val();
    }
} => "top", "u.x", Reason::NeverAssigned);

refuses!(read_between_two_assignments: { x: Signal<In, Bits<4>>, y: Signal<Out, Bits<4>>, t: Signal<Local, Bits<4>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.t.next = self.x.val();
        self.y.next = self.t.val();
        self.t.next = self.x.val() + 1;
    }
} => "top", "t", Reason::IntermediateRead(_));

refuses!(read_between_in_a_branch: { x: Signal<In, Bits<4>>, y: Signal<Out, Bits<4>>, t: Signal<Local, Bits<4>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.t.next = self.x.val();
        self.y.next = 0.into();
        if self.t.val().any() {
            self.y.next = self.x.val();
        }
        if self.x.val().all() {
            self.t.next = 1.into();
        }
    }
} => "top", "t", Reason::IntermediateRead(_));

refuses!(sum_in_a_loop: { x: Signal<In, Bits<4>>, y: Signal<Out, Bits<4>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0.into();
        for _i in 0..3 {
            self.y.next = self.y.val() + self.x.val();
        }
    }
} => "top", "y", Reason::IntermediateRead(_));

refuses!(combinational_loop: { x: Signal<In, Bit>, y: Signal<Out, Bit>, a: Signal<Local, Bit>, b: Signal<Local, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.a.next = self.b.val() & self.x.val();
        self.b.next = self.a.val() | self.x.val();
        self.y.next = self.a.val();
    }
} => "top", "", Reason::Module(_));

refuses!(two_clocks: { clock: Signal<In, Clock>, other: Signal<In, Clock>, y: Signal<Out, Bit>, q: DFF<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.q.clock.next = self.other.val();
        self.q.d.next = !self.q.q.val();
        self.y.next = self.q.q.val();
    }
} => "top", "", Reason::Several("clock"));

refuses!(inverted_clock: { clock: Signal<In, Clock>, y: Signal<Out, Bit>, q: DFF<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.q.clock.next = !self.clock.val();
        self.q.d.next = !self.q.q.val();
        self.y.next = self.q.q.val();
    }
} => "top", "q.clock", Reason::ClockOrReset(_));

refuses!(gated_clock: { clock: Signal<In, Clock>, en: Signal<In, Bit>, y: Signal<Out, Bit>, q: DFF<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        if self.en.val() {
            self.q.clock.next = self.clock.val();
        }
        self.q.d.next = !self.q.q.val();
        self.y.next = self.q.q.val();
    }
} => "top", "q.clock", Reason::ClockOrReset(_));

refuses!(clock_that_is_not_connected: { clock: Signal<In, Clock>, y: Signal<Out, Bit>, q: DFF<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.q.d.next = !self.q.q.val();
        self.y.next = self.q.q.val();
    }
} => "top", "q.clock", Reason::ClockOrReset("not connected"));

refuses!(reset_that_is_not_connected: { clock: Signal<In, Clock>, rst: Signal<In, Reset>, y: Signal<Out, Bit>, q: ResetDff<Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, q);
        self.y.next = self.q.q.val();
    }
} => "top", "q.rst", Reason::ClockOrReset("not connected"));

refuses!(reset_named_as_a_bit: { rst: Signal<In, Bit>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.rst.val();
    }
} => "top", "rst", Reason::NameClash(_));

refuses!(ports_of_one_name: { s_x: Signal<In, Bit>, s: One, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.s_x.val() & self.s.x.val();
    }
} => "top", "s.x", Reason::NameClash(_));

refuses!(port_named_as_a_keyword: { always: Signal<In, Bit>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.always.val();
    }
} => "top", "always", Reason::BadName(_));

refuses!(index_that_may_or_may_not_wrap: { x: Signal<In, Bits<8>>, i: Signal<In, Bits<3>>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val().get_bit(self.i.val().index() + 1);
    }
} => "top", "y", Reason::IndexArithmetic);

refuses!(array_index_by_a_signal: { x: [Signal<In, Bit>; 2], i: Signal<In, Bits<1>>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x[self.i.val().index()].val();
    }
} => "top", "y", Reason::Index(_));

refuses!(bit_past_the_end: { x: Signal<In, Bits<8>>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val().get_bit(8);
    }
} => "top", "y", Reason::PastEnd { index: 8, w: 8 });

refuses!(integer_too_large: { x: Signal<In, Bits<40>>, y: Signal<Out, Bits<40>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = self.x.val() + 0x100_0000_0000_u64;
    }
} => "top", "y", Reason::DoesNotFit { value: 0x100_0000_0000, w: 40 });

refuses!(assertion: { x: Signal<In, Bit>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        assert!(self.x.val());
        self.y.next = self.x.val();
    }
} => "top", "", Reason::Unsupported("an assertion in a kernel"));

refuses!(constant_of_rust: { y: Signal<Out, Bits<4>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = bits::<4>(LIMIT);
    }
} => "top", "y", Reason::UnknownName(_));

refuses!(long_loop: { y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        for _i in 0..100_000 {
            self.y.next = true;
        }
    }
} => "top", "", Reason::LongLoop);

refuses!(loop_index_named_as_a_signal: { i: Signal<In, Bits<4>>, y: Signal<Out, Bits<4>> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = 0.into();
        for i in 0..3 {
            if self.i.val() == i {
                self.y.next = self.i.val();
            }
        }
    }
} => "top", "", Reason::NameClash(_));

refuses!(signed: { x: Signal<In, Signed<8>>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = true;
    }
} => "top", "x", Reason::Unsupported("a Signed signal"));

refuses!(tristate: { x: Signal<InOut, Bit>, y: Signal<Out, Bit> } {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = true;
    }
} => "top", "x", Reason::Unsupported("an InOut signal"));

refuses!(fault_in_a_child: { x: Signal<In, Bit>, y: Signal<Out, Bit>, u: [Latch; 2] } {
    #[hdl_gen]
    fn update(&mut self) {
        self.u[0].x.next = self.x.val();
        self.u[1].x.next = self.u[0].y.val();
        self.y.next = self.u[1].y.val();
    }
} => "top.u.0", "y", Reason::Latch);

refuses!(black_box: { y: Signal<Out, Bit>, u: Foreign } {
    #[hdl_gen]
    fn update(&mut self) {
        self.u.x.next = true;
        self.y.next = self.u.y.val();
    }
} => "top.u", "", Reason::Unsupported("a black box"));

refuses!(memory_with_contents: { clock: Signal<In, Clock>, y: Signal<Out, Bits<8>>, ram: Filled } {
    #[hdl_gen]
    fn update(&mut self) {
        self.ram.clock.next = self.clock.val();
        self.y.next = self.ram.y.val();
    }
} => "top.ram.ram", "", Reason::Unsupported("a memory with contents"));

const LIMIT: u64 = 3;

#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Nibbles {
    low: Bits<4>,
    high: Bits<4>,
}

#[derive(LogicInterface, Default)]
struct One {
    x: Signal<In, Bit>,
}

#[derive(LogicBlock, Default)]
struct Inverter {
    x: Signal<In, Bit>,
    y: Signal<Out, Bit>,
}

impl Logic for Inverter {
    #[hdl_gen]
    fn update(&mut self) {
        self.y.next = !self.x.val();
    }
}

#[derive(LogicBlock, Default)]
struct Latch {
    x: Signal<In, Bit>,
    y: Signal<Out, Bit>,
}

impl Logic for Latch {
    #[hdl_gen]
    fn update(&mut self) {
        if self.x.val() {
            self.y.next = true;
        }
    }
}

#[derive(LogicBlock, Default)]
struct Foreign {
    x: Signal<In, Bit>,
    y: Signal<Out, Bit>,
}

impl Logic for Foreign {
    fn update(&mut self) {
        self.y.next = self.x.val();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Blackbox(BlackBox { code: String::new(), name: "foreign".to_string() })
    }
}

#[derive(LogicBlock)]
struct Filled {
    clock: Signal<In, Clock>,
    y: Signal<Out, Bits<8>>,
    ram: RAM<Bits<8>, 2>,
}

impl Default for Filled {
    fn default() -> Self {
        Filled { clock: Signal::default(), y: Signal::default(), ram: (1_u8..5).map(|v| v.to_bits()).into() }
    }
}

impl Logic for Filled {
    #[hdl_gen]
    fn update(&mut self) {
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = 0.into();
        self.ram.write_address.next = 0.into();
        self.ram.write_data.next = 0.into();
        self.ram.write_enable.next = false;
        self.y.next = self.ram.read_data.val();
    }
}

/// What Rust's types keep out of kernels, and hand-made trees could hold.
#[test]
fn hand_made_trees() {
    let one =
        |w: usize, e: VerilogExpression| Raw::default().input("a", 8).input("b", 4).input("n", 70).output("y", w, e);
    let cases = [
        (one(8, bin(sig("a"), VerilogOp::Add, sig("b"))), Reason::WidthMismatch(4, 8)),
        (one(8, bin(sig("a"), VerilogOp::Eq, int(1))), Reason::WidthMismatch(1, 8)),
        (one(8, sig("b")), Reason::WidthMismatch(4, 8)),
        (one(8, sig("nobody")), Reason::UnknownName("nobody".to_string())),
        (one(8, int(256)), Reason::DoesNotFit { value: 256, w: 8 }),
        (one(8, bin(int(1), VerilogOp::Sub, int(2))), Reason::IntegerRange),
        (
            one(8, bin(sig("a"), VerilogOp::Shl, sig("n"))),
            Reason::Unsupported("a shift by more than 64 bits of amount"),
        ),
        (one(1, VerilogExpression::Unary(VerilogOpUnary::All, Box::new(int(3)))), Reason::UnknownWidth),
        (one(8, VerilogExpression::Unary(VerilogOpUnary::Neg, Box::new(sig("a")))), Reason::Unsupported("a negation")),
        (one(8, VerilogExpression::Signed(Box::new(sig("a")))), Reason::Unsupported("a cast from or to Signed")),
        (one(8, VerilogExpression::Cast(Box::new(int(16)), 4)), Reason::DoesNotFit { value: 16, w: 4 }),
        (one(1, bin(sig("a"), VerilogOp::LogicalAnd, sig("b"))), Reason::WidthMismatch(8, 1)),
        (one(8, VerilogExpression::Slice(Box::new(sig("a")), 8, Box::new(int(9)))), Reason::PastEnd { index: 9, w: 8 }),
    ];
    for (raw, want) in cases {
        let e = refused(raw.clone());
        assert_eq!((e.reason, e.signal.as_str()), (want, "y"), "{:?}", raw.code);
    }
}

#[test]
fn hand_made_statements() {
    let match_of = |conditions: &[&str]| {
        let block = vec![VerilogStatement::Assignment(sig("y$next"), int(1))];
        let case = |c: &&str| VerilogCase { condition: c.to_string(), block: block.clone() };
        let mut raw = Raw::default().input("a", 2).output("y", 1, int(0));
        raw.code.push(VerilogStatement::Match(VerilogMatch {
            test: sig("a"),
            cases: conditions.iter().map(case).collect(),
        }));
        raw
    };
    for (conditions, bad) in [
        (&["0", "0", "default"][..], "0"),
        (&["default", "1"], "1"),
        (&["4", "default"], "4"),
        (&["true", "default"], "true"),
        (&["Mode$On", "default"], "Mode::On"),
    ] {
        let e = refused(match_of(conditions));
        assert_eq!(e.reason, Reason::Pattern(bad.to_string()), "{conditions:?}");
    }
    let mut writes_input = Raw::default().input("a", 2).output("y", 2, sig("a"));
    writes_input.code.push(VerilogStatement::Assignment(sig("a$next"), int(1)));
    assert!(matches!(refused(writes_input), FrontError { signal, reason: Reason::Direction(_), .. } if signal == "a"));
    let mut both_ways = Raw::default().input("a", 2).output("y", 2, sig("a"));
    let ends = VerilogLinkDetails { my_name: String::new(), owner_name: "y".into(), other_name: "a".into() };
    both_ways.code.push(VerilogStatement::Link(vec![VerilogLink::Bidirectional(ends)]));
    assert_eq!(refused(both_ways).reason, Reason::Unsupported("a link of an InOut signal"));
}

#[test]
fn errors_read_well() {
    #[derive(LogicBlock, Default)]
    struct Outer {
        x: Signal<In, Bit>,
        y: Signal<Out, Bit>,
        u: Latch,
    }

    impl Logic for Outer {
        #[hdl_gen]
        fn update(&mut self) {
            self.u.x.next = self.x.val();
            self.y.next = self.u.y.val();
        }
    }

    let text = refused(Outer::default()).to_string();
    assert_eq!(text, "top.u: y: not assigned in every case (latch): assign a default first");
    let bad_name = front::import("not a name", Outer::default()).unwrap_err();
    assert!(matches!(bad_name.reason, Reason::BadName(_)), "{bad_name}");
}
