//! Keeps buffers mapped while commands use them, without touching their shared counts for each command.
//!
//! Counting a reference up and down again costs two locked instructions, which is more than all the rest of a
//! submission. Programs use a few buffers over and over, so the queue keeps its own clone of the last few that it saw,
//! with a plain count of the commands that use each.

use crate::dma::DmaBuffer;

/// Buffers that a queue keeps a clone of.
const PINS: usize = 8;

/// What keeps one command's buffers mapped.
pub(super) struct Hold {
    /// For each of the two: the number of a pin, or one of the two below.
    codes: [u8; 2],
    /// Clones of the command's own, for want of a pin.
    own: [Option<DmaBuffer>; 2],
}

const NOTHING: u8 = u8::MAX;
const OWN: u8 = u8::MAX - 1;

impl Default for Hold {
    fn default() -> Self {
        Self { codes: [NOTHING; 2], own: [None, None] }
    }
}

#[derive(Default)]
struct Pin {
    buffer: Option<DmaBuffer>,
    users: u32,
}

/// The buffers that a queue keeps a clone of.
#[derive(Default)]
pub(super) struct Pins {
    pins: [Pin; PINS],
    last: usize,
}

impl Pins {
    /// Keeps the buffers mapped until `hold` is given to [`release`](Self::release).
    #[inline]
    pub(super) fn hold(&mut self, hold: &mut Hold, buffers: [Option<&DmaBuffer>; 2]) {
        for (i, buffer) in buffers.into_iter().enumerate() {
            if let Some(buffer) = buffer {
                let pin = &mut self.pins[self.last % PINS];
                match &pin.buffer {
                    Some(pinned) if pinned.is_same(buffer) => {
                        pin.users += 1;
                        hold.codes[i] = self.last as u8;
                    }
                    _ => self.hold_other(hold, i, buffer),
                }
            }
        }
    }

    #[inline(never)]
    fn hold_other(&mut self, hold: &mut Hold, i: usize, buffer: &DmaBuffer) {
        let same = |pin: &Pin| pin.buffer.as_ref().is_some_and(|pinned| pinned.is_same(buffer));
        let found = self.pins.iter().position(same).or_else(|| {
            let idle = self.pins.iter().position(|pin| pin.users == 0)?;
            self.pins[idle].buffer = Some(buffer.clone());
            Some(idle)
        });
        match found {
            Some(pin) => {
                self.last = pin;
                self.pins[pin].users += 1;
                hold.codes[i] = pin as u8;
            }
            None => {
                hold.own[i] = Some(buffer.clone());
                hold.codes[i] = OWN;
            }
        }
    }

    /// Ends one command's use of its buffers.
    #[inline]
    pub(super) fn release(&mut self, hold: &mut Hold) {
        for (code, own) in hold.codes.iter_mut().zip(&mut hold.own) {
            match *code {
                NOTHING => continue,
                OWN => *own = None,
                pin => self.pins[usize::from(pin) % PINS].users -= 1,
            }
            *code = NOTHING;
        }
    }

    /// Drops the clones that no command uses.
    pub(super) fn forget_idle(&mut self) {
        for pin in self.pins.iter_mut().filter(|pin| pin.users == 0) {
            pin.buffer = None;
        }
    }
}
