//! `slots`: the life of every operation on a block, from its admission to its end.
//!
//! ```text
//!              +-----------------------------------+
//!   s_op  ---> | free slots          event machine | ---> m_lock     lock wanted
//! s_admit ---> |   (FIFO)     +-------------------+| ---> m_write    launch a dual write
//!  s_sent ---> |              | one event, 2 cycles || ---> m_read     launch a read
//! s_local ---> |              | read-modify-write  || ---> m_flush    flush both stores
//! s_answer --> |              +-------------------+| ---> m_resend   block to send again
//!   s_end ---> |   state RAM, one word a slot      | ---> m_copy     staged block to be brought home
//!     now ---> |                                   | ---> m_release  lock given back
//!              |                                   | ---> m_done     to the command table
//!              +-----------------------------------+
//! ```
//!
//! A slot is one use of one of `slots` places for an operation on one block. Every event that concerns a slot passes
//! through one machine, which reads the slot's word, decides, and writes it back; so no two decisions about a slot
//! can race. Events, highest priority first:
//!
//! | event | from | does |
//! |---|---|---|
//! | sent | `eth_tx` | notes times; after an aborted frame asks for a resend |
//! | answer | `eth_rx` | ACK: the peer has it. BUSY: wait longer, or repeat at once for a turn. REFUSED: end with its code. ASK_COMMIT: COMMIT, if complete |
//! | local | `launch`, `flush`, `copy`, `resend` | the local leg has ended |
//! | end | `read` | a read has ended |
//! | again | resend queue | hands the block to the resender, if it is still wanted |
//! | op | `decode` | takes a free slot, asks for the lock |
//! | admit | `admit` | lock and owner are known: launch or refuse |
//! | scan | time | every `period` cycles each slot is looked at: time-outs |
//!
//! A write of a block that the peer owns is a *request*: it gives its lock back at once, puts the block into the slot's place in
//! the staging area and sends it to the owner. When both have it, it takes the lock again and copies the block home; then it
//! is complete. So the owner's writes of the same block go home meanwhile, and readers see what was there before.
//!
//! A dual write is *resolved* when the peer has acknowledged and the local store has answered; only then are lock and
//! slot given back. When a command must end before (time-out, refusal, fence), it is *reported* with a status, and
//! slot and lock stay until the peer has acknowledged after a link-up: the block is sent again from the local store.
//! While the resender reads a block, its lock and slot stay, too, even if the peer has acknowledged meanwhile: the command
//! is told, the rest waits for the end of that sending. After REFUSED nothing is repeated until the link has been down.
//! A block that a store has failed to write keeps lock and slot until a reset (or, the peer's, until it is acknowledged after
//! a link-up), and its LUN is fenced: `ev_lun_fence` with `fence_lun`. A flush has no lock, and gives its slot back
//! when it has been reported and the local store has answered.
//!
//! - Parameters: `slots` 64 to 4096, `period` = at least 2 × `slots`.
//! - Latency: 2 cycles an event; `s_op` to `m_lock` 1 cycle.
//! - Throughput: one event every 2 cycles; a block needs five.
//! - Backpressure: an event waits while an output that it may need is not free. `s_sent` and `s_answer` come from
//!   FIFOs outside. Nothing is dropped here.
//! - Reset: all slots become free over `slots` cycles; sequence numbers keep counting. `init_done` says when.
//! - Time-outs: counted from the end of the last sending; checked once a `period`.
//! - Errors: answers that match no waiting slot: `ev_unexpected`. Repeats: `ev_resent`. Given up: `ev_timed_out`,
//!   `ev_fence`.
//! - Source: the life of a slot follows the project's design, section 5, rules R1 to R13.
//! - Tests: `tests/tests/slots.rs`, and every system test.

use dyad_spec::{FrameType, Status};

