//! Submission and completion entries: 64 bytes each, little-endian, in host memory.

use crate::field::layout;

bitflags::bitflags! {
    /// Flags of a submission entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct SubmissionFlags: u8 {
        /// WRITE and READ: allowed while the LUN is not live; used to make its stores equal.
        const SYNC = 1 << 0;
        /// SET_OWNER, ACQUIRE, RELEASE: the whole LUN in one step, by its next generation.
        const WHOLE_LUN = 1 << 1;
    }
}

/// The submission entry.
pub mod submission {
    use super::layout;

    layout! {
        /// A submission entry, as the host writes it into the submission queue.
        Submission, 64, Little {
            /// What to do: see the opcodes.
            OPCODE, opcode, set_opcode: 0, 8;
            /// Flags: bit 0 SYNC, bit 1 WHOLE_LUN; the rest must be zero.
            FLAGS, flags, set_flags: 8, 8;
            /// Command identifier; the completion carries it back unchanged.
            CID, cid, set_cid: 16, 16;
            /// LUN number.
            LUN, lun, set_lun: 32, 8;
            /// SET_OWNER: the site that owns from now on, 0 or 1. Otherwise zero.
            OWNER, owner, set_owner: 40, 8;
            /// WRITE, READ: blocks, 1 to 64. LOOKUP: addresses, 1 to 512. SET_OWNER: blocks of the range, 0 for 65536.
            /// ACQUIRE, RELEASE: extents, 1 to 64, the first is that of the address; 1 for a whole LUN. COMPARE_WRITE: 1.
            BLOCKS, blocks, set_blocks: 48, 16;
            /// First logical block address, in blocks of 4096 bytes.
            LBA, lba, set_lba: 64, 64;
            /// IOVA of the data: source of WRITE, target of READ and IDENTIFY, address list of LOOKUP (8 bytes each). A
            /// multiple of 4096; the data are contiguous. COMPARE_WRITE: the block that is expected, then the new one.
            IOVA, iova, set_iova: 128, 64;
            /// LOOKUP: IOVA where the answers go, a multiple of 4096. SET_OWNER: the epoch in bits 31:0.
            AUX, aux, set_aux: 192, 64;
        }
    }
}

/// The completion entry.
pub mod completion {
    use super::layout;

    layout! {
        /// A completion entry, as the card writes it into the completion queue. The dword with the phase bit is the last
        /// that the card writes.
        Completion, 64, Little {
            /// When the doorbell that made the submission visible was accepted, in core clock periods of `now`.
            T_DOORBELL, t_doorbell, set_t_doorbell: 0, 48;
            /// Cycles from the doorbell to the submission entry's last beat.
            D_FETCHED, d_fetched, set_d_fetched: 64, 32;
            /// Cycles from the doorbell until owner and lock of the last block were had.
            D_LOOKUP, d_lookup, set_d_lookup: 96, 32;
            /// Cycles from the doorbell until the local store had answered (WRITE, READ: the last block).
            D_LOCAL, d_local, set_d_local: 128, 32;
            /// Cycles from the doorbell to the first beat of the first frame of the last block.
            D_FRAME, d_frame, set_d_frame: 160, 32;
            /// Cycles from the doorbell until the peer's acknowledgement was verified.
            D_ACK, d_ack, set_d_ack: 192, 32;
            /// Cycles from the doorbell until this entry was handed to the host port.
            D_POSTED, d_posted, set_d_posted: 224, 32;
            /// Cycles between the block's last beat at the peer and the first beat of its acknowledgement, counted there.
            D_MIRROR, d_mirror, set_d_mirror: 256, 32;
            /// Cycles from the doorbell to the last beat of the block's last frame, as first sent.
            D_SENT, d_sent, set_d_sent: 288, 32;
            /// NOT_OWNER: the extent's epoch.
            EPOCH, epoch, set_epoch: 320, 32;
            /// NOT_OWNER: the owner.
            OWNER, owner, set_owner: 352, 8;
            /// Times that the last block was sent again.
            RETRIES, retries, set_retries: 360, 8;
            /// Index, in the command, of the first block that failed.
            BLOCK, block, set_block: 368, 16;
            /// Command identifier of the submission.
            CID, cid, set_cid: 448, 16;
            /// Status code.
            STATUS, status, set_status: 464, 8;
            /// The submission queue that this answers.
            SQID, sqid, set_sqid: 472, 8;
            /// Submission queue head: entries before it may be used again.
            SQ_HEAD, sq_head, set_sq_head: 480, 16;
            /// Flips each time the queue wraps; 1 on the first pass.
            PHASE, phase, set_phase: 511, 1;
        }
    }
}

/// One answer of LOOKUP.
pub mod lookup {
    use super::layout;

    layout! {
        /// What LOOKUP writes for each address, in the order asked.
        LookupAnswer, 8, Little {
            /// Epoch of the extent: LUN generation in the high half, extent epoch in the low half.
            EPOCH, epoch, set_epoch: 0, 32;
            /// Owner: site 0 or 1.
            OWNER, owner, set_owner: 32, 8;
            /// 1 when the address is inside the LUN; otherwise the rest is zero.
            VALID, valid, set_valid: 40, 1;
        }
    }
}
