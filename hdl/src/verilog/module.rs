//! The text of one module.

use std::fmt::Write;

use super::expr::{Exprs, dimension, literal, part};
use super::plan::{Plan, plan};
use super::stmt;
use crate::ir::Bits;
use crate::ir::data::*;
use crate::ir::names;

pub(super) fn text(data: &ModuleData) -> String {
    let mut p = plan(data);
    let mut out = String::new();
    for line in data.doc.lines() {
        let _ = writeln!(out, "{}", format!("// {line}").trim_end());
    }
    header(data, &p, &mut out);
    let mut body = Vec::new();
    body.push(declarations(data, &p));
    body.push(temps(&p.exprs, &p.temps));
    let (simple, blocks): (Vec<_>, Vec<_>) = p.combs.iter().partition(|(_, stmts)| is_assign(stmts));
    body.push(simple.iter().map(|(sig, stmts)| comb(&p.exprs, *sig, stmts)).collect());
    body.extend(blocks.iter().map(|(sig, stmts)| comb(&p.exprs, *sig, stmts)));
    body.extend(data.rams.iter().map(|r| ram(&p.exprs, r)));
    body.extend(data.insts.iter().map(|i| instance(&p.exprs, i)));
    body.extend(p.regs.iter().map(|g| registers(&p, g)));
    body.push(sink(data, &mut p));
    body.push(properties(data, &p));
    for section in body.iter().filter(|s| !s.is_empty()) {
        out.push('\n');
        out.push_str(section);
    }
    out.push_str("\nendmodule\n");
    out
}

/// Whether the wire is driven by a single unconditional assignment.
fn is_assign(stmts: &[Stmt]) -> bool {
    matches!(stmts, [Stmt::Assign { .. }])
}

fn header(data: &ModuleData, p: &Plan<'_>, out: &mut String) {
    let mut ports = Vec::new();
    if data.clocked {
        ports.extend(["clk", "rst"].map(|n| format!("    input  wire {n}")));
    }
    for &(dir, sig) in &data.ports {
        let s = &data.sigs[sig as usize];
        let kind = match dir {
            Dir::Input => "input  wire",
            Dir::Output => {
                let stmts = p.combs.iter().find(|(c, _)| *c == sig).map(|(_, b)| &b[..]);
                if stmts.is_some_and(is_assign) { "output wire" } else { "output reg " }
            }
        };
        ports.push(format!("    {kind} {}{}", dimension(s.w), s.name));
    }
    if ports.is_empty() {
        let _ = writeln!(out, "module {};", data.name);
    } else {
        let _ = writeln!(out, "module {} (\n{}\n);", data.name, ports.join(",\n"));
    }
}

fn declarations(data: &ModuleData, p: &Plan<'_>) -> String {
    let (mut out, mut initial) = (String::new(), String::new());
    for (id, s) in data.sigs.iter().enumerate() {
        let dim = dimension(s.w);
        let name = &s.name;
        let _ = match &s.kind {
            SigKind::Input | SigKind::Output => Ok(()),
            SigKind::Wire => {
                let stmts = p.combs.iter().find(|(c, _)| *c as usize == id).map(|(_, b)| &b[..]);
                let kind = if stmts.is_some_and(is_assign) { "wire" } else { "reg" };
                writeln!(out, "    {kind} {dim}{name};")
            }
            SigKind::Reg { init, .. } => {
                let _ = writeln!(initial, "    initial {name} = {};", literal(init));
                writeln!(out, "    reg {dim}{name};")
            }
            SigKind::InstOut { .. } => writeln!(out, "    wire {dim}{name};"),
            SigKind::RamOut { ram, read } => match data.rams[*ram].reads[*read].kind {
                ReadKind::Async => writeln!(out, "    wire {dim}{name};"),
                _ => {
                    let _ = writeln!(initial, "    initial {name} = {};", literal(&Bits::zero(s.w as usize)));
                    writeln!(out, "    reg {dim}{name};")
                }
            },
        };
    }
    out + &initial
}

