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
//! s_compared > |                                   | ---> m_compare  block to be compared
//!     now ---> |                                   | ---> m_own      owner wanted, or given up
//!              |                                   | ---> m_release  lock given back
//!              |                                   | ---> m_resolved a counted write has ended
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
//! | answer | `eth_rx` | ACK: the peer has it. BUSY: wait longer, or repeat at once for a turn. REFUSED: end with its code. NOT_OWNER: look again. ASK_COMMIT: COMMIT, if complete |
//! | local | `launch`, `flush`, `copy`, `resend`, `admit` | the local leg has ended; what was asked about an owner is done |
//! | end | `read` | a read has ended |
//! | again | resend queue | hands the block to the resender, if it is still wanted |
//! | op | `decode` | takes a free slot, asks for the lock |
//! | admit | `admit` | lock and owner are known: launch, compare, wait, or refuse |
//! | compared | `compare` | launch, or end |
//! | scan | time | every `period` cycles each slot is looked at: time-outs |
//!
//! A write of a block that the peer owns is a *request*: it gives its lock back at once, puts the block into the slot's place in
//! the staging area and sends it to the owner. When both have it, it takes the lock again and copies the block home; then it
//! is complete. So the owner's writes of the same block go home meanwhile, and readers see what was there before.
//!
//! A request that was told NOT_OWNER takes its lock in the next scan and looks again who owns the block. If that is this site now, it
//! becomes an own write under the next sequence (R14): from the staging area home, then to the peer. Where this site owns the
//! block and is about to hand it over, what wants to write is *parked*, and looks again in every scan. A block to be compared is
//! compared by its owner: a site that is not takes the extent over first. A command about owners has a slot for each extent,
//! without a lock, until `admit` says that it is done; the scan asks again.
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
//! - Backpressure: an event waits while an output that it may need is not free. `s_sent`, `s_answer` come from FIFOs. No drops.
//! - Reset: all slots become free over `slots` cycles; sequence numbers keep counting. `init_done` says when.
//! - Time-outs: counted from the end of the last sending; checked once a `period`.
//! - Errors: answers that match no waiting slot: `ev_unexpected`. Repeats: `ev_resent`. Given up: `ev_timed_out`, `ev_fence`.
//! - Source: the life of a slot follows the project's design, section 5, rules R1 to R13.
//! - Tests: `tests/tests/slots.rs`, and every system test.

use dyad_spec::{FrameType, Status};

