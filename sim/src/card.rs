//! The card's pins as plain values: what the models of its surroundings read and drive in each cycle.

/// Widest AXI beat in bytes: `STORE_W` 1024.
pub const MAX_AXI_BYTES: usize = 128;
/// Widest stream beat in bytes: `DATA_W` 512.
pub const MAX_AXIS_BYTES: usize = 64;

/// One of the two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The first.
    A = 0,
    /// The second.
    B = 1,
}

impl Site {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    pub fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// AXI read or write address channel, driven by the master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxiAddress {
    /// `valid`.
    pub valid: bool,
    /// Byte address.
    pub addr: u64,
    /// Beats less one.
    pub len: u8,
    /// log2 of the bytes in a beat.
    pub size: u8,
    /// Burst type: 1 is INCR.
    pub burst: u8,
    /// Transaction identifier.
    pub id: u8,
}

/// AXI write data channel, driven by the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxiWriteData {
    /// `valid`.
    pub valid: bool,
    /// Last beat of the burst.
    pub last: bool,
    /// One bit for each byte of `data`.
    pub strb: u128,
    /// Byte 0 is on bits 7:0; the bytes past the bus's width are 0.
    pub data: [u8; MAX_AXI_BYTES],
}

impl Default for AxiWriteData {
    fn default() -> Self {
        Self { valid: false, last: false, strb: 0, data: [0; MAX_AXI_BYTES] }
    }
}

/// What an AXI master drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxiMasterPins {
    /// Write address.
    pub aw: AxiAddress,
    /// Write data.
    pub w: AxiWriteData,
    /// `bready`.
    pub b_ready: bool,
    /// Read address.
    pub ar: AxiAddress,
    /// `rready`.
    pub r_ready: bool,
}

/// What an AXI slave drives.
#[derive(Clone, Copy, Debug)]
pub struct AxiSlavePins {
    /// `awready`.
    pub aw_ready: bool,
    /// `wready`.
    pub w_ready: bool,
    /// `bvalid`.
    pub b_valid: bool,
    /// `bid`.
    pub b_id: u8,
    /// `bresp`.
    pub b_resp: Response,
    /// `arready`.
    pub ar_ready: bool,
    /// `rvalid`.
    pub r_valid: bool,
    /// `rid`.
    pub r_id: u8,
    /// `rresp`.
    pub r_resp: Response,
    /// `rlast`.
    pub r_last: bool,
    /// `rdata`, byte 0 on bits 7:0.
    pub r_data: [u8; MAX_AXI_BYTES],
}

impl Default for AxiSlavePins {
    fn default() -> Self {
        Self {
            aw_ready: false,
            w_ready: false,
            b_valid: false,
            b_id: 0,
            b_resp: Response::Okay,
            ar_ready: false,
            r_valid: false,
            r_id: 0,
            r_resp: Response::Okay,
            r_last: false,
            r_data: [0; MAX_AXI_BYTES],
        }
    }
}

/// AXI response code (IHI 0022, A3.4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Done.
    #[default]
    Okay = 0,
    /// The slave failed.
    SlvErr = 2,
    /// Nothing is at that address.
    DecErr = 3,
}

/// One beat of a stream: `tvalid`, `tlast`, `tuser`, `tkeep`, `tdata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisBeat {
    /// `tvalid`.
    pub valid: bool,
    /// Last beat of the frame.
    pub last: bool,
    /// With `last`: the frame is bad.
    pub user: bool,
    /// One bit for each byte of `data`.
    pub keep: u64,
    /// Byte 0 is on bits 7:0; the bytes past the stream's width are 0.
    pub data: [u8; MAX_AXIS_BYTES],
}

impl Default for AxisBeat {
    fn default() -> Self {
        Self { valid: false, last: false, user: false, keep: 0, data: [0; MAX_AXIS_BYTES] }
    }
}

