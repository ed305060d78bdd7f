//! What the world of `slots` does with what it is given: engines, the line, the peer, and `admit` as far as it is asked for
//! owners.

use super::{Due, World, answer};
use crate::slots_use::Use;
use dyad_hdl::bundle::op_kind::{OWN, WRITE};
use dyad_hdl::bundle::{LocalDone, OpEnd, Sent};
use dyad_hdl::ir::Bits;
use dyad_spec::{FrameType, Status};
use dyad_tests::{Rng, pack};

impl World {
    pub(super) fn local_word(&self, slot: u64, status: Status, crc: u64) -> Bits {
        pack(LocalDone::FIELDS, &[("slot", slot), ("status", status.code()), ("crc", crc)])
    }

    /// What `admit` says of a command about an owner.
    pub(super) fn own_word(&self, slot: u64, status: Status, seq: u64) -> Bits {
        pack(LocalDone::FIELDS, &[("slot", slot), ("status", status.code()), ("crc", seq), ("own", 1)])
    }

    pub(super) fn sent_word(&self, rng: &mut Rng, slot: u64, seq: u64, aborted: bool, resend: bool) -> Bits {
        let (first, last) = (rng.next_u64() >> 32, rng.next_u64() >> 32);
        let fields = [
            ("slot", slot),
            ("seq", seq),
            ("t_first", first),
            ("t_last", last),
            ("aborted", aborted.into()),
            ("resend", resend.into()),
        ];
        pack(Sent::FIELDS, &fields)
    }

    /// The engines of a write or a read.
    pub(super) fn launch(&mut self, rng: &mut Rng, slot: u64, u: &Use) {
        let engine = self.odds.engine + 1;
        let delay = 1 + rng.below(engine);
        if u.op.kind != WRITE {
            let bad = Self::hit(rng, self.odds.read_error);
            let status = if bad { *rng.pick(&[Status::StoreError, Status::DmaWriteFault]) } else { Status::Ok };
            let end = pack(OpEnd::FIELDS, &[("slot", slot), ("status", status.code())]);
            self.later(delay + self.read_takes, Due::Word("s_end", end));
            return;
        }
        let fault = Self::hit(rng, self.odds.dma_fault);
        let store = Self::hit(rng, self.odds.store_error);
        let status = match (fault, store) {
            (true, _) => Status::DmaReadFault,
            (_, true) => Status::StoreError,
            _ => Status::Ok,
        };
        let local = self.local_word(slot, status, rng.next_u64() >> 32);
        self.later(delay, Due::Word("s_local", local));
        if u.mirrored() {
            let aborted = fault || Self::hit(rng, self.odds.aborted);
            let sent = self.sent_word(rng, slot, u.seq, aborted, false);
            let delay = 1 + rng.below(engine);
            self.later(delay, Due::Word("s_sent", sent));
            if !aborted {
                // The peer has a frame when it has been sent.
                self.serial += 1;
                let arrives = self.now + delay + 4 + rng.below(self.odds.line + 1);
                self.due.insert((arrives, self.serial), Due::Frame(slot, u.seq, false));
            }
        }
    }

    pub(super) fn transmit(&mut self, rng: &mut Rng, slot: u64, seq: u64, flush: bool) {
        let delay = 4 + rng.below(self.odds.line + 1);
        self.later(delay, Due::Frame(slot, seq, flush));
    }

    pub(super) fn happen(&mut self, rng: &mut Rng, what: Due) {
        match what {
            Due::Word("s_answer", _) if !self.link => {}
            Due::Word(stream, word) => self.offer(stream, word),
            Due::Again(slot, seq) => {
                self.resender = None;
                self.model.must_hold(slot, seq);
                let bad = Self::hit(rng, self.odds.bad_again);
                if bad && rng.one_in(2) {
                    let word = self.local_word(slot, Status::StoreError, 0);
                    self.offer("s_local", word);
                } else if bad {
                    let word = self.local_word(slot, Status::StoreIntegrity, 0);
                    self.offer("s_local", word);
                    let sent = self.sent_word(rng, slot, seq, true, true);
                    self.after_local.push_back((slot, sent));
                } else {
                    let sent = self.sent_word(rng, slot, seq, false, true);
                    self.offer("s_sent", sent);
                    self.transmit(rng, slot, seq, false);
                }
            }
            Due::Frame(slot, seq, flush) => {
                if !self.link || Self::hit(rng, self.odds.frame_lost) {
                    return;
                }
                let known = self.peer_has.contains(&(slot, seq));
                let (ftype, code) = if !known && Self::hit(rng, self.odds.busy) {
                    // A turn is kept, or not.
                    (FrameType::Busy, u64::from(self.model.staging && rng.one_in(2)))
                } else if !known && Self::hit(rng, self.odds.refused) {
                    (FrameType::Refused, *rng.pick(&[0, Status::PeerRefused.code(), Status::PeerStoreError.code()]))
                } else if !known && !flush && Self::hit(rng, self.odds.turned_away) {
                    (FrameType::NotOwner, rng.below(2))
                } else {
                    if !flush {
                        self.peer_has.insert((slot, seq));
                    }
                    (FrameType::Ack, 0)
                };
                self.reply(rng, ftype, code, slot, seq);
            }
        }
    }

