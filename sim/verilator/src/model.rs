//! Instances of Verilated designs. All of this crate's `unsafe` is here.
#![allow(unsafe_code)]

use crate::compile::{Options, Recipe, cache_dir, symbol};
use crate::{Direction, Error, Port, toolchain};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

/// Version of the binary interface between the generated shim and this file.
pub(crate) const ABI: u32 = 1;

#[repr(C)]
struct RawPort {
    name: *const c_char,
    width: u32,
    direction: u32,
}

/// What a compiled model exports: its ports and its functions. Made by the generated C++ only.
#[repr(C)]
pub struct ModelVtable {
    abi: u32,
    port_count: u32,
    ports: *const RawPort,
    create: unsafe extern "C" fn(seed: u32, ports: *mut *mut c_void) -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    eval: unsafe extern "C" fn(*mut c_void) -> c_int,
    settle: unsafe extern "C" fn(*mut c_void) -> c_int,
    edge: unsafe extern "C" fn(*mut c_void) -> c_int,
    tick: unsafe extern "C" fn(*mut c_void) -> c_int,
    trace_open: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    trace_close: unsafe extern "C" fn(*mut c_void),
    error: unsafe extern "C" fn(*mut c_void) -> *const c_char,
}

// SAFETY: the table is constant data and functions, which the generated C++ never changes.
unsafe impl Sync for ModelVtable {}
// SAFETY: as above.
unsafe impl Send for ModelVtable {}

/// A compiled design, of which any number of [`Model`]s can be made.
#[derive(Clone, Copy)]
pub struct Design {
    vtable: &'static ModelVtable,
}

impl Design {
    /// Compiles `verilog`, whose top module is `top`, or finds it compiled in the cache (`<target>/verilated`). The
    /// shared object stays loaded until the process ends.
    ///
    /// A one-bit input called `clk` is the clock of [`Model::tick`].
    ///
    /// # Errors
    /// No toolchain, or a tool's own error with all that it printed.
    pub fn compile(top: &str, verilog: &str, options: &Options) -> Result<Self, Error> {
        let toolchain = toolchain::find()?;
        let recipe = Recipe { toolchain: &toolchain, top, verilog, name: top, options };
        let path = recipe.build(&cache_dir())?.shared_object;
        let load = |source| Error::Load { path: path.clone(), source };
        // SAFETY: the object was made by this crate; its initializers are those of the C++ library and of Verilator's
        // run-time library, which have no demands on the caller.
        let library = unsafe { libloading::Library::new(&path) }.map_err(load)?;
        // SAFETY: this is the type of the one function that the generated shim exports.
        let table = unsafe {
            library.get::<unsafe extern "C" fn() -> *const ModelVtable>(symbol(top).as_bytes()).map(|entry| entry())
        }
        .map_err(load)?;
        // The library must outlive the table that is in it.
        std::mem::forget(library);
        // SAFETY: the shim returns the address of a constant, and the library is never unloaded.
        Self::from_static(unsafe { &*table })
    }

    /// The design that a build script linked in with [`crate::build::model`].
    ///
    /// # Errors
    /// [`Error::Abi`] when another version of this crate made it.
    pub fn from_static(vtable: &'static ModelVtable) -> Result<Self, Error> {
        if vtable.abi != ABI {
            return Err(Error::Abi { found: vtable.abi, expected: ABI });
        }
        Ok(Self { vtable })
    }

    /// The ports of the top module.
    pub fn ports(&self) -> Vec<Port> {
        self.raw_ports()
            .iter()
            .map(|raw| {
                // SAFETY: the shim's port names are string literals.
                let name = unsafe { CStr::from_ptr(raw.name) }.to_string_lossy().into_owned();
                let direction = if raw.direction == 0 { Direction::Input } else { Direction::Output };
                Port { name, width: raw.width, direction }
            })
            .collect()
    }

