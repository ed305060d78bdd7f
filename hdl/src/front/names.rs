//! Names: paths of signals with loop indices put in, and names for Verilog.

use super::error::Reason;
use crate::ir::names;

/// The indices of the loops around a statement, innermost last.
#[derive(Clone, Debug, Default)]
pub(super) struct Loops(Vec<(String, u128)>);

impl Loops {
    pub fn enter(&mut self, index: &str, value: u128) {
        self.0.push((index.to_string(), value));
    }

    pub fn leave(&mut self) {
        self.0.pop();
    }

    pub fn get(&self, name: &str) -> Option<u128> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|&(_, v)| v)
    }
}

/// The path of a signal as a kernel wrote it (`line[i-1]$q`, `.bus.data`), with `$` between its parts.
pub(super) fn path(text: &str, loops: &Loops) -> Result<String, Reason> {
    let text = text.replace("::", "$").replace('.', "$");
    let text = text.trim_start_matches('$');
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let close = rest[open..].find(']').ok_or_else(|| Reason::Index(rest[open + 1..].to_string()))? + open;
        let index = &rest[open + 1..close];
        let value = index_value(index, loops).ok_or_else(|| Reason::Index(index.to_string()))?;
        out.push_str(&rest[..open]);
        out.push_str(&format!("${value}"));
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The value of an index: sums, differences, products, quotients and remainders of integers and loop indices.
fn index_value(text: &str, loops: &Loops) -> Option<u128> {
    let tokens = tokens(text)?;
    let mut at = 0;
    let v = sum(&tokens, &mut at, loops)?;
    (at == tokens.len()).then_some(v)
}

fn tokens(text: &str) -> Option<Vec<&str>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let len = if word(c) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        if !word(c) && !"+-*/%()".contains(c) {
            return None;
        }
        out.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    Some(out)
}

fn sum(t: &[&str], at: &mut usize, loops: &Loops) -> Option<u128> {
    let mut v = product(t, at, loops)?;
    while let Some(&op @ ("+" | "-")) = t.get(*at) {
        *at += 1;
        let b = product(t, at, loops)?;
        v = if op == "+" { v.checked_add(b)? } else { v.checked_sub(b)? };
    }
    Some(v)
}

fn product(t: &[&str], at: &mut usize, loops: &Loops) -> Option<u128> {
    let mut v = operand(t, at, loops)?;
    while let Some(&op @ ("*" | "/" | "%")) = t.get(*at) {
        *at += 1;
        let b = operand(t, at, loops)?;
        v = match op {
            "*" => v.checked_mul(b)?,
            "/" => v.checked_div(b)?,
            _ => v.checked_rem(b)?,
        };
    }
    Some(v)
}

fn operand(t: &[&str], at: &mut usize, loops: &Loops) -> Option<u128> {
    let word = *t.get(*at)?;
    *at += 1;
    if word == "(" {
        let v = sum(t, at, loops)?;
        *at += 1;
        return (t.get(*at - 1) == Some(&")")).then_some(v);
    }
    loops.get(word).or_else(|| integer(word))
}

/// The value of an integer literal of Rust, with underscores, base and suffix.
pub(super) fn integer(text: &str) -> Option<u128> {
    let text = text.replace('_', "");
    let (digits, base) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0b") => (&text[2..], 2),
        Some("0o") => (&text[2..], 8),
        _ => (&text[..], 10),
    };
    let suffixes = ["u8", "u16", "u32", "u64", "u128", "usize", "i32", "i64"];
    let digits = suffixes.iter().find_map(|s| digits.strip_suffix(s)).unwrap_or(digits);
    u128::from_str_radix(digits, base).ok()
}

/// The name of a path in Verilog: `s_axil$awaddr` becomes `s_axil_awaddr`.
pub(super) fn flat(path: &str) -> Result<String, Reason> {
    let name = path.replace('$', "_");
    names::check(&name).map_err(|_| Reason::BadName(path.to_string()))?;
    Ok(name)
}

/// The name of a port or module.
pub(super) fn exact(path: &str) -> Result<String, Reason> {
    let name = flat(path)?;
    if names::is_keyword(&name) { Err(Reason::BadName(name)) } else { Ok(name) }
}

/// A type's name with its parameters in snake case, without paths: `a::BitSync<2>` becomes `bit_sync_2`.
pub(super) fn snake(type_name: &str) -> String {
    let parts = type_name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let bases = parts.filter_map(|p| p.rsplit("::").next()).filter(|p| !p.is_empty());
    let mut out = String::new();
    for base in bases {
        if !out.is_empty() {
            out.push('_');
        }
        let chars: Vec<char> = base.chars().collect();
        for (i, &c) in chars.iter().enumerate() {
            let lower = |k: usize| chars.get(k).is_some_and(|c: &char| c.is_ascii_lowercase());
            let starts_word = c.is_ascii_uppercase() && i > 0 && (lower(i + 1) || !chars[i - 1].is_ascii_uppercase());
            if starts_word && chars[i - 1] != '_' {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

/// A type's name without the paths of its modules: `a::BitSync<2>` becomes `BitSync<2>`.
pub(super) fn short(type_name: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let pieces = type_name.split_inclusive(|c: char| !word(c));
    pieces.map(|p| p.rsplit("::").next().unwrap_or(p)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_indices_put_in() {
        let mut loops = Loops::default();
        loops.enter("i", 3);
        loops.enter("j", 10);
        for (text, want) in [
            ("a$b", "a$b"),
            ("line[i-1]$d", "line$2$d"),
            ("x[(i+1)*2]$y[j%4]", "x$8$y$2"),
            (".bus.data", "bus$data"),
            ("State::Idle", "State$Idle"),
            ("x[0x1fusize]", "x$31"),
        ] {
            assert_eq!(path(text, &loops).unwrap(), want);
        }
        for text in ["x[i-4]", "x[sel$val()]", "x[k]", "x[2", "x[i asusize]", "x[j/0]"] {
            assert!(matches!(path(text, &loops), Err(Reason::Index(_))), "{text}");
        }
    }

    #[test]
    fn inner_loops_hide_outer_ones() {
        let mut loops = Loops::default();
        loops.enter("i", 1);
        loops.enter("i", 2);
        assert_eq!(loops.get("i"), Some(2));
        loops.leave();
        assert_eq!(loops.get("i"), Some(1));
    }

    #[test]
    fn types_become_module_names() {
        for (text, want) in [
            ("dyad_hdl::prim::BitSync<2>", "bit_sync_2"),
            ("a::Fifo<rust_hdl_core::bits::Bits<8>, 4>", "fifo_bits_8_4"),
            ("AXIReader", "axi_reader"),
            ("Crc32", "crc32"),
        ] {
            assert_eq!(snake(text), want);
        }
        assert_eq!(short("a::Fifo<core::bits::Bits<8>, 4>"), "Fifo<Bits<8>, 4>");
    }
}
