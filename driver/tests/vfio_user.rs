//! The vfio-user client against the crate `vfio_user`'s server, with a card in memory behind it; and against servers that
//! misbehave.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dyad_driver::backing::memory::Memory;
use dyad_driver::backing::vfio_user::VfioUser;
use dyad_driver::bar::LunFlags;
use dyad_driver::dma::SharedMemory;
use dyad_driver::{Backing, Device, Error, LunEntry, Queue, QueueConfig, Status, Wake};
use dyad_spec::regs;
use vfio_bindings::bindings::vfio::vfio_region_info;
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

const CONFIG_REGION: u32 = 7;
const MSIX_IRQS: u32 = 2;
const VECTORS: u32 = 4;
const TIMEOUT: Duration = Duration::from_secs(20);

static NUMBER: AtomicU32 = AtomicU32::new(0);

fn socket_path() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("dyad-driver-{}-{number}.sock", std::process::id()))
}

/// A card in memory, as a server offers it.
struct Offered {
    card: Memory,
    config: [u8; 256],
    eventfds: Vec<Option<File>>,
    mapped: usize,
}

impl Offered {
    fn interrupts(&mut self) {
        for (vector, eventfd) in self.eventfds.iter_mut().enumerate() {
            if self.card.take_interrupt(vector as u16)
                && let Some(eventfd) = eventfd
            {
                eventfd.write_all(&1u64.to_ne_bytes()).unwrap();
            }
        }
    }
}

