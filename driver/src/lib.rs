//! The host driver of Dyad.

pub mod backing;
pub mod bar;
pub mod completion;
pub mod device;
pub mod dma;
pub mod error;
pub mod handshake;
pub mod io;
pub mod irq;
pub mod lun;
pub mod mailbox;
pub mod queue;
pub mod site;

pub use backing::{Backing, Deadline, Wake};
pub use completion::{CommandId, Completion, Stages};
pub use device::{Device, Info, LinkConfig, LunEntry, Mtu};
pub use dma::{DmaBuffer, DmaSlice};
pub use dyad_spec::Status;
pub use error::{Error, Result};
pub use handshake::{Agreement, Mode, Timing};
pub use io::{OwnerRange, Ownership, Queue, QueueConfig};
pub use lun::{Lun, NewLun};
pub use site::{Close, LinkUp, Site, SiteConfig, Step, Task, run, run_both};
