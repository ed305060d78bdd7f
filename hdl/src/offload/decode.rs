//! `decode`: checks submissions, gives commands their numbers, and splits them into blocks.
//!
//! ```text
//!            +--------------------+---> m_new    to the command table
//!   s_sqe -->|  check  ->  split  |---> m_op     one operation a block, or an extent, to slots
//!  s_free -->|                    |---> m_admin  LOOKUP, IDENTIFY, SET_OWNER
//!    luns -->|                    |---> m_error  refused: completion at once
//!            +--------------------+
//! ```
//!
//! Checks, in this order, and the status that the first failing one gives: opcode, flags and reserved fields
//! (`BadOpcode`); block count (`BadBlocks`); LUN (`BadLun`); range (`BadLba`); host addresses (`Misaligned`); LUN live,
//! or the SYNC flag (`NotLive`); link up, or a local LUN (`LinkDown`). Owners are not looked at here: the directory
//! answers when the block's lock is had.
//!
//! - Latency: `s_sqe` to `m_new` and `m_error` 1 cycle, to `m_op` and `m_admin` 2. Throughput: a block a cycle, one idle cycle
//!   between commands; a command without blocks every 2 cycles. In a deep build each takes a cycle more.
//! - Backpressure: stops while no command number or no slot is free; nothing is dropped.
//! - Reset: the command in work is forgotten.
//! - Errors: one counter event for each status.
//! - Tests: `tests/tests/decode.rs`.

use dyad_spec::entry::{SubmissionFlags, submission as sub};
use dyad_spec::{Field, MAX_BLOCKS, MAX_LOOKUPS, Opcode, Status, regs};

use crate::bundle::op_kind::{COMPARE, FLUSH, OWN, READ, WRITE, ZEROES};
use crate::bundle::{AdminCmd, CMD_W, CmdNew, Cqe, KIND_W, LBA_W, LUN_W, OpInfo, Sqe};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::next::late;
use crate::stream::{stream_in, stream_out};

/// Statuses that `decode` gives, each with the name of its event.
pub const REFUSALS: [(Status, &str); 7] = [
    (Status::BadOpcode, "bad_opcode"),
    (Status::BadBlocks, "bad_blocks"),
    (Status::BadLun, "bad_lun"),
    (Status::BadLba, "bad_lba"),
    (Status::Misaligned, "misaligned"),
    (Status::NotLive, "not_live"),
    (Status::LinkDown, "link_down"),
];

fn field(entry: E, f: Field) -> E {
    entry.slice(f.lsb, f.width)
}

fn lun_field(control: E, f: Field) -> E {
    control.slice(f.lsb, f.width)
}

