//! `admin`: LOOKUP, IDENTIFY and SET_OWNER.
//!
//! ```text
//!             +----------------------------------------------+
//!   s_cmd --->|  fetch  ->  work  ->  write  ->  end         |---> m_done
//!    m_rd <---|    |         |  ^       |         ^          |
//! s_rdata --->| address    m_dir, s_dir  answer   s_b        |---> m_wr, m_wdata
//!             | RAM        m_update      RAM                 |---> m_update, lun_update
//!             +----------------------------------------------+
//! ```
//!
//! **Theory.** Four stages with a queue between each, so that a command's addresses are fetched while those of the command
//! before it are looked up and the answers of the one before that are written:
//!
//! - *fetch* asks for the address list in bursts of 512 bytes, as many as there is room for in the address RAM, which holds
//!   the list of a whole command; so the host's read channel is never held up here.
//! - *work* takes the commands one by one. LOOKUP: one address a cycle to the directory, answers back in order. IDENTIFY:
//!   512 words. SET_OWNER: an update for each extent that the range touches, or an event that changes the LUN's registers.
//! - *write* sends the answers in bursts of 512 bytes, each when all of it is there; so it never holds the host's write
//!   channel while it waits.
//! - *end* gives the status when the last burst has been answered.
//!
//! LOOKUP's answers are those of `spec`'s lookup answer: one of 8 bytes for each address, zeroes for one that is not valid.
//! At `DATA_W` 512 they are filled up with zeroes to a whole beat of 64 bytes. IDENTIFY writes one block: the core register
//! block's first 64 bytes as they read now, and zeroes.
//!
//! **Interface.** Streams `s_cmd` ([`AdminCmd`]), `m_done` ([`AdminDone`]), `m_rd`, `m_wr` ([`HostBurst`]), `s_rdata`
//! ([`HostBeat`]), `m_wdata` (`DATA_W` bits), `m_dir` ([`DirAddress`]); events `s_b` {err}, `s_dir` ([`Lookup`], only answers
//! to `m_dir`, in order), `m_update` ([`DirUpdate`]), `lun_update` ([`LunUpdate`]). Commands are checked before: opcode, count,
//! LUN, alignment. `quiet`: no command is here.
//!
//! **Parameters.** `data_w` 64 or 512, and what the capability registers say.
//!
//! **Latency.** `s_cmd` to `m_rd` 1 cycle; `s_rdata` to `m_dir` 3; the last `s_dir` of a burst to `m_wr` 2 cycles at 64 bits,
//! 3 at 512; the last `s_b` to `m_done` 1 cycle.
//!
//! **Throughput.** One lookup a cycle within a command and two idle cycles between commands, as long as host memory
//! delivers and takes a word a cycle. SET_OWNER: one extent a cycle.
//!
//! **Backpressure.** At most [`COMMANDS`] commands at a time. Lookups stop when the answer RAM has no room. Nothing is
//! dropped.
//!
//! **Reset.** Forgets all commands. The host's ports finish what was asked for.
//!
//! **Clocks.** One.
//!
//! **Ordering.** Commands work and end in the order in which they came: a LOOKUP sees a SET_OWNER before it.
//!
//! **Errors.** Status DmaReadFault: a beat of the list could not be read; the answers mean nothing. DmaWriteFault: a burst of
//! answers was refused. BadLba: the range of SET_OWNER ends past the LUN; nothing was changed. Counters: `ev_lookups`,
//! `ev_directory_updates`, one pulse each.
//!
//! **Proof and test.** Properties `a_word_has_room`, `a_beat_has_room`, `an_end_has_room`; `tests/tests/admin.rs`.

use dyad_spec::entry::{SubmissionFlags, lookup};
use dyad_spec::{BLOCK_BYTES, MAGIC, MAX_LOOKUPS, Opcode, SPEC_VERSION, Status, regs};

