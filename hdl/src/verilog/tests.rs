//! What the text looks like, and what is refused.

use super::{print, try_print};
use crate::prelude::*;

/// The lines of the text from the one that contains `from` to the one that contains `to`, without indentation.
fn excerpt(text: &str, from: &str, to: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = lines.iter().position(|l| l.contains(from)).unwrap_or_else(|| panic!("no {from} in\n{text}"));
    let len = lines[start..].iter().position(|l| l.contains(to)).unwrap_or_else(|| panic!("no {to} in\n{text}"));
    lines[start..=start + len].iter().map(|l| l.to_string()).collect()
}

#[test]
fn flip_flops_hold_their_next_state_under_the_conditions() {
    let m = module("m", |m| {
        let (en, d) = (m.input("en", 1), m.input("d", 4));
        let (q, valid) = (m.reg("q", 4, 5), m.reg("valid", 1, 0));
        when(en, || {
            q.set(d);
            valid.set(1);
        });
        m.output("y", 4).set(q);
        m.output("v", 1).set(valid);
    });
    let want = [
        "always @(posedge clk) begin",
        "if (rst) begin",
        "q <= 4'h5;",
        "valid <= 1'b0;",
        "end else begin",
        "if (en) begin",
        "q <= d;",
        "valid <= 1'b1;",
        "end",
        "end",
        "end",
        "",
        "endmodule",
    ];
    assert_eq!(excerpt(&print(&m), "always", "endmodule"), want);
}

#[test]
fn combinational_logic_is_split_by_signal() {
    let m = module("m", |m| {
        let (c, a) = (m.input("c", 1), m.input("a", 4));
        let (x, y) = (m.output("x", 4), m.output("y", 4));
        x.set(a);
        y.set(0);
        when(c, || {
            x.set(1);
            y.set(a);
        });
    });
    let text = print(&m);
    assert_eq!(text.matches("always @(*)").count(), 2);
    assert_eq!(
        excerpt(&text, "y = 4'h0;", "endmodule"),
        ["y = 4'h0;", "if (c) begin", "y = a;", "end", "end", "", "endmodule"]
    );
}

#[test]
fn sharing_does_not_blow_up() {
    let m = module("m", |m| {
        let mut e = m.input("a", 8);
        for _ in 0..1000 {
            e = (e + e) ^ e;
        }
        m.output("y", 8).set(e);
    });
    assert!(print(&m).len() < 200_000);
}

#[test]
fn long_expressions_are_cut() {
    let m = module("m", |m| {
        let a = m.input("a", 8);
        let sum = (0..500).fold(a, |s, i| s + (a ^ (i & 0xff)));
        m.output("y", 8).set(sum);
    });
    let text = print(&m);
    assert!(text.lines().all(|l| l.len() < 1000), "{text}");
}

#[test]
fn dead_nodes_are_not_printed() {
    let m = module("m", |m| {
        let a = m.input("a", 8);
        let _dead = (a + 77).named("dead");
        m.output("y", 8).set(a);
    });
    assert!(!print(&m).contains("dead"));
}

#[test]
fn bits_that_nothing_reads_are_sunk() {
    let m = module("m", |m| {
        let a = m.input("a", 8);
        m.input("b", 1);
        let q = m.reg_nr("q", 8);
        q.set(a.slice(2, 3).zext(8));
        m.output("y", 1).set((q + 1).bit(7));
    });
    let sink = excerpt(&print(&m), "_unused_ok", "_unused_ok");
    let sum = "t_"; // the sum's name carries its node's number
    assert!(sink[0].starts_with("(* unused *) wire _unused_ok = &{1'b0, rst, a[1:0], a[7:5], b, "), "{sink:?}");
    assert!(sink[0].contains(sum) && sink[0].ends_with("[6:0]};"), "{sink:?}");
}

#[test]
fn hints_become_names_and_stay_unique() {
    let m = module("m", |m| {
        let a = m.input("sum", 8);
        m.output("x", 8).set((a + 1).named("sum"));
        m.output("y", 8).set((a + 2).named("wire"));
    });
    let text = print(&m);
    assert!(text.contains("wire [7:0] sum_1 = (sum + 8'h01);"), "{text}");
    assert!(text.contains("wire [7:0] wire_1 = (sum + 8'h02);"), "{text}");
}

fn leaf(k: u64) -> Module {
    module("leaf", |m| {
        let a = m.input("a", 8);
        m.output("y", 8).set(a + k);
    })
}

fn top(leaves: &[Module]) -> Module {
    module("top", |m| {
        let mut e = m.input("a", 8);
        for (i, l) in leaves.iter().enumerate() {
            let u = m.inst(format!("u{i}"), l);
            u.set("a", e);
            e = u.get("y");
        }
        m.output("y", 8).set(e);
    })
}

#[test]
fn equal_modules_are_printed_once() {
    let text = print(&top(&[leaf(1), leaf(1), leaf(1)]));
    assert_eq!(text.matches("module leaf (").count(), 1);
    assert!(text.find("module leaf (") < text.find("module top ("));
}

#[test]
fn different_modules_of_one_name_are_refused() {
    let err = try_print(&top(&[leaf(1), leaf(2)])).unwrap_err();
    assert_eq!(err.to_string(), "two different modules are named leaf: top.u0 and top.u1");
}
