//! What the builder refuses, and what it says.

use crate::prelude::*;

/// The message with which building the module fails.
fn refused(f: impl FnOnce(&M) + std::panic::UnwindSafe) -> String {
    let err = std::panic::catch_unwind(|| module("m", f)).expect_err("the module must be refused");
    err.downcast_ref::<String>().cloned().expect("builder panics carry a String")
}

macro_rules! refuses {
    ($($name:ident: $message:literal, $f:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(refused($f), concat!("module m: ", $message));
        }
    )*};
}

/// A child with an input `a` and an output `y`, both of 4 bits, `y` depending on `a` at once.
fn inverter() -> Module {
    module("inverter", |m| {
        let a = m.input("a", 4);
        m.output("y", 4).set(!a);
    })
}

refuses! {
    widths_differ: "Add: 4 bits against 5 bits", |m| {
        let _ = m.input("a", 4) + m.input("b", 5);
    };
    integer_does_not_fit: "Eq: 16 does not fit in 4 bits", |m| {
        m.input("a", 4).eq(16);
    };
    integer_is_negative: "And: -1 does not fit in 4 bits", |m| {
        let _ = m.input("a", 4) & -1;
    };
    set_of_another_width: "set of y: 4 bits where 5 are wanted", |m| {
        let a = m.input("a", 4);
        m.output("y", 5).set(a);
    };
    slice_past_the_end: "slice of bits 2 to 2+3 of 4 bits", |m| {
        m.input("a", 4).slice(2, 3);
    };
    zext_to_fewer: "zext of 4 bits to 3", |m| {
        m.input("a", 4).zext(3);
    };
    condition_is_wide: "the condition of when has 4 bits, want 1", |m| {
        when(m.input("a", 4), || ());
    };
    mux_of_integers: "mux of two integers: the width is not known", |m| {
        mux(m.input("a", 1), 1, 2);
    };
    width_zero: "a: width 0", |m| {
        m.input("a", 0);
    };
    name_is_none: "\"a b\" is not a name", |m| {
        m.wire("a b", 1);
    };
    port_is_keyword: "port reg: a keyword of Verilog", |m| {
        m.input("reg", 1);
    };
    port_twice: "port a: the name is taken", |m| {
        m.input("a", 1);
        m.input("a", 1);
    };
    clock_is_reserved: "port clk: the name is taken", |m| {
        m.input("clk", 1);
    };
    output_is_not_driven: "output y is never assigned", |m| {
        m.output("y", 1);
    };
    register_is_not_driven: "register q is never assigned", |m| {
        m.reg("q", 1, 0);
    };
    initial_value_does_not_fit: "reg q: initial value 64'h0000000000000004 does not fit in 2 bits", |m| {
        m.reg("q", 2, 4);
    };
    latch: "wire w: bit 0 is not assigned in every case (latch): assign a default first", |m| {
        let (a, w) = (m.input("a", 1), m.wire("w", 4));
        when(a, || w.set(1));
    };
    latch_in_some_bits: "wire w: bit 2 is not assigned in every case (latch): assign a default first", |m| {
        let (a, w) = (m.input("a", 1), m.wire("w", 4));
        w.set_slice(0, lit(0, 2));
        when(a, || w.set(1));
    };
    latch_in_switch: "wire w: bit 0 is not assigned in every case (latch): assign a default first", |m| {
        let (a, w) = (m.input("a", 1), m.wire("w", 4));
        switch(a, |s| {
            s.is(0, || w.set(1));
            s.is(1, || w.set(2));
        });
    };
    default_comes_late: "w: an unconditional assignment after a conditional one", |m| {
        let (a, w) = (m.input("a", 1), m.wire("w", 4));
        when(a, || w.set(1));
        w.set(0);
    };
    loop_of_wires: "combinational loop: v <- w", |m| {
        let (v, w) = (m.wire("v", 4), m.wire("w", 4));
        w.set(v + 1);
        v.set(w);
    };
    loop_through_a_child: "combinational loop: w <- u_y", |m| {
        let w = m.wire("w", 4);
        let u = m.inst("u", &inverter());
        u.set("a", w);
        w.set(u.get("y"));
    };
    loop_through_a_condition: "combinational loop: w", |m| {
        let w = m.wire_or("w", 1, 0);
        when(w, || w.set(1));
    };
    input_is_not_set: "instance u of inverter: input a is not set", |m| {
        m.inst("u", &inverter());
    };
    input_is_set_twice: "instance u: port a is set twice", |m| {
        let u = m.inst("u", &inverter());
        u.set("a", 1);
        u.set("a", 2);
    };
    input_is_set_in_when: "an instance's input inside a conditional", |m| {
        let u = m.inst("u", &inverter());
        when(m.input("c", 1), || u.set("a", 1));
    };
    port_is_unknown: "instance u of inverter: no port b", |m| {
        m.inst("u", &inverter()).set("b", 1);
    };
    output_is_set: "instance u of inverter: set of output y", |m| {
        m.inst("u", &inverter()).set("y", 1);
    };
    input_of_another_width: "port a: 5 bits where 4 are wanted", |m| {
        m.inst("u", &inverter()).set("a", zero(5));
    };
    address_of_another_width: "ram r, address: 5 bits where 3 are wanted", |m| {
        m.ram("r", 8, 4).read(zero(5));
    };
    lanes_do_not_fill: "ram r: 3 lanes of 2 bits in 8 bits", |m| {
        m.ram("r", 8, 8).write_lanes(zero(3), 2, 0, 0);
    };
    second_write_port: "ram r: a second write port", |m| {
        let r = m.ram("r", 8, 8);
        r.write(zero(1), 0, 0);
        r.write(zero(1), 0, 0);
    };
    memory_is_not_written: "ram r is never written", |m| {
        m.ram("r", 8, 8).read(0);
    };
    second_arm: "switch: a second arm for 1", |m| {
        switch(m.input("a", 2), |s| {
            s.is(1, || ());
            s.is_any(&[0, 1], || ());
        });
    };
    arm_does_not_fit: "switch: 4 does not fit in 2 bits", |m| {
        switch(m.input("a", 2), |s| s.is(4, || ()));
    };
    assignment_between_arms: "an assignment between the arms of a switch", |m| {
        let w = m.wire("w", 1);
        switch(m.input("a", 2), |_| w.set(1));
    };
    otherwise_too_late: "elsewhen or otherwise does not follow its when", |m| {
        let (a, w) = (m.input("a", 1), m.wire_or("w", 1, 0));
        let arm = when(a, || w.set(1));
        when(a, || w.set(0));
        arm.otherwise(|| w.set(1));
    };
    expression_of_the_parent: "an expression of another module is used here", |m| {
        let a = m.input("a", 1);
        module("m", |_| {
            let _ = !a;
        });
    };
}

