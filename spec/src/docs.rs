//! The manual's generated pages, as Markdown: `cargo xtask gen` writes them, CI compares them.

use alloc::string::String;
use core::fmt::Write;

use crate::codes::{FrameType, Opcode, Status};
use crate::counters::Counter;
use crate::regs::{self, Access, REGISTERS};
use crate::{Field, Order, entry, superblock, wire};

const NOTE: &str = "<!-- Made from the crate `dyad-spec` by `cargo xtask gen`. Change that, not this. -->\n";

/// Text of a doc comment on one line, fit for a table cell.
fn cell(doc: &str) -> String {
    let mut out = String::new();
    for word in doc.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word.replace('|', "\\|"));
    }
    out
}

fn bits(field: &Field) -> String {
    let mut out = String::new();
    if field.width == 1 {
        let _ = write!(out, "{}", field.lsb);
    } else {
        let _ = write!(out, "{}:{}", field.lsb + field.width - 1, field.lsb);
    }
    out
}

fn fields(out: &mut String, order: Order, list: &[Field]) {
    match order {
        Order::Little => out.push_str("| byte | bits | field | meaning |\n|---|---|---|---|\n"),
        Order::Big => out.push_str("| byte | bytes | field | meaning |\n|---|---|---|---|\n"),
    }
    for f in list {
        let _ = match order {
            Order::Little => writeln!(out, "| {} | {} | `{}` | {} |", f.byte(), bits(f), f.name, cell(f.doc)),
            Order::Big => writeln!(out, "| {} | {} | `{}` | {} |", f.byte(), f.width / 8, f.name, cell(f.doc)),
        };
    }
    out.push('\n');
}

/// `docs/registers.md`.
pub fn registers_md() -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{NOTE}# Registers, entries and codes\n");
    out.push_str(
        "BAR 0 is 64 KiB of 32-bit little-endian registers. The map describes itself: each block begins with its type \
         and version and the offset of the next. Reserved registers read as zero and ignore writes.\n\n\
         | offset | block | version |\n|---|---|---|\n",
    );
    for (offset, kind, version, _) in regs::BLOCKS {
        let _ = writeln!(out, "| `0x{offset:04x}` | {} | {version} |", regs::block::name(*kind));
    }
    out.push_str("\n## Registers\n\n| offset | name | access | meaning |\n|---|---|---|---|\n");
    for r in REGISTERS {
        let access = match r.access {
            Access::Ro => "RO",
            Access::Rw => "RW",
            Access::Wo => "WO",
        };
        let _ = write!(out, "| `0x{:04x}`", r.offset);
        if r.count > 1 {
            let _ = write!(out, " + {:#x}·n, n < {}", r.stride, r.count);
        }
        let _ = writeln!(out, " | `{}` | {access} | {} |", r.name, cell(r.doc));
    }
    out.push_str("\n## Register fields\n\n| register | bits | field | meaning |\n|---|---|---|---|\n");
    for r in REGISTERS {
        for f in r.fields {
            let _ = writeln!(out, "| `{}` | {} | `{}` | {} |", r.name, bits(f), f.name, cell(f.doc));
        }
    }
    out.push_str("\n## Submission entry\n\n64 bytes, little-endian. Bits that no field names must be zero.\n\n");
    fields(&mut out, Order::Little, entry::submission::FIELDS);
    out.push_str("## Completion entry\n\n64 bytes, little-endian. Cycle counts wrap at 2³².\n\n");
    fields(&mut out, Order::Little, entry::completion::FIELDS);
    out.push_str("## Lookup answer\n\n8 bytes, little-endian.\n\n");
    fields(&mut out, Order::Little, entry::lookup::FIELDS);
    out.push_str("## Opcodes\n\n| code | opcode | meaning |\n|---|---|---|\n");
    for (code, name, doc) in Opcode::ALL {
        let _ = writeln!(out, "| `0x{:02x}` | `{name}` | {} |", *code as u8, cell(doc));
    }
    out.push_str("\n## Status codes\n\n| code | status | meaning |\n|---|---|---|\n");
    for (code, name, doc) in Status::ALL {
        let _ = writeln!(out, "| `0x{:02x}` | `{name}` | {} |", *code as u8, cell(doc));
    }
    out.push_str("\n## Counters\n\n| index | counter | counts |\n|---|---|---|\n");
    for c in Counter::ALL {
        let _ = writeln!(out, "| {} | `{}` | {} |", *c as usize, c.name(), cell(c.doc()));
    }
    out.push_str("\n## Superblock\n\nBlock 0 of each store, little-endian, kept by the drivers.\n\n");
    fields(&mut out, Order::Little, superblock::FIELDS);
    out.push_str("### LUN record\n\n");
    fields(&mut out, Order::Little, superblock::record::FIELDS);
    out
}

