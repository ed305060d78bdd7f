//! Whole designs for 20,000 cycles of random inputs: rust-hdl's simulator, the interpreter and the Verilated text in
//! step. Some are rust-hdl's own widgets, which were not written with this import in mind.

mod front_support;
#[allow(dead_code, reason = "each test uses a part of this")]
mod support;

use dyad_hdl::front::{self, Reset, ResetDff};
use dyad_hdl::prim::kernels;
use dyad_hdl::{prelude, verilog};
use front_support::Trio;
use rust_hdl::prelude::*;

const CYCLES: u64 = 20_000;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum State {
    Idle,
    Head,
    Body,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Beat {
    data: Bits<8>,
    last: Bit,
}

#[derive(LogicInterface, Default)]
struct Stream {
    valid: Signal<In, Bit>,
    data: Signal<In, Bits<8>>,
    ready: Signal<Out, Bit>,
}

/// Frames from a stream: an enum state machine, a struct register, a match without a default, an interface.
#[derive(LogicBlock, Default)]
struct Framer {
    clock: Signal<In, Clock>,
    rst: Signal<In, Reset>,
    s: Stream,
    hold: Signal<In, Bit>,
    busy: Signal<Out, Bit>,
    left: Signal<Out, Bits<4>>,
    data: Signal<Out, Bits<8>>,
    last: Signal<Out, Bit>,
    state: ResetDff<State>,
    count: ResetDff<Bits<4>>,
    beat: DFF<Beat>,
    room: Signal<Local, Bit>,
}

impl Logic for Framer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, count, beat);
        self.state.rst.next = self.rst.val();
        self.count.rst.next = self.rst.val();
        self.room.next = !self.hold.val();
        self.s.ready.next = self.room.val() && self.state.q.val() != State::Head;
        match self.state.q.val() {
            State::Idle => {
                if self.s.valid.val() && self.room.val() {
                    self.count.d.next = self.s.data.val().get_bits::<4>(2);
                    self.state.d.next = State::Head;
                }
            }
            State::Head => {
                if self.count.q.val() == 0 {
                    self.state.d.next = State::Idle;
                } else {
                    self.state.d.next = State::Body;
                }
            }
            State::Body => {
                if self.s.valid.val() && self.room.val() {
                    self.beat.d.next.data = self.s.data.val();
                    self.beat.d.next.last = self.count.q.val() == 1;
                    self.count.d.next = self.count.q.val() - 1;
                    if self.count.q.val() == 1 {
                        self.state.d.next = State::Idle;
                    }
                }
            }
        }
        self.busy.next = self.state.q.val() != State::Idle;
        self.left.next = self.count.q.val();
        self.data.next = self.beat.q.val().data;
        self.last.next = self.beat.q.val().last;
    }
}

ports!(Framer; clock; in rst, hold, s_valid = [s.valid], s_data = [s.data]; out busy, left, data, last, s_ready = [s.ready]);

/// Two framers behind one port, connected by links; a wide register; the next state of a flip-flop read; one that holds
/// after all.
#[derive(LogicBlock, Default)]
struct Pair {
    clock: Signal<In, Clock>,
    rst: Signal<In, Reset>,
    s: Stream,
    second: Signal<In, Bit>,
    wide: Signal<Out, Bits<100>>,
    changes: Signal<Out, Bit>,
    data: Signal<Out, Bits<8>>,
    held: Signal<Out, Bits<8>>,
    one: Framer,
    two: Framer,
    shift: DFF<Bits<100>>,
    kept: DFF<Bits<8>>,
}

impl Logic for Pair {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shift);
        clock!(self, clock, one, two, kept);
        self.one.rst.next = self.rst.val();
        self.two.rst.next = self.rst.val();
        Stream::link(&mut self.s, &mut self.one.s);
        self.one.hold.next = self.two.busy.val();
        self.two.hold.next = self.second.val();
        self.two.s.valid.next = self.one.last.val();
        self.two.s.data.next = self.one.data.val() ^ 0xff;
        if self.one.busy.val() {
            self.shift.d.next = (self.shift.q.val() << 8) | bit_cast::<100, 8>(self.one.data.val());
        }
        self.wide.next = self.shift.q.val();
        self.changes.next = self.shift.d.val() != self.shift.q.val();
        self.data.next = self.two.data.val();
        self.kept.d.next = self.kept.q.val() + 1;
        if self.second.val() {
            self.kept.d.next = self.kept.q.val();
        }
        self.held.next = self.kept.q.val();
    }
}

ports!(Pair; clock; in rst, second, s_valid = [s.valid], s_data = [s.data]; out wide, changes, data, held, s_ready = [s.ready]);

/// Arrays of blocks and of signals, loops in loops, constants, a match of integers.
#[derive(LogicBlock)]
struct Filter {
    clock: Signal<In, Clock>,
    x: [Signal<In, Bits<6>>; 4],
    pick: Signal<In, Bits<2>>,
    y: [Signal<Out, Bits<6>>; 4],
    total: Signal<Out, Bits<6>>,
    history: [DFF<Bits<6>>; 4],
    sums: [Signal<Local, Bits<6>>; 5],
    weight: Constant<Bits<6>>,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            clock: Signal::default(),
            x: Default::default(),
            pick: Signal::default(),
            y: Default::default(),
            total: Signal::default(),
            history: Default::default(),
            sums: Default::default(),
            weight: Constant::new(0x15.into()),
        }
    }
}

