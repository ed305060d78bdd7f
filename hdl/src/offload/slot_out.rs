//! What `slots` sends, and the list of slots that are free.

use crate::bundle::op_kind::{COMPARE, OWN, ZEROES};
use crate::bundle::own_code::UNASKED;
use crate::bundle::{
    BlockDone, CompareJob, CopyJob, HOLDER_W, Launch, LockRel, LockReq, OpInfo, OwnJob, Resend, Resolved, SLOT_W,
    SlotUse,
};
use crate::params::Params;
use crate::prelude::*;
use crate::prim::free_list::free_list;
use crate::prim::next::Stages;
use crate::stream::{Mailer, event_out};

/// What is counted: each is raised for one cycle.
pub(super) const EVENTS: [&str; 13] = [
    "unexpected",
    "busy",
    "refused",
    "turned_away",
    "resent",
    "timed_out",
    "fence",
    "written",
    "miscompare",
    "read",
    "not_owner",
    "flushed",
    "lun_fence",
];

/// The streams that go out.
pub(super) struct Outputs {
    pub lock: Mailer,
    pub write: Mailer,
    pub read: Mailer,
    pub flush: Mailer,
    pub compare: Mailer,
    pub copy: Mailer,
    pub resend: Mailer,
    pub reflush: Mailer,
    pub release: Mailer,
    pub own: Mailer,
    pub resolved: Mailer,
    pub done: Mailer,
}

impl Outputs {
    pub fn new(m: &M) -> Self {
        Self {
            lock: Mailer::new(m, "m_lock", LockReq::WIDTH),
            write: Mailer::new(m, "m_write", Launch::WIDTH),
            read: Mailer::new(m, "m_read", Launch::WIDTH),
            flush: Mailer::new(m, "m_flush", Launch::WIDTH),
            compare: Mailer::new(m, "m_compare", CompareJob::WIDTH),
            copy: Mailer::new(m, "m_copy", CopyJob::WIDTH),
            resend: Mailer::new(m, "m_resend", Resend::WIDTH),
            reflush: Mailer::new(m, "m_reflush", Resend::WIDTH),
            release: Mailer::new(m, "m_release", LockRel::WIDTH),
            own: Mailer::new(m, "m_own", OwnJob::WIDTH),
            resolved: Mailer::new(m, "m_resolved", Resolved::WIDTH),
            done: Mailer::new(m, "m_done", BlockDone::WIDTH),
        }
    }

    /// Free is what any event may need. What takes these is at the end of a long chain of readies: only what is in the registers
    /// counts.
    pub fn free(&self) -> E {
        !any_of(&[self.done.full(), self.release.full(), self.resolved.full(), self.lock.full()])
    }

    /// Free is what a block that is sent again may need.
    pub fn free_for_again(&self) -> E {
        self.resend.free() & self.reflush.free() & !self.own.full()
    }

    /// Free is what an admission may need.
    pub fn free_for_admit(&self) -> E {
        self.write.free() & self.read.free() & self.copy.free() & self.compare.free() & !self.own.full()
    }

    /// Asks for the lock of the operation's block.
    pub fn ask_lock(&self, slot: E, op: &OpInfo, exclusive: E) {
        let OpInfo { lun, lba, .. } = *op;
        self.lock.send(LockReq { id: slot.zext(HOLDER_W), lun, lba, exclusive, at_once: zero(1) }.pack());
    }

    /// Gives it back.
    pub fn unlock(&self, op: &OpInfo, exclusive: E) {
        self.release.send(LockRel { lun: op.lun, lba: op.lba, exclusive }.pack());
    }

    /// Has the staged block copied home.
    pub fn copy_home(&self, slot: E, op: &OpInfo) {
        self.copy.send(CopyJob { slot, lun: op.lun, lba: op.lba }.pack());
    }

    /// Has the block compared with what the host expects.
    pub fn compare_with_host(&self, slot: E, op: &OpInfo, epoch: E) {
        let OpInfo { lun, lba, page, .. } = *op;
        self.compare.send(CompareJob { slot, lun, lba, page, epoch }.pack());
    }