/// What an AXI4-Lite master drives; 32 data bits, 16 address bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxilMasterPins {
    /// `awvalid`.
    pub aw_valid: bool,
    /// `awaddr`.
    pub aw_addr: u16,
    /// `wvalid`.
    pub w_valid: bool,
    /// `wdata`.
    pub w_data: u32,
    /// `wstrb`.
    pub w_strb: u8,
    /// `bready`.
    pub b_ready: bool,
    /// `arvalid`.
    pub ar_valid: bool,
    /// `araddr`.
    pub ar_addr: u16,
    /// `rready`.
    pub r_ready: bool,
}

/// What an AXI4-Lite slave drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxilSlavePins {
    /// `awready`.
    pub aw_ready: bool,
    /// `wready`.
    pub w_ready: bool,
    /// `bvalid`.
    pub b_valid: bool,
    /// `bresp`.
    pub b_resp: u8,
    /// `arready`.
    pub ar_ready: bool,
    /// `rvalid`.
    pub r_valid: bool,
    /// `rresp`.
    pub r_resp: u8,
    /// `rdata`.
    pub r_data: u32,
}

/// All that goes into a card.
#[derive(Clone, Copy, Debug, Default)]
pub struct CardInputs {
    /// `rst`, synchronous, active high.
    pub rst: bool,
    /// `now`, in core clock periods.
    pub now: u64,
    /// `s_axil_*`, the master's part.
    pub axil: AxilMasterPins,
    /// `m_axi_host_*`, the slave's part.
    pub host: AxiSlavePins,
    /// `m_axi_store_*`, the slave's part.
    pub store: AxiSlavePins,
    /// `store_flush_ack`, one cycle.
    pub flush_ack: bool,
    /// `store_flush_err`, with the former.
    pub flush_err: bool,
    /// `s_axis_rx_*` without ready.
    pub rx: AxisBeat,
    /// `m_axis_tx_tready`.
    pub tx_ready: bool,
}

/// All that comes out of a card.
#[derive(Clone, Copy, Debug, Default)]
pub struct CardOutputs {
    /// `idle`: nothing will change for as long as no input does, save timers at the next scan.
    pub idle: bool,
    /// `irq`: a pulse of one cycle for each vector.
    pub irq: u8,
    /// `s_axil_*`, the slave's part.
    pub axil: AxilSlavePins,
    /// `m_axi_host_*`, the master's part.
    pub host: AxiMasterPins,
    /// `m_axi_store_*`, the master's part.
    pub store: AxiMasterPins,
    /// `store_flush_req`, held until the answer.
    pub flush_req: bool,
    /// `s_axis_rx_tready`.
    pub rx_ready: bool,
    /// `m_axis_tx_*` without ready.
    pub tx: AxisBeat,
}

/// A card: Verilated, or a stand-in.
pub trait Card: Send {
    /// `DATA_W` / 8: bytes in a beat of the host bus and of the streams.
    fn data_bytes(&self) -> usize;

    /// `STORE_W` / 8: bytes in a beat of the store bus.
    fn store_bytes(&self) -> usize;

    /// One clock period: applies `inputs`, settles, puts the outputs as they stand just before the clock edge into
    /// `outputs`, then clocks.
    fn cycle(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs);

    /// The first half of [`cycle`](Self::cycle): a card with a thread of its own may still be at work afterwards.
    fn begin(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs) {
        self.cycle(inputs, outputs);
    }

    /// The other half: the cycle that was begun is done, and `outputs` are its outputs. They must be those of
    /// [`begin`](Self::begin).
    fn end(&mut self, outputs: &mut CardOutputs) {
        let _ = outputs;
    }

    /// Starts to write waves to `path`.
    ///
    /// # Errors
    /// When the file can't be made or the card has no waves.
    fn trace_open(&mut self, path: &std::path::Path) -> std::io::Result<()> {
        let _ = path;
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Ends the waves.
    fn trace_close(&mut self) {}
}
