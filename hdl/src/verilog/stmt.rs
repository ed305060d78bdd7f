//! The statement tree cut down to some of its signals, and its text.

use std::fmt::Write;

use super::expr::Exprs;
use crate::ir::data::*;

/// The part of the tree that assigns signals for which `wanted` holds.
pub(super) fn project(stmts: &[Stmt], wanted: &dyn Fn(SigId) -> bool) -> Vec<Stmt> {
    let mut out = Vec::new();
    for s in stmts {
        match s {
            Stmt::Assign { sig, .. } if wanted(*sig) => out.push(s.clone()),
            Stmt::Assign { .. } => {}
            Stmt::If { arms, otherwise } => {
                let mut arms: Vec<_> = arms.iter().map(|(c, body)| (*c, project(body, wanted))).collect();
                let otherwise = project(otherwise, wanted);
                while otherwise.is_empty() && arms.last().is_some_and(|(_, body)| body.is_empty()) {
                    arms.pop();
                }
                if !arms.is_empty() {
                    out.push(Stmt::If { arms, otherwise });
                }
            }
            Stmt::Switch { on, arms, default } => {
                let default = project(default, wanted);
                let mut arms: Vec<_> = arms.iter().map(|(k, body)| (k.clone(), project(body, wanted))).collect();
                if default.is_empty() {
                    arms.retain(|(_, body)| !body.is_empty());
                }
                if !arms.is_empty() || !default.is_empty() {
                    out.push(Stmt::Switch { on: *on, arms, default });
                }
            }
        }
    }
    out
}

/// Calls `f` with every node that the statements read, as often as it is printed.
pub(super) fn each_node(stmts: &[Stmt], f: &mut impl FnMut(NodeId)) {
    for s in stmts {
        match s {
            Stmt::Assign { value, .. } => f(*value),
            Stmt::If { arms, otherwise } => {
                for (cond, body) in arms {
                    f(*cond);
                    each_node(body, f);
                }
                each_node(otherwise, f);
            }
            Stmt::Switch { on, arms, default } => {
                f(*on);
                arms.iter().for_each(|(_, body)| each_node(body, f));
                each_node(default, f);
            }
        }
    }
}

/// The conditions of a tree and the places of its assignments, without what is assigned.
pub(super) fn skeleton(stmts: &[Stmt]) -> String {
    let mut s = String::new();
    for stmt in stmts {
        match stmt {
            Stmt::Assign { .. } => s.push('='),
            Stmt::If { arms, otherwise } => {
                for (cond, body) in arms {
                    let _ = write!(s, "?{cond}({})", skeleton(body));
                }
                let _ = write!(s, ":({})", skeleton(otherwise));
            }
            Stmt::Switch { on, arms, default } => {
                let _ = write!(s, "#{on}");
                for (keys, body) in arms {
                    let _ = write!(s, "{keys:?}({})", skeleton(body));
                }
                let _ = write!(s, ":({})", skeleton(default));
            }
        }
    }
    s
}

/// Prints statements at `depth` levels of indentation; `op` is `=` or `<=`.
pub(super) fn text(x: &Exprs<'_>, stmts: &[Stmt], op: &str, depth: usize, out: &mut String) {
    let pad = "    ".repeat(depth);
    for s in stmts {
        match s {
            Stmt::Assign { sig, lsb, w, value } => {
                let _ = writeln!(out, "{pad}{} {op} {};", x.target(*sig, *lsb, *w), x.text(*value));
            }
            Stmt::If { arms, otherwise } => {
                for (i, (cond, body)) in arms.iter().enumerate() {
                    let lead = if i == 0 { pad.as_str() } else { " else " };
                    let _ = writeln!(out, "{lead}if ({}) begin", x.text(*cond));
                    text(x, body, op, depth + 1, out);
                    let _ = write!(out, "{pad}end");
                }
                if !otherwise.is_empty() {
                    out.push_str(" else begin\n");
                    text(x, otherwise, op, depth + 1, out);
                    let _ = write!(out, "{pad}end");
                }
                out.push('\n');
            }
            Stmt::Switch { on, arms, default } => {
                let _ = writeln!(out, "{pad}case ({})", x.text(*on));
                for (keys, body) in arms {
                    let keys: Vec<_> = keys.iter().map(|&k| x.key(*on, k)).collect();
                    let _ = writeln!(out, "{pad}    {}: begin", keys.join(", "));
                    text(x, body, op, depth + 2, out);
                    let _ = writeln!(out, "{pad}    end");
                }
                if default.is_empty() {
                    let _ = writeln!(out, "{pad}    default: ;");
                } else {
                    let _ = writeln!(out, "{pad}    default: begin");
                    text(x, default, op, depth + 2, out);
                    let _ = writeln!(out, "{pad}    end");
                }
                let _ = writeln!(out, "{pad}endcase");
            }
        }
    }
}
