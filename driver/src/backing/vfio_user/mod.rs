//! A card behind a vfio-user socket: the simulator in another process, or anything else that speaks the protocol.
//!
//! Registers are read and written by messages over the socket, in order, 10 to 20 µs each; the BAR is not mapped, as a
//! doorbell in shared memory is a level that the server would have to poll, with no order against other registers. DMA memory
//! goes to the server as file descriptors; interrupts come back through eventfds.
//!
//! Every request has a deadline. When the server closes the socket, falls silent, or answers out of step, the card counts as
//! gone from then on: registers read as all-ones.

mod connection;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dyad_spec::regs;

use crate::backing::{Backing, Deadline, Wake};
use crate::dma::{DmaBuffer, IovaSpace, SharedMemory, Unmap};
use crate::error::{Error, Result};
use crate::irq::{Vectors, Woken, monotonic_ns};
use connection::{Command, Connection, Failure, Fields, Reply};

/// Longest time that a server may take for one request.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Capabilities that this client announces, as the protocol's JSON.
const CAPABILITIES: &[u8] = b"{\"capabilities\":{\"max_msg_fds\":1,\"max_data_xfer_size\":65536}}\0";
/// Protocol version 0.1; only the major number has to agree.
const PROTOCOL: (u16, u16) = (0, 1);

// Numbers of Linux's VFIO interface (include/uapi/linux/vfio.h), which the protocol uses as they are.
const DEVICE_FLAG_PCI: u32 = 1 << 1;
const BAR0_REGION: u32 = 0;
const CONFIG_REGION: u32 = 7;
const REGION_FLAGS_READ_WRITE: u32 = 0b11;
const MSIX_IRQS: u32 = 2;
const IRQ_SET_EVENTFD_TRIGGER: u32 = 1 << 2 | 1 << 5;
const DMA_READ_WRITE: u32 = 0b11;
/// PCI command register in configuration space; memory space and bus master enable.
const PCI_COMMAND: u64 = 4;
const PCI_COMMAND_ENABLE: u16 = 0b110;

/// What buffers need to be unmapped.
struct Link {
    connection: Mutex<Connection>,
    space: Mutex<IovaSpace>,
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn space(&self) -> MutexGuard<'_, IovaSpace> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unmap for Link {
    fn unmap(&self, iova: u64, len_bytes: usize) {
        let fields = Fields::default().u32(24).u32(0).u64(iova).u64(len_bytes as u64).0;
        // A server that is gone has no access any more; one that refuses may still use the addresses.
        if !matches!(self.lock().request(Command::DmaUnmap, &fields, &[]), Err(Failure::Refused(..))) {
            self.space().release(iova);
        }
    }
}

/// A card behind a vfio-user socket. The connection ends when this and all its buffers are gone.
pub struct VfioUser {
    link: Arc<Link>,
    /// The socket once more, to see the server hang up while waiting for an interrupt.
    socket: OwnedFd,
    path: PathBuf,
    name: String,
    vectors: Vectors,
}

impl VfioUser {
    /// Connects to the server that listens at `path`, sets up its interrupts, and enables its bus mastering. Every request,
    /// now and later, may take `timeout`.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Refused`], [`Error::DeviceGone`].
    pub fn connect(path: &Path, timeout: Duration) -> Result<Self> {
        let name = path.display().to_string();
        let open = |problem: String, todo| Error::Open { device: name.as_str().into(), problem: problem.into(), todo };
        let failed = |e: std::io::Error| open(e.to_string(), "check the path, and that `dyad sim` runs");
        let stream = UnixStream::connect(path).map_err(failed)?;
        let socket = stream.as_fd().try_clone_to_owned().map_err(failed)?;
        let mut connection = Connection::new(stream, timeout).map_err(failed)?;
        let count = set_up(&mut connection).map_err(|failure| match failure {
            SetUp::Failed(failure) => translate(failure, path, "opening"),
            SetUp::Unsuitable(problem) => open(problem, "give the socket of a Dyad card"),
        })?;
        let vectors = Vectors::new(count).map_err(failed)?;
        for (i, eventfd) in vectors.eventfds().iter().enumerate() {
            // One at a time: a server need not take more than one descriptor in a message.
            let fields = Fields::default().u32(20).u32(IRQ_SET_EVENTFD_TRIGGER).u32(MSIX_IRQS).u32(i as u32).u32(1).0;
            let reply = connection.request(Command::DeviceSetIrqs, &fields, &[eventfd.as_raw_fd()]);
            reply.map_err(|failure| translate(failure, path, "opening"))?;
        }
        let link = Arc::new(Link { connection: Mutex::new(connection), space: Mutex::default() });
        Ok(Self { link, socket, path: path.to_owned(), name, vectors })
    }