    fn raw_ports(&self) -> &'static [RawPort] {
        // SAFETY: the shim exports a constant table of exactly `port_count` ports.
        unsafe { std::slice::from_raw_parts(self.vtable.ports, self.vtable.port_count as usize) }
    }

    /// A new instance. Whatever the Verilog leaves without an initial value is filled from `seed`; the same seed gives
    /// the same values.
    pub fn instance(&self, seed: u64) -> Model {
        // Verilator takes 31 bits and gives 0 a meaning of its own.
        let seed = (seed ^ seed >> 31) as u32 & 0x7fff_ffff;
        let mut addresses = vec![ptr::null_mut(); self.vtable.port_count as usize];
        // SAFETY: `addresses` has room for one address a port, which is what the shim writes.
        let state = unsafe { (self.vtable.create)(seed.max(1), addresses.as_mut_ptr()) };
        let ports = self.raw_ports().iter().zip(addresses);
        let slots = ports.map(|(raw, address)| Slot { address, width: raw.width, size: Size::of(raw.width) }).collect();
        Model { design: *self, state, slots }
    }
}

/// How Verilator stores a port.
#[derive(Clone, Copy)]
enum Size {
    Byte,
    Half,
    Word,
    Long,
    Wide,
}

impl Size {
    fn of(width: u32) -> Self {
        match width {
            0..=8 => Self::Byte,
            9..=16 => Self::Half,
            17..=32 => Self::Word,
            33..=64 => Self::Long,
            _ => Self::Wide,
        }
    }

    /// Bytes in memory of a port of this size.
    fn bytes(self, width: u32) -> usize {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Long => 8,
            Self::Wide => width.div_ceil(32) as usize * 4,
        }
    }
}

#[cfg(target_endian = "big")]
compile_error!("ports are copied as bytes, which needs a little-endian machine");

struct Slot {
    address: *mut c_void,
    width: u32,
    size: Size,
}

/// A port of one design, as [`Model::port`] found it. It holds for every model of the same design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortId(u32);

/// One instance of a [`Design`], with its own state and time.
///
/// In each cycle: set inputs, [`settle`](Self::settle), read the outputs as they stand before the clock edge, then
/// [`edge`](Self::edge). [`tick`](Self::tick) does both, for callers that read outputs after the edge only.
///
/// All calls that evaluate panic when a Verilog assertion fails or `$stop` or `$fatal` is reached.
pub struct Model {
    design: Design,
    state: *mut c_void,
    slots: Box<[Slot]>,
}

// SAFETY: a model's state, its VerilatedContext included, is its own; what the run-time library keeps per thread is
// set anew by the shim in every call. Models are not Sync.
unsafe impl Send for Model {}

impl Model {
    /// Compiles `verilog` and makes an instance with seed 1: [`Design::compile`] and [`Design::instance`].
    ///
    /// # Errors
    /// Those of [`Design::compile`].
    pub fn compile(top: &str, verilog: &str, options: &Options) -> Result<Self, Error> {
        Ok(Design::compile(top, verilog, options)?.instance(1))
    }

    /// The design of which this is an instance.
    pub fn design(&self) -> Design {
        self.design
    }

    /// Looks a port up by its name in the Verilog.
    pub fn port(&self, name: &str) -> Option<PortId> {
        let index = self.design.ports().iter().position(|port| port.name == name)?;
        Some(PortId(index as u32))
    }

    /// Looks up a port that must be there.
    ///
    /// # Panics
    /// When it is not.
    pub fn expect_port(&self, name: &str) -> PortId {
        self.port(name).unwrap_or_else(|| panic!("the model has no port {name}"))
    }

    /// Width of a port in bits.
    pub fn width(&self, id: PortId) -> u32 {
        self.slots[id.0 as usize].width
    }

