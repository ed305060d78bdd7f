//! Lattice's preference files, as far as nextpnr reads them and the boards here use them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::pins::{Constraints, Pin};

/// Reads a preference file. Every located port must have one `IOBUF`, and the reverse.
///
/// # Errors
/// When a line is of no known form; it is named.
pub fn parse(text: &str) -> Result<Constraints> {
    let mut out = Constraints::default();
    let mut standards: BTreeMap<String, String> = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = || format!("line {}: `{line}`", n + 1);
        let words: Vec<&str> = line.strip_suffix(';').with_context(place)?.split_whitespace().collect();
        match words[..] {
            ["LOCATE", "COMP", bit, "SITE", site] => {
                out.pins.push(Pin { bit: unquote(bit)?, site: unquote(site)?, standard: None });
            }
            ["IOBUF", "PORT", bit, ref rest @ ..] => {
                let standard = rest.iter().find_map(|word| word.strip_prefix("IO_TYPE=")).with_context(place)?;
                let old = standards.insert(unquote(bit)?, standard.to_owned());
                ensure!(old.is_none(), "{}: a second IOBUF", place());
            }
            ["FREQUENCY", "PORT", bit, megahertz, "MHZ"] => {
                let megahertz: f64 = megahertz.parse().with_context(place)?;
                out.clocks.push((unquote(bit)?, 1000.0 / megahertz));
            }
            _ => bail!("{}: of no known form", place()),
        }
    }
    for pin in &mut out.pins {
        pin.standard = standards.get(&pin.bit).cloned();
        ensure!(pin.standard.is_some(), "{} is located and has no IOBUF", pin.bit);
    }
    out.mentions.extend(standards.into_keys());
    Ok(out)
}

fn unquote(word: &str) -> Result<String> {
    let inner = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map(str::to_owned).with_context(|| format!("{word} is not in quotation marks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_and_clocks_are_read() {
        let text = "# a board\nLOCATE COMP \"clk\" SITE \"P3\";\nIOBUF PORT \"clk\" IO_TYPE=LVDS;\n\
                    FREQUENCY PORT \"clk\" 100 MHZ;\n";
        let found = parse(text).unwrap();
        let pin = Pin { bit: "clk".into(), site: "P3".into(), standard: Some("LVDS".into()) };
        assert_eq!((found.pins, found.clocks), (vec![pin], vec![("clk".to_owned(), 10.0)]));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let locate = "LOCATE COMP \"a\" SITE \"P3\";\n";
        for bad in [
            "LOCATE COMP \"a\" SITE \"P3\"",
            locate,
            "LOCATE COMP a SITE \"P3\";",
            "SYSCONFIG X;",
            "IOBUF PORT \"a\" DRIVE=4;",
            "IOBUF PORT \"a\" IO_TYPE=A;\nIOBUF PORT \"a\" IO_TYPE=A;",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
