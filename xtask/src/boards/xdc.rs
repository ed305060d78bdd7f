//! Vivado's constraint files, as far as the boards here use the language: what is not in that part is refused, so that
//! nothing goes unchecked.

use anyhow::{Context as _, Result, bail, ensure};

use super::pins::{Constraints, Pin};

/// Reads a constraint file.
///
/// # Errors
/// When a line is of no known form; it is named.
pub fn parse(text: &str) -> Result<Constraints> {
    let mut out = Constraints::default();
    let mut clock_names: Vec<String> = Vec::new();
    let mut used_clocks: Vec<String> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = || format!("line {}: `{line}`", n + 1);
        let (command, rest) = line.split_once(' ').with_context(place)?;
        match command {
            "set_property" if rest.starts_with("-dict {") => out.pins.push(pin(rest).with_context(place)?),
            "set_property" => ensure!(rest.ends_with("[current_design]"), "{}: of no known form", place()),
            "create_clock" => {
                let after = |flag: &str| {
                    let mut words = rest.split_whitespace().skip_while(|word| *word != flag);
                    words.nth(1).map(str::to_owned).with_context(|| format!("no {flag}"))
                };
                let period: f64 = after("-period").with_context(place)?.parse().with_context(place)?;
                clock_names.push(after("-name").with_context(place)?);
                for port in ports(rest).with_context(place)? {
                    out.clocks.push((port, period));
                }
            }
            "set_false_path" => out.mentions.extend(ports(rest).with_context(place)?),
            "set_clock_groups" => {
                ensure!(rest.starts_with("-asynchronous "), "{}: of no known form", place());
                for group in rest.split("[get_clocks ").skip(1) {
                    let names = group.split(']').next().unwrap_or_default();
                    used_clocks.extend(names.split_whitespace().filter(|w| !w.starts_with('-')).map(str::to_owned));
                }
            }
            "set_operating_conditions" => {}
            _ => bail!("{}: of no known form", place()),
        }
    }
    if let Some(name) = used_clocks.iter().find(|name| !clock_names.contains(name)) {
        bail!("a clock group names {name}, and no create_clock makes it");
    }
    Ok(out)
}

/// `-dict {PACKAGE_PIN A1 IOSTANDARD X ...} [get_ports {p}]`.
fn pin(rest: &str) -> Result<Pin> {
    let (dict, target) = rest.strip_prefix("-dict {").and_then(|r| r.split_once('}')).context("no -dict {...}")?;
    let words: Vec<&str> = dict.split_whitespace().collect();
    let value =
        |key: &str| words.chunks(2).find(|pair| pair[0] == key).and_then(|pair| pair.get(1).map(|v| (*v).to_owned()));
    let ports = ports(target)?;
    let [bit] = &ports[..] else { bail!("{} ports for one pin", ports.len()) };
    Ok(Pin { bit: bit.clone(), site: value("PACKAGE_PIN").context("no PACKAGE_PIN")?, standard: value("IOSTANDARD") })
}

/// The names in `[get_ports {...}]`.
fn ports(text: &str) -> Result<Vec<String>> {
    let (_, rest) = text.split_once("[get_ports {").context("no [get_ports {...}]")?;
    let (names, _) = rest.split_once("}]").context("no end of [get_ports {...}]")?;
    Ok(names.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_clocks_and_exceptions_are_read() {
        let text = "# a board\nset_property CFGBVS GND [current_design]\n\
            set_property -dict {PACKAGE_PIN E18 IOSTANDARD LVDS} [get_ports {clk_p}]\n\
            set_property -dict {PACKAGE_PIN P2} [get_ports {rx_p[0]}]\n\
            create_clock -name clk -period 6.400 [get_ports {clk_p}]\n\
            set_clock_groups -asynchronous -group [get_clocks -include_generated_clocks clk]\n\
            set_false_path -to [get_ports {led[*] other}]\n";
        let found = parse(text).unwrap();
        assert_eq!(found.pins[0].standard.as_deref(), Some("LVDS"));
        assert_eq!((found.pins[1].bit.as_str(), found.pins[1].site.as_str()), ("rx_p[0]", "P2"));
        assert_eq!(found.clocks, [("clk_p".to_owned(), 6.4)]);
        assert_eq!(found.mentions, ["led[*]", "other"]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in [
            "set_max_delay 3 -from [get_ports {a}]",
            "set_property -dict {IOSTANDARD LVDS} [get_ports {a}]",
            "set_property -dict {PACKAGE_PIN A1} [get_ports {a b}]",
            "set_property LOC A1 [get_ports a]",
            "create_clock -name c [get_ports {a}]",
            "set_clock_groups -asynchronous -group [get_clocks nobody]",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
