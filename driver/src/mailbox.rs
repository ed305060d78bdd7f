//! The mailbox: messages of 256 bytes between the two drivers, carried by the cards. Any of them may be lost or doubled.

use dyad_spec::regs;
use dyad_spec::wire::MAILBOX_BYTES;

use crate::backing::Backing;
use crate::bar::Registers;

/// Least payload of the frame that carries a message, in bytes.
pub const FRAME_BYTES_MIN: usize = MAILBOX_BYTES;

/// A message that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: [u8; MAILBOX_BYTES],
    /// Payload bytes of the frame that it came in.
    pub frame_bytes: usize,
}

/// Whether a message still waits to be sent.
pub fn is_busy<B: Backing + ?Sized>(backing: &B) -> bool {
    Registers(backing).field(&regs::MAILBOX_STATUS, &regs::MAILBOX_TX_BUSY) != 0
}

/// Sends a message in a frame with `frame_bytes` of payload (a multiple of 64, at least 256), unless the one before is
/// still being sent: then nothing happens and the answer is `false`.
pub fn send<B: Backing + ?Sized>(backing: &B, message: &[u8; MAILBOX_BYTES], frame_bytes: usize) -> bool {
    let regs = Registers(backing);
    if is_busy(backing) {
        return false;
    }
    for (i, word) in message.chunks_exact(4).enumerate() {
        regs.set_at(&regs::MAILBOX_TX_DATA, i, u32::from_le_bytes(word.try_into().expect("four bytes")));
    }
    regs.set(&regs::MAILBOX_SEND, regs::MAILBOX_SEND_BYTES.put(frame_bytes as u32));
    true
}

/// Takes the message that has come, if one has.
pub fn receive<B: Backing + ?Sized>(backing: &B) -> Option<Received> {
    let regs = Registers(backing);
    let status = regs.get(&regs::MAILBOX_STATUS);
    if regs::MAILBOX_RX_VALID.of(status) == 0 || status == u32::MAX {
        return None;
    }
    let mut message = [0; MAILBOX_BYTES];
    for (i, word) in message.chunks_exact_mut(4).enumerate() {
        word.copy_from_slice(&regs.get_at(&regs::MAILBOX_RX_DATA, i).to_le_bytes());
    }
    regs.set(&regs::MAILBOX_TAKE, 1);
    Some(Received { message, frame_bytes: regs::MAILBOX_RX_BYTES.of(status) as usize })
}
