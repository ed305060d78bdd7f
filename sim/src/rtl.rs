//! The Verilated card behind the [`Card`] trait.

use crate::card::{
    AxiAddress, AxiMasterPins, AxiSlavePins, AxilMasterPins, AxilSlavePins, AxisBeat, Card, CardInputs, CardOutputs,
};
use dyad_verilator::{Design, Error, Model, Optimize, Options, PortId};
use std::path::Path;

/// Compiles a core's Verilog, top module `dyad_core`, for speed; `trace` makes it able to write waves. For the default
/// builds without waves there is [`crate::core::design`].
///
/// # Errors
/// Those of [`Design::compile`].
pub fn compile(verilog: &str, trace: bool) -> Result<Design, Error> {
    Design::compile("dyad_core", verilog, &Options { trace, optimize: Optimize::Speed, ..Options::default() })
}

/// A Verilated `dyad_core` with its ports looked up.
pub struct RtlCard {
    model: Model,
    ports: Ports,
    data_bytes: usize,
    store_bytes: usize,
}

struct Ports {
    rst: PortId,
    now: PortId,
    idle: PortId,
    irq: PortId,
    axil: AxilPorts,
    host: AxiPorts,
    store: AxiPorts,
    flush_req: PortId,
    flush_ack: PortId,
    flush_err: PortId,
    rx: AxisPorts,
    tx: AxisPorts,
}

impl RtlCard {
    /// A card made from `model`.
    ///
    /// # Panics
    /// When a port of the card is missing, or the widths of the two streams or of the host bus differ.
    pub fn new(model: Model) -> Self {
        let port = |name: &str| model.expect_port(name);
        let ports = Ports {
            rst: port("rst"),
            now: port("now"),
            idle: port("idle"),
            irq: port("irq"),
            axil: AxilPorts::new(&model),
            host: AxiPorts::new(&model, "m_axi_host"),
            store: AxiPorts::new(&model, "m_axi_store"),
            flush_req: port("store_flush_req"),
            flush_ack: port("store_flush_ack"),
            flush_err: port("store_flush_err"),
            rx: AxisPorts::new(&model, "s_axis_rx"),
            tx: AxisPorts::new(&model, "m_axis_tx"),
        };
        let data_bits = model.width(ports.host.rdata);
        assert_eq!(data_bits, model.width(ports.rx.data), "host bus and receive stream differ in width");
        assert_eq!(data_bits, model.width(ports.tx.data), "host bus and transmit stream differ in width");
        let store_bits = model.width(ports.store.rdata);
        Self { model, ports, data_bytes: data_bits as usize / 8, store_bytes: store_bits as usize / 8 }
    }

    /// The model itself, to look at ports beyond those of [`CardOutputs`].
    pub fn model(&self) -> &Model {
        &self.model
    }
}

impl Card for RtlCard {
    fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    fn store_bytes(&self) -> usize {
        self.store_bytes
    }

    fn cycle(&mut self, inputs: &CardInputs, outputs: &mut CardOutputs) {
        let (model, ports) = (&mut self.model, &self.ports);
        model.set_u64(ports.rst, inputs.rst.into());
        model.set_u64(ports.now, inputs.now);
        ports.axil.drive(model, &inputs.axil);
        ports.host.drive(model, &inputs.host, self.data_bytes);
        ports.store.drive(model, &inputs.store, self.store_bytes);
        model.set_u64(ports.flush_ack, inputs.flush_ack.into());
        model.set_u64(ports.flush_err, inputs.flush_err.into());
        ports.rx.drive(model, &inputs.rx, self.data_bytes);
        model.set_u64(ports.tx.ready, inputs.tx_ready.into());
        model.settle();
        outputs.idle = model.get_u64(ports.idle) != 0;
        outputs.irq = model.get_u64(ports.irq) as u8;
        ports.axil.sample(model, &mut outputs.axil);
        ports.host.sample(model, &mut outputs.host, self.data_bytes);
        ports.store.sample(model, &mut outputs.store, self.store_bytes);
        outputs.flush_req = model.get_u64(ports.flush_req) != 0;
        outputs.rx_ready = model.get_u64(ports.rx.ready) != 0;
        ports.tx.sample(model, &mut outputs.tx, self.data_bytes);
        model.edge();
    }