    /// Resets the device as its function-level reset does: everything, mappings and interrupts excepted. Bus mastering is enabled
    /// again.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::DeviceGone`].
    pub fn reset(&self) -> Result<()> {
        let mut connection = self.link.lock();
        let reset = connection.request(Command::DeviceReset, &[], &[]).map(drop);
        let reset = reset.and_then(|()| enable_bus_master(&mut connection));
        reset.map_err(|failure| translate(failure, &self.path, "resetting"))
    }
}

fn translate(failure: Failure, path: &Path, during: &'static str) -> Error {
    match failure {
        Failure::Refused(command, errno) => Error::Refused { request: command.name(), path: path.to_owned(), errno },
        Failure::Gone(why) => {
            Error::DeviceGone { device: path.display().to_string().into(), during, reason: Some(why.into()) }
        }
    }
}

enum SetUp {
    Failed(Failure),
    Unsuitable(String),
}

impl From<Failure> for SetUp {
    fn from(failure: Failure) -> Self {
        SetUp::Failed(failure)
    }
}

/// Negotiates, checks that there is a BAR of the right size, and enables bus mastering. Returns the count of vectors.
fn set_up(connection: &mut Connection) -> Result<u16, SetUp> {
    let version = Fields::default().u16(PROTOCOL.0).u16(PROTOCOL.1).bytes(CAPABILITIES).0;
    let reply = connection.request(Command::Version, &version, &[])?;
    let major = reply.u32(0)?.to_ne_bytes();
    if u16::from_ne_bytes([major[0], major[1]]) != PROTOCOL.0 {
        return Err(SetUp::Unsuitable("it speaks another major version of vfio-user".to_owned()));
    }
    let reply = connection.request(Command::DeviceGetInfo, &Fields::default().u32(16).u32(0).u32(0).u32(0).0, &[])?;
    let (flags, regions, irqs) = (reply.u32(4)?, reply.u32(8)?, reply.u32(12)?);
    if flags & DEVICE_FLAG_PCI == 0 || regions == 0 {
        return Err(SetUp::Unsuitable("it is no PCI device".to_owned()));
    }
    let (flags, size) = region(connection, BAR0_REGION)?;
    if size < regs::BAR_BYTES as u64 || flags & REGION_FLAGS_READ_WRITE != REGION_FLAGS_READ_WRITE {
        return Err(SetUp::Unsuitable(format!("its BAR 0 has {size} bytes and flags {flags:#x}")));
    }
    if regions > CONFIG_REGION {
        enable_bus_master(connection)?;
    }
    if irqs <= MSIX_IRQS {
        return Ok(0);
    }
    let fields = Fields::default().u32(16).u32(0).u32(MSIX_IRQS).u32(0).0;
    let count = connection.request(Command::DeviceGetIrqInfo, &fields, &[])?.u32(12)?;
    Ok(count.min(regs::VECTORS_MAX as u32) as u16)
}

/// Sets memory space and bus master enable, where there is a configuration space.
fn enable_bus_master(connection: &mut Connection) -> Result<(), Failure> {
    if region(connection, CONFIG_REGION)?.1 <= PCI_COMMAND {
        return Ok(());
    }
    let mut command = [0; 2];
    let reply = read(connection, CONFIG_REGION, PCI_COMMAND, 2)?;
    command.copy_from_slice(&reply.bytes[REGION_HEAD..]);
    let enabled = u16::from_le_bytes(command) | PCI_COMMAND_ENABLE;
    write(connection, CONFIG_REGION, PCI_COMMAND, &enabled.to_le_bytes())
}

