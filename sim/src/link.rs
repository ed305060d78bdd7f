//! What a link does to frames, what it counts, and who may look or interfere.

/// What a receiving MAC does with a frame whose FCS is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fcs {
    /// Marks its last beat with `tuser`.
    #[default]
    Flag,
    /// Drops it; to know, it must have all of a frame before it shows the first beat.
    Drop,
    /// Does not notice what the link corrupted or truncated. Frames that their sender ended as bad still are marked.
    Miss,
}

/// How one direction of the link behaves. Chances are per frame, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WireConfig {
    /// Cycles from the sending of a beat to its arrival, at least 1.
    pub delay: u64,
    /// Largest frame that passes, in bytes with Ethernet header and without FCS. A larger one is dropped, or ends as bad
    /// when its beginning has already arrived.
    pub max_frame: usize,
    /// Chance of loss.
    pub loss: f64,
    /// Chance that a second copy arrives later.
    pub duplicate: f64,
    /// Chance of an extra delay.
    pub reorder: f64,
    /// Longest extra delay of a late frame or a second copy, in cycles.
    pub reorder_cycles: u64,
    /// Chance that a bit is flipped.
    pub corrupt: f64,
    /// Chance that the end is missing.
    pub truncate: f64,
    /// What the receiver does about the last two.
    pub fcs: Fcs,
}

impl Default for WireConfig {
    fn default() -> Self {
        Self {
            delay: 1,
            max_frame: 9000 + 14,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_cycles: 10_000,
            corrupt: 0.0,
            truncate: 0.0,
            fcs: Fcs::Flag,
        }
    }
}

/// What has happened on the wire, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireCounts {
    /// Begun by the sender, or injected.
    pub sent: u64,
    /// Of which the last beat was shown to the receiver.
    pub delivered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Sent a second time.
    pub duplicated: u64,
    /// Given an extra delay.
    pub reordered: u64,
    /// With a flipped bit.
    pub corrupted: u64,
    /// Cut short by chance.
    pub truncated: u64,
    /// Larger than the link takes.
    pub oversized: u64,
    /// Lost because the link was cut.
    pub cut: u64,
    /// Dropped by the receiver for their FCS.
    pub fcs_dropped: u64,
    /// Dropped by the tap.
    pub tapped: u64,
}

/// A frame that the sender has finished, as monitors see it: as it is on the wire, corruption and truncation by chance
/// included.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Cycle of its first beat.
    pub start: u64,
    /// Cycle of its last beat.
    pub end: u64,
    /// The frame without FCS.
    pub bytes: &'a [u8],
    /// The sender ended it as bad.
    pub bad: bool,
}

/// What a tap decides about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with the bytes as the tap left them.
    Pass,
    /// It is lost.
    Drop,
    /// It arrives so many cycles later.
    Delay(u64),
    /// It arrives, and a second copy so many cycles later.
    Duplicate(u64),
}

/// Sees every frame that a sender has finished, lost by chance or not. Oversized ones, and those that a cut has caught
/// unfinished, do not come this far.
pub type Monitor = Box<dyn FnMut(&Seen) + Send>;
/// Decides about every frame. It may change the bytes and the mark that the frame is bad.
pub type Tap = Box<dyn FnMut(u64, &mut Vec<u8>, &mut bool) -> Verdict + Send>;