/// `docs/wire.md`.
pub fn wire_md() -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{NOTE}# The wire\n");
    out.push_str(
        "Ethernet II, IPv4 without options, UDP and the Dyad header fill exactly 64 bytes; the payload follows, then a \
         trailer of 8 bytes. Fields are in network order. Bytes are counted from the destination address.\n\n## Header\n\n",
    );
    fields(&mut out, Order::Big, wire::FIELDS);
    out.push_str("## Trailer\n\nByte 0 is the first after the payload.\n\n");
    fields(&mut out, Order::Big, wire::trailer::FIELDS);
    out.push_str(
        "The CRC32C (polynomial 0x1EDC6F41, reflected, initial value and final XOR all ones; RFC 3720 12.1) covers bytes \
         40 to 63 of the headers, the payload, and the trailer's commit word.\n\n## Frame types\n\n\
         | code | type | meaning |\n|---|---|---|\n",
    );
    for (code, name, doc) in FrameType::ALL {
        let _ = writeln!(out, "| `{:#x}` | `{name}` | {} |", *code as u8, cell(doc));
    }
    out.push_str("\n## Parts of a block\n\n| MTU | offset, length in bytes |\n|---|---|\n");
    for (mtu, parts) in [(wire::MTU_JUMBO, wire::PARTS_JUMBO), (wire::MTU_STANDARD, wire::PARTS_STANDARD)] {
        let _ = write!(out, "| {mtu} |");
        for (offset, length) in parts {
            let _ = write!(out, " {offset}, {length};");
        }
        out.push_str(" |\n");
    }
    let _ = writeln!(
        out,
        "\nWith any MTU a block of zeroes is one frame: offset 0, length {}, all zero.",
        wire::ZEROES_BYTES
    );
    out.push_str(
        "\n## Counters on the wire\n\n| number | width | wraps after, at 100 Gb/s of 4 KiB blocks | renewed before |\n\
         |---|---|---|---|\n\
         | slot sequence | 32 bits | 2³² uses of one slot: 24 minutes if one slot took every block; 67 days when 4096 \
         slots take turns | link-up with a new generation |\n\
         | sequence in a commit word | 20 bits | 2²⁰ uses of one slot: 0.35 s if one slot took every block, but a slot \
         takes a block once in a round trip, and never in less than 6 µs: 6 s | the same; it only ends *pending* |\n\
         | link generation | 16 bits | 65,535 link-ups | the driver refuses the last and asks for a new pair |\n\n",
    );
    out.push_str("## A worked frame\n\nThe acknowledgement of slot 5, sequence 7, in generation 1:\n\n```text\n");
    let frame = worked_frame();
    for (i, row) in frame.chunks(16).enumerate() {
        let _ = write!(out, "{:04x} ", i * 16);
        for byte in row {
            let _ = write!(out, " {byte:02x}");
        }
        out.push('\n');
    }
    out.push_str("```\n");
    out
}

/// The frame that the manual shows, with its checksums.
pub fn worked_frame() -> [u8; wire::SHORT_FRAME_BYTES] {
    let mut h = wire::Header::new();
    h.set_eth_dst(0x02_00_00_00_00_0a).set_eth_src(0x02_00_00_00_00_0b);
    h.set_ethertype(wire::ETHERTYPE_IPV4).set_ip_version_ihl(wire::IPV4_VERSION_IHL);
    h.set_ip_length((wire::SHORT_FRAME_BYTES - wire::ETHERNET_BYTES) as u64);
    h.set_ip_fragment(wire::IPV4_FLAGS_DF).set_ip_ttl(wire::IPV4_TTL).set_ip_protocol(wire::IPV4_PROTOCOL_UDP);
    h.set_ip_src(0x0a00_000b).set_ip_dst(0x0a00_000a).set_udp_src(4791).set_udp_dst(4791);
    h.set_udp_length((wire::SHORT_FRAME_BYTES - wire::ETHERNET_BYTES - 20) as u64);
    h.set_version_type(wire::WIRE_VERSION << 4 | FrameType::Ack.code());
    h.set_generation(1).set_slot(5).set_seq(7);
    wire::seal(&mut h, &[])
}