    /// The value of a port of at most 64 bits; of a wider one, its low 64 bits.
    #[inline]
    pub fn get_u64(&self, id: PortId) -> u64 {
        let slot = &self.slots[id.0 as usize];
        // SAFETY: the address is that of a live member of this model's object, of the type that `size` says.
        unsafe {
            match slot.size {
                Size::Byte => u64::from(*slot.address.cast::<u8>()),
                Size::Half => u64::from(*slot.address.cast::<u16>()),
                Size::Word => u64::from(*slot.address.cast::<u32>()),
                Size::Long => *slot.address.cast::<u64>(),
                Size::Wide => {
                    let words = slot.address.cast::<u32>();
                    u64::from(*words) | u64::from(*words.add(1)) << 32
                }
            }
        }
    }

    /// Sets a port of at most 64 bits; what exceeds its width is cut off. Sets a wider one's low 64 bits, the rest to 0.
    #[inline]
    pub fn set_u64(&mut self, id: PortId, value: u64) {
        let slot = &self.slots[id.0 as usize];
        // SAFETY: as in `get_u64`; `&mut self` makes this the only access. A value is cut to the width, as Verilator
        // expects clean inputs.
        unsafe {
            match slot.size {
                Size::Byte => *slot.address.cast::<u8>() = value as u8 & mask(slot.width) as u8,
                Size::Half => *slot.address.cast::<u16>() = value as u16 & mask(slot.width) as u16,
                Size::Word => *slot.address.cast::<u32>() = value as u32 & mask(slot.width) as u32,
                Size::Long => *slot.address.cast::<u64>() = value & mask(slot.width),
                Size::Wide => self.set_words(id, &[value as u32, (value >> 32) as u32]),
            }
        }
    }

    /// Reads a port of any width, least significant word first. Words past the port's width are set to 0.
    #[inline]
    pub fn get_words(&self, id: PortId, words: &mut [u32]) {
        let slot = &self.slots[id.0 as usize];
        let Size::Wide = slot.size else {
            let value = self.get_u64(id);
            for (index, word) in words.iter_mut().enumerate() {
                *word = if index < 2 { (value >> (32 * index)) as u32 } else { 0 };
            }
            return;
        };
        let count = (slot.width.div_ceil(32) as usize).min(words.len());
        // SAFETY: a wide port is an array of `width / 32`, rounded up, words; `words` is Rust's own memory.
        unsafe { ptr::copy_nonoverlapping(slot.address.cast::<u32>(), words.as_mut_ptr(), count) };
        words[count..].fill(0);
    }

    /// Sets a port of any width, least significant word first. Missing words are 0; what exceeds the width is cut off.
    #[inline]
    pub fn set_words(&mut self, id: PortId, words: &[u32]) {
        let slot = &self.slots[id.0 as usize];
        let Size::Wide = slot.size else {
            let word = |index: usize| u64::from(words.get(index).copied().unwrap_or(0));
            return self.set_u64(id, word(0) | word(1) << 32);
        };
        let total = slot.width.div_ceil(32) as usize;
        let count = total.min(words.len());
        let port = slot.address.cast::<u32>();
        // SAFETY: a wide port is an array of `total` words, and at most that many are written.
        unsafe {
            ptr::copy_nonoverlapping(words.as_ptr(), port, count);
            ptr::write_bytes(port.add(count), 0, total - count);
            if !slot.width.is_multiple_of(32) {
                *port.add(total - 1) &= mask(slot.width % 32) as u32;
            }
        }
    }

    /// Reads a port of any width as bytes, byte 0 from bits 7:0. Bytes past the port's last word are set to 0.
    #[inline]
    pub fn get_bytes(&self, id: PortId, bytes: &mut [u8]) {
        let slot = &self.slots[id.0 as usize];
        let size = slot.size.bytes(slot.width);
        let count = size.min(bytes.len());
        // SAFETY: the port is an object of `size` bytes, least significant first on the machines that we build for.
        unsafe { ptr::copy_nonoverlapping(slot.address.cast::<u8>(), bytes.as_mut_ptr(), count) };
        bytes[count..].fill(0);
    }