    /// The peer answers.
    fn reply(&mut self, rng: &mut Rng, ftype: FrameType, code: u64, slot: u64, seq: u64) {
        let copies = 1 + u64::from(Self::hit(rng, self.odds.answer_doubled));
        for _ in 0..copies {
            let lost = Self::hit(rng, self.odds.answer_lost);
            let word = answer(ftype, code, slot, seq, rng.next_u64() >> 32);
            let delay = 4 + rng.below(self.odds.line + 1);
            if !lost {
                self.later(delay, Due::Word("s_answer", word));
            }
        }
    }

    /// What becomes of a command about an owner: `admit` says that it is done, or not yet, or the peer is asked. Once an end
    /// has been decided, it stays.
    pub(super) fn own(&mut self, rng: &mut Rng, slot: u64, seq: u64) {
        let current = self.model.uses[slot as usize].as_ref().filter(|u| u.seq == seq && u.op.kind == OWN);
        let Some(local) = current.map(|u| u.op.local) else { return };
        let delay = 1 + rng.below(self.odds.engine + 1);
        match self.owns.get(&(slot, seq)) {
            Some(true) => return,
            Some(false) => {}
            None if local => {}
            None if Self::hit(rng, self.odds.own_locked) => {
                let word = self.own_word(slot, Status::Locked, seq);
                return self.later(delay, Due::Word("s_local", word));
            }
            None if Self::hit(rng, self.odds.busy) => return self.reply(rng, FrameType::Busy, 0, slot, seq),
            None if Self::hit(rng, self.odds.frame_lost) => return,
            None if Self::hit(rng, self.odds.refused) => drop(self.owns.insert((slot, seq), false)),
            None => {}
        }
        if self.owns.contains_key(&(slot, seq)) {
            return self.reply(rng, FrameType::Refused, Status::EpochSpent.code(), slot, seq);
        }
        self.owns.insert((slot, seq), true);
        let status = if Self::hit(rng, self.odds.bad_lba) { Status::BadLba } else { Status::Ok };
        // Before it comes what was said of an earlier use of the slot.
        if rng.one_in(4) {
            let back = 1 + rng.below(3);
            let old = *rng.pick(&[Status::Ok, Status::Locked, Status::BadLba]);
            let old = self.own_word(slot, old, seq.wrapping_sub(back) & 0xffff_ffff);
            self.later(delay, Due::Word("s_local", old));
        }
        let word = self.own_word(slot, status, seq);
        self.later(delay, Due::Word("s_local", word));
    }

    /// An answer that matches nothing.
    pub(super) fn forge(&mut self, rng: &mut Rng) {
        let slot = rng.below(self.p.slots as u64);
        let off = *rng.pick(&[u64::MAX, u64::MAX - 1, 1 << 31, 1000]);
        let seq = self.model.seq(slot).wrapping_add(off) & 0xffff_ffff;
        let ftype = *rng.pick(&[
            FrameType::Ack,
            FrameType::Busy,
            FrameType::Refused,
            FrameType::NotOwner,
            FrameType::AskCommit,
        ]);
        // The peer asks for what it has: no use that is to come.
        let seq = if ftype == FrameType::AskCommit {
            self.model.seq(slot).wrapping_sub(rng.below(3)) & 0xffff_ffff
        } else {
            seq
        };
        self.offer("s_answer", answer(ftype, Status::PeerRefused.code(), slot, seq, 1));
    }
}
