//! Wireshark's dissector for the frames, made from `dyad-spec`.

use std::fmt::Write;

use dyad_driver::LinkConfig;
use dyad_spec::codes::{FrameType, Status};
use dyad_spec::{Field, wire};

/// What the file does with the tables before it.
const BODY: &str = include_str!("dissector.lua");

/// The whole file.
pub fn dissector() -> String {
    let mut out = String::from(
        "-- Wireshark's dissector for Dyad frames. Made from the crate `dyad-spec` by `dyad trace --dissector`.\n\
         -- To use it, put it into Wireshark's folder for personal Lua plugins, or: wireshark -X lua_script:dyad.lua FILE\n\n",
    );
    // Writing to a string does not fail.
    let _ = write_tables(&mut out);
    out + BODY
}

fn write_tables(out: &mut String) -> std::fmt::Result {
    writeln!(out, "local UDP_PORT = {}", LinkConfig::for_site(0).udp_port)?;
    writeln!(out, "local TRAILER_BYTES = {}", wire::TRAILER_BYTES)?;
    writeln!(out, "local OFFSET_UNIT = {}\n", wire::OFFSET_UNIT)?;
    writeln!(out, "local FRAME_TYPES = {{")?;
    for (code, name, _) in FrameType::ALL {
        writeln!(out, "  [{:#x}] = \"{name}\",", *code as u8)?;
    }
    writeln!(out, "}}\n\nlocal STATUS_CODES = {{")?;
    for (code, name, _) in Status::ALL {
        writeln!(out, "  [{:#04x}] = \"{name}\",", *code as u8)?;
    }
    writeln!(out, "}}\n\n-- name, first byte after the UDP header, bytes, meaning")?;
    writeln!(out, "local HEADER = {{")?;
    // What comes before is Ethernet's, IP's and UDP's.
    let first = wire::UDP_CHECKSUM.byte() + wire::UDP_CHECKSUM.width / 8;
    fields(out, wire::FIELDS.iter().filter(|field| field.byte() >= first), first)?;
    writeln!(out, "}}\n\n-- name, first byte after the payload, bytes, meaning")?;
    writeln!(out, "local TRAILER = {{")?;
    fields(out, wire::trailer::FIELDS.iter(), 0)?;
    writeln!(out, "}}\n")
}

fn fields<'a>(out: &mut String, fields: impl Iterator<Item = &'a Field>, first: usize) -> std::fmt::Result {
    for field in fields {
        let (at, bytes) = (field.byte() - first, field.width / 8);
        let meaning = field.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        let meaning = meaning.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(out, "  {{ \"{}\", {at}, {bytes}, \"{meaning}\" }},", field.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_header_is_shown() {
        let text = dissector();
        for field in wire::FIELDS.iter().filter(|field| field.byte() >= 42).chain(wire::trailer::FIELDS) {
            assert!(text.contains(&format!("{{ \"{}\", ", field.name)), "{}", field.name);
        }
        let end = wire::HEADER_BYTES - 42;
        assert!(text.contains(&format!("{{ \"epoch\", {}, 4, ", end - 4)), "{text}");
    }
}