/// The decoder of a card.
pub fn decode(p: &Params) -> Module {
    let luns = p.luns;
    module("decode", |m| {
        m.doc("Checks submissions, numbers commands, splits them into blocks.");
        let link_ok = m.input("link_ok", 1);
        let lun_control = m.input("lun_control", 32 * luns);
        let lun_blocks = m.input("lun_blocks", LBA_W * luns);
        let s_sqe = stream_in(m, "s_sqe", Sqe::WIDTH);
        let s_free = stream_in(m, "s_free", CMD_W);
        let m_new = stream_out(m, "m_new", CmdNew::WIDTH);
        let m_op = stream_out(m, "m_op", OpInfo::WIDTH);
        let m_admin = stream_out(m, "m_admin", AdminCmd::WIDTH);
        let m_error = stream_out(m, "m_error", Cqe::WIDTH);
        let quiet = m.output("quiet", 1);

        // Stage 0: the entry arrives; look its LUN up.
        let full = m.reg("full", 1, 0);
        let sqe_q = m.reg_nr("sqe_q", Sqe::WIDTH);
        let control = m.reg_nr("control", 32);
        let size = m.reg_nr("size", LBA_W);
        let link = m.reg_nr("link", 1);
        let pass = m.wire_or("pass", 1, 0);
        s_sqe.ready.set(!full | pass);
        let index = field(Sqe::unpack(s_sqe.data).entry, sub::LUN).slice(0, LUN_W);
        when(pass, || full.set(0));
        when(s_sqe.fire(), || {
            full.set(1);
            sqe_q.set(s_sqe.data);
            control.set(lun_control.slice_dyn(index, 32));
            size.set(lun_blocks.slice_dyn(index, LBA_W));
            link.set(link_ok);
        });

        // Stage 1: check.
        let sqe = Sqe::unpack(sqe_q.get());
        let get = |f: Field| field(sqe.entry, f);
        let opcode = get(sub::OPCODE).named("opcode");
        let flags = get(sub::FLAGS);
        let blocks = get(sub::BLOCKS);
        let is = |o: Opcode| opcode.eq(o.code());
        let write = is(Opcode::Write).named("write");
        let read = is(Opcode::Read).named("read");
        let flush = is(Opcode::Flush).named("flush");
        let lookup = is(Opcode::Lookup).named("lookup");
        let identify = is(Opcode::Identify).named("identify");
        let set_owner = is(Opcode::SetOwner).named("set_owner");
        let acquire = is(Opcode::Acquire).named("acquire");
        let release = is(Opcode::Release).named("release");
        let compare = is(Opcode::CompareWrite).named("compare");
        let zeroes = (is(Opcode::WriteZeroes) | is(Opcode::Trim)).named("zeroes");
        // What names blocks, and of that what moves them from or to host memory.
        let paged = (write | read | compare).named("paged");
        let data = (paged | zeroes).named("data");
        let own = (acquire | release).named("own");
        let known = any_of(&[data, flush, lookup, identify, set_owner, own]);
        let sync_bit = u64::from(SubmissionFlags::SYNC.bits());
        let whole_bit = u64::from(SubmissionFlags::WHOLE_LUN.bits());
        let allowed = mux(write | read | zeroes, lit(sync_bit, 8), mux(set_owner | own, lit(whole_bit, 8), 0));
        let sync = (flags & sync_bit).any();
        let whole = (flags & whole_bit).any();
        let stray = (flags & !allowed).any()
            | sqe.reserved
            | (!set_owner & get(sub::OWNER).any())
            | (set_owner & get(sub::OWNER).gt(1))
            | (!set_owner & !lookup & get(sub::AUX).any())
            | ((own | zeroes) & get(sub::IOVA).any());
        let lba = get(sub::LBA);
        let low = lba.trunc(p.lba_w).zext(LBA_W);
        let high = lba.slice(p.lba_w, 64 - p.lba_w).any();
        let end = low.zext(LBA_W + 1) + blocks.zext(LBA_W + 1);
        let lun_valid = lun_field(control.get(), regs::LUN_VALID);
        let live = lun_field(control.get(), regs::LUN_LIVE) & !lun_field(control.get(), regs::LUN_FENCED);
        let local = lun_field(control.get(), regs::LUN_LOCAL).named("local");
        let named_lun = !identify;
        let unreachable = |iova: E| {
            let in_page = iova.slice(0, 12).any();
            if p.iova_w < 64 { in_page | iova.slice(p.iova_w, 64 - p.iova_w).any() } else { in_page }
        };
        let checks = [
            !known | stray,
            ((data | own) & (blocks.eq(0) | blocks.gt(MAX_BLOCKS)))
                | (((own & whole) | compare) & blocks.ne(1))
                | (lookup & (blocks.eq(0) | blocks.gt(MAX_LOOKUPS))),
            named_lun & (!lun_valid | get(sub::LUN).ge(luns)),
            (data & (high | end.gt(size.zext(LBA_W + 1)))) | ((set_owner | own) & high),
            ((paged | lookup | identify) & unreachable(get(sub::IOVA))) | (lookup & unreachable(get(sub::AUX))),
            (data | own) & !live & !sync,
            (data | flush | own) & !local & !link,
        ];
        // In a deep build what was found goes into registers, and the command goes on a cycle later.
        let late = |name: &str, value: E| late(m, p.deep, name, value);
        let seen = if p.deep {
            let looked = m.reg("looked", 1, 0);
            looked.set(full & !pass);
            full & looked
        } else {
            full.get()
        };
        let checks: Vec<E> = checks.iter().enumerate().map(|(i, check)| late(&format!("check{i}"), *check)).collect();
        let [write, read, flush, own, compare, zeroes] = [
            ("is_write", write),
            ("is_read", read),
            ("is_flush", flush),
            ("is_own", own),
            ("is_compare", compare),
            ("is_zeroes", zeroes),
        ]
        .map(|(name, kind)| late(name, kind));
        let data = write | read | compare | zeroes;
        let bad = any_of(&checks).named("bad");
        let mut status = lit(Status::Ok.code(), 8);
        for (check, (code, _)) in checks.iter().zip(REFUSALS).rev() {
            status = mux(*check, lit(code.code(), 8), status);
        }

        // Stage 1 ends in one of three ways; a split of the command before may still go on.
        // The command table hears of a command first.
        let noted = m.reg("noted", 1, 0);
        let splitting = m.reg("splitting", 1, 0);
        let last = m.wire_or("last", 1, 0);
        let by_blocks = data | flush | own;
        let split_free = !splitting;
        let good = seen & !bad & s_free.valid;
        m_new.valid.set(good & !noted);
        m_admin.valid.set(good & !by_blocks & noted);
        let to_split = (good & by_blocks & split_free & (noted | m_new.ready)).named("to_split");
        let to_admin = m_admin.fire().named("to_admin");
        when(m_new.fire(), || noted.set(1));
        when(to_split | to_admin, || noted.set(0));
        let to_error = (seen & bad & m_error.ready).named("to_error");
        pass.set(any_of(&[to_split, to_admin, to_error]));
        m_error.valid.set(seen & bad);
        s_free.ready.set(to_split | to_admin);
        m_new.data.set(
            CmdNew {
                cmd: s_free.data,
                cid: get(sub::CID),
                queue: sqe.queue,
                blocks: mux(flush, lit(1, 7), mux(data | own, blocks.slice(0, 7), 1)),
                t_doorbell: sqe.t_doorbell,
                d_fetched: sqe.d_fetched,
            }
            .pack(),
        );
        m_admin.data.set(
            AdminCmd {
                cmd: s_free.data,
                opcode,
                flags,
                lun: get(sub::LUN).slice(0, LUN_W),
                owner: get(sub::OWNER).bit(0),
                blocks,
                lba: low,
                iova: get(sub::IOVA),
                aux: get(sub::AUX),
            }
            .pack(),
        );
        m_error.data.set(
            Cqe {
                queue: sqe.queue,
                cid: get(sub::CID),
                status,
                owner: zero(1),
                epoch: zero(32),
                block: zero(16),
                retries: zero(8),
                t_doorbell: sqe.t_doorbell,
                d_fetched: sqe.d_fetched,
                d_lookup: zero(32),
                d_local: zero(32),
                d_frame: zero(32),
                d_sent: zero(32),
                d_ack: zero(32),
                d_mirror: zero(32),
            }
            .pack(),
        );
        for (check_status, name) in REFUSALS {
            m.output(format!("ev_{name}"), 1).set(to_error & status.eq(check_status.code()));
        }

        // Stage 2: one operation a block.
        let op = m.reg_nr("op", OpInfo::WIDTH);
        let left = m.reg("left", 7, 0);
        let step = m.reg_nr("step", LBA_W);
        let step_own = m.reg_nr("step_own", 1);
        let past = m.reg("past", 1, 0);
        m_op.valid.set(splitting);
        let held = OpInfo::unpack_in(p, op.get());
        // An extent past the last address is past the end of every LUN; it does not come round to the first.
        let now_op = OpInfo { lba: mux(past, ones(p.lba_w).zext(LBA_W), held.lba), ..held };
        let onward = held.lba.zext(LBA_W + 1) + step.zext(LBA_W + 1);
        m_op.data.set(now_op.pack());
        last.set(m_op.ready & left.eq(1));
        when(m_op.fire(), || {
            left.set(left - 1);
            past.set(past | onward.slice(p.lba_w, LBA_W + 1 - p.lba_w).any());
            op.set(
                OpInfo {
                    block: now_op.block + 1,
                    lba: onward.trunc(p.lba_w).zext(LBA_W),
                    page: now_op.page + (!step_own).zext(52),
                    ..now_op
                }
                .pack(),
            );
            when(last, || splitting.set(0));
        });
        when(to_split, || {
            splitting.set(1);
            past.set(0);
            step_own.set(own);
            left.set(mux(flush, lit(1, 7), blocks.slice(0, 7)));
            step.set(mux(own, lit(1, LBA_W).shl_by(lun_field(control.get(), regs::LUN_EXTENT_SHIFT)), 1));
            op.set(
                OpInfo {
                    cmd: s_free.data,
                    block: zero(6),
                    kind: onehot_mux(
                        &[flush, write, read, own, compare, zeroes],
                        &[FLUSH, WRITE, READ, OWN, COMPARE, ZEROES].map(|k| lit(k, KIND_W)),
                    ),
                    local,
                    lun: get(sub::LUN).slice(0, LUN_W),
                    lba: low,
                    page: mux(own, cat(&[release, whole]).zext(52), get(sub::IOVA).slice(12, 52)),
                }
                .pack(),
            );
        });
        quiet.set(!full & !splitting & !s_sqe.valid);
    })
}
