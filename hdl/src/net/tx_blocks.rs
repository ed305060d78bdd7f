//! A stream of blocks into `eth_tx`: jobs, the FIFO of their payload, and how far the block is.

use dyad_spec::{BLOCK_BYTES, FrameType, wire};

use super::header::FrameFields;
use crate::bundle::TxJob;
use crate::params::Params;
use crate::prelude::*;
use crate::prim::fifo::fifo;
use crate::stream::{StreamIn, stream_in};

// A part's number has 2 bits; at MTU 9000 there is one.
const _: () = assert!(wire::PARTS_JUMBO.len() == 1 && wire::PARTS_STANDARD.len() <= 4 && BLOCK_BYTES == 4096);

/// Bits of a beat of payload: data, `err`, `last`.
pub const fn pay_width(data_w: usize) -> usize {
    data_w + 2
}

/// Beats of payload that the FIFO of a block stream holds.
fn fifo_depth(p: &Params) -> usize {
    p.queue(if p.data_w == 64 { 64 } else { 16 })
}

/// Beats that must be there before a header goes out.
const fn start_beats(data_w: usize) -> usize {
    if data_w == 64 { 1 } else { 4 }
}

/// A stream of blocks: jobs, payload, and how far the block is.
pub(super) struct Blocks {
    pub job: StreamIn,
    /// The job that waits.
    head: TxJob,
    /// Of the payload FIFO's output.
    pub valid: E,
    pub data: E,
    pub err: E,
    pub last: E,
    /// Enough payload waits for a header to go out.
    pub enough: E,
    /// It does from this cycle on: at 64 bits the FIFO is faster than the header.
    pub comes: E,
    /// Takes a beat from the FIFO: to be driven.
    pub take: Var,
    /// Part that is sent next.
    pub part: Var,
    /// The rest of an aborted block is being thrown away.
    pub drain: Var,
    pub t_first: Var,
}

impl Blocks {
    pub fn new(m: &M, name: &str, pay: &str, p: &Params) -> Self {
        let data_w = p.data_w;
        let job = stream_in(m, &format!("s_{name}"), TxJob::WIDTH);
        let s = stream_in(m, &format!("s_{pay}"), pay_width(data_w));
        let (depth, start) = (fifo_depth(p), start_beats(data_w));
        let fifo = m.inst(format!("{pay}_fifo"), &fifo(depth, pay_width(data_w)));
        fifo.set("s_valid", s.valid);
        fifo.set("s_data", s.data);
        s.ready.set(fifo.get("s_ready"));
        let take = m.wire(format!("{pay}_take"), 1);
        fifo.set("m_ready", take);
        let (valid, head, count) = (fifo.get("m_valid"), fifo.get("m_data"), fifo.get("count"));
        let (enough, comes) = if start == 1 { (valid, s.fire()) } else { (count.ge(start), zero(1)) };
        Self {
            job,
            head: TxJob::unpack_in(p, job.data),
            valid,
            data: head.trunc(data_w),
            err: head.bit(data_w),
            last: head.bit(data_w + 1),
            enough,
            comes,
            take,
            part: m.reg(format!("{name}_part"), 2, 0),
            drain: m.reg(format!("{pay}_drain"), 1, 0),
            t_first: m.reg_nr(format!("{name}_t_first"), 32),
        }
    }

    /// Of the part that is next: `zeroes` of a block of zeroes, `whole` when a block is one frame, otherwise one of `parts`.
    pub fn of_part(&self, jumbo: E, zeroes: E, whole: E, parts: &[E]) -> E {
        assert_eq!(parts.len(), wire::PARTS_STANDARD.len(), "one item a part");
        mux(self.zeroes(), zeroes, mux(jumbo, whole, select(self.part, parts)))
    }

    /// The block that is next is all zeroes.
    fn zeroes(&self) -> E {
        self.head.zeroes
    }

    /// A number of the part that is next, in `w` bits.
    fn number(&self, jumbo: E, w: usize, of: fn(&(usize, usize)) -> usize) -> E {
        let item = |part: &(usize, usize)| lit(of(part) as u64, w);
        let parts: Vec<E> = wire::PARTS_STANDARD.iter().map(item).collect();
        self.of_part(jumbo, item(&(0, wire::ZEROES_BYTES)), item(&wire::PARTS_JUMBO[0]), &parts)
    }

    /// The part that is next completes its block.
    pub fn completes(&self, jumbo: E) -> E {
        jumbo | self.zeroes() | self.part.eq(wire::PARTS_STANDARD.len() - 1)
    }

    /// What the frame of the part that is next says.
    pub fn fields(&self, jumbo: E, generation: E) -> FrameFields {
        let j = self.head;
        let ftype = |t: FrameType| lit(t.code(), 4);
        FrameFields {
            ftype: mux(
                j.zeroes,
                mux(j.request, ftype(FrameType::RequestZeroes), ftype(FrameType::WriteZeroes)),
                mux(j.request, ftype(FrameType::Request), ftype(FrameType::Write)),
            ),
            generation,
            slot: j.slot,
            seq: j.seq,
            lun: j.lun.zext(8),
            offset: self.number(jumbo, 8, |part| part.0 / wire::OFFSET_UNIT),
            length: self.number(jumbo, 8, |part| part.1 / wire::OFFSET_UNIT),
            lba: j.lba,
            epoch: j.epoch,
            ..FrameFields::none()
        }
    }
}