impl ServerBackend for Offered {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> std::io::Result<()> {
        let offset = offset as usize;
        match region {
            0 if data.len() == 4 => data.copy_from_slice(&self.card.read32(offset).to_le_bytes()),
            CONFIG_REGION => data.copy_from_slice(&self.config[offset..offset + data.len()]),
            _ => data.fill(0xff),
        }
        Ok(())
    }
    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> std::io::Result<()> {
        let offset = offset as usize;
        match region {
            0 => self.card.write32(offset, u32::from_le_bytes(data.try_into().unwrap())),
            _ => self.config[offset..offset + data.len()].copy_from_slice(data),
        }
        // Without bus mastering a card neither moves data nor raises interrupts.
        assert!(self.config[4] & 0b100 != 0, "bus mastering is off");
        self.interrupts();
        Ok(())
    }
    fn dma_map(
        &mut self,
        _: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> std::io::Result<()> {
        let memory = SharedMemory::from_file(fd.expect("a descriptor"), offset, size as usize)?;
        self.card.map(address, Arc::new(memory));
        self.mapped += 1;
        Ok(())
    }
    fn dma_unmap(&mut self, _: DmaUnmapFlags, address: u64, _: u64) -> std::io::Result<()> {
        self.card.unmap(address);
        self.mapped -= 1;
        Ok(())
    }
    fn reset(&mut self) -> std::io::Result<()> {
        self.card.write32(regs::CONTROL.offset, regs::CONTROL_RESET.put(1));
        Ok(())
    }
    fn set_irqs(&mut self, index: u32, _: u32, start: u32, _: u32, fds: Vec<File>) -> std::io::Result<()> {
        assert_eq!(index, MSIX_IRQS);
        for (i, fd) in fds.into_iter().enumerate() {
            self.eventfds[start as usize + i] = Some(fd);
        }
        Ok(())
    }
}

/// A server for one connection. The thread gives back how many mappings were left.
fn serve() -> (PathBuf, JoinHandle<usize>) {
    let path = socket_path();
    let region = |index: u32| {
        let size = match index {
            0 => regs::BAR_BYTES as u64,
            CONFIG_REGION => 256,
            _ => 0,
        };
        let region_info = vfio_region_info { argsz: 32, flags: 3, index, cap_offset: 0, size, offset: 0 };
        ServerRegion { region_info, sparse_areas: Vec::new(), mmap_fd: None }
    };
    let irq = |index: u32| IrqInfo { index, flags: 1, count: if index == MSIX_IRQS { VECTORS } else { 0 } };
    let server = Server::new(&path, true, (0..5).map(irq).collect(), (0..9).map(region).collect()).unwrap();
    let thread = std::thread::spawn(move || {
        let (card, config) = (Memory::with_store(64), [0; 256]);
        let eventfds = (0..VECTORS).map(|_| None).collect();
        let mut offered = Offered { card, config, eventfds, mapped: 0 };
        server.run(&mut offered).unwrap();
        offered.mapped
    });
    (path, thread)
}

fn local_lun(device: &Device<VfioUser>) -> Queue<VfioUser> {
    device.reset(TIMEOUT).unwrap();
    let (owner, extent_shift, generation, extent_base) = (0, 0, 1, 0);
    let (flags, blocks, store_base) = (LunFlags::VALID | LunFlags::LIVE | LunFlags::LOCAL, 64, 0);
    let entry = LunEntry { flags, owner, extent_shift, generation, blocks, store_base, extent_base };
    device.set_lun(1, Some(&entry)).unwrap();
    device.create_queue(&QueueConfig::default()).unwrap()
}

#[test]
fn a_card_behind_a_socket_works_like_any_other() {
    let (path, server) = serve();
    let device = Device::open(VfioUser::connect(&path, TIMEOUT).unwrap()).unwrap();
    assert_eq!(device.backing().vectors(), VECTORS as u16);
    assert_eq!(device.info().name, path.display().to_string());
    let mut queue = local_lun(&device);
    let data: Vec<u8> = (0..30 * 4096).map(|i| (i % 253) as u8).collect();
    queue.write(1, 10, &data).unwrap();
    let mut back = vec![0; data.len()];
    queue.read(1, 10, &mut back).unwrap();
    assert!(data == back);

    // The doorbell's interrupt wakes a wait that would otherwise last a minute.
    let start = Instant::now();
    let id = queue.submit_flush(1).unwrap();
    queue.ring();
    let woken = device.backing().wait(queue.vector(), device.after(Duration::from_secs(60)));
    assert_eq!((woken, queue.wait(id, device.after(TIMEOUT)).unwrap().status()), (Wake::Interrupt, Status::Ok));
    assert!(start.elapsed() < TIMEOUT);

    // Unmapped in flight or before: a status, as on a board.
    let buffer = device.backing().dma_alloc(4096).unwrap();
    buffer.unmap();
    let id = queue.submit_write(1, 0, 1, &buffer.whole()).unwrap();
    assert_eq!(queue.wait(id, device.after(TIMEOUT)).unwrap().status(), Status::DmaReadFault);

    device.backing().reset().unwrap();
    assert!(device.lun(1).unwrap().is_none());
    drop((buffer, queue, device));
    assert_eq!(server.join().unwrap(), 0, "every mapping is undone");
}

#[test]
fn addresses_are_used_again() {
    let (path, _server) = serve();
    let backing = VfioUser::connect(&path, TIMEOUT).unwrap();
    let first = backing.dma_alloc(8192).unwrap();
    let iova = first.iova();
    drop(first);
    assert_eq!(backing.dma_alloc(8192).unwrap().iova(), iova);
}

#[test]
fn no_socket_is_an_error_that_says_what_to_do() {
    let error = VfioUser::connect(&socket_path(), TIMEOUT).err().unwrap().to_string();
    assert!(error.contains(".sock") && error.contains("dyad sim"), "{error}");
}

/// What a misbehaving server does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Good,
    /// An error reply with this number.
    Refusal(u32),
    /// Nothing, for ever.
    Silence,
    /// Half of the reply, and the end.
    Half,
    /// A reply to another request.
    OtherId,
    /// A reply that says that it is longer than anything.
    Huge,
    /// A command instead of a reply.
    NotAReply,
    /// A reply that is too short for what it must carry.
    Short,
    /// The end.
    Close,
}

/// Answers requests well enough to be opened (no interrupts), and from the `bad_from`th on with `bad`. Gives back when the
/// client closes.
fn misbehave(bad_from: usize, bad: Answer) -> PathBuf {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let socket = path.clone();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::fs::remove_file(socket).unwrap();
        let mut header = [0; 16];
        for number in 0.. {
            if stream.read_exact(&mut header).is_err() {
                return;
            }
            let size = u32::from_ne_bytes(header[4..8].try_into().unwrap()) as usize;
            let mut fields = vec![0; size - 16];
            stream.read_exact(&mut fields).unwrap();
            if !answer(&mut stream, &header, &fields, if number < bad_from { Answer::Good } else { bad }) {
                return;
            }
        }
    });
    path
}

