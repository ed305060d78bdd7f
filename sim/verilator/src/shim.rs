//! The C++ between a Verilated class and [`crate::ModelVtable`], made from the class's own header.

use crate::Error;
use std::fmt::Write;

/// Which way a port goes, seen from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Direction {
    /// Into the model.
    Input = 0,
    /// Out of the model.
    Output = 1,
}

/// A port of a model's top module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the Verilog.
    pub name: String,
    /// Width in bits, 1 or more.
    pub width: u32,
    /// Which way it goes.
    pub direction: Direction,
}

/// Reads the ports from a Verilated class's header: lines such as `VL_IN8(&rst,0,0);` and `VL_OUTW(&q,511,0,16);`.
pub(crate) fn parse_ports(header: &str) -> Result<Vec<Port>, Error> {
    let mut ports = Vec::new();
    for line in header.lines().map(str::trim) {
        let (direction, rest) = if let Some(rest) = line.strip_prefix("VL_IN") {
            (Direction::Input, rest)
        } else if let Some(rest) = line.strip_prefix("VL_OUT") {
            (Direction::Output, rest)
        } else {
            continue;
        };
        let bad = || Error::Ports(line.to_owned());
        let arguments = rest.split_once("(&").and_then(|(_, tail)| tail.split_once(')')).ok_or_else(bad)?.0;
        let mut fields = arguments.split(',');
        let name = decode_name(fields.next().ok_or_else(bad)?);
        let mut number = || fields.next().and_then(|field| field.trim().parse::<u32>().ok()).ok_or_else(bad);
        let (msb, lsb) = (number()?, number()?);
        ports.push(Port { name, width: msb - lsb + 1, direction });
    }
    if ports.is_empty() {
        return Err(Error::Ports("the top module has no ports".into()));
    }
    Ok(ports)
}

/// Verilator writes a character that C++ would not take, and the second of two underscores, as `__0` and two hex digits.
fn decode_name(cxx: &str) -> String {
    let mut name = String::new();
    let mut rest = cxx;
    while let Some(at) = rest.find("__0") {
        let code = rest.get(at + 3..at + 5).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(code) = code else { break };
        name.push_str(&rest[..at]);
        name.push(char::from(code));
        rest = &rest[at + 5..];
    }
    name + rest
}

fn encode_name(name: &str) -> String {
    let mut cxx = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        if c == '_' && previous == '_' || !(c == '_' || c.is_ascii_alphanumeric()) {
            let _ = write!(cxx, "__0{:02X}", u32::from(c));
            previous = ' ';
        } else {
            cxx.push(c);
            previous = c;
        }
    }
    cxx
}

/// The shim's C++ source for class `prefix`. `symbol` is the one exported function, which returns the table.
pub(crate) fn source(prefix: &str, symbol: &str, ports: &[Port], trace: bool) -> String {
    let clocked = ports.iter().any(|port| port.name == "clk" && port.width == 1);
    let mut table = String::new();
    let mut addresses = String::new();
    for (index, port) in ports.iter().enumerate() {
        let _ = writeln!(table, "    {{\"{}\", {}, {}}},", port.name, port.width, port.direction as u32);
        let _ = writeln!(addresses, "        ports[{index}] = &model->top.{};", encode_name(&port.name));
    }
    let clock = |level| if clocked { format!("m.top.clk = {level};") } else { String::new() };
    let template = if trace { TEMPLATE.to_owned() } else { without_trace(TEMPLATE) };
    template
        .replace("@PREFIX@", prefix)
        .replace("@SYMBOL@", symbol)
        .replace("@COUNT@", &ports.len().to_string())
        .replace("@TABLE@", &table)
        .replace("@ADDRESSES@", &addresses)
        .replace("@LOW@", &clock(0))
        .replace("@HIGH@", &clock(1))
        .replace("@ABI@", &crate::model::ABI.to_string())
}

