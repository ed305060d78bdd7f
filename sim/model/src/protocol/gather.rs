//! Gather buffers: blocks from the peer, until they are whole and, after that, until the store has answered.

use super::lock::NIL;
use super::site::Site;
use super::{Block, Frame, WHOLE};

/// One buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// The peer's slot; [`NIL`]: free.
    pub(super) slot: u16,
    pub(super) seq: u32,
    /// Parts that are there, one bit each.
    pub(super) have: u8,
    /// Whole, and in use until the store has answered.
    pub(super) taken: bool,
    /// Order in which unfinished buffers were begun; the lowest is evicted first.
    pub(super) age: u16,
    pub(super) data: Block,
    pub(super) expect: Block,
}

impl Gather {
    pub(super) const EMPTY: Gather =
        Gather { slot: NIL, seq: 0, have: 0, taken: false, age: 0, data: Block::ZERO, expect: Block::ZERO };
}

/// Where a frame's payload went.
pub(super) enum Placed {
    /// Into this buffer, which is whole now.
    Whole(u16),
    /// Into a buffer that lacks parts.
    Part,
    /// Nowhere: all buffers are in use.
    None,
}

impl Site {
    /// Places a payload. An unfinished buffer is evicted, oldest first, when a new block needs it.
    pub(super) fn place(&mut self, f: &Frame) -> Placed {
        let mine = |b: &Gather| b.slot == f.slot && b.seq == f.seq && !b.taken;
        let at = self.bufs.iter().position(mine).or_else(|| {
            let at = self.bufs.iter().position(|b| b.slot == NIL).or_else(|| {
                let open = self.bufs.iter().enumerate().filter(|(_, b)| !b.taken);
                let oldest = open.min_by_key(|(_, b)| b.age).map(|(i, _)| i);
                self.stats.evicted += u64::from(oldest.is_some());
                oldest
            })?;
            self.free_buf(at as u16);
            self.bufs[at] = Gather { slot: f.slot, seq: f.seq, age: self.open_bufs(), ..Gather::EMPTY };
            Some(at)
        });
        let Some(at) = at else { return Placed::None };
        let all = (1u8 << self.cfg.parts) - 1;
        let buf = &mut self.bufs[at];
        if f.part == WHOLE {
            (buf.data, buf.expect, buf.have) = (f.data, f.expect, all);
        } else {
            let p = f.part as usize;
            (buf.data.0[p], buf.expect.0[p]) = (f.data.0[p], f.expect.0[p]);
            buf.have |= 1 << p;
        }
        if buf.have == all { Placed::Whole(at as u16) } else { Placed::Part }
    }

    fn open_bufs(&self) -> u16 {
        self.bufs.iter().filter(|b| b.slot != NIL && !b.taken).count() as u16
    }

    /// Marks a whole buffer as in use by its record.
    pub(super) fn take_buf(&mut self, at: u16) {
        let age = self.bufs[at as usize].age;
        self.bufs[at as usize].taken = true;
        self.close_gap(age);
        self.bufs[at as usize].age = 0;
    }

    /// Frees a buffer.
    pub(super) fn free_buf(&mut self, at: u16) {
        if at == NIL || self.bufs[at as usize].slot == NIL {
            return;
        }
        let old = std::mem::replace(&mut self.bufs[at as usize], Gather::EMPTY);
        if !old.taken {
            self.close_gap(old.age);
        }
    }

    /// Ages stay small numbers without gaps.
    fn close_gap(&mut self, age: u16) {
        for b in self.bufs.iter_mut().filter(|b| b.slot != NIL && !b.taken && b.age > age) {
            b.age -= 1;
        }
    }
}