use super::admin_host::{Sizes, WORD_W, WriteJob, fetch, push, write};
use crate::bundle::{AdminCmd, AdminDone, CMD_W, DirUpdate, LBA_W, LUN_W, Lookup, LunUpdate};
use crate::fields::{field, place};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::{fifo, fifo_ram};
use crate::prim::width::widen;
use crate::prim::{count_width, wrap_inc};
use crate::stream::{StreamIn, StreamOut, event_in, event_out, stream_in, stream_out};

/// Commands that can be here at a time.
pub const COMMANDS: usize = 4;
/// Lookups that can be under way.
const FLYING: usize = 15;
/// Bytes of the core register block that IDENTIFY tells.
const IDENTITY_BYTES: usize = 64;

crate::bundle! {
    /// An address to look up.
    DirAddress {
        /// LUN.
        lun: LUN_W,
        /// Address.
        lba: LBA_W,
    }
}
crate::bundle! {
    /// How the work on a command ended.
    Outcome {
        /// Command number.
        cmd: CMD_W,
        /// Status so far.
        status: 8,
        /// Answers are written: wait for them.
        writes: 1,
    }
}

/// What never changes of the first 64 bytes of the core register block: offset and value.
pub fn identity(p: &Params) -> Vec<(usize, u32)> {
    let word = |parts: &[(dyad_spec::Field, usize)]| parts.iter().fold(0, |w, (f, v)| w | f.put(*v as u32));
    let (_, kind, version, next) = regs::BLOCKS[0];
    let counts = [
        (regs::CAP_QUEUES, p.queues),
        (regs::CAP_VECTORS, p.vectors),
        (regs::CAP_LUNS, p.luns),
        (regs::CAP_QUEUE_LOG2, p.queue_log2),
    ];
    [
        (regs::CORE_BLOCK, regs::BLOCK_TYPE.put(kind) | regs::BLOCK_VERSION.put(version)),
        (regs::CORE_NEXT, next as u32),
        (regs::MAGIC, MAGIC),
        (regs::VERSION, SPEC_VERSION),
        (regs::CAP_WIDTH, word(&[(regs::CAP_DATA_W, p.data_w), (regs::CAP_STORE_W, p.store_w)])),
        (regs::CAP_SLOTS, p.slots as u32),
        (regs::CAP_COUNTS, word(&counts)),
        (regs::CAP_EXTENTS, p.extents as u32),
        (regs::CAP_CLOCK_KHZ, p.clock_khz as u32),
        (regs::CAP_PERIOD, p.period as u32),
        (
            regs::CAP_BUFFERS,
            word(&[(regs::CAP_LOCAL_BUFFERS, p.local_bufs), (regs::CAP_MIRROR_BUFFERS, p.mirror_bufs)]),
        ),
        (regs::CAP_ADDRESS, word(&[(regs::CAP_LBA_W, p.lba_w), (regs::CAP_IOVA_W, p.iova_w)])),
    ]
    .map(|(r, value)| (r.offset, value))
    .to_vec()
}

/// The first words of IDENTIFY's answer, 64 bits each.
fn identity_words(m: &M, p: &Params) -> Vec<E> {
    let state = [
        (regs::STATUS_IDLE, m.input("idle", 1)),
        (regs::STATUS_LINK_UP, m.input("link_up", 1)),
        (regs::STATUS_FENCED, m.input("fenced", 1)),
        (regs::STATUS_READY, m.input("ready", 1)),
    ];
    let now = m.input("now", 64);
    let mut words = [zero(32); IDENTITY_BYTES / 4];
    for (offset, value) in identity(p) {
        words[offset / 4] = lit(value.into(), 32);
    }
    words[regs::CONTROL.offset / 4] = place(32, &[(regs::CONTROL_ENABLE, m.input("enable", 1))]);
    words[regs::STATUS.offset / 4] = place(32, &state);
    words[regs::NOW_LO.offset / 4] = now.slice(0, 32);
    words[regs::NOW_HI.offset / 4] = now.slice(32, 32);
    words.chunks(2).map(|pair| cat(&[pair[1], pair[0]])).collect()
}