fn answer(stream: &mut UnixStream, header: &[u8; 16], fields: &[u8], answer: Answer) -> bool {
    let word = |at: usize| u32::from_ne_bytes(fields[at..at + 4].try_into().unwrap());
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_ne_bytes()).collect::<Vec<u8>>();
    let body = match u16::from_ne_bytes([header[2], header[3]]) {
        1 => [&[0; 4], &fields[4..]].concat(),
        4 => words(&[16, 2, 9, 0]),
        5 => words(&[32, 3, word(8), 0, if word(8) == 0 { 1 << 16 } else { 0 }, 0, 0, 0]),
        9 => [&fields[..16], &dyad_spec::MAGIC.to_ne_bytes()].concat(),
        10 => fields[..16].to_vec(),
        other => panic!("command {other} was not expected"),
    };
    let mut reply = header.to_vec();
    reply[4..8].copy_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    reply[8] = 1;
    match answer {
        Answer::Good => reply.extend(body),
        Answer::Refusal(errno) => {
            reply[4..8].copy_from_slice(&16u32.to_ne_bytes());
            reply[8] |= 1 << 5;
            reply[12..16].copy_from_slice(&errno.to_ne_bytes());
        }
        Answer::Silence => return true,
        Answer::Half => drop((stream.write_all(&reply[..9]), reply.clear())),
        Answer::OtherId => reply[0] ^= 1,
        Answer::Huge => reply[4..8].copy_from_slice(&u32::MAX.to_ne_bytes()),
        Answer::NotAReply => reply[8] = 0,
        Answer::Short => reply[4..8].copy_from_slice(&16u32.to_ne_bytes()),
        Answer::Close => return false,
    }
    stream.write_all(&reply).unwrap();
    answer != Answer::Half
}

/// Requests that opening takes of such a server: version, device, BAR 0, configuration space.
const OPENING: usize = 4;
const PATIENCE: Duration = Duration::from_millis(300);

#[test]
fn whatever_a_server_answers_while_it_is_opened_ends_in_an_error() {
    use Answer::*;
    for bad in [Refusal(22), Refusal(0), Silence, Half, OtherId, Huge, NotAReply, Short, Close] {
        for number in 0..OPENING {
            let start = Instant::now();
            let error = VfioUser::connect(&misbehave(number, bad), PATIENCE).err().expect("refused");
            assert!(start.elapsed() < TIMEOUT);
            match (bad, error) {
                (Refusal(errno), Error::Refused { errno: found, .. }) => assert_eq!(found, errno),
                (_, Error::DeviceGone { during: "opening", reason: Some(_), .. }) => {}
                (_, other) => panic!("request {number}: {other}"),
            }
        }
    }
}

#[test]
fn a_server_that_dies_or_falls_silent_is_a_device_that_is_gone() {
    use Answer::*;
    for (bad, words) in [
        (Silence, "no answer in 300 ms"),
        (Half, "closed the socket"),
        (OtherId, "not to this request"),
        (Huge, "4294967295 bytes"),
        (NotAReply, "not to this request"),
        (Short, "0 bytes came back"),
        (Close, "closed the socket"),
    ] {
        let backing = VfioUser::connect(&misbehave(OPENING + 1, bad), PATIENCE).unwrap();
        assert_eq!(backing.read32(regs::MAGIC.offset), dyad_spec::MAGIC);
        let start = Instant::now();
        assert_eq!(backing.read32(regs::MAGIC.offset), u32::MAX);
        assert!(start.elapsed() < TIMEOUT);
        // From now on it says so at once.
        let start = Instant::now();
        backing.write32(regs::SCRATCH.offset, 1);
        assert_eq!(backing.read32(regs::MAGIC.offset), u32::MAX);
        assert_eq!(backing.wait(Some(0), backing.after(TIMEOUT)), Wake::Gone);
        assert!(matches!(backing.dma_alloc(4096), Err(Error::DeviceGone { .. })));
        assert!(start.elapsed() < PATIENCE);
        let why = backing.gone().unwrap();
        assert!(why.contains(words), "{why}");
        let error = Device::open(backing).err().unwrap().to_string();
        assert!(error.contains(words) && error.contains("gone"), "{error}");
    }
}

#[test]
fn a_server_that_hangs_up_ends_a_wait() {
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let socket = path.clone();
    let hang_up = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::fs::remove_file(socket).unwrap();
        let mut header = [0; 16];
        for _ in 0..OPENING {
            stream.read_exact(&mut header).unwrap();
            let mut fields = vec![0; u32::from_ne_bytes(header[4..8].try_into().unwrap()) as usize - 16];
            stream.read_exact(&mut fields).unwrap();
            assert!(answer(&mut stream, &header, &fields, Answer::Good));
        }
        std::thread::sleep(Duration::from_millis(100));
    });
    let backing = VfioUser::connect(&path, TIMEOUT).unwrap();
    let start = Instant::now();
    assert_eq!(backing.wait(Some(0), backing.after(Duration::from_secs(3600))), Wake::Gone);
    assert!(start.elapsed() < TIMEOUT);
    hang_up.join().unwrap();
}