    /// Sets a port of any width from bytes, byte 0 to bits 7:0. Missing bytes are 0; what exceeds the width is cut off.
    #[inline]
    pub fn set_bytes(&mut self, id: PortId, bytes: &[u8]) {
        let slot = &self.slots[id.0 as usize];
        let size = slot.size.bytes(slot.width);
        let count = (slot.width.div_ceil(8) as usize).min(bytes.len());
        let port = slot.address.cast::<u8>();
        // SAFETY: as in `get_bytes`, and `&mut self` makes this the only access. The port has at least one byte for
        // each 8 bits of its width.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), port, count);
            ptr::write_bytes(port.add(count), 0, size - count);
            if !slot.width.is_multiple_of(8) {
                *port.add(slot.width as usize / 8) &= mask(slot.width % 8) as u8;
            }
        }
    }

    /// Settles combinational logic; leaves the clock as it is.
    #[inline]
    pub fn eval(&mut self) {
        // SAFETY: `state` is this model's own and live until drop. The same holds for all calls below.
        let failed = unsafe { (self.design.vtable.eval)(self.state) };
        self.check(failed);
    }

    /// Sets the clock low and settles: the outputs are then those before the coming edge, for the inputs as set.
    #[inline]
    pub fn settle(&mut self) {
        // SAFETY: see `eval`.
        let failed = unsafe { (self.design.vtable.settle)(self.state) };
        self.check(failed);
    }

    /// The rising clock edge.
    #[inline]
    pub fn edge(&mut self) {
        // SAFETY: see `eval`.
        let failed = unsafe { (self.design.vtable.edge)(self.state) };
        self.check(failed);
    }

    /// One clock period: [`settle`](Self::settle), then [`edge`](Self::edge).
    #[inline]
    pub fn tick(&mut self) {
        // SAFETY: see `eval`.
        let failed = unsafe { (self.design.vtable.tick)(self.state) };
        self.check(failed);
    }

    /// Starts to write waves (FST) to `path`, in place of any that were being written. One time unit is half a clock
    /// period.
    ///
    /// # Errors
    /// When the file cannot be made, or the design was compiled without [`Options::trace`].
    pub fn trace_open(&mut self, path: &Path) -> Result<(), Error> {
        // Verilator's writer does not say when it cannot open its file.
        drop(std::fs::File::create(path).map_err(Error::file("write waves to", path))?);
        let failed = |kind| Error::file("write waves to", path)(std::io::Error::from(kind));
        let name = CString::new(path.as_os_str().as_encoded_bytes());
        let name = name.map_err(|_| failed(std::io::ErrorKind::InvalidFilename))?;
        // SAFETY: see `eval`; the name outlives the call.
        match unsafe { (self.design.vtable.trace_open)(self.state, name.as_ptr()) } {
            0 => Ok(()),
            _ => Err(failed(std::io::ErrorKind::Unsupported)),
        }
    }

    /// Ends the waves; the file is then complete. Dropping the model does the same.
    pub fn trace_close(&mut self) {
        // SAFETY: see `eval`.
        unsafe { (self.design.vtable.trace_close)(self.state) }
    }

    #[inline]
    fn check(&self, failed: c_int) {
        if failed != 0 {
            self.fail();
        }
    }

    #[cold]
    fn fail(&self) -> ! {
        // SAFETY: see `eval`; the string lives as long as the model.
        let message = unsafe { CStr::from_ptr((self.design.vtable.error)(self.state)) };
        panic!("Verilog model failed: {}", message.to_string_lossy());
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `state` came from `create`, and nothing uses it after this.
        unsafe {
            (self.design.vtable.trace_close)(self.state);
            (self.design.vtable.destroy)(self.state);
        }
    }
}

#[inline]
fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}