fn without_trace(template: &str) -> String {
    let mut kept = String::new();
    for line in template.lines().filter(|line| !line.contains("// trace")) {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Lines that end in `// trace` are left out of a model without waves.
const TEMPLATE: &str = r#"
#include <memory>
#include <stdexcept>
#include "verilated.h"
#include "@PREFIX@.h"
#include "verilated_fst_c.h" // trace

namespace {

struct Port { const char* name; uint32_t width; uint32_t direction; };

const Port PORTS[] = {
@TABLE@};

struct Context : VerilatedContext {
    explicit Context(int seed) {
        Verilated::threadContextp(this);
        randReset(2);
        randSeed(seed);
        traceEverOn(true); // trace
    }
};

struct Model {
    Context context;
    @PREFIX@ top;
    std::string error;
    std::unique_ptr<VerilatedFstC> trace; // trace

    explicit Model(int seed) : context{seed}, top{&context, "top"} {}
    ~Model() { Verilated::threadContextp(&context); top.final(); }
};

inline int eval(Model& m) noexcept {
    Verilated::threadContextp(&m.context);
    try {
        m.top.eval();
    } catch (const std::exception& e) {
        m.error = e.what();
        m.context.gotError(true);
    }
    if (m.trace) m.trace->dump(m.context.time()); // trace
    m.context.timeInc(1);
    return m.context.gotError();
}

inline int low(Model& m) noexcept { @LOW@ return eval(m); }
inline int high(Model& m) noexcept { @HIGH@ return eval(m); }
inline Model& model_of(void* p) { return *static_cast<Model*>(p); }

struct Vtable {
    uint32_t abi;
    uint32_t port_count;
    const Port* ports;
    void* (*create)(uint32_t seed, void** ports);
    void (*destroy)(void*);
    int (*eval)(void*);
    int (*settle)(void*);
    int (*edge)(void*);
    int (*tick)(void*);
    int (*trace_open)(void*, const char* path);
    void (*trace_close)(void*);
    const char* (*error)(void*);
};

const Vtable VTABLE = {
    @ABI@,
    @COUNT@,
    PORTS,
    [](uint32_t seed, void** ports) -> void* {
        Model* model = new Model(static_cast<int>(seed));
@ADDRESSES@        return model;
    },
    [](void* p) { delete &model_of(p); },
    [](void* p) { return eval(model_of(p)); },
    [](void* p) { return low(model_of(p)); },
    [](void* p) { return high(model_of(p)); },
    [](void* p) { int failed = low(model_of(p)); return failed | high(model_of(p)); },
    [](void* p, const char* path) -> int {
        (void)p; (void)path;
        Model& m = model_of(p); // trace
        Verilated::threadContextp(&m.context); // trace
        if (m.trace) m.trace->close(); // trace
        m.trace = std::make_unique<VerilatedFstC>(); // trace
        m.top.trace(m.trace.get(), 99); // trace
        m.trace->open(path); // trace
        if (m.trace->isOpen()) return 0; // trace
        m.trace.reset(); // trace
        return 1;
    },
    [](void* p) {
        (void)p;
        Model& m = model_of(p); // trace
        if (m.trace) m.trace->close(); // trace
        m.trace.reset(); // trace
    },
    [](void* p) -> const char* { return model_of(p).error.c_str(); },
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const void* @SYMBOL@() { return &VTABLE; }
"#;

/// Part of the run-time library: a fatal error becomes an exception, which the shim turns into a Rust panic, where
/// Verilator's own would end the process.
pub(crate) const RUNTIME_HOOKS: &str = r#"
#include <stdexcept>
#include <string>
#include "verilated.h"

void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + message);
}

void vl_stop(const char* file, int line, const char* scope) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": stopped in " + (scope ? scope : "top"));
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_the_header() {
        let header = "    VL_IN8(&clk,0,0);\n    VL_OUTW(&q___05Fx,511,0,16);\n    VL_IN64(&a,63,0);\n";
        let ports = parse_ports(header).unwrap();
        assert_eq!(ports[0], Port { name: "clk".into(), width: 1, direction: Direction::Input });
        assert_eq!(ports[1], Port { name: "q__x".into(), width: 512, direction: Direction::Output });
        assert_eq!(ports[2].width, 64);
        assert!(parse_ports("VL_INW(&a,x,0,16);").is_err());
        assert!(parse_ports("").is_err());
    }

    #[test]
    fn names_survive_coding() {
        for name in ["a", "a__b", "a_b_", "m_axis$tdata", "x___y"] {
            assert_eq!(decode_name(&encode_name(name)), name);
        }
    }
}