impl Logic for Filter {
    #[hdl_gen]
    fn update(&mut self) {
        self.sums[0].next = self.weight.val();
        for i in 0..4 {
            self.history[i].clock.next = self.clock.val();
            self.history[i].d.next = self.x[i].val() & self.weight.val();
            self.sums[i + 1].next = self.sums[i].val() + self.history[i].q.val();
            self.y[i].next = 0.into();
            for j in 0..6 {
                if self.x[(i + 1) % 4].val().get_bit(j) && i + 1 != j {
                    self.y[i].next = self.history[3 - i].q.val().get_bits::<6>(j);
                }
            }
        }
        match self.pick.val().index() {
            0 => self.total.next = self.sums[4].val(),
            0x1 => self.total.next = self.sums[2].val() ^ 1,
            2 => {
                self.total.next = self.y[0].val();
            }
            _ => self.total.next = !self.sums[1].val(),
        }
    }
}

ports!(Filter; clock;
    in pick, x_0 = [x[0]], x_1 = [x[1]], x_2 = [x[2]], x_3 = [x[3]];
    out total, y_0 = [y[0]], y_1 = [y[1]], y_2 = [y[2]], y_3 = [y[3]]);

type Fifo = SynchronousFIFO<Bits<12>, 3, 4, 2>;

ports!(Fifo; clock;
    in read, write, data_in;
    out data_out, empty, almost_empty, underflow, full, almost_full, overflow);
ports!(PulseWidthModulator<5>; clock; in enable, threshold; out active);
ports!(EdgeDetector; clock; in input_signal; out edge_signal);
ports!(Strobe<8>; clock; in enable; out strobe);
ports!(DelayLine<Bits<9>, 6, 3>; clock; in data_in, delay; out data_out);
ports!(SyncSender<Bits<8>>; clock; in sig_in, ack_in, send; out sig_cross, flag_out, busy);
ports!(LFSRSimple; clock; in strobe; out num);
ports!(DFFWithInit<Bits<8>>; clock; in d; out q);

#[test]
fn framer() {
    Trio::new("framer", Framer::default).run(CYCLES, 1);
}

#[test]
fn pair_of_framers_with_links() {
    Trio::new("pair", Pair::default).run(CYCLES, 2);
}

#[test]
fn filter_of_arrays() {
    Trio::new("filter", Filter::default).run(CYCLES, 3);
}

#[test]
fn fifo_of_rust_hdl() {
    Trio::new("fifo", Fifo::default).run(CYCLES, 4);
}

#[test]
fn small_widgets_of_rust_hdl() {
    Trio::new("pwm", PulseWidthModulator::<5>::default).run(CYCLES, 5);
    Trio::new("edge_detector", || EdgeDetector::new(true)).run(CYCLES, 6);
    Trio::new("strobe_8", || Strobe::<8>::new(1_000, 125.0)).run(CYCLES, 7);
    Trio::new("dff_with_init", || DFFWithInit::new(Bits::<8>::from(0x5a))).run(CYCLES, 8);
}

#[test]
fn delay_line_of_rust_hdl() {
    Trio::new("delay_line", DelayLine::<Bits<9>, 6, 3>::default).run(CYCLES, 9);
}

#[test]
fn sender_of_rust_hdl() {
    Trio::new("sync_sender", SyncSender::<Bits<8>>::default).run(CYCLES, 10);
}

#[test]
fn shift_register_of_rust_hdl() {
    Trio::new("lfsr", LFSRSimple::default).run(CYCLES, 11);
}

#[test]
fn imports_stand_in_modules_and_have_clean_text() {
    let pair = front::import("pair", Pair::default()).unwrap();
    let filter = front::import("filter", Filter::default()).unwrap();
    let fifo = front::import("fifo", Fifo::default()).unwrap();
    for m in [&pair, &filter, &fifo] {
        let text = verilog::print(m);
        for lint in [support::verilator, support::yosys, support::slang] {
            lint(m.name(), &text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", m.name()));
        }
    }
    let outer = prelude::module("outer", |m| {
        let sync = m.inst("u_sync", &kernels::bit_sync::<2>());
        sync.set("d", m.input("d", 1));
        m.output("q", 1).set(sync.get("q"));
    });
    let text = verilog::print(&outer);
    assert!(text.contains("// From the rust-hdl kernel BitSync<2>.\nmodule bit_sync_2 ("), "{text}");
    // A block without a tag is named after its place; equal blocks are printed once for each place.
    let text = verilog::print(&pair);
    assert!(text.contains("module pair_one (") && text.contains("module pair_two ("), "{text}");
    assert!(text.contains("input  wire [7:0] s_data"), "{text}");
}
