//! `cmd_table`: commands under way, and the entry that each ends with.
//!
//! ```text
//!             +--------------------------+
//!   s_new --->|  RAM, one word a command |---> m_cqe   to cq_post
//!  s_done --->|  blocks left, status,    |---> m_free  numbers of commands that are free
//! s_admin --->|  stamps                  |
//! s_error --->|                          |
//!             +--------------------------+
//! ```
//!
//! `s_new` notes a command and the number of blocks it waits for. Each `s_done` takes one off; the first status that is
//! not Ok stays. The last one makes the completion, with the stamps of the block that came last. `s_admin` ends a command
//! that has no blocks. `s_error` passes a completion for a command that was refused before it got a number.
//!
//! - Latency: `s_done` or `s_admin` to `m_cqe` 2 cycles. Throughput: one event every 2 cycles.
//! - Backpressure: waits while the completion before has not been taken; completion queue space was reserved when the
//!   entry was fetched, so it will be.
//! - Reset: all numbers become free over `slots` cycles; the RAM's words are not cleared and not read before written.
//! - Errors: none of its own.
//! - Tests: `tests/tests/cmd_table.rs`.

use dyad_spec::Status;

use crate::bundle::{AdminDone, BlockDone, CMD_W, CmdNew, Cqe};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::free_list::free_list;
use crate::prim::skid::skid;
use crate::stream::{connect, stream_in, stream_out};

crate::bundle! {
    /// What is kept for each command.
    Entry {
        /// Command identifier.
        cid: 16,
        /// Queue pair.
        queue: 3,
        /// Blocks that have not ended.
        left: 7,
        /// First status that was not Ok.
        status: 8,
        /// Index of the block that had it.
        block: 6,
        /// Owner that came with it.
        owner: 1,
        /// Epoch that came with it.
        epoch: 32,
        /// `now` at the doorbell.
        t_doorbell: 48,
        /// Cycles from the doorbell to the entry's last beat.
        d_fetched: 32,
    }
}

/// The command table of a card.
pub fn cmd_table(p: &Params) -> Module {
    let count = p.slots;
    module("cmd_table", |m| {
        m.doc("Commands under way, and the completion that each ends with.");
        let s_new = stream_in(m, "s_new", CmdNew::WIDTH);
        let s_done = stream_in(m, "s_done", BlockDone::WIDTH);
        let s_admin = stream_in(m, "s_admin", AdminDone::WIDTH);
        let s_error = stream_in(m, "s_error", Cqe::WIDTH);
        let m_cqe = stream_out(m, "m_cqe", Cqe::WIDTH);
        let m_free = stream_out(m, "m_free", CMD_W);
        let quiet = m.output("quiet", 1);

        let full = m.reg("full", 1, 0);
        let cqe = m.reg_nr("cqe", Cqe::WIDTH);
        m_cqe.valid.set(full);
        m_cqe.data.set(cqe);
        when(m_cqe.ready, || full.set(0));
        let room = (!full | m_cqe.ready).named("room");

        let free = m.inst("u_free", &free_list(count, CMD_W));
        let filling = free.get("filling");
        // Who takes a number knows late that it does.
        let slice = m.inst("u_slice", &skid(CMD_W));
        connect(&free, "m", &slice, "s");
        m_free.valid.set(slice.get("m_valid"));
        m_free.data.set(slice.get("m_data"));
        slice.set("m_ready", m_free.ready);

        // Stage 0: choose.
        let busy = m.reg("busy", 1, 0);
        let idle = !busy & !filling;
        let take_new = (idle & s_new.valid).named("take_new");
        let take_done = (idle & room & s_done.valid & !s_new.valid).named("take_done");
        let take_admin = (idle & room & s_admin.valid & !s_new.valid & !s_done.valid).named("take_admin");
        let none = !s_new.valid & !s_done.valid & !s_admin.valid;
        let take_error = (idle & room & s_error.valid & none).named("take_error");
        // It goes before all others, and is taken whether it is known yet to be there or not.
        s_new.ready.set(idle);
        s_done.ready.set(take_done);
        s_admin.ready.set(take_admin);
        s_error.ready.set(take_error);
        let new = CmdNew::unpack_in(p, s_new.data);
        let addr_in = onehot_mux(
            &[take_new, take_done, take_admin],
            &[new.cmd, BlockDone::unpack(s_done.data).cmd, AdminDone::unpack(s_admin.data).cmd],
        );
        busy.set(take_done | take_admin);
        let is_done = m.reg("is_done", 1, 0);
        is_done.set(take_done);
        let done_q = m.reg_nr("done_q", BlockDone::WIDTH);
        let admin_q = m.reg_nr("admin_q", AdminDone::WIDTH);
        let cmd_q = m.reg_nr("cmd_q", CMD_W);
        when(!busy, || {
            done_q.set(s_done.data);
            admin_q.set(s_admin.data);
            cmd_q.set(addr_in);
        });

        // Stage 1: read, take one off, write back or complete.
        let ram = m.ram("ram", count, Entry::WIDTH).collisions_undefined();
        let mask = clog2(count);
        let old = Entry::unpack_in(p, ram.read(addr_in.slice(0, mask)));
        let done = BlockDone::unpack(done_q.get());
        let admin = AdminDone::unpack(admin_q.get());
        let first_error = is_done & old.status.eq(Status::Ok.code()) & done.status.ne(Status::Ok.code());
        let left = old.left - 1;
        let status = mux(is_done, mux(first_error, done.status, old.status), admin.status);
        let block = mux(first_error, done.block, old.block);
        let owner = mux(first_error, done.owner, old.owner);
        let epoch = mux(first_error, done.epoch, old.epoch);
        let updated = Entry { left, status, block, owner, epoch, ..old };
        let fresh = Entry {
            cid: new.cid,
            queue: new.queue,
            left: new.blocks,
            status: lit(Status::Ok.code(), 8),
            block: zero(6),
            owner: zero(1),
            epoch: zero(32),
            t_doorbell: new.t_doorbell,
            d_fetched: new.d_fetched,
        };
        ram.write(
            take_new | busy,
            mux(busy, cmd_q.get(), new.cmd).slice(0, mask),
            mux(busy, updated.pack(), fresh.pack()),
        );
        let last = (busy & (!is_done | left.eq(0))).named("last");
        let base = old.t_doorbell.slice(0, 32);
        let since = |t: E| mux(is_done, t - base, 0);
        when(last, || {
            full.set(1);
            cqe.set(
                Cqe {
                    queue: old.queue,
                    cid: old.cid,
                    status,
                    owner,
                    epoch,
                    block: block.zext(16),
                    retries: mux(is_done, done.retries.zext(8), 0),
                    t_doorbell: old.t_doorbell,
                    d_fetched: old.d_fetched,
                    d_lookup: since(done.t_lookup),
                    d_local: since(done.t_local),
                    d_frame: since(done.t_frame),
                    d_sent: since(done.t_sent),
                    d_ack: since(done.t_ack),
                    d_mirror: mux(is_done, done.mirror, 0),
                }
                .pack(),
            );
        });
        when(take_error, || {
            full.set(1);
            cqe.set(s_error.data);
        });
        free.set("back_valid", last);
        free.set("back_data", cmd_q.get());
        quiet.set(!busy & !full & !filling & none & !s_error.valid);
        m.prove("completions_are_held", !(full & !room) | !last);
    })
}
