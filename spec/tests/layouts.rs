//! The tables hold together: nothing overlaps, nothing falls outside, accessors agree with positions.

use dyad_spec::regs::{self, BAR_BYTES, BLOCKS, REGISTERS};
use dyad_spec::{Field, entry, superblock, wire};
use std::collections::BTreeMap;

fn check_disjoint(what: &str, fields: &[Field], bits: usize) {
    let mut used = vec![None; bits];
    for f in fields {
        for (bit, owner) in used.iter_mut().enumerate().skip(f.lsb).take(f.width) {
            assert!(owner.is_none(), "{what}: {} and {} both use bit {bit}", f.name, owner.unwrap_or(""));
            *owner = Some(f.name);
        }
        assert!(f.lsb + f.width <= bits, "{what}: {} runs past bit {bits}", f.name);
        assert!(!f.doc.trim().is_empty(), "{what}: {} says nothing", f.name);
    }
}

#[test]
fn layouts_do_not_overlap() {
    check_disjoint("submission", entry::submission::FIELDS, 512);
    check_disjoint("completion", entry::completion::FIELDS, 512);
    check_disjoint("lookup answer", entry::lookup::FIELDS, 64);
    check_disjoint("header", wire::FIELDS, 512);
    check_disjoint("trailer", wire::trailer::FIELDS, 64);
    check_disjoint("superblock", superblock::FIELDS, 1024);
    check_disjoint("LUN record", superblock::record::FIELDS, 512);
    for r in REGISTERS {
        check_disjoint(r.name, r.fields, 32);
    }
}

#[test]
fn registers_have_an_address_each() {
    let mut at = BTreeMap::new();
    for r in REGISTERS {
        assert_eq!(r.offset % 4, 0, "{}", r.name);
        for i in 0..r.count {
            let offset = r.at(i);
            assert!(offset < BAR_BYTES, "{} {i}", r.name);
            assert_eq!(at.insert(offset, r.name), None, "{} {i} at {offset:#x}", r.name);
        }
    }
}

#[test]
fn the_list_of_blocks_ends() {
    let (mut offset, mut seen) = (BLOCKS[0].0, 0);
    loop {
        let block = BLOCKS.iter().find(|b| b.0 == offset).expect("a block at the offset that the one before names");
        assert!(REGISTERS.iter().any(|r| r.offset == offset && r.name.ends_with("_BLOCK")) || offset == 0);
        seen += 1;
        offset = block.3;
        if offset == 0 {
            break;
        }
    }
    assert_eq!(seen, BLOCKS.len());
    assert_eq!(regs::block::name(regs::block::QUEUES), "queues");
}

#[test]
fn accessors_use_the_stated_bits() {
    let mut s = entry::submission::Submission::new();
    s.set_cid(0xbeef).set_lba(0x0123_4567_89ab_cdef).set_opcode(1);
    assert_eq!(s.0[0], 1);
    assert_eq!(s.0[2..4], [0xef, 0xbe]);
    assert_eq!(s.0[8..16], 0x0123_4567_89ab_cdefu64.to_le_bytes());
    assert_eq!(s.cid(), 0xbeef);
    let mut c = entry::completion::Completion::new();
    c.set_phase(1).set_sq_head(0x1234);
    assert_eq!(c.0[63], 0x80);
    assert_eq!(c.0[60..62], [0x34, 0x12]);
    let mut h = wire::Header::new();
    h.set_lba(0x01_0203_0405).set_slot(0x0a0b);
    assert_eq!(h.0[55..60], [1, 2, 3, 4, 5]);
    assert_eq!(h.0[46..48], [0x0a, 0x0b]);
    assert_eq!(h.lba(), 0x01_0203_0405);
}

#[test]
fn codes_round_trip_and_explain_themselves() {
    for (code, name, _) in dyad_spec::Status::ALL {
        assert_eq!(dyad_spec::Status::try_from(*code as u8), Ok(*code));
        assert!(code.meaning().ends_with('.'), "{name}");
    }
    assert_eq!(dyad_spec::Opcode::try_from(0xff), Err(0xff));
}

#[test]
fn the_manual_names_everything() {
    let page = dyad_spec::docs::registers_md();
    for r in REGISTERS {
        assert!(page.contains(&format!("`{}`", r.name)), "{}", r.name);
    }
    let wire = dyad_spec::docs::wire_md();
    assert!(wire.contains("`seq`") && wire.contains("0040  00 00 00 00"), "{wire}");
}
