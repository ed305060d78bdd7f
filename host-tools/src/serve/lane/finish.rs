//! From completions to answers.

use dyad_driver::{Backing, Completion, Error, Status, io};

use super::{Flight, Lane, Stage, Ticket, hold};
use crate::serve::protocol::Errno;
use crate::serve::protocol::reply::Answer;
use crate::serve::protocol::request::Operation;

impl Lane {
    /// Takes the end of a command.
    pub(super) fn finish(&mut self, completion: &Completion) {
        self.answered = self.queue.backing().after(2 * self.patience);
        if let Some((_, served, _)) = self.flushing.take_if(|flush| flush.0 == completion.id()) {
            return self.flushed(completion, served);
        }
        if self.finish_order(completion) {
            return;
        }
        let Some(Flight { ticket, stage, buffer, .. }) = self.in_flight.remove(&completion.id()) else { return };
        let Ticket { work: id, part, writes } = ticket;
        self.at = Some(ticket);
        let operation = if writes && stage != Stage::Fetch { "WRITE" } else { "READ" };
        let differs = stage == Stage::Store && completion.status() == Status::Miscompare;
        let buffer = match buffer {
            Some(buffer) if differs => {
                if let Err(error) = self.fetch_again(ticket, buffer) {
                    self.break_down(&error);
                }
                return;
            }
            buffer => buffer,
        };
        if let Err(error) = io::check(completion, operation, self.lun, part.lba) {
            self.failed(id, completion.status(), &error);
        } else {
            match (stage, buffer.as_ref()) {
                (Stage::Fetch, Some(_)) => {
                    if let Some(buffer) = buffer
                        && let Err(error) = self.merge(ticket, buffer)
                    {
                        self.break_down(&error);
                    }
                    return;
                }
                (Stage::Whole, Some(buffer)) if !writes => {
                    if let Some(work) = self.work.get_mut(&id) {
                        buffer.slice().read_at(part.skip, &mut work.data[part.data()]);
                    }
                }
                _ => {}
            }
        }
        if let Some(buffer) = buffer {
            self.pool.give(buffer);
        }
        self.at = None;
        self.leave(&ticket);
        self.part_ended(id);
    }

    /// Notes that a part of a request has failed; it is answered when its other parts have ended.
    fn failed(&mut self, id: u64, status: Status, error: &Error) {
        let errno = if status == Status::NotOwner { Errno::Perm } else { Errno::Io };
        self.warn(error);
        if let Some(work) = self.work.get_mut(&id) {
            work.plan.cancel();
            work.failed.get_or_insert_with(|| (errno, format!("site {}: {error}", self.name)));
        }
    }

    /// Gives up the blocks of a part; those that waited for them go on.
    pub(super) fn leave(&mut self, ticket: &Ticket) {
        if ticket.writes {
            let next = self.gate.leave(ticket.part.range(), hold(&ticket.part));
            self.granted.extend(next);
        }
    }

    /// A part has come to its end, well or not.
    pub(super) fn part_ended(&mut self, id: u64) {
        if let Some(work) = self.work.get_mut(&id) {
            work.outstanding = work.outstanding.saturating_sub(1);
            self.settle(id);
        }
    }

    /// Answers a request if all of it has ended, or has it flushed first.
    pub(super) fn settle(&mut self, id: u64) {
        let ended = |work: &super::Work| work.outstanding == 0 && work.plan.is_done();
        let Some(work) = self.work.get(&id).filter(|work| ended(work)) else { return };
        let flush = work.operation == Operation::Flush || (work.fua && work.writes());
        if flush && work.failed.is_none() {
            self.flush_wanted.push(id);
            return;
        }
        if let Some(work) = self.work.remove(&id) {
            work.responder.answer(match (work.failed, work.operation) {
                (Some((errno, text)), _) => Answer::Failed(errno, text),
                (None, Operation::Read) => Answer::Data(work.data),
                (None, _) => Answer::Done,
            });
        }
    }

    fn flushed(&mut self, completion: &Completion, served: Vec<u64>) {
        let result = io::check(completion, "FLUSH", self.lun, 0);
        if let Err(error) = &result {
            self.warn(error);
        }
        for id in served {
            let Some(work) = self.work.remove(&id) else { continue };
            match &result {
                Ok(()) => self.stable.answer(work.responder),
                Err(error) => {
                    work.responder.answer(Answer::Failed(Errno::Io, format!("site {}: {error}", self.name)));
                }
            }
        }
    }
}