fn temps(x: &Exprs<'_>, ids: &[NodeId]) -> String {
    let mut out = String::new();
    for &n in ids {
        let node = &x.data.nodes[n as usize];
        let (dim, name) = (dimension(node.w), x.name(n));
        if let NodeOp::Select(i, items) = &node.op {
            let _ = writeln!(out, "    reg {dim}{name};\n    always @(*) begin\n        case ({})", x.text(*i));
            for (k, &item) in items.iter().enumerate() {
                let key = if k + 1 == items.len() { "default".to_string() } else { x.key(*i, k as u64) };
                let _ = writeln!(out, "            {key}: {name} = {};", x.text(item));
            }
            out.push_str("        endcase\n    end\n");
        } else {
            let _ = writeln!(out, "    wire {dim}{name} = {};", x.definition(n));
        }
    }
    out
}

fn comb(x: &Exprs<'_>, sig: SigId, stmts: &[Stmt]) -> String {
    let mut out = String::new();
    if let [Stmt::Assign { value, .. }] = stmts {
        let _ = writeln!(out, "    assign {} = {};", x.data.sigs[sig as usize].name, x.text(*value));
    } else {
        out.push_str("    always @(*) begin\n");
        stmt::text(x, stmts, "=", 2, &mut out);
        out.push_str("    end\n");
    }
    out
}

fn registers(p: &Plan<'_>, group: &super::plan::RegGroup) -> String {
    let x = &p.exprs;
    let mut out = String::from("    always @(posedge clk) begin\n");
    if group.reset {
        out.push_str("        if (rst) begin\n");
        for &sig in &group.sigs {
            let s = &x.data.sigs[sig as usize];
            if let SigKind::Reg { init, .. } = &s.kind {
                let _ = writeln!(out, "            {} <= {};", s.name, literal(init));
            }
        }
        out.push_str("        end else begin\n");
        stmt::text(x, &group.body, "<=", 3, &mut out);
        out.push_str("        end\n");
    } else {
        stmt::text(x, &group.body, "<=", 2, &mut out);
    }
    out.push_str("    end\n");
    out
}

/// Deepest memory that is given zeros when it is read for synthesis: yosys takes a time quadratic in the depth.
const INIT_LIMIT: usize = 1024;

fn ram(x: &Exprs<'_>, r: &RamData) -> String {
    let mut out = String::new();
    let name = &r.name;
    let word = dimension(r.w);
    let attribute = if r.collisions_undefined { "(* no_rw_check *) " } else { "" };
    let _ = writeln!(out, "    {attribute}reg {word}{name} [0:{}];", r.depth - 1);
    let deep = r.depth > INIT_LIMIT;
    if deep {
        out.push_str("    // Block RAM is zero after configuration.\n`ifndef SYNTHESIS\n");
    }
    let _ = writeln!(out, "    integer {name}_i;");
    let _ = writeln!(
        out,
        "    initial for ({name}_i = 0; {name}_i < {}; {name}_i = {name}_i + 1) {name}[{name}_i] = {};",
        r.depth,
        literal(&Bits::zero(r.w as usize))
    );
    if deep {
        out.push_str("`endif\n");
    }
    if let Some(w) = &r.write {
        out.push_str("    always @(posedge clk) begin\n");
        let (addr, lanes) = (x.text(w.addr), r.w / w.lane_w);
        for i in 0..lanes {
            let (en, lane, data) = if lanes == 1 {
                (x.text(w.en), String::new(), x.text(w.data))
            } else {
                let lsb = i * w.lane_w;
                let en = part(x.name(w.en), lanes, i, 1);
                (en, part("", r.w, lsb, w.lane_w), part(x.name(w.data), r.w, lsb, w.lane_w))
            };
            let _ = writeln!(out, "        if ({en}) {name}[{addr}]{lane} <= {data};");
        }
        out.push_str("    end\n");
    }
    for read in &r.reads {
        let q = &x.data.sigs[read.sig as usize].name;
        let addr = x.text(read.addr);
        let lead = match read.kind {
            ReadKind::Async => {
                let _ = writeln!(out, "    assign {q} = {name}[{addr}];");
                continue;
            }
            ReadKind::Sync => "    always @(posedge clk)".to_string(),
            ReadKind::SyncEn(en) => format!("    always @(posedge clk) if ({})", x.text(en)),
        };
        let plain = format!("{lead} {q} <= {name}[{addr}];\n");
        match &r.write {
            Some(w) if r.collisions_undefined => {
                let en = if w.lane_w == r.w { x.text(w.en) } else { format!("(|{})", x.text(w.en)) };
                let hit = format!("({en} & ({} == {addr}))", x.text(w.addr));
                out.push_str("`ifdef SYNTHESIS\n");
                out.push_str(&plain);
                out.push_str("`else\n    // Undefined when it collides with the write: here, inverted.\n");
                let _ = writeln!(out, "{lead} {q} <= ({hit} ? (~{name}[{addr}]) : {name}[{addr}]);");
                out.push_str("`endif\n");
            }
            _ => out.push_str(&plain),
        }
    }
    out
}

