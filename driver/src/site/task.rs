//! Things that take both sites, driven in small steps.

use std::time::Duration;

use crate::backing::{Backing, Deadline};
use crate::error::Result;

/// Longest sleep between two steps, where an interrupt can end it.
const NAP: Duration = Duration::from_millis(10);
/// Sleep between two steps where none can.
const POLL: Duration = Duration::from_micros(50);

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The task is done; it must not be stepped again.
    Done(T),
    /// Nothing to do until a message or a completion comes, or until this time.
    Wait(Deadline),
}

/// Something that is stepped until it is done. A step never blocks for longer than a command to the local store takes.
pub trait Task {
    /// What it gives in the end.
    type Output;
    /// The backing whose clock and interrupts it goes by.
    type Backing: Backing;

    /// Does what can be done now.
    ///
    /// # Errors
    /// The task has failed; it must not be stepped again.
    fn step(&mut self) -> Result<Step<Self::Output>>;

    /// The backing to wait on between steps.
    fn backing(&self) -> &Self::Backing;

    /// The interrupt vector that messages and completions raise.
    fn vector(&self) -> Option<u16>;
}

/// Steps a task until it is done. The other side must be run by somebody else.
///
/// # Errors
/// What the task fails with.
pub fn run<T: Task>(mut task: T) -> Result<T::Output> {
    loop {
        match task.step()? {
            Step::Done(output) => return Ok(output),
            Step::Wait(until) => {
                let (backing, vector) = (task.backing(), task.vector());
                let nap = if vector.is_some() { NAP } else { POLL };
                backing.wait(vector, backing.after(nap).or_earlier(until));
            }
        }
    }
}

/// Steps two tasks in turn until both are done: the two sides of something, in one thread.
///
/// # Errors
/// Each result is that of its task.
pub fn run_both<A: Task, B: Task>(mut a: A, mut b: B) -> (Result<A::Output>, Result<B::Output>) {
    let (mut done_a, mut done_b) = (None, None);
    loop {
        step(&mut a, &mut done_a);
        step(&mut b, &mut done_b);
        match (done_a.take(), done_b.take()) {
            (Some(a), Some(b)) => return (a, b),
            (left_a, left_b) => (done_a, done_b) = (left_a, left_b),
        }
        // Only one of the two can be waited for, so not for long.
        if done_a.is_none() {
            a.backing().wait(a.vector(), a.backing().after(POLL));
        } else {
            b.backing().wait(b.vector(), b.backing().after(POLL));
        }
    }
}

fn step<T: Task>(task: &mut T, done: &mut Option<Result<T::Output>>) {
    if done.is_none() {
        match task.step() {
            Ok(Step::Wait(_)) => {}
            Ok(Step::Done(output)) => *done = Some(Ok(output)),
            Err(error) => *done = Some(Err(error)),
        }
    }
}