const REST: u64 = 0;
const LOOK: u64 = 1;
const PAD: u64 = 2;
const TELL: u64 = 3;
const CHECK: u64 = 4;
const RANGE: u64 = 5;
const END: u64 = 6;

/// The ports of *work*.
struct Work {
    lun_control: E,
    lun_blocks: E,
    m_dir: StreamOut,
    dir_valid: E,
    dir: Lookup,
    update: (Var, Var),
    lun_update: (Var, Var),
}

impl Work {
    fn new(m: &M, p: &Params) -> Self {
        let lun_control = m.input("lun_control", 32 * p.luns);
        let lun_blocks = m.input("lun_blocks", LBA_W * p.luns);
        let m_dir = stream_out(m, "m_dir", DirAddress::WIDTH);
        let (dir_valid, dir) = event_in(m, "s_dir", Lookup::WIDTH);
        Self {
            lun_control,
            lun_blocks,
            m_dir,
            dir_valid,
            dir: Lookup::unpack_in(p, dir),
            update: event_out(m, "m_update", DirUpdate::WIDTH),
            lun_update: event_out(m, "lun_update", LunUpdate::WIDTH),
        }
    }

    /// An answer as the host gets it.
    fn answer(&self) -> E {
        let valid = self.dir.valid;
        place(
            WORD_W,
            &[
                (lookup::EPOCH, mux(valid, self.dir.epoch, 0)),
                (lookup::OWNER, (valid & self.dir.owner).zext(lookup::OWNER.width)),
                (lookup::VALID, valid),
            ],
        )
    }
}

/// The beats that a LOOKUP of `count` addresses reads, and writes.
fn lookup_beats(z: Sizes, count: E) -> E {
    (count + (z.words - 1)).shr(clog2(z.words))
}