fn instance(x: &Exprs<'_>, inst: &InstData) -> String {
    let child = inst.child.data();
    let mut pins = Vec::new();
    if child.clocked {
        let rst = inst.reset.map_or_else(|| "rst".to_string(), |n| format!("(rst | {})", x.text(n)));
        pins.extend(["        .clk(clk)".to_string(), format!("        .rst({rst})")]);
    }
    for (i, &(_, sig)) in child.ports.iter().enumerate() {
        let port = &child.sigs[sig as usize].name;
        let value = match (inst.inputs[i], inst.outputs[i]) {
            (Some(n), _) => x.text(n),
            (None, Some(s)) => x.data.sigs[s as usize].name.clone(),
            (None, None) => unreachable!("each port is connected"),
        };
        pins.push(format!("        .{port}({value})"));
    }
    format!("    {} {} (\n{}\n    );\n", child.name, inst.name, pins.join(",\n"))
}

/// Reads what nothing else reads, under the name that lint tools know.
fn sink(data: &ModuleData, p: &mut Plan<'_>) -> String {
    let mut parts = Vec::new();
    if data.clocked {
        let child = data.insts.iter().any(|i| i.child.is_clocked());
        if !child && p.regs.is_empty() && data.rams.is_empty() {
            parts.push("clk".to_string());
        }
        if !child && !p.regs.iter().any(|g| g.reset) {
            parts.push("rst".to_string());
        }
    }
    for (name, read) in &p.reads {
        let w = read.width();
        let mut lsb = 0;
        while lsb < w {
            let end = (lsb..w).find(|&i| read.bit(i) != read.bit(lsb)).unwrap_or(w);
            if !read.bit(lsb) {
                parts.push(part(name, w as u32, lsb as u32, (end - lsb) as u32));
            }
            lsb = end;
        }
    }
    if parts.is_empty() {
        return String::new();
    }
    let name = names::unique("_unused_ok", &p.taken);
    p.taken.insert(name.clone());
    format!("    (* unused *) wire {name} = &{{1'b0, {}}};\n", parts.join(", "))
}

fn properties(data: &ModuleData, p: &Plan<'_>) -> String {
    if data.props.is_empty() {
        return String::new();
    }
    let mut out = String::from("`ifdef FORMAL\n");
    out.push_str(&temps(&p.exprs, &p.formal_temps));
    out.push_str("    always @(posedge clk) begin\n        if (!rst) begin\n");
    for prop in &data.props {
        let verb = match prop.kind {
            PropKind::Prove => "assert",
            PropKind::Assume => "assume",
            PropKind::Cover => "cover",
        };
        let _ = writeln!(out, "            {}: {verb} ({});", prop.name, p.exprs.text(prop.cond));
    }
    out.push_str("        end\n    end\n`endif\n");
    out
}
