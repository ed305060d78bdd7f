//! Small typed-in Verilog, compiled and run.

use dyad_verilator::{Design, Direction, Error, Model, Options};

const COUNTER: &str = "
module counter(input clk, input rst, input [7:0] step, output reg [15:0] count, output [8:0] next_low,
               input [511:0] wide, output reg [511:0] wide_q, input [69:0] odd, output [69:0] odd_inverted);
  assign next_low = count[7:0] + step;
  assign odd_inverted = ~odd;
  always @(posedge clk) begin
    wide_q <= wide;
    if (rst) count <= 0; else count <= count + {8'd0, step};
  end
endmodule
";

fn counter() -> Design {
    Design::compile("counter", COUNTER, &Options::default()).unwrap()
}

#[test]
fn counts_and_settles() {
    let mut model = counter().instance(1);
    let [rst, step, count, next] = ["rst", "step", "count", "next_low"].map(|name| model.expect_port(name));
    model.set_u64(rst, 1);
    model.tick();
    assert_eq!(model.get_u64(count), 0);
    model.set_u64(rst, 0);
    for cycle in 1..=1000u64 {
        model.set_u64(step, 0x1ff);
        model.settle();
        assert_eq!(model.get_u64(count), ((cycle - 1) * 255) & 0xffff, "the value before the edge");
        assert_eq!(model.get_u64(next), (((cycle - 1) * 255) & 0xff) + 255, "inputs are cut to their width");
        model.edge();
        assert_eq!(model.get_u64(count), (cycle * 255) & 0xffff, "the value after it");
    }
}

#[test]
fn wide_ports_are_least_significant_word_first() {
    let mut model = counter().instance(1);
    let [wide, wide_q, odd, inverted] = ["wide", "wide_q", "odd", "odd_inverted"].map(|name| model.expect_port(name));
    let words: Vec<u32> = (0..16).map(|index| 0x0101_0101 * index).collect();
    model.set_words(wide, &words);
    model.set_words(odd, &[1, 0, u32::MAX]);
    model.tick();
    let mut read = [0; 17];
    model.get_words(wide_q, &mut read);
    assert_eq!(read[..16], words);
    assert_eq!(read[16], 0);
    assert_eq!(model.get_u64(wide_q), 0x0101_0101_0000_0000);
    let mut read = [0; 3];
    model.get_words(inverted, &mut read);
    assert_eq!(read, [0xffff_fffe, u32::MAX, 0]);
    model.set_u64(wide, 5);
    model.tick();
    let mut read = [9; 16];
    model.get_words(wide_q, &mut read);
    assert_eq!(read[..2], [5, 0]);
    assert_eq!(read[2..], [0; 14]);
}

#[test]
fn ports_of_any_width_are_bytes_too() {
    let mut model = counter().instance(1);
    let [wide, wide_q, odd, inverted, rst, step, count] =
        ["wide", "wide_q", "odd", "odd_inverted", "rst", "step", "count"].map(|name| model.expect_port(name));
    let bytes: [u8; 64] = std::array::from_fn(|index| index as u8 ^ 0x5a);
    model.set_bytes(wide, &bytes);
    model.set_bytes(odd, &[0xff; 12]);
    model.set_bytes(rst, &[0xff]);
    model.tick();
    let mut read = [9; 70];
    model.get_bytes(wide_q, &mut read);
    assert_eq!((&read[..64], &read[64..]), (&bytes[..], &[0; 6][..]));
    let mut read = [9; 12];
    model.get_bytes(inverted, &mut read);
    assert_eq!(read, [0; 12]);
    model.set_bytes(rst, &[]);
    model.set_bytes(step, &[200, 1]);
    (0..2).for_each(|_| model.tick());
    let mut read = [0; 2];
    model.get_bytes(count, &mut read);
    assert_eq!(u16::from_le_bytes(read), 400);
}

#[test]
fn ports_are_listed() {
    let design = counter();
    let ports = design.ports();
    let find = |name: &str| ports.iter().find(|port| port.name == name).map(|port| (port.width, port.direction));
    assert_eq!(find("clk"), Some((1, Direction::Input)));
    assert_eq!(find("wide_q"), Some((512, Direction::Output)));
    assert_eq!(find("odd"), Some((70, Direction::Input)));
    assert!(design.instance(1).port("nothing").is_none());
}

#[test]
fn instances_are_independent_and_may_move_to_other_threads() {
    let run = |seed: u64, step: u64| {
        let mut model = counter().instance(seed);
        std::thread::spawn(move || {
            let [rst, step_port, count] = ["rst", "step", "count"].map(|name| model.expect_port(name));
            model.set_u64(rst, 1);
            model.tick();
            model.set_u64(rst, 0);
            model.set_u64(step_port, step);
            (0..100).for_each(|_| model.tick());
            model.get_u64(count)
        })
    };
    let (one, two) = (run(1, 1), run(2, 2));
    assert_eq!((one.join().unwrap(), two.join().unwrap()), (100, 200));
}

#[test]
fn power_up_values_follow_the_seed() {
    let design = counter();
    let first = |seed| {
        let mut model = design.instance(seed);
        model.eval();
        let mut words = [0; 16];
        model.get_words(model.expect_port("wide_q"), &mut words);
        words
    };
    assert_eq!(first(7), first(7));
    assert_ne!(first(7), first(8));
    assert_ne!(first(7), [0; 16]);
}

#[test]
fn waves_come_out_when_asked() {
    let options = Options { trace: true, ..Options::default() };
    let mut model = Model::compile("counter", COUNTER, &options).unwrap();
    let path = std::env::temp_dir().join(format!("dyad-verilator-{}.fst", std::process::id()));
    model.trace_open(&path).unwrap();
    (0..100).for_each(|_| model.tick());
    model.trace_close();
    // A second file, begun in the middle of a run, replaces the first.
    model.trace_open(&path).unwrap();
    (0..100).for_each(|_| model.tick());
    drop(model);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    // Block type 0 is the FST header, 329 bytes long.
    assert_eq!(bytes[..9], [0, 0, 0, 0, 0, 0, 0, 1, 73]);
    let mut model = Model::compile("counter", COUNTER, &options).unwrap();
    assert!(model.trace_open(std::path::Path::new("/nowhere/x.fst")).is_err());
    assert!(counter().instance(1).trace_open(&path).is_err(), "compiled without waves");
}

#[test]
#[should_panic(expected = "Verilog model failed")]
fn a_false_assertion_panics() {
    let verilog = "module guard(input clk, input [3:0] d); always @(posedge clk) assert (d != 4'd5); endmodule";
    let options = Options { assert: true, ..Options::default() };
    let mut model = Model::compile("guard", verilog, &options).unwrap();
    let d = model.expect_port("d");
    for value in 0..16 {
        model.set_u64(d, value);
        model.tick();
        assert!(value < 5, "the assertion was not checked");
    }
}

#[test]
fn bad_verilog_is_an_error_with_the_tools_words() {
    let error =
        Model::compile("broken", "module broken(input clk); assign = 1; endmodule", &Options::default()).err().unwrap();
    assert!(matches!(error, Error::Tool { .. }));
    assert!(error.to_string().contains("syntax error"), "{error}");
}