#[test]
fn outside_of_a_module() {
    let err = std::panic::catch_unwind(|| zero(1)).unwrap_err();
    assert_eq!(err.downcast_ref::<String>().unwrap(), "no module is under construction");
}

#[test]
fn a_refused_module_leaves_no_trace() {
    refused(|m| {
        m.output("y", 1);
    });
    let ports = inverter().ports();
    let want = [("a", Dir::Input), ("y", Dir::Output)].map(|(name, dir)| Port { name: name.into(), dir, w: 4 });
    assert_eq!(ports, want);
}

#[test]
fn panics_point_at_the_caller() {
    use std::sync::{Arc, Mutex};
    let places = Arc::new(Mutex::new(Vec::new()));
    let (to, me) = (places.clone(), std::thread::current().id());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == me {
            to.lock().unwrap().push(info.location().map(|l| (l.file().to_string(), l.line())));
        } else {
            before(info);
        }
    }));
    let lines = [
        (line!() + 1, refused(|m| _ = m.input("a", 2).zext(1))).0,
        (line!() + 1, refused(|m| m.output("y", 1).set(2))).0,
        (line!() + 1, refused(|_| _ = zero(1) + zero(2))).0,
    ];
    drop(std::panic::take_hook());
    let want: Vec<_> = lines.iter().map(|l| Some((file!().to_string(), l - 1))).collect();
    assert_eq!(*places.lock().unwrap(), want);
}

#[test]
fn clock_and_reset_come_with_state() {
    let names = |m: &Module| m.ports().into_iter().map(|p| p.name).collect::<Vec<_>>();
    assert_eq!(names(&inverter()), ["a", "y"]);
    let inner = module("inner", |m| {
        let q = m.reg("q", 1, 0);
        q.set(!q);
        m.output("y", 1).set(q);
    });
    let outer = module("outer", |m| m.output("y", 1).set(m.inst("u", &inner).get("y")));
    assert_eq!(names(&outer), ["clk", "rst", "y"]);
}

#[test]
fn branches_that_all_assign_make_no_latch() {
    module("m", |m| {
        let (a, w) = (m.input("a", 1), m.wire("w", 4));
        when(a, || w.set(1)).otherwise(|| {
            w.set_slice(0, lit(1, 2));
            w.set_slice(2, lit(2, 2));
        });
    });
}

#[test]
fn output_dependencies_are_exact() {
    let m = module("m", |m| {
        let (a, b, c) = (m.input("a", 1), m.input("b", 1), m.input("c", 1));
        let q = m.reg("q", 1, 0);
        q.set(c);
        m.output("x", 1).set(a & q);
        let y = m.output("y", 1);
        y.set(0);
        when(b, || y.set(a));
        m.output("z", 1).set(q);
    });
    assert_eq!(m.data().comb_deps, [vec![], vec![], vec![], vec![0], vec![0, 1], vec![]]);
}
