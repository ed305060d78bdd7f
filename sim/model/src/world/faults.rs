//! What goes wrong, by name.

/// Rates are per frame, per command or per scan and slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Name on the command line.
    pub name: &'static str,
    /// Frames lost.
    pub loss: f64,
    /// Frames doubled.
    pub double: f64,
    /// Frames delayed by up to several round trips, and so reordered.
    pub delay: f64,
    /// Frames corrupted: their checks fail, and they are lost.
    pub corrupt: f64,
    /// Average time between link cuts; 0: none.
    pub cut: u64,
    /// Writes whose payload faults half-way.
    pub dma: f64,
    /// Commands that end before their time, per scan.
    pub expire: f64,
    /// Sequence numbers run out, and are renewed.
    pub wrap: bool,
    /// Repeats end, and fence the link.
    pub fence: bool,
    /// Site 1's LUN is not live from time to time.
    pub live: bool,
    /// Faults have stopped.
    pub patient: bool,
}

impl Faults {
    /// None.
    pub const NONE: Faults = Faults {
        name: "none",
        loss: 0.0,
        double: 0.0,
        delay: 0.0,
        corrupt: 0.0,
        cut: 0,
        dma: 0.0,
        expire: 0.0,
        wrap: false,
        fence: false,
        live: false,
        patient: false,
    };

    /// A link with 1 % loss, doubling, reordering and corruption.
    pub const LINK: Faults =
        Faults { name: "link", loss: 0.01, double: 0.01, delay: 0.02, corrupt: 0.005, ..Faults::NONE };

    /// A bad link: a tenth of all frames lost, a tenth doubled, a fifth late.
    pub const STORM: Faults =
        Faults { name: "storm", loss: 0.1, double: 0.1, delay: 0.2, corrupt: 0.02, dma: 0.02, ..Faults::NONE };

    /// The link, with cuts, time-outs, payload faults, a LUN that comes and goes, and numbers that run out.
    pub const ALL: Faults = Faults {
        name: "all",
        loss: 0.02,
        double: 0.02,
        delay: 0.05,
        corrupt: 0.01,
        cut: 60_000,
        dma: 0.02,
        expire: 0.0002,
        wrap: true,
        fence: true,
        live: true,
        patient: false,
    };

    /// All sets.
    pub const SETS: [Faults; 4] = [Faults::NONE, Faults::LINK, Faults::STORM, Faults::ALL];

    /// The set of this name.
    pub fn by_name(name: &str) -> Option<Faults> {
        Self::SETS.into_iter().find(|f| f.name == name)
    }
}
