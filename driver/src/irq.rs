//! Interrupt vectors as eventfds, and waiting for them with a deadline.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::time::Instant;

use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Nanoseconds of this machine's monotonic clock, since this process first asked.
pub fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Why a wait for an eventfd ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The vector was raised.
    Raised,
    /// The deadline came.
    TimedOut,
    /// The other end of the watched descriptor was closed.
    HungUp,
}

/// One eventfd for each vector. The kernel, or a server, writes to them; they count, so nothing is lost between waits.
pub struct Vectors(Vec<EventFd>);

impl Vectors {
    /// `count` vectors.
    ///
    /// # Errors
    /// When the process has no more file descriptors.
    pub fn new(count: u16) -> io::Result<Self> {
        (0..count).map(|_| EventFd::new(EFD_CLOEXEC | EFD_NONBLOCK)).collect::<io::Result<_>>().map(Self)
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.0.len() as u16
    }

    /// The eventfds, in order of vector.
    pub fn eventfds(&self) -> &[EventFd] {
        &self.0
    }

    /// Waits until `vector` is raised, `watched` hangs up, or [`monotonic_ns`] reaches `until`. With no vector, or one that
    /// there is not, only for the other two. A vector that was raised before counts.
    ///
    /// # Errors
    /// What the system says; being interrupted by a signal is none.
    pub fn wait(&self, vector: Option<u16>, watched: Option<BorrowedFd<'_>>, until: u64) -> io::Result<Woken> {
        let eventfd = vector.and_then(|v| self.0.get(usize::from(v)));
        let entry = |fd, events| libc::pollfd { fd, events, revents: 0 };
        // A negative descriptor is skipped by the kernel.
        let mut fds = [
            entry(eventfd.map_or(-1, AsRawFd::as_raw_fd), libc::POLLIN),
            entry(watched.map_or(-1, |fd| fd.as_raw_fd()), libc::POLLRDHUP),
        ];
        loop {
            let left = until.saturating_sub(monotonic_ns());
            let timeout = libc::timespec { tv_sec: (left / 1_000_000_000) as _, tv_nsec: (left % 1_000_000_000) as _ };
            // SAFETY: both pointers are to live locals, the count is that of the array, and a null signal mask is allowed.
            let ready = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as _, &timeout, std::ptr::null()) };
            if ready < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            // The count is read away; that it was 0 after all is no matter.
            if let Some(eventfd) = eventfd.filter(|_| fds[0].revents & libc::POLLIN != 0) {
                let _ = eventfd.read();
                return Ok(Woken::Raised);
            }
            if fds[1].revents != 0 {
                return Ok(Woken::HungUp);
            }
            if left == 0 {
                return Ok(Woken::TimedOut);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_vector_raised_before_is_not_lost_and_counts_once() {
        let vectors = Vectors::new(2).unwrap();
        vectors.eventfds()[1].write(3).unwrap();
        let soon = || monotonic_ns() + 1_000_000;
        assert_eq!(vectors.wait(Some(0), None, soon()).unwrap(), Woken::TimedOut);
        assert_eq!(vectors.wait(Some(1), None, soon()).unwrap(), Woken::Raised);
        assert_eq!(vectors.wait(Some(1), None, soon()).unwrap(), Woken::TimedOut);
        assert_eq!(vectors.wait(Some(2), None, soon()).unwrap(), Woken::TimedOut);
    }

    #[test]
    fn the_deadline_is_kept_from_below() {
        let until = monotonic_ns() + 3_000_000;
        assert_eq!(Vectors::new(0).unwrap().wait(None, None, until).unwrap(), Woken::TimedOut);
        assert!(monotonic_ns() >= until);
    }

    #[test]
    fn a_hang_up_ends_the_wait() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let far = monotonic_ns() + 60_000_000_000;
        assert_eq!(Vectors::new(1).unwrap().wait(Some(0), Some(ours.as_fd()), far).unwrap(), Woken::HungUp);
    }
}