/// The engine of a card.
///
/// # Panics
/// When `p` is out of range.
pub fn admin(p: &Params) -> Module {
    p.check();
    let z = Sizes::new(p);
    const { assert!(MAX_LOOKUPS as usize * WORD_W / 8 == BLOCK_BYTES) };
    module(p.named("admin"), |m| {
        m.doc("LOOKUP, IDENTIFY and SET_OWNER.");
        let s_cmd: StreamIn = stream_in(m, "s_cmd", AdminCmd::WIDTH);
        let m_done = stream_out(m, "m_done", AdminDone::WIDTH);
        let port = Work::new(m, p);
        let quiet = m.output("quiet", 1);
        let jobs = m.inst("u_jobs", &fifo(COMMANDS, AdminCmd::WIDTH));
        let write_jobs = m.inst("u_write_jobs", &fifo(COMMANDS, WriteJob::WIDTH));
        let outcomes = m.inst("u_outcomes", &fifo(COMMANDS, Outcome::WIDTH));

        // Fetch. No queue overflows, since no more commands come in than each can hold.
        let open = m.reg("open", count_width(COMMANDS), 0);
        let fetch_idle = m.wire("fetch_idle", 1);
        let can = fetch_idle & open.ne(COMMANDS);
        s_cmd.ready.set(can);
        let new = AdminCmd::unpack_in(p, s_cmd.data);
        let taken = s_cmd.fire().named("taken");
        push(&jobs, taken, s_cmd.data);
        let start = taken & new.opcode.eq(Opcode::Lookup.code());
        let (beat_valid, beat, beat_taken) =
            fetch(m, z, start, &new, lookup_beats(z, new.blocks.trunc(10)), fetch_idle);

        // Work: one command after the other.
        let state = m.reg("state", 3, REST);
        let is = |s: u64| state.eq(s);
        let cmd = AdminCmd::unpack_in(p, jobs.get("m_data"));
        let begin = (is(REST) & jobs.get("m_valid")).named("begin");
        jobs.set("m_ready", is(END));
        let count = cmd.blocks.trunc(10);
        let left = m.reg_nr("left", 10);
        let status = m.reg_nr("status", 8);
        let writes = m.reg_nr("writes", 1);
        let flying = m.reg("flying", count_width(FLYING), 0);
        let words_max = z.answers * z.words;
        let held_w = count_width(words_max);
        let held = m.reg("held", held_w, 0);
        let room = held.ne(words_max).named("room");
        let is_lookup = cmd.opcode.eq(Opcode::Lookup.code());
        let is_identify = cmd.opcode.eq(Opcode::Identify.code());
        let is_set_owner = cmd.opcode.eq(Opcode::SetOwner.code());
        let whole = (cmd.flags & u64::from(SubmissionFlags::WHOLE_LUN.bits())).any();
        let answers_any = is_identify | (is_lookup & count.any());
        when(begin, || {
            left.set(mux(is_identify, (BLOCK_BYTES * 8 / WORD_W) as u64, count));
            status.set(mux(
                any_of(&[is_lookup, is_identify, is_set_owner]),
                lit(Status::Ok.code(), 8),
                Status::BadOpcode.code(),
            ));
            writes.set(answers_any);
            state.set(END);
            when(is_lookup & count.any(), || state.set(LOOK));
            when(is_identify, || state.set(TELL));
            when(is_set_owner & !whole, || state.set(CHECK));
        });
        let to_write = WriteJob {
            page: mux(is_lookup, cmd.aux, cmd.iova).slice(12, 52),
            beats: mux(is_lookup, lookup_beats(z, count), z.block as u64),
        };
        push(&write_jobs, begin & answers_any, to_write.pack());

        // LOOKUP: an address that no block has is past the end of every LUN, as the highest is.
        let lane_w = clog2(z.words);
        let lane = (z.words > 1).then(|| m.reg("lane", lane_w, 0));
        let word = lane.map_or(beat.trunc(WORD_W), |lane| beat.trunc(z.beat_w).slice_dyn(lane, WORD_W));
        let lba = p.near(word);
        port.m_dir.valid.set(is(LOOK) & beat_valid & room & flying.ne(FLYING));
        port.m_dir.data.set(DirAddress { lun: cmd.lun, lba }.pack());
        let asked = port.m_dir.fire().named("asked");
        let last = left.eq(1);
        let lane_ends = lane.map_or(lit(1, 1), |lane| lane.all());
        beat_taken.set(asked & (last | lane_ends));
        when(asked, || {
            when(last, || state.set(mux(lane_ends, lit(END, 3), PAD)));
            when(beat_taken & beat.bit(z.beat_w), || status.set(Status::DmaReadFault.code()));
        });

        // What is not looked up waits until all that is has been answered.
        let landed = !flying.any();
        let tell = (is(TELL) & landed & room).named("tell");
        let pad = (is(PAD) & landed & room).named("pad");
        when((tell & last) | (pad & lane_ends), || state.set(END));
        when(asked | tell, || left.set(left - 1));
        let put = any_of(&[asked, tell, pad]);
        if let Some(lane) = lane {
            when(put, || lane.set(wrap_inc(lane, z.words)));
        }
        let told = m.reg("told", 4, 0);
        when(tell & !told.bit(3), || told.set(told + 1));
        when(is(END), || told.set(0));
        let identity = select(told.trunc(3), &identity_words(m, p));
        let flying_w = flying.width();
        flying.set(flying + asked.zext(flying_w) - port.dir_valid.zext(flying_w));

        // Answers, on their way out.
        let out_valid = any_of(&[port.dir_valid, tell, pad]);
        let out_word = mux(port.dir_valid, port.answer(), mux(tell & !told.bit(3), identity, 0));
        let answers = if z.words == 1 {
            let answers = m.inst("u_answers", &fifo_ram(z.answers, z.beat_w));
            push(&answers, out_valid, out_word);
            m.prove("a_word_has_room", !out_valid | answers.get("s_ready"));
            answers
        } else {
            let gather = m.inst("u_gather", &widen(WORD_W, z.beat_w));
            let answers = m.inst("u_answers", &fifo(z.answers, z.beat_w));
            push(&gather, out_valid, out_word);
            crate::stream::connect(&gather, "m", &answers, "s");
            m.prove("a_word_has_room", !out_valid | gather.get("s_ready"));
            answers
        };
        let sent = m.wire("sent", 1);
        let freed = mux(sent, z.words as u64, zero(held_w));
        held.set(held + put.zext(held_w) - freed);

        // SET_OWNER.
        let control = port.lun_control.slice_dyn(cmd.lun, 32);
        let (control_q, blocks_q) = (m.reg_nr("control_q", 32), m.reg_nr("blocks_q", LBA_W));
        when(begin, || {
            control_q.set(control);
            blocks_q.set(port.lun_blocks.slice_dyn(cmd.lun, LBA_W));
        });
        let shift = field(control_q.get(), regs::LUN_EXTENT_SHIFT);
        let blocks = cat(&[!cmd.blocks.any(), cmd.blocks]);
        let wide = LBA_W + 1;
        let end = cmd.lba.zext(wide) + blocks.zext(wide);
        let inside = end.le(blocks_q.zext(wide));
        let (at, step, stop) = (m.reg_nr("at", wide), m.reg_nr("step", wide), m.reg_nr("stop", wide));
        let beyond = at + step;
        when(is(CHECK), || {
            at.set((cmd.lba & ones(LBA_W).shl_by(shift)).zext(wide));
            step.set(lit(1, wide).shl_by(shift));
            stop.set(end);
            state.set(mux(inside, RANGE, lit(END, 3)));
            when(!inside, || status.set(Status::BadLba.code()));
        });
        when(is(RANGE), || {
            at.set(beyond);
            when(beyond.ge(stop), || state.set(END));
        });
        port.update.0.set(is(RANGE));
        let update = DirUpdate {
            lun: cmd.lun,
            lba: at.trunc(LBA_W),
            owner: cmd.owner,
            epoch: cmd.aux.trunc(16),
            closing: zero(1),
        };
        port.update.1.set(update.pack());
        port.lun_update.0.set(begin & is_set_owner & whole);
        let lun_update = LunUpdate { lun: cmd.lun, owner: cmd.owner, generation: cmd.aux.slice(16, 16) };
        port.lun_update.1.set(lun_update.pack());
        m.output("ev_lookups", 1).set(asked);
        m.output("ev_directory_updates", 1).set(is(RANGE));

        // The end of a command.
        let outcome = Outcome { cmd: cmd.cmd, status: status.get(), writes: writes.get() };
        push(&outcomes, is(END), outcome.pack());
        when(is(END), || state.set(REST));
        let (end_valid, end_err, end_taken) = write(m, z, &write_jobs, &answers, sent);
        let outcome = Outcome::unpack_in(p, outcomes.get("m_data"));
        let complete = outcomes.get("m_valid") & (end_valid | !outcome.writes);
        let write_fault = outcome.writes & end_err & outcome.status.eq(Status::Ok.code());
        m_done.valid.set(complete);
        m_done.data.set(
            AdminDone { cmd: outcome.cmd, status: mux(write_fault, Status::DmaWriteFault.code(), outcome.status) }
                .pack(),
        );
        outcomes.set("m_ready", m_done.fire());
        end_taken.set(m_done.fire() & outcome.writes);
        let w = open.width();
        open.set(open + taken.zext(w) - m_done.fire().zext(w));
        quiet.set(!open.any() & !s_cmd.valid);
    })
}