    fn trace_open(&mut self, path: &Path) -> std::io::Result<()> {
        self.model.trace_open(path).map_err(std::io::Error::other)
    }

    fn trace_close(&mut self) {
        self.model.trace_close();
    }
}

struct AddressPorts {
    valid: PortId,
    ready: PortId,
    addr: PortId,
    len: PortId,
    size: PortId,
    burst: PortId,
    id: PortId,
}

impl AddressPorts {
    fn new(model: &Model, prefix: &str) -> Self {
        let port = |name: &str| model.expect_port(&format!("{prefix}{name}"));
        Self {
            valid: port("valid"),
            ready: port("ready"),
            addr: port("addr"),
            len: port("len"),
            size: port("size"),
            burst: port("burst"),
            id: port("id"),
        }
    }

    fn sample(&self, model: &Model, address: &mut AxiAddress) {
        address.valid = model.get_u64(self.valid) != 0;
        if address.valid {
            address.addr = model.get_u64(self.addr);
            address.len = model.get_u64(self.len) as u8;
            address.size = model.get_u64(self.size) as u8;
            address.burst = model.get_u64(self.burst) as u8;
            address.id = model.get_u64(self.id) as u8;
        }
    }
}

struct AxiPorts {
    aw: AddressPorts,
    ar: AddressPorts,
    wdata: PortId,
    wstrb: PortId,
    wlast: PortId,
    wvalid: PortId,
    wready: PortId,
    bid: PortId,
    bresp: PortId,
    bvalid: PortId,
    bready: PortId,
    rid: PortId,
    rdata: PortId,
    rresp: PortId,
    rlast: PortId,
    rvalid: PortId,
    rready: PortId,
}

impl AxiPorts {
    fn new(model: &Model, prefix: &str) -> Self {
        let port = |name: &str| model.expect_port(&format!("{prefix}_{name}"));
        Self {
            aw: AddressPorts::new(model, &format!("{prefix}_aw")),
            ar: AddressPorts::new(model, &format!("{prefix}_ar")),
            wdata: port("wdata"),
            wstrb: port("wstrb"),
            wlast: port("wlast"),
            wvalid: port("wvalid"),
            wready: port("wready"),
            bid: port("bid"),
            bresp: port("bresp"),
            bvalid: port("bvalid"),
            bready: port("bready"),
            rid: port("rid"),
            rdata: port("rdata"),
            rresp: port("rresp"),
            rlast: port("rlast"),
            rvalid: port("rvalid"),
            rready: port("rready"),
        }
    }

    fn drive(&self, model: &mut Model, pins: &AxiSlavePins, bytes: usize) {
        model.set_u64(self.aw.ready, pins.aw_ready.into());
        model.set_u64(self.wready, pins.w_ready.into());
        model.set_u64(self.ar.ready, pins.ar_ready.into());
        model.set_u64(self.bvalid, pins.b_valid.into());
        if pins.b_valid {
            model.set_u64(self.bid, pins.b_id.into());
            model.set_u64(self.bresp, pins.b_resp as u64);
        }
        model.set_u64(self.rvalid, pins.r_valid.into());
        if pins.r_valid {
            model.set_u64(self.rid, pins.r_id.into());
            model.set_u64(self.rresp, pins.r_resp as u64);
            model.set_u64(self.rlast, pins.r_last.into());
            model.set_bytes(self.rdata, &pins.r_data[..bytes]);
        }
    }

    fn sample(&self, model: &Model, pins: &mut AxiMasterPins, bytes: usize) {
        self.aw.sample(model, &mut pins.aw);
        self.ar.sample(model, &mut pins.ar);
        pins.w.valid = model.get_u64(self.wvalid) != 0;
        if pins.w.valid {
            pins.w.last = model.get_u64(self.wlast) != 0;
            let mut strb = [0; 16];
            model.get_bytes(self.wstrb, &mut strb);
            pins.w.strb = u128::from_le_bytes(strb);
            model.get_bytes(self.wdata, &mut pins.w.data[..bytes]);
        }
        pins.b_ready = model.get_u64(self.bready) != 0;
        pins.r_ready = model.get_u64(self.rready) != 0;
    }
}