use super::slot_event::{Conditions, Event, Sources};
use super::slot_out::{EVENTS, Outputs, Pool, commit, launch_of, settled};
use super::slot_state::{ACTIVE, COMPARING, COPYING, FREE, OWNING, PARKED, SlotState, WAITING, begin};
use crate::bundle::op_kind::{COMPARE, FLUSH, OWN, READ, WRITE, ZEROES};
use crate::bundle::{BlockDone, LBA_W, LUN_W, OpInfo, Resend, SLOT_W, SlotUse};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo_ram;
use crate::prim::next::{Next, Stages};
use crate::stream::pulse;

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
        let staging_base = m.input("staging_base", LBA_W);
        let link_ok = m.input("link_ok", 1);
        let resend_cycles = m.input("resend_cycles", 32);
        let resend_limit = m.input("resend_limit", 4);

        let sources = Sources::new(m);
        let to = Outputs::new(m);
        let ready = m.output("init_done", 1);
        let quiet = m.output("quiet", 1);
        let in_use = m.output("slots_in_use", 16);
        let fence_lun = m.output("fence_lun", LUN_W);
        let pulses = EVENTS.map(|name| pulse(m, name));
        let raise = |name: &str| pulses[EVENTS.iter().position(|e| *e == name).expect("an event of slots")].set(1);

        let stages = Stages::new(m, p.deep);
        let busy = stages.busy;
        let pool = Pool::new(m, p, &stages);
        let Pool { filling, clearing, clears, give_back, used, .. } = pool;
        ready.set(!filling & !clears);
        in_use.set(used.zext(16));

        // Stage 0: choose an event, read the slot's words.
        // Each slot stands in the resend queue at most once, so it never overflows.
        let again = m.inst("u_again", &fifo_ram(count, SLOT_W));
        let again_ok = again.get("m_valid") & to.free_for_again();
        let idle = (!filling & !clears & to.free()).named("idle");
        let op = OpInfo::unpack_in(p, sources.op.data);
        let (has_slot, new_slot) = pool.first();
        let jobs_free = (op.kind.ne(FLUSH) | to.flush.free()) & !to.own.full();
        // The scan follows the time, and waits where it is when another event comes: events that keep its pace, as those do
        // that it has caused itself, can't hide a slot from it.
        let scan_at = m.reg("scan_at", clog2(count), 0);
        let event = Event::choose(
            &stages,
            &sources,
            &Conditions {
                idle,
                op_ok: sources.op.valid & has_slot & jobs_free,
                admit_ok: sources.admit.valid & to.free_for_admit(),
                compared_ok: sources.compared.valid & to.write.free(),
                again_ok,
                again_slot: again.get("m_data"),
                new_slot,
                scan_slot: scan_at.zext(SLOT_W),
                scan: scan_at.ne(now.slice(clog2(p.pace()), clog2(count))),
                clear: filling,
                clear_slot: pool.next(),
            },
        );
        let Event { go, take_op, take_scan, chosen, slot: event_slot, .. } = event;
        let Event { is_sent, is_answer, is_local, is_end, is_again, is_op, is_admit, is_compared, is_scan, .. } = event;
        let Event { sent, answer, local, end, op: new_info, admit, compared, .. } = event;
        when(take_scan, || scan_at.set(scan_at + 1));
        again.set("m_ready", event.take_again);
        pool.wire(take_op, event_slot);
        let fence_lun_q = m.reg_nr("fence_lun_q", LUN_W);
        fence_lun.set(fence_lun_q);

        // Stage 1: the slot's words are here.
        let mask = clog2(count);
        let info_ram = m.ram("info_ram", count, OpInfo::WIDTH).collisions_undefined();
        let state_ram = m.ram("state_ram", count, SlotState::WIDTH).collisions_undefined();
        let read_addr = chosen.slice(0, mask);
        let info_packed = stages.fetched("info_f", info_ram.read(read_addr));
        let state_packed = stages.fetched("state_f", state_ram.read(read_addr));
        let (info_1, cur_1) = (OpInfo::unpack_in(p, info_packed), SlotState::unpack(state_packed));

        // What stage 1 finds out stands in stage 2, where there is one.
        let late = |name: &str, value: E| stages.late(name, value);
        let info = OpInfo::unpack_in(p, late("info_q", info_packed));
        let cur_packed = late("cur_q", state_packed);
        let cur = SlotState::unpack(cur_packed);
        let phase = |name: &str, phase| late(name, cur_1.phase.eq(phase));
        let kind = |kind: u64| info_1.kind.eq(kind);
        let seq_1 = late("seq_1_q", cur_1.seq + 1);
        let next = Next::new(m, SlotState::FIELDS, cur_packed);
        let write_state = m.wire_or("write_state", 1, busy & !is_scan);
        let write_addr = event_slot.slice(0, mask);
        let clear_at = (1..stages.count()).fold(write_addr, |at, n| late(&format!("clear_at_{n}"), at));
        let state_at = mux(clearing, clear_at, write_addr);
        info_ram.write(is_op.get(), write_addr, new_info);
        state_ram.write(write_state | clearing, state_at, next.pack());

        fence_lun_q.set(info.lun);
        let (compares, flushes, owns) = (kind(COMPARE), kind(FLUSH), kind(OWN));
        let writes = kind(WRITE) | kind(ZEROES);
        let is_compare = late("kind_compare", compares).named("is_compare");
        let puts = late("kind_puts", writes);
        let is_write = late("kind_write", writes | compares).named("is_write");
        let is_flush = late("kind_flush", flushes).named("is_flush");
        let is_own = late("kind_own", owns).named("is_own");
        let is_read = late("kind_read", kind(READ)).named("is_read");
        let mirrored =
            late("is_mirrored", any_of(&[writes, compares, flushes, owns]) & !info_1.local).named("mirrored");
        let active = phase("phase_active", ACTIVE).named("active");
        let copying = phase("phase_copying", COPYING).named("copying");
        let parked = phase("phase_parked", PARKED).named("parked");
        // A request that is out holds no lock.
        let owning = phase("phase_owning", OWNING).named("owning");
        let waiting = phase("phase_waiting", WAITING);
        let unlocked = ((active & cur.request) | is_flush | is_own | parked | owning).named("unlocked");
        let for_owner = is_own | owning; // it waits for a change of owner
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

        let here = event_slot;
        let copy_home = || to.copy_home(here, &info);
        let ask_lock = || to.ask_lock(here, &info, lit(1, 1));
        let unlock = |exclusive: E| to.unlock(&info, exclusive);

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
            let new = OpInfo::unpack_in(p, new_info);
            let (flush, own) = (new.kind.eq(FLUSH), new.kind.eq(OWN));
            begin(&next, &cur, now, flush, own);
            when(flush, || to.flush.send(launch_of(here, seq_1, &new, zero(32), zero(1))));
            when(own, || to.ask_owner(here, seq_1, &new, zero(1)));
        });
        // The lock is asked for in stage 0 already: the grant takes longer than the words' writing.
        when(take_op & op.kind.ne(FLUSH) & op.kind.ne(OWN), || {
            to.ask_lock(new_slot, &op, op.kind.ne(READ));
        });
        let foreign = (puts & !info.local & admit.owner.ne(site)).named("foreign");
        when(is_admit & admit.counted, || next.set("counted", 1));
        let down = mirrored & !link_ok;
        when(is_admit & copying, copy_home);
        // A request that was told NOT_OWNER looks again who owns the block.
        let look_again = (is_admit & !copying & cur.request).named("look_again");
        let ours = admit.owner.eq(site) & admit.valid;
        let wait_on = (is_admit & !copying & is_write & ours & admit.closing & !info.local).named("wait_on");
        when(look_again & !wait_on, || {
            when(cur.acked, || {
                // The owner has taken it meanwhile.
                next.set("phase", COPYING);
                copy_home();
            })
            .elsewhen(ours, || {
                // An own write, under a number of its own (R14): home first, then to the peer.
                next.set("phase", ACTIVE);
                next.set("seq", seq_1);
                for (flag, value) in [("request", 0), ("local_done", 0), ("staged", 1), ("aborted", 1), ("sent", 1)] {
                    next.set(flag, value);
                }
                copy_home();
            })
            .otherwise(|| {
                next.set("phase", ACTIVE);
                unlock(lit(1, 1));
                resend.set(1);
            });
        });
        when(wait_on, || {
            next.set("phase", PARKED);
            unlock(lit(1, 1));
        });
        when(is_admit & !copying & !cur.request & !wait_on, || {
            when(cur.reported, || finish.set(1))
                .elsewhen(!admit.valid, || end_with(Status::BadLba))
                .elsewhen(down, || end_with(Status::LinkDown))
                .elsewhen(is_compare & (ours | info.local), || {
                    next.set("phase", COMPARING);
                    to.compare_with_host(here, &info, admit.epoch);
                })
                .elsewhen(is_compare, || {
                    // What is compared is decided by the owner: this site has to be it.
                    next.set("phase", OWNING);
                    next.set("seq", seq_1);
                    next.set("t_last", now);
                    for flag in ["local_done", "sent"] {
                        next.set(flag, 1);
                    }
                    unlock(lit(1, 1));
                    to.ask_owner(here, seq_1, &info, zero(1));
                })
                .elsewhen(foreign & !staging, || {
                    end_with(Status::NotOwner);
                    raise("not_owner");
                })
                .otherwise(|| {
                    launch.set(1);
                    next.set("phase", ACTIVE);
                    next.set("seq", seq_1);
                    next.set("t_lookup", now);
                    next.set("request", foreign);
                });
        });
        when(is_compared, || {
            when(cur.reported, || finish.set(1))
                .elsewhen(compared.status.ne(Status::Ok.code()), || {
                    end_ok();
                    status.set(compared.status);
                })
                .otherwise(|| {
                    launch.set(1);
                    next.set("phase", ACTIVE);
                    next.set("seq", seq_1);
                    next.set("t_lookup", now);
                    for flag in ["local_done", "sent", "retries", "busy"] {
                        next.set(flag, 0);
                    }
                });
        });
        let resolved = late("is_resolved", cur_1.acked & cur_1.local_done & !cur_1.broken).named("resolved");
        when(is_sent & active & late("sent_now", sent.seq.eq(cur_1.seq)), || {
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
        // A request is waited for while it looks who owns the block, too.
        let out = active | owning | (cur.request & (parked | waiting));
        let answer_now = late("answer_now", !cur_1.acked & cur_1.sent & answer.seq.eq(cur_1.seq));
        let matched = out & mirrored & answer_now;
        // The peer asks whether a use of a slot is complete: it is when the slot is past it, or has been given back.
        let asked = (is_answer & answer.ftype.eq(FrameType::AskCommit.code())).named("asked");
        let past = (cur_1.seq - answer.seq).named("past");
        let (other, before) = (late("past_other", past.any()), late("past_before", past.bit(31)));
        let complete = mux(other, !before, !out & !copying).named("complete");
        // It goes on, but there is an end to the command's patience.
        let wait_for_owner = || {
            next.set("busy", 1);
            next.set("retries", 0);
            next.set("turned", cur.turned + 1);
            when(cur.turned.all(), || {
                report.set(1);
                status.set(mux(for_owner, lit(Status::Locked.code(), 8), Status::NotOwner.code()));
            });
        };
        when(is_answer & !asked, || {
            when(!matched, || raise("unexpected")).elsewhen(answer.ftype.eq(FrameType::Ack.code()), || {
                next.set("acked", 1);
                next.set("t_ack", now);
                next.set("mirror", answer.aux);
                when(cur.local_done & !cur.broken & active, || {
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
                when(for_owner, wait_for_owner);
                // A turn is kept: the next repeat will find the lock, if it is free by then.
                when(answer.code.eq(1) & cur.request & active & !cur.again & !cur.resending, || {
                    when(cur.local_done, || resend.set(1)).otherwise(|| next.set("aborted", 1));
                });
            });
            when(matched & answer.ftype.eq(FrameType::NotOwner.code()), || {
                next.set("not_owner", 1);
                raise("turned_away");
                wait_for_owner();
            });
            when(matched & answer.ftype.eq(FrameType::Refused.code()), || {
                // A refusal is no success, whatever its code.
                fail(mux(answer.code.any(), answer.code, Status::PeerRefused.code()));
                finish.set(for_owner | (is_flush & cur.local_done));
                // One that comes when the link has ended is of a link that the scan has forgotten.
                next.set("refused", link_ok);
                raise("refused");
                when(answer.code.eq(Status::PeerStoreError.code()) & is_write, || raise("lun_fence"));
            });
        });
        // What `admit` says of a command about owners.
        when(is_local & local.own & (owning | (active & is_own)) & late("local_now", local.crc.eq(cur_1.seq)), || {
            when(local.status.eq(Status::Locked.code()), wait_for_owner)
                .elsewhen(owning & !cur.reported & local.status.eq(Status::Ok.code()), || {
                    next.set("phase", WAITING);
                    // A question that stands in the queue is not asked any more.
                    next.set("again", 0);
                    next.set("t_last", now);
                    ask_lock();
                })
                .otherwise(|| {
                    end_ok();
                    status.set(local.status);
                });
        });
        when(is_local & !local.own & active, || {
            next.set("t_local", now);
            next.set("crc", mux(cur.staged, cur.crc, local.crc));
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
        when(is_local & !local.own & copying, || {
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

        let age = (now - cur_1.t_last).named("age");
        let expired = late("age_expired", age.ge(resend_cycles)).named("expired");
        let horizon = lit((JUMP_PERIODS + 3) * p.period as u64, 32);
        let due_soon = resend_cycles.lt(horizon) | age.ge(resend_cycles - horizon);
        let due_soon = late("age_due_soon", due_soon).named("due_soon");
        let may_repeat = late("may_repeat", cur_1.retries.lt(resend_limit) | cur_1.busy);
        let kept = m.reg("kept", 13, 0);
        let unsettled = mux(flushes, !cur_1.reported, cur_1.local_done) & !cur_1.broken & !cur_1.acked;
        let unsettled = late("is_unsettled", unsettled & cur_1.sent & !cur_1.refused).named("unsettled");
        let awaits = ((active | owning) & mirrored & unsettled).named("awaits");
        when(is_scan & active & !link_ok, || {
            write_state.set(1);
            next.set("refused", 0);
        });
        let under_way = late("is_under_way", cur_1.again | cur_1.resending);
        let turned = cur_1.request & cur_1.not_owner & cur_1.local_done & !cur_1.acked & !cur_1.refused;
        let turned = late("is_turned", turned) & !under_way;
        let look = (is_scan & link_ok & ((active & turned) | parked)).named("look");
        when(look, || {
            write_state.set(1);
            next.set("phase", WAITING);
            next.set("not_owner", 0);
            next.set("t_last", now);
            near.set(1);
            ask_lock();
        });
        when(is_scan & parked & !link_ok & !cur.reported, || {
            write_state.set(1);
            report.set(1);
            status.set(Status::LinkDown.code());
            finish.set(!cur.request);
        });
        when(is_scan & awaits & !look, || {
            write_state.set(1);
            near.set(due_soon & link_ok);
            when(!link_ok, || {
                fail(lit(Status::LinkDown.code(), 8));
                next.set("retries", 0);
            });
            when(link_ok & expired & !under_way, || {
                // A block that is kept is repeated once after each link-up, whatever the limit.
                let first = cur.reported & !cur.retries.any();
                when(may_repeat | first, || {
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
        let patience = kept.any() & late("age_patience", age.slice(4, 28).zext(32).ge(resend_cycles));
        when(is_scan & copying & !cur.reported, || {
            write_state.set(1);
            near.set(kept.any());
            when(patience, || {
                report.set(1);
                status.set(Status::Locked.code());
            });
        });
        // Operations that wait for a lock: they fail when the link is gone, or when the block may never be free.
        when(is_scan & waiting & !cur.reported & !info.local, || {
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
        again.set("s_data", event_slot);
        when(resend, || {
            next.set("again", 1);
            next.set("queued", 1);
            next.set("t_last", now);
            next.set("busy", 0);
            next.set("not_owner", 0);
            let counts = !cur.busy & !is_answer & !is_admit;
            when(counts & !cur.retries.all(), || next.set("retries", cur.retries + 1));
        });
        when(is_again, || next.set("queued", 0));
        when(is_again & (active | owning) & cur.again, || {
            next.set("again", 0);
            next.set("t_last", now);
            settle.set(resolved);
            when(awaits & link_ok, || {
                raise("resent");
                next.set("resending", is_write & !owning);
                let out = Resend {
                    slot: event_slot,
                    seq: cur.seq,
                    lun: info.lun,
                    lba: info.lba,
                    crc: cur.crc,
                    request: cur.request,
                }
                .pack();
                when(for_owner, || to.ask_owner(here, cur.seq, &info, lit(1, 1)))
                    .elsewhen(is_flush, || to.reflush.send(out))
                    .otherwise(|| to.resend.send(out));
            });
        });
        when(launch, || {
            let request = foreign & is_admit;
            let epoch = mux(is_compared, compared.epoch, admit.epoch);
            let out = launch_of(here, seq_1, &info, epoch, request);
            when(request, || unlock(lit(1, 1)));
            when(is_write, || to.write.send(out)).otherwise(|| to.read.send(out));
        });
        // Both sites have it: a dual write ends, a request is copied home under its lock.
        let ends = (finish.get() | (settle & !cur.request)).named("ends");
        when(settle & cur.request, || {
            next.set("phase", COPYING);
            ask_lock();
        });
        let tell = (report & !cur.reported).named("tell");
        when(tell, || {
            next.set("reported", 1);
            let done = BlockDone {
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
            };
            to.tell(&info, &done);
        });
        let good = tell & status.eq(Status::Ok.code());
        when(good & is_write, || raise("written"));
        when(good & is_flush, || raise("flushed"));
        when(good & is_read, || raise("read"));
        when(tell & status.eq(Status::Miscompare.code()), || raise("miscompare"));
        when(ends, || {
            next.set("phase", FREE);
            write_state.set(1);
            give_back.set(1);
            when(!unlocked, || unlock(is_write));
            when(cur.counted | (is_admit & admit.counted), || to.tell_resolved(&info));
        });

        // The peer may show a block that both stores have.
        let by_ack = is_answer & matched & answer.ftype.eq(FrameType::Ack.code());
        let done = (ends & is_write & mirrored & (active | copying) & (cur.acked | by_ack)).named("done");
        let of = SlotUse { slot: here, seq: mux(asked, answer.seq, cur.seq) };
        commit(m, done | (asked & complete), &of);

        // Slots in use, and slots kept after their command was told.
        let taken = is_op.get();
        pool.count(taken, ends);
        // A request that holds no lock keeps nobody out, but its block is not settled.
        let stays = out | copying;
        let keep = tell & !ends & stays;
        let unkeep = ends & cur.reported & stays;
        when(keep & !unkeep, || kept.set(kept + 1)).elsewhen(unkeep & !keep, || kept.set(kept - 1));

        let stir = (go & !take_scan) | near | filling | ends | tell | resend;
        quiet.set(settled(m, stir, p.period) & (!busy | is_scan) & !again.get("m_valid"));
        m.prove("a_slot_is_given_back_only_in_stage_1", !give_back | busy);
        m.prove("used_never_underflows", !(ends & !taken) | used.any());
    })
}
