//! What nextpnr is told beside its command line, written into the netlist that it reads.
//!
//! **LUTs that stay free.** The placer packs what belongs together as densely as it goes, and there the router finds no way: with eight
//! LUTs of eight in use over some tiles, the wires that lead to their 32 inputs run out. In two rows of three, two LUTs of a tile are
//! therefore taken by cells that are connected to nothing. The third row is left whole for carry chains, which need every LUT of the tiles
//! that they run through.

use anyhow::{Context as _, Result};

/// The logic tiles of a chip in nextpnr's coordinates: every column from `columns.0` to `columns.1`, every row from `rows.0` to `rows.1` but
/// those of block RAMs.
#[derive(Clone, Copy, Debug)]
pub struct Tiles {
    /// First and last column.
    pub columns: (u32, u32),
    /// First and last row.
    pub rows: (u32, u32),
}

/// LUTs of a tile that are kept free: slice D's, which neither a distributed RAM nor most wide multiplexers use.
const KEPT: [&str; 2] = ["SLICED.K0", "SLICED.K1"];
/// Of so many rows, one is left whole.
const ROWS: usize = 3;
/// Rows of block RAMs: the first, and how many from one to the next. Lattice FPGA-DS-02012, 2.1.
const RAM_ROW: (u32, u32) = (10, 12);

impl Tiles {
    /// Rows of logic.
    fn rows(self) -> Vec<u32> {
        (self.rows.0..=self.rows.1).filter(|y| *y < RAM_ROW.0 || !(y - RAM_ROW.0).is_multiple_of(RAM_ROW.1)).collect()
    }

    /// LUTs of the chip, eight in each tile.
    #[cfg(test)]
    fn luts(self) -> u32 {
        8 * self.rows().len() as u32 * (self.columns.1 - self.columns.0 + 1)
    }

    /// Places of LUTs that are kept free.
    fn kept(self) -> Vec<String> {
        let rows = self.rows();
        let some = rows.iter().enumerate().filter(|(i, _)| i % ROWS != 0).map(|(_, y)| *y);
        some.flat_map(|y| {
            (self.columns.0..=self.columns.1).flat_map(move |x| KEPT.iter().map(move |bel| format!("X{x}/Y{y}/{bel}")))
        })
        .collect()
    }
}

/// A netlist, as yosys writes it, with `settings` of nextpnr's in module `top`, and cells in the LUTs of `tiles` that are kept free.
/// Returns how many those are, too.
///
/// # Errors
/// When it has no such module, or is written in another way.
pub fn prepare(netlist: &str, top: &str, settings: &[(&str, &str)], tiles: Tiles) -> Result<(String, usize)> {
    let head = format!("\n    \"{top}\": {{\n");
    const CELLS: &str = "\n      \"cells\": {\n";
    let unknown = || format!("yosys' netlist has no module {top}, or has it in a form that I don't know");
    let (before, module) = netlist.split_once(&head).with_context(unknown)?;
    let (ports, cells) = module.split_once(CELLS).with_context(unknown)?;
    let settings: Vec<String> = settings.iter().map(|(key, value)| format!("\"{key}\": \"{value}\"")).collect();
    let kept = tiles.kept();
    let lines: Vec<String> = kept.iter().map(|bel| free(bel)).collect();
    let rest = if cells.trim_start().starts_with('}') { "" } else { "," };
    let text = format!(
        "{before}{head}      \"settings\": {{ {} }},\n{ports}{CELLS}{}{rest}\n{cells}",
        settings.join(", "),
        lines.join(",\n")
    );
    Ok((text, kept.len()))
}

/// A LUT at `bel` that is connected to nothing, as a cell of a netlist.
fn free(bel: &str) -> String {
    let ports = ["A", "B", "C", "D", "Z"];
    let directions: Vec<String> =
        ports.iter().map(|p| format!("\"{p}\": \"{}\"", if *p == "Z" { "output" } else { "input" })).collect();
    let connections: Vec<String> = ports.iter().map(|p| format!("\"{p}\": []")).collect();
    format!(
        "        \"free_{}\": {{ \"hide_name\": 0, \"type\": \"LUT4\", \"parameters\": {{ \"INIT\": \"0000000000000000\" }}, \
         \"attributes\": {{ \"keep\": \"1\", \"BEL\": \"{bel}\" }}, \"port_directions\": {{ {} }}, \"connections\": {{ {} }} }}",
        bel.replace(['/', '.'], "_"),
        directions.join(", "),
        connections.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::BOARDS;

    /// As yosys 0.70 writes it.
    const NETLIST: &str = r#"{
  "creator": "Yosys",
  "modules": {
    "LUT4": {
      "attributes": { },
      "cells": {
      }
    },
    "top": {
      "attributes": { },
      "ports": { },
      "cells": {
        "one": { "type": "LUT4" }
      },
      "netnames": { }
    }
  }
}
"#;
    const FEW: Tiles = Tiles { columns: (2, 3), rows: (9, 12) };

    #[test]
    fn settings_and_free_luts_go_into_the_top_module() {
        let (text, kept) = prepare(NETLIST, "top", &[("router2/x", "0.05"), ("y", "1")], FEW).unwrap();
        // Rows 9, 11 and 12 have logic, and 9 is left whole: two columns of two rows, two LUTs each.
        assert_eq!(kept, 8);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let top = &value["modules"]["top"];
        assert_eq!((&top["settings"]["router2/x"], &top["settings"]["y"]), (&"0.05".into(), &"1".into()));
        assert_eq!(top["cells"].as_object().unwrap().len(), 9, "nothing is lost: {text}");
        assert_eq!(top["cells"]["free_X3_Y12_SLICED_K1"]["attributes"]["BEL"], "X3/Y12/SLICED.K1");
        assert!(top["netnames"].is_object() && value["modules"]["LUT4"].get("settings").is_none());
    }

    #[test]
    fn a_module_without_cells_stays_well_formed() {
        let empty = NETLIST.replace("        \"one\": { \"type\": \"LUT4\" }\n", "");
        let (text, _) = prepare(&empty, "top", &[], FEW).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["modules"]["top"]["cells"].as_object().unwrap().len(), 8);
    }

    #[test]
    fn a_netlist_without_the_top_module_is_refused() {
        let error = prepare(NETLIST, "to", &[], FEW).unwrap_err().to_string();
        assert!(error.contains("no module to"), "{error}");
    }

    /// Eight LUTs a tile are all that the data sheet counts.
    #[test]
    fn the_tiles_of_each_chip_are_all_its_luts() {
        for board in BOARDS {
            if let Some(chip) = &board.nextpnr {
                assert_eq!(chip.tiles.luts(), board.chip.lut, "{}", board.name);
            }
        }
    }
}