/// Flags and size of a region.
fn region(connection: &mut Connection, index: u32) -> Result<(u32, u64), Failure> {
    let fields = Fields::default().u32(32).u32(0).u32(index).u32(0).u64(0).u64(0).0;
    let reply = connection.request(Command::DeviceGetRegionInfo, &fields, &[])?;
    Ok((reply.u32(4)?, reply.u64(16)?))
}

/// Bytes of a region access before the data: offset, region, count.
const REGION_HEAD: usize = 16;

fn read(connection: &mut Connection, region: u32, offset: u64, count: u32) -> Result<Reply, Failure> {
    let fields = Fields::default().u64(offset).u32(region).u32(count).0;
    let reply = connection.request(Command::RegionRead, &fields, &[])?;
    if reply.bytes.len() != REGION_HEAD + count as usize {
        return Err(connection.set_gone(format!("REGION_READ: {} bytes came back", reply.bytes.len())));
    }
    Ok(reply)
}

fn write(connection: &mut Connection, region: u32, offset: u64, data: &[u8]) -> Result<(), Failure> {
    let fields = Fields::default().u64(offset).u32(region).u32(data.len() as u32).bytes(data).0;
    connection.request(Command::RegionWrite, &fields, &[]).map(drop)
}

impl Backing for VfioUser {
    fn name(&self) -> &str {
        &self.name
    }

    fn read32(&self, offset: usize) -> u32 {
        match read(&mut self.link.lock(), BAR0_REGION, offset as u64, 4).and_then(|reply| reply.u32(REGION_HEAD)) {
            Ok(value) => u32::from_le(value),
            // What a bus gives when nobody answers.
            Err(_) => u32::MAX,
        }
    }

    fn write32(&self, offset: usize, value: u32) {
        // A posted write has no answer; what became of the device shows at the next read.
        let _ = write(&mut self.link.lock(), BAR0_REGION, offset as u64, &value.to_le_bytes());
    }

    fn dma_alloc(&self, len_bytes: usize) -> Result<DmaBuffer> {
        let failed = |source| Error::Dma { device: self.name().into(), len: len_bytes, source };
        let memory = Arc::new(SharedMemory::new(len_bytes).map_err(failed)?);
        let iova =
            self.link.space().allocate(memory.len()).ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
        let fields = Fields::default().u32(32).u32(DMA_READ_WRITE).u64(0).u64(iova).u64(memory.len() as u64).0;
        let reply = self.link.lock().request(Command::DmaMap, &fields, &[memory.fd().as_raw_fd()]);
        if let Err(failure) = reply {
            self.link.space().release(iova);
            return Err(translate(failure, &self.path, "mapping DMA memory"));
        }
        Ok(DmaBuffer::new(memory, iova, self.link.clone()))
    }

    fn vectors(&self) -> u16 {
        self.vectors.count()
    }

    fn now(&self) -> u64 {
        monotonic_ns()
    }

    fn wait(&self, vector: Option<u16>, until: Deadline) -> Wake {
        if self.link.lock().gone().is_some() {
            return Wake::Gone;
        }
        match self.vectors.wait(vector, Some(self.socket.as_fd()), until.0) {
            Ok(Woken::Raised) => Wake::Interrupt,
            Ok(Woken::TimedOut) => Wake::Deadline,
            Ok(Woken::HungUp) => {
                self.link.lock().set_gone("the server closed the socket".to_owned());
                Wake::Gone
            }
            Err(error) => {
                self.link.lock().set_gone(format!("waiting: {error}"));
                Wake::Gone
            }
        }
    }

    fn gone(&self) -> Option<String> {
        self.link.lock().gone().map(str::to_owned)
    }
}