use super::slot_state::{ACTIVE, COPYING, FREE, SlotState, WAITING};
use crate::bundle::op_kind::{FLUSH, READ, WRITE};
use crate::bundle::{
    Admit, Answer, BlockDone, CopyJob, HOLDER_W, LUN_W, Launch, LocalDone, LockRel, LockReq, OpEnd, OpInfo, Resend,
    SLOT_W, Sent, SlotUse,
};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo_ram;
use crate::prim::next::Next;
use crate::stream::{Mailer, event_out, stream_in};

/// Longest stretch of idle time that may be jumped over at once, in scan periods.
pub const JUMP_PERIODS: u64 = 8;

/// The slots of a card.
pub fn slots(p: &Params) -> Module {
    p.check();
    let count = p.slots;
    module("slots", |m| {
        m.doc("The life of every operation on a block.");
        let now = m.input("now", 32);
        let site = m.input("site", 1);
        let staging_base = m.input("staging_base", 32);
        let link_ok = m.input("link_ok", 1);
        let resend_cycles = m.input("resend_cycles", 32);
        let resend_limit = m.input("resend_limit", 4);

        let s_op = stream_in(m, "s_op", OpInfo::WIDTH);
        let s_admit = stream_in(m, "s_admit", Admit::WIDTH);
        let s_sent = stream_in(m, "s_sent", Sent::WIDTH);
        let s_local = stream_in(m, "s_local", LocalDone::WIDTH);
        let s_answer = stream_in(m, "s_answer", Answer::WIDTH);
        let s_end = stream_in(m, "s_end", OpEnd::WIDTH);

        let m_lock = Mailer::new(m, "m_lock", LockReq::WIDTH);
        let m_write = Mailer::new(m, "m_write", Launch::WIDTH);
        let m_read = Mailer::new(m, "m_read", Launch::WIDTH);
        let m_flush = Mailer::new(m, "m_flush", Launch::WIDTH);
        let m_copy = Mailer::new(m, "m_copy", CopyJob::WIDTH);
        let m_resend = Mailer::new(m, "m_resend", Resend::WIDTH);
        let m_reflush = Mailer::new(m, "m_reflush", Resend::WIDTH);
        let m_release = Mailer::new(m, "m_release", LockRel::WIDTH);
        let m_done = Mailer::new(m, "m_done", BlockDone::WIDTH);

        let (commit_valid, commit_data) = event_out(m, "m_commit", SlotUse::WIDTH);
        let ready = m.output("init_done", 1);
        let quiet = m.output("quiet", 1);
        let in_use = m.output("slots_in_use", 16);
        let events = [
            "unexpected",
            "busy",
            "refused",
            "resent",
            "timed_out",
            "fence",
            "written",
            "read",
            "not_owner",
            "flushed",
            "lun_fence",
        ]
        .map(|name| (name, m.output(format!("ev_{name}"), 1)));
        let fence_lun = m.output("fence_lun", LUN_W);
        let pulse: Vec<(&str, Var)> = events
            .iter()
            .map(|(name, port)| {
                let q = m.reg(format!("{name}_q"), 1, 0);
                q.set(0);
                port.set(q);
                (*name, q)
            })
            .collect();
        let raise = |name: &str| pulse.iter().find(|p| p.0 == name).expect("an event of slots").1.set(1);

        // Free slots: filled once after reset, then recycled.
        let free = m.inst("u_free", &fifo_ram(count, SLOT_W));
        let filled = m.reg("filled", 13, 0);
        let filling = filled.ne(count).named("filling");
        let give_back = m.wire_or("give_back", 1, 0);
        let event_slot = m.reg_nr("event_slot", SLOT_W);
        free.set("s_valid", filling | give_back);
        free.set("s_data", mux(filling, filled.slice(0, SLOT_W), event_slot));
        when(filling & free.get("s_ready"), || filled.set(filled + 1));
        // The slot's word is cleared a cycle later.
        let clearing = m.reg("clearing", 1, 0);
        clearing.set(filling);
        ready.set(!filling & !clearing);
        let used = m.reg("used", 13, 0);
        in_use.set(used.zext(16));

        // Stage 0: choose an event, read the slot's words.
        let busy = m.reg("busy", 1, 0);
        // What takes the lock requests is at the end of a long chain of readies: only what is in the register counts.
        let outputs_free = m_done.free() & m_release.free() & !m_lock.full();
        // Each slot stands in the resend queue at most once, so it never overflows.
        let again = m.inst("u_again", &fifo_ram(count, SLOT_W));
        let again_ok = again.get("m_valid") & m_resend.free() & m_reflush.free();
        let idle = (!busy & !filling & !clearing & outputs_free).named("idle");
        let launch_free = m_write.free() & m_read.free() & m_copy.free();
        let op = OpInfo::unpack(s_op.data);
        let op_ok = s_op.valid & free.get("m_valid") & (op.kind.ne(FLUSH) | m_flush.free());
        let take_sent = (idle & s_sent.valid).named("take_sent");
        let take_answer = (idle & s_answer.valid & !s_sent.valid).named("take_answer");
        let above_local = s_sent.valid | s_answer.valid;
        let take_local = (idle & s_local.valid & !above_local).named("take_local");
        let above_end = above_local | s_local.valid;
        let take_end = (idle & s_end.valid & !above_end).named("take_end");
        let above_again = above_end | s_end.valid;
        let take_again = (idle & again_ok & !above_again).named("take_again");
        again.set("m_ready", take_again);
        let above_op = above_again | again_ok;
        let take_op = (idle & op_ok & !above_op).named("take_op");
        let above_admit = above_op | op_ok;
        let admit_ok = s_admit.valid & launch_free;
        let take_admit = (idle & admit_ok & !above_admit).named("take_admit");
        // What waits for an output or for a free slot does not hold up the scan, for only the scan may help it.
        let above_scan = above_admit | admit_ok;
        let take_scan = (idle & !above_scan & !now.bit(0)).named("take_scan");
        s_sent.ready.set(take_sent);
        s_answer.ready.set(take_answer);
        s_local.ready.set(take_local);
        s_end.ready.set(take_end);
        s_op.ready.set(take_op);
        s_admit.ready.set(take_admit);
        free.set("m_ready", take_op);

        let new_slot = free.get("m_data");
        let scan_slot = now.slice(1, SLOT_W) & lit(count as u64 - 1, SLOT_W);
        let kinds = [take_sent, take_answer, take_local, take_end, take_again, take_op, take_admit, take_scan];
        let slot_of = [
            Sent::unpack(s_sent.data).slot,
            Answer::unpack(s_answer.data).slot,
            LocalDone::unpack(s_local.data).slot,
            OpEnd::unpack(s_end.data).slot,
            again.get("m_data"),
            new_slot,
            Admit::unpack(s_admit.data).slot,
            scan_slot,
        ];
        let chosen = mux(filling, filled.slice(0, SLOT_W), onehot_mux(&kinds, &slot_of)).named("chosen");
        let go = any_of(&kinds).named("go");
        busy.set(go);
        event_slot.set(chosen);
        let is: Vec<Var> = ["is_sent", "is_answer", "is_local", "is_end", "is_again", "is_op", "is_admit", "is_scan"]
            .iter()
            .zip(kinds)
            .map(|(name, take)| {
                let q = m.reg(*name, 1, 0);
                q.set(take);
                q
            })
            .collect();
        let fence_lun_q = m.reg_nr("fence_lun_q", LUN_W);
        fence_lun.set(fence_lun_q);
        let [is_sent, is_answer, is_local, is_end, is_again, is_op, is_admit, is_scan] = is[..] else { unreachable!() };
        let hold = |name: &str, data: E| {
            let q = m.reg_nr(name, data.width());
            when(!busy, || q.set(data));
            q.get()
        };
        let sent = Sent::unpack(hold("sent_q", s_sent.data));
        let answer = Answer::unpack(hold("answer_q", s_answer.data));
        let local = LocalDone::unpack(hold("local_q", s_local.data));
        let end = OpEnd::unpack(hold("end_q", s_end.data));
        let new_info = hold("op_q", s_op.data);
        let admit = Admit::unpack(hold("admit_q", s_admit.data));

        // Stage 1: the slot's words are here.
        let mask = clog2(count);
        let info_ram = m.ram("info_ram", count, OpInfo::WIDTH);
        let state_ram = m.ram("state_ram", count, SlotState::WIDTH);
        let read_addr = chosen.slice(0, mask);
        let info = OpInfo::unpack(info_ram.read(read_addr));
        let cur_packed = state_ram.read(read_addr);
        let cur = SlotState::unpack(cur_packed);
        let next = Next::new(m, SlotState::FIELDS, cur_packed);
        let write_state = m.wire_or("write_state", 1, busy & !is_scan);
        let write_addr = event_slot.slice(0, mask);
        info_ram.write(is_op.get(), write_addr, new_info);
        state_ram.write(write_state | clearing, write_addr, next.pack());

        fence_lun_q.set(info.lun);
        let is_write = info.kind.eq(WRITE).named("is_write");
        let is_flush = info.kind.eq(FLUSH).named("is_flush");
        let mirrored = ((is_write | is_flush) & !info.local).named("mirrored");
        let active = cur.phase.eq(ACTIVE).named("active");
        let copying = cur.phase.eq(COPYING).named("copying");
        // A request that is out holds no lock.
        let unlocked = (active & cur.request).named("unlocked");
        let staging = m.reg("staging", 1, 0);
        staging.set(staging_base.any());

        // Decisions, as wires; the outputs follow from them.
        let finish = m.wire_or("finish", 1, 0); // give lock and slot back
        let report = m.wire_or("report", 1, 0); // tell the command, unless it was told before
        let status = m.wire_or("status", 8, Status::Ok.code());
        let resend = m.wire_or("resend", 1, 0);
        let settle = m.wire_or("settle", 1, 0); // both sites have it
        let launch = m.wire_or("launch", 1, 0);
        let near = m.wire_or("near", 1, 0);
        let end_ok = || {
            finish.set(1);
            report.set(1);
        };
        let end_with = |code: Status| {
            end_ok();
            status.set(code.code());
        };

        let ask_lock = |slot: E, op: &OpInfo, exclusive: E| {
            let OpInfo { lun, lba, .. } = *op;
            m_lock.send(LockReq { id: slot.zext(HOLDER_W), lun, lba, exclusive, at_once: zero(1) }.pack());
        };
        let launch_of = |op: &OpInfo, epoch: E, request: E| {
            let OpInfo { local, lun, lba, page, .. } = *op;
            Launch { slot: event_slot.get(), seq: cur.seq + 1, epoch, local, lun, lba, page, request }.pack()
        };

        when(clearing, || {
            next.set("phase", FREE);
            next.set("queued", 0);
        });
        // The peer will not answer well: a flush ends here, unless the local store still owes its answer.
        let fail = |code: E| {
            report.set(1);
            finish.set(is_flush & cur.local_done);
            status.set(code);
        };
        when(is_op, || {
            let new = OpInfo::unpack(new_info);
            let flush = new.kind.eq(FLUSH);
            next.set("phase", mux(flush, lit(ACTIVE, 2), lit(WAITING, 2)));
            for flag in [
                "reported",
                "local_done",
                "broken",
                "acked",
                "aborted",
                "busy",
                "refused",
                "again",
                "resending",
                "request",
            ] {
                next.set(flag, 0);
            }
            next.set("sent", flush);
            next.set("retries", 0);
            next.set("seq", mux(flush, cur.seq + 1, cur.seq));
            next.set("t_last", now);
            for stamp in ["t_lookup", "t_local", "t_frame", "t_sent", "t_ack"] {
                next.set(stamp, now);
            }
            next.set("mirror", 0);
            when(flush, || {
                m_flush.send(launch_of(&new, zero(32), zero(1)));
            });
        });
        // The lock is asked for in stage 0 already: the grant takes longer than the words' writing.
        when(take_op & op.kind.ne(FLUSH), || {
            ask_lock(new_slot, &op, op.kind.eq(WRITE));
        });
        let foreign = (is_write & !info.local & admit.owner.ne(site)).named("foreign");
        when(is_admit & copying, || {
            m_copy.send(CopyJob { slot: event_slot.get(), lun: info.lun, lba: info.lba }.pack())
        });
        when(is_admit & !copying, || {
            let down = mirrored & !link_ok;
            when(cur.reported, || finish.set(1))
                .elsewhen(!admit.valid, || end_with(Status::BadLba))
                .elsewhen(down, || end_with(Status::LinkDown))
                .elsewhen(foreign & !staging, || {
                    end_with(Status::NotOwner);
                    raise("not_owner");
                })
                .otherwise(|| {
                    launch.set(1);
                    next.set("phase", ACTIVE);
                    next.set("seq", cur.seq + 1);
                    next.set("epoch", admit.epoch);
                    next.set("t_lookup", now);
                    next.set("request", foreign);
                });
        });
        let resolved = cur.acked & cur.local_done & !cur.broken;
        when(is_sent & active & sent.seq.eq(cur.seq), || {
            next.set("sent", 1);
            next.set("t_last", now);
            when(!sent.resend, || {
                next.set("t_frame", sent.t_first);
                next.set("t_sent", sent.t_last);
            });
            when(sent.resend, || next.set("resending", 0));
            // A repeat ends as bad when the store's block differs: then `local` brings the error before `again` comes.
            when(sent.aborted & (sent.resend | !cur.acked), || {
                when(cur.local_done, || resend.set(1)).otherwise(|| next.set("aborted", 1));
            })
            .elsewhen(sent.resend & resolved, || settle.set(1));
        });
        let matched = active & mirrored & !cur.acked & cur.sent & answer.seq.eq(cur.seq);
        // The peer asks whether a use of a slot is complete: it is when the slot is past it, or has been given back.
        let asked = (is_answer & answer.ftype.eq(FrameType::AskCommit.code())).named("asked");
        let past = (cur.seq - answer.seq).named("past");
        let complete = mux(past.any(), !past.bit(31), !active & !copying).named("complete");
        when(is_answer & !asked, || {
            when(!matched, || raise("unexpected")).elsewhen(answer.ftype.eq(FrameType::Ack.code()), || {
                next.set("acked", 1);
                next.set("t_ack", now);
                next.set("mirror", answer.aux);
                when(cur.local_done & !cur.broken, || {
                    report.set(!cur.request);
                    settle.set(!cur.resending);
                });
            });
            when(matched & answer.ftype.eq(FrameType::Busy.code()), || {
                next.set("busy", 1);
                next.set("t_last", now);
                // The peer is there: what was lost before does not count.
                next.set("retries", 0);
                raise("busy");
                // A turn is kept: the next repeat will find the lock, if it is free by then.
                when(answer.code.eq(1) & cur.request & !cur.again & !cur.resending, || {
                    when(cur.local_done, || resend.set(1)).otherwise(|| next.set("aborted", 1));
                });
            });
            when(matched & answer.ftype.eq(FrameType::Refused.code()), || {
                // A refusal is no success, whatever its code.
                fail(mux(answer.code.any(), answer.code, Status::PeerRefused.code()));
                // One that comes when the link has ended is of a link that the scan has forgotten.
                next.set("refused", link_ok);
                raise("refused");
                when(answer.code.eq(Status::PeerStoreError.code()) & is_write, || raise("lun_fence"));
            });
        });
        when(is_local & active, || {
            next.set("t_local", now);
            next.set("crc", local.crc);
            when(local.status.eq(Status::Ok.code()), || {
                next.set("local_done", 1);
                let waited_for = cur.acked | info.local | (is_flush & cur.reported);
                when(waited_for & cur.request, || settle.set(1)).elsewhen(waited_for, end_ok).elsewhen(
                    cur.aborted,
                    || {
                        next.set("aborted", 0);
                        resend.set(1);
                    },
                );
            })
            .elsewhen(local.status.eq(Status::DmaReadFault.code()) | is_flush | info.local, || {
                end_ok();
                status.set(local.status);
            })
            .otherwise(|| {
                // The local copy is lost or old, the peer's is new: nothing may be read here until a copy is made.
                report.set(1);
                status.set(local.status);
                next.set("broken", 1);
                next.set("resending", 0);
                raise("lun_fence");
            });
        });
        when(is_local & copying, || {
            when(local.status.eq(Status::Ok.code()), end_ok).otherwise(|| {
                // The owner has the block and keeps it locked; here it is only staged.
                report.set(1);
                status.set(local.status);
                next.set("broken", 1);
                raise("lun_fence");
            });
        });
        when(is_end & active, || {
            next.set("t_local", now);
            end_ok();
            status.set(end.status);
        });

        let age = (now - cur.t_last).named("age");
        let expired = age.ge(resend_cycles).named("expired");
        let horizon = lit((JUMP_PERIODS + 3) * p.period as u64, 32);
        let due_soon = (resend_cycles.lt(horizon) | age.ge(resend_cycles - horizon)).named("due_soon");
        let kept = m.reg("kept", 13, 0);
        let unsettled = mux(is_flush, !cur.reported, cur.local_done) & !cur.broken & !cur.acked;
        let awaits = (active & mirrored & cur.sent & unsettled & !cur.refused).named("awaits");
        let under_way = cur.again | cur.resending;
        when(is_scan & active & !link_ok, || {
            write_state.set(1);
            next.set("refused", 0);
        });
        when(is_scan & awaits, || {
            write_state.set(1);
            near.set(due_soon & link_ok);
            when(!link_ok, || {
                fail(lit(Status::LinkDown.code(), 8));
                next.set("retries", 0);
            });
            when(link_ok & expired & !under_way, || {
                // A block that is kept is repeated once after each link-up, whatever the limit.
                let first = cur.reported & !cur.retries.any();
                when(cur.retries.lt(resend_limit) | cur.busy | first, || {
                    resend.set(1);
                })
                .otherwise(|| {
                    fail(lit(Status::PeerTimeout.code(), 8));
                    next.set("retries", 0);
                    raise("timed_out");
                    raise("fence");
                });
            });
        });
        // A request that the owner has waits for its lock here: it is told when the block may never be free, and goes on waiting.
        let patience = kept.any() & age.slice(4, 28).zext(32).ge(resend_cycles);
        when(is_scan & copying & !cur.reported, || {
            write_state.set(1);
            near.set(kept.any());
            when(patience, || {
                report.set(1);
                status.set(Status::Locked.code());
            });
        });
        // Operations that wait for a lock: they fail when the link is gone, or when the block may never be free.
        when(is_scan & cur.phase.eq(WAITING) & !cur.reported & !info.local, || {
            write_state.set(1);
            near.set(kept.any());
            when(!link_ok, || {
                report.set(1);
                status.set(Status::LinkDown.code());
            })
            .elsewhen(patience, || {
                report.set(1);
                status.set(Status::Locked.code());
            });
        });

        // Consequences.
        again.set("s_valid", resend & !cur.queued);
        again.set("s_data", event_slot.get());
        when(resend, || {
            next.set("again", 1);
            next.set("queued", 1);
            next.set("t_last", now);
            next.set("busy", 0);
            let counts = !cur.busy & !is_answer;
            when(counts & !cur.retries.all(), || next.set("retries", cur.retries + 1));
        });
        when(is_again, || next.set("queued", 0));
        when(is_again & active & cur.again, || {
            next.set("again", 0);
            next.set("t_last", now);
            settle.set(resolved);
            when(awaits & link_ok, || {
                raise("resent");
                next.set("resending", is_write);
                let out = Resend {
                    slot: event_slot.get(),
                    seq: cur.seq,
                    epoch: cur.epoch,
                    lun: info.lun,
                    lba: info.lba,
                    crc: cur.crc,
                    request: cur.request,
                }
                .pack();
                when(is_flush, || m_reflush.send(out)).otherwise(|| m_resend.send(out));
            });
        });
        when(launch, || {
            let out = launch_of(&info, admit.epoch, foreign);
            when(foreign, || {
                m_release.send(LockRel { lun: info.lun, lba: info.lba, exclusive: lit(1, 1) }.pack());
            });
            when(is_write, || m_write.send(out)).otherwise(|| m_read.send(out));
        });
        // Both sites have it: a dual write ends, a request is copied home under its lock.
        let ends = finish.get() | (settle & !cur.request);
        let ends = ends.named("ends");
        when(settle & cur.request, || {
            next.set("phase", COPYING);
            ask_lock(event_slot.get(), &info, lit(1, 1));
        });
        let tell = (report & !cur.reported).named("tell");
        when(tell, || {
            next.set("reported", 1);
            m_done.send(
                BlockDone {
                    cmd: info.cmd,
                    status: status.get(),
                    owner: admit.owner & is_admit,
                    epoch: mux(is_admit, admit.epoch, 0),
                    block: info.block,
                    retries: cur.retries,
                    t_lookup: mux(is_admit, now, cur.t_lookup),
                    t_local: mux(is_local | is_end, now, cur.t_local),
                    t_frame: cur.t_frame,
                    t_sent: cur.t_sent,
                    t_ack: mux(is_answer, now, cur.t_ack),
                    mirror: mux(is_answer, answer.aux, cur.mirror),
                }
                .pack(),
            );
        });
        let good = tell & status.eq(Status::Ok.code());
        when(good & is_write, || raise("written"));
        when(good & is_flush, || raise("flushed"));
        when(good & info.kind.eq(READ), || raise("read"));
        when(ends, || {
            next.set("phase", FREE);
            write_state.set(1);
            give_back.set(1);
            when(!is_flush & !unlocked, || {
                m_release.send(LockRel { lun: info.lun, lba: info.lba, exclusive: is_write }.pack());
            });
        });

        // The peer may show a block that both stores have.
        let by_ack = is_answer & matched & answer.ftype.eq(FrameType::Ack.code());
        let done = (ends & is_write & mirrored & (active | copying) & (cur.acked | by_ack)).named("done");
        let commit = m.reg("commit", 1, 0);
        let commit_q = m.reg_nr("commit_q", SlotUse::WIDTH);
        commit.set(done | (asked & complete));
        commit_q.set(SlotUse { slot: event_slot.get(), seq: mux(asked, answer.seq, cur.seq) }.pack());
        commit_valid.set(commit);
        commit_data.set(commit_q);

        // Slots in use, and slots kept after their command was told.
        let taken = is_op.get();
        when(taken & !ends, || used.set(used + 1));
        when(ends & !taken, || used.set(used - 1));
        // A request that holds no lock keeps nobody out, but its block is not settled.
        let keep = tell & !ends & (active | copying);
        let unkeep = ends & cur.reported & (active | copying);
        when(keep & !unkeep, || kept.set(kept + 1)).elsewhen(unkeep & !keep, || kept.set(kept - 1));

        // Quiet: for a whole scan nothing happened and nothing is due within the longest jump.
        let calm = m.reg("calm", 32, 0);
        let settled = calm.ge(p.period + 2).named("settled");
        when((go & !take_scan) | near | filling | ends | tell | resend, || calm.set(0))
            .elsewhen(!settled, || calm.set(calm + 1));
        quiet.set(settled & (!busy | is_scan) & !again.get("m_valid"));
        m.prove("a_slot_is_given_back_only_in_stage_1", !give_back | busy);
        m.prove("used_never_underflows", !(ends & !taken) | used.any());
    })
}
