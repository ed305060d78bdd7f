//! The counters: everything that the card does, drops, refuses or repeats, by name.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// Index of a counter in the `COUNTER` registers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        #[allow(non_camel_case_types, reason = "the name is what the register page and the tools print")]
        pub enum Counter { $($(#[doc = $doc])+ $name,)* }

        impl Counter {
            /// Every counter, in order of index.
            pub const ALL: &[Counter] = &[$(Counter::$name),*];
            /// Name, as tools print it.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$name => stringify!($name),)* }
            }
            /// What it counts.
            pub const fn doc(self) -> &'static str {
                match self { $(Counter::$name => concat!($($doc),+),)* }
            }
        }
    };
}

counters! {
    /// Submission entries fetched.
    sq_fetched,
    /// Completion entries posted.
    cq_posted,
    /// Blocks written by this host and complete at both sites.
    blocks_written,
    /// Blocks read to this host.
    blocks_read,
    /// Blocks that COMPARE_WRITE has found to be other than expected.
    miscompares,
    /// Addresses looked up for LOOKUP.
    lookups,
    /// FLUSH commands complete.
    flushes,
    /// Directory entries written by SET_OWNER.
    directory_updates,
    /// Doorbells past the ring, or for a pair that is not set up.
    bad_doorbell,
    /// Submission entries that could not be read from host memory.
    sq_fetch_fault,
    /// Completion entries that could not be written to host memory.
    cq_post_fault,
    /// Commands refused: unknown opcode, reserved field or flag not zero.
    bad_opcode,
    /// Commands refused: block count.
    bad_blocks,
    /// Commands refused: range past the end.
    bad_lba,
    /// Commands refused: no such LUN.
    bad_lun,
    /// Commands refused: address not a multiple of 4096.
    misaligned,
    /// Blocks refused: the other site owns them.
    not_owner,
    /// Commands refused: LUN not live.
    not_live,
    /// Commands refused: link down or fenced.
    link_down,
    /// Blocks whose data could not be read from host memory.
    dma_read_fault,
    /// Blocks whose data could not be written to host memory.
    dma_write_fault,
    /// Errors from the local store.
    store_error,
    /// Blocks read again from the store whose checksum differed.
    store_integrity,
    /// Operations that waited for a block's lock.
    lock_wait,
    /// Operations that waited because their set of the lock table was full.
    lock_set_full,
    /// Frames sent.
    tx_frames,
    /// WRITE frames sent, repeats included.
    tx_write,
    /// WRITE frames sent again.
    tx_resend,
    /// ACK frames sent.
    tx_ack,
    /// BUSY frames sent.
    tx_busy,
    /// REFUSED frames sent.
    tx_refused,
    /// REQUEST frames sent whole.
    tx_request,
    /// WRITE_ZEROES and REQUEST_ZEROES frames sent.
    tx_zeroes,
    /// COMMIT frames sent.
    tx_commit,
    /// Frames that ask for a COMMIT, sent.
    tx_ask_commit,
    /// NOT_OWNER frames sent.
    tx_not_owner,
    /// Frames sent that ask for an extent or a LUN.
    tx_own_req,
    /// Frames sent that hand over an extent or a LUN, repeats included.
    tx_grant,
    /// Frames ended as bad because the payload was late or faulty.
    tx_aborted,
    /// Blocks sent again after a time-out or an aborted frame.
    blocks_resent,
    /// Blocks given up after their repeats.
    blocks_timed_out,
    /// Times that the link was fenced.
    fences,
    /// Store errors, here or at the peer, of blocks written at this site; each fences the LUN.
    lun_fences,
    /// Frames that came from the MAC.
    rx_frames,
    /// Frames that passed every check.
    rx_good,
    /// Dropped: the MAC said that the frame was bad.
    rx_bad_fcs,
    /// Dropped: shorter than its headers and trailer, or than its header says.
    rx_short,
    /// Dropped: longer than its header says, or than a block.
    rx_long,
    /// Dropped: for another MAC address.
    rx_bad_mac,
    /// Dropped: not IPv4.
    rx_bad_ethertype,
    /// Dropped: IPv4 version, options, fragment, protocol or address.
    rx_bad_ip,
    /// Dropped: IPv4 header checksum.
    rx_bad_checksum,
    /// Dropped: UDP port, length or checksum field.
    rx_bad_udp,
    /// Dropped: wire version or frame type.
    rx_bad_type,
    /// Dropped: link generation, or the link is down.
    rx_bad_generation,
    /// Dropped: slot out of range.
    rx_bad_slot,
    /// Dropped: payload length or offset.
    rx_bad_length,
    /// Dropped: CRC32C.
    rx_bad_crc,
    /// Refused: LUN or address, or the LUN is not live here.
    rx_bad_lun,
    /// Refused: the sender is not the owner, or its epoch is another.
    rx_bad_epoch,
    /// Dropped: of an earlier use of the slot.
    rx_stale,
    /// A block or part of one that had come before.
    rx_duplicate,
    /// Answers for a slot and sequence that wait for none.
    rx_unexpected,
    /// COMMITs that name nothing that is pending: second copies, and late ones.
    rx_commit_stale,
    /// BUSY frames that came.
    rx_busy,
    /// REFUSED frames that came.
    rx_refused,
    /// Answers lost because the card had no room to take them in.
    rx_overrun,
    /// Blocks from the peer written home.
    blocks_mirrored,
    /// Blocks from the peer that its COMMIT has made readable.
    blocks_committed,
    /// Turns kept for the peer, whose request found its block locked.
    turns_kept,
    /// Turns that the peer did not use in time.
    turns_dropped,
    /// Extents and LUNs taken over from the peer.
    owners_taken,
    /// Extents and LUNs handed over to the peer.
    owners_granted,
    /// Extents handed over unasked, for the peer alone has written them for a while.
    owners_followed,
    /// NOT_OWNER frames that came.
    rx_not_owner,
    /// Frames about owners that had no effect: late ones, second copies, forged ones.
    rx_own_stale,
    /// COMMITs dropped because too many waited to be sent: the peer asks for them.
    commits_dropped,
    /// Unfinished blocks from the peer thrown out to make room.
    mirror_evicted,
    /// Messages that the mailbox took in.
    mailbox_received,
    /// Messages dropped because the mailbox was full.
    mailbox_dropped,
    /// Interrupts raised.
    interrupts,
}

const _: () = assert!(Counter::ALL.len() <= crate::regs::COUNTERS_MAX);
