//! What rust-hdl lacks: a reset, a flip-flop that it resets, and names for modules.

use std::any::type_name;
use std::marker::PhantomData;

use rust_hdl::core::signal::get_signal_id;
use rust_hdl::prelude::*;

/// The type of reset signals: `Signal<In, Reset>`. They all are the module's `rst`, synchronous and active high.
///
/// Not a `Bit`, so that kernels can only hand it on: `self.q.rst.next = self.rst.val();`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// Whether the reset is active.
    pub rst: bool,
}

/// The name of [`Reset`]'s type descriptor.
pub(super) const RESET_TYPE: &str = "reset";

/// The start of the name of a [`Tag`]'s type descriptor.
pub(super) const TAG_TYPE: &str = "tag of ";

/// The name by which [`ResetDff`] is known in its timing.
pub(super) const RESET_DFF: &str = "reset_dff";

impl From<bool> for Reset {
    fn from(rst: bool) -> Self {
        Reset { rst }
    }
}

impl Synth for Reset {
    const BITS: usize = 1;

    fn descriptor() -> TypeDescriptor {
        TypeDescriptor { name: RESET_TYPE.to_string(), kind: TypeKind::Bits(1) }
    }

    fn vcd(self) -> VCDValue {
        self.rst.into()
    }

    fn verilog(self) -> VerilogLiteral {
        self.rst.into()
    }
}

/// Flip-flops with a synchronous reset: `q` is `init` at power-up, and after each clock edge at which `rst` is active.
///
/// Fits `dff_setup!`; `rst` is to be connected besides.
#[derive(Clone, Debug, LogicBlock)]
pub struct ResetDff<T: Synth> {
    /// Next state.
    pub d: Signal<In, T>,
    /// State.
    pub q: Signal<Out, T>,
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Loads `init`.
    pub rst: Signal<In, Reset>,
    init: Constant<T>,
}

impl<T: Synth> ResetDff<T> {
    /// Flip-flops that start with, and are reset to, `init`.
    pub fn new(init: T) -> Self {
        ResetDff {
            d: Signal::default(),
            q: Signal::new_with_default(init),
            clock: Signal::default(),
            rst: Signal::default(),
            init: Constant::new(init),
        }
    }
}

impl<T: Synth> Default for ResetDff<T> {
    fn default() -> Self {
        ResetDff::new(T::default())
    }
}

impl<T: Synth> Logic for ResetDff<T> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = if self.rst.val().rst { self.init.val() } else { self.d.val() };
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial q = init;\nalways @(posedge clock) q <= rst ? init : d;".to_string())
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: RESET_DFF.to_string(),
            clock: "clock".to_string(),
            inputs: vec!["d".to_string(), "rst".to_string()],
            outputs: vec!["q".to_string()],
        }]
    }
}

/// A field without bits that tells the import the type of its block: `tag: Tag<Self>`. The block's module is then
/// named after the type, in snake case, with its parameters: `BitSync<2>` becomes `bit_sync_2`.
#[derive(Clone, Debug)]
pub struct Tag<T> {
    id: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Default for Tag<T> {
    fn default() -> Self {
        Tag { id: get_signal_id(), of: PhantomData }
    }
}

impl<T> Logic for Tag<T> {
    fn update(&mut self) {}
}

impl<T> Block for Tag<T> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

impl<T> Atom for Tag<T> {
    fn bits(&self) -> usize {
        0
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        AtomKind::Constant
    }

    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: format!("{TAG_TYPE}{}", type_name::<T>()), kind: TypeKind::Bits(0) }
    }

    fn vcd(&self) -> VCDValue {
        VCDValue::Vector(Vec::new())
    }

    fn id(&self) -> usize {
        self.id
    }

    fn verilog(&self) -> VerilogLiteral {
        VerilogLiteral::from(0_u8)
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}