    /// Hands the command about an owner, or the wish to own what is to be compared, to `admit`.
    pub fn ask_owner(&self, slot: E, seq: E, op: &OpInfo, again: E) {
        let OpInfo { lun, lba, local, page, .. } = *op;
        let code = mux(op.kind.eq(OWN), page.trunc(2), 0);
        self.own.send(OwnJob { slot, seq, lun, lba, local, code, again }.pack());
    }

    /// Tells the operation's command, if it has one.
    pub fn tell(&self, op: &OpInfo, done: &BlockDone) {
        when(!(op.kind.eq(OWN) & op.page.bit(UNASKED)), || self.done.send(done.pack()));
    }

    /// A write that was counted is resolved.
    pub fn tell_resolved(&self, op: &OpInfo) {
        self.resolved.send(Resolved { lun: op.lun, lba: op.lba }.pack());
    }
}

/// An operation for its engine. What is compared comes before what is written.
pub(super) fn launch_of(slot: E, seq: E, op: &OpInfo, epoch: E, request: E) -> E {
    let OpInfo { local, lun, lba, page, .. } = *op;
    let page = mux(op.kind.eq(COMPARE), page + 1, page);
    Launch { slot, seq, epoch, local, lun, lba, page, request, zeroes: op.kind.eq(ZEROES) }.pack()
}

/// Slots that are free, and how many are not.
pub(super) struct Pool {
    free: Inst,
    /// Not all slots are in it yet.
    pub filling: E,
    /// The word of a slot is cleared: that which was put in so many cycles ago as there are stages after stage 0.
    pub clearing: E,
    /// A word is about to be, or is.
    pub clears: E,
    /// A slot is given back.
    pub give_back: Var,
    /// Slots in use.
    pub used: Var,
}

impl Pool {
    pub fn new(m: &M, p: &Params, stages: &Stages) -> Self {
        let free = m.inst("u_free", &free_list(p.slots, SLOT_W));
        let filling = free.get("filling");
        let (mut clearing, mut coming) = (filling, Vec::new());
        for n in 0..stages.count() {
            let q = m.reg(format!("clearing_{n}"), 1, 0);
            q.set(clearing);
            clearing = q.get();
            coming.push(clearing);
        }
        let clears = any_of(&coming);
        let give_back = m.wire_or("give_back", 1, 0);
        free.set("back_valid", give_back);
        Self { free, filling, clearing, clears, give_back, used: m.reg("used", 13, 0) }
    }

    /// There is a free slot, and its number.
    pub fn first(&self) -> (E, E) {
        (self.free.get("m_valid"), self.free.get("m_data"))
    }

    /// The slot that is put in while filling.
    pub fn next(&self) -> E {
        self.free.get("next")
    }

    /// Takes the first one when `take` is 1; `back` is the slot that is given back.
    pub fn wire(&self, take: E, back: E) {
        self.free.set("m_ready", take);
        self.free.set("back_data", back);
    }

    /// Counts: a slot was taken, or given back.
    pub fn count(&self, taken: E, back: E) {
        when(taken & !back, || self.used.set(self.used + 1));
        when(back & !taken, || self.used.set(self.used - 1));
    }
}

/// For a whole scan nothing has stirred.
pub(super) fn settled(m: &M, stir: E, period: usize) -> E {
    let calm = m.reg("calm", 32, 0);
    let settled = calm.ge(period + 2).named("settled");
    when(stir, || calm.set(0)).elsewhen(!settled, || calm.set(calm + 1));
    settled
}

/// Tells `commits` in the next cycle.
pub(super) fn commit(m: &M, when: E, of: &SlotUse) {
    let (valid, data) = event_out(m, "m_commit", SlotUse::WIDTH);
    let valid_q = m.reg("commit", 1, 0);
    let data_q = m.reg_nr("commit_q", SlotUse::WIDTH);
    valid_q.set(when);
    data_q.set(of.pack());
    valid.set(valid_q);
    data.set(data_q);
}