struct AxisPorts {
    data: PortId,
    keep: PortId,
    valid: PortId,
    ready: PortId,
    last: PortId,
    user: PortId,
}

impl AxisPorts {
    fn new(model: &Model, prefix: &str) -> Self {
        let port = |name: &str| model.expect_port(&format!("{prefix}_t{name}"));
        Self {
            data: port("data"),
            keep: port("keep"),
            valid: port("valid"),
            ready: port("ready"),
            last: port("last"),
            user: port("user"),
        }
    }

    fn drive(&self, model: &mut Model, beat: &AxisBeat, bytes: usize) {
        model.set_u64(self.valid, beat.valid.into());
        if beat.valid {
            model.set_u64(self.last, beat.last.into());
            model.set_u64(self.user, beat.user.into());
            model.set_u64(self.keep, beat.keep);
            model.set_bytes(self.data, &beat.data[..bytes]);
        }
    }

    fn sample(&self, model: &Model, beat: &mut AxisBeat, bytes: usize) {
        beat.valid = model.get_u64(self.valid) != 0;
        if beat.valid {
            beat.last = model.get_u64(self.last) != 0;
            beat.user = model.get_u64(self.user) != 0;
            beat.keep = model.get_u64(self.keep);
            model.get_bytes(self.data, &mut beat.data[..bytes]);
        }
    }
}

struct AxilPorts {
    awaddr: PortId,
    awvalid: PortId,
    awready: PortId,
    wdata: PortId,
    wstrb: PortId,
    wvalid: PortId,
    wready: PortId,
    bresp: PortId,
    bvalid: PortId,
    bready: PortId,
    araddr: PortId,
    arvalid: PortId,
    arready: PortId,
    rdata: PortId,
    rresp: PortId,
    rvalid: PortId,
    rready: PortId,
}

impl AxilPorts {
    fn new(model: &Model) -> Self {
        let port = |name: &str| model.expect_port(&format!("s_axil_{name}"));
        Self {
            awaddr: port("awaddr"),
            awvalid: port("awvalid"),
            awready: port("awready"),
            wdata: port("wdata"),
            wstrb: port("wstrb"),
            wvalid: port("wvalid"),
            wready: port("wready"),
            bresp: port("bresp"),
            bvalid: port("bvalid"),
            bready: port("bready"),
            araddr: port("araddr"),
            arvalid: port("arvalid"),
            arready: port("arready"),
            rdata: port("rdata"),
            rresp: port("rresp"),
            rvalid: port("rvalid"),
            rready: port("rready"),
        }
    }

    fn drive(&self, model: &mut Model, pins: &AxilMasterPins) {
        model.set_u64(self.awvalid, pins.aw_valid.into());
        model.set_u64(self.awaddr, pins.aw_addr.into());
        model.set_u64(self.wvalid, pins.w_valid.into());
        model.set_u64(self.wdata, pins.w_data.into());
        model.set_u64(self.wstrb, pins.w_strb.into());
        model.set_u64(self.bready, pins.b_ready.into());
        model.set_u64(self.arvalid, pins.ar_valid.into());
        model.set_u64(self.araddr, pins.ar_addr.into());
        model.set_u64(self.rready, pins.r_ready.into());
    }

    fn sample(&self, model: &Model, pins: &mut AxilSlavePins) {
        pins.aw_ready = model.get_u64(self.awready) != 0;
        pins.w_ready = model.get_u64(self.wready) != 0;
        pins.b_valid = model.get_u64(self.bvalid) != 0;
        pins.b_resp = model.get_u64(self.bresp) as u8;
        pins.ar_ready = model.get_u64(self.arready) != 0;
        pins.r_valid = model.get_u64(self.rvalid) != 0;
        pins.r_resp = model.get_u64(self.rresp) as u8;
        pins.r_data = model.get_u64(self.rdata) as u32;
    }
}
