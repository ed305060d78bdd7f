//! Streams with valid and ready between blocks: ports and wiring.
//!
//! A stream `x` of width W has the ports `x_valid`, `x_ready` and `x_data`. The sender raises valid without waiting for
//! ready, and holds valid and data until ready (AXI IHI 0051 2.2.1). An event has no ready: the receiver takes it.

use crate::prelude::*;

/// The receiving end of a stream: ports of a module.
#[derive(Clone, Copy)]
pub struct StreamIn {
    /// Input.
    pub valid: E,
    /// Output: to be driven.
    pub ready: Var,
    /// Input.
    pub data: E,
}

/// The sending end of a stream: ports of a module.
#[derive(Clone, Copy)]
pub struct StreamOut {
    /// Output: to be driven.
    pub valid: Var,
    /// Input.
    pub ready: E,
    /// Output: to be driven.
    pub data: Var,
}

/// Makes the ports of a stream that comes in.
pub fn stream_in(m: &M, name: &str, width: usize) -> StreamIn {
    StreamIn {
        valid: m.input(format!("{name}_valid"), 1),
        ready: m.output(format!("{name}_ready"), 1),
        data: m.input(format!("{name}_data"), width),
    }
}

/// Makes the ports of a stream that goes out.
pub fn stream_out(m: &M, name: &str, width: usize) -> StreamOut {
    StreamOut {
        valid: m.output(format!("{name}_valid"), 1),
        ready: m.input(format!("{name}_ready"), 1),
        data: m.output(format!("{name}_data"), width),
    }
}

impl StreamIn {
    /// A beat passes in this cycle.
    pub fn fire(&self) -> E {
        self.valid & self.ready
    }
}

impl StreamOut {
    /// A beat passes in this cycle.
    pub fn fire(&self) -> E {
        self.valid & self.ready
    }
}

/// Ports of an event that comes in: `name_valid` and `name_data`.
pub fn event_in(m: &M, name: &str, width: usize) -> (E, E) {
    (m.input(format!("{name}_valid"), 1), m.input(format!("{name}_data"), width))
}

/// Ports of an event that goes out.
pub fn event_out(m: &M, name: &str, width: usize) -> (Var, Var) {
    (m.output(format!("{name}_valid"), 1), m.output(format!("{name}_data"), width))
}

/// An output `ev_<name>` that is 1 in the cycle after one in which what is returned is set: a register that is 0 by default.
pub(crate) fn pulse(m: &M, name: &str) -> Var {
    let q = m.reg(format!("{name}_q"), 1, 0);
    q.set(0);
    m.output(format!("ev_{name}"), 1).set(q);
    q
}

/// Wires stream `out` of one instance to stream `into` of another.
pub fn connect(from: &Inst, out: &str, to: &Inst, into: &str) {
    to.set(format!("{into}_valid"), from.get(format!("{out}_valid")));
    to.set(format!("{into}_data"), from.get(format!("{out}_data")));
    from.set(format!("{out}_ready"), to.get(format!("{into}_ready")));
}

/// Wires event `out` of one instance to event `into` of another.
pub fn connect_event(from: &Inst, out: &str, to: &Inst, into: &str) {
    to.set(format!("{into}_valid"), from.get(format!("{out}_valid")));
    to.set(format!("{into}_data"), from.get(format!("{out}_data")));
}

/// A registered stream output that is loaded in one cycle and offered from the next.
pub(crate) struct Mailer {
    out: StreamOut,
    full: Var,
    data: Var,
}

impl Mailer {
    pub(crate) fn new(m: &M, name: &str, width: usize) -> Self {
        let out = stream_out(m, name, width);
        let full = m.reg(format!("{name}_full"), 1, 0);
        let data = m.reg_nr(format!("{name}_q"), width);
        out.valid.set(full);
        out.data.set(data);
        when(out.ready, || full.set(0));
        Self { out, full, data }
    }

    /// Empty now, or emptied in this cycle.
    pub(crate) fn free(&self) -> E {
        !self.full | self.out.ready
    }

    /// Something waits to be taken.
    pub(crate) fn full(&self) -> E {
        self.full.get()
    }

    /// Loads it, under the condition in force.
    pub(crate) fn send(&self, value: E) {
        self.full.set(1);
        self.data.set(value);
    }
}
