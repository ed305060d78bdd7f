//! Models for a build script: compiled once, linked into the program.
//!
//! ```no_run
//! // build.rs
//! let verilog = std::fs::read_to_string("dyad_core.v").unwrap();
//! dyad_verilator::build::model("core64", "dyad_core", &verilog, &Default::default()).unwrap();
//! ```
//!
//! In the crate itself, where `unsafe` is allowed for it:
//!
//! ```text
//! unsafe extern "C" { fn dyad_model_core64() -> *const dyad_verilator::ModelVtable; }
//! // SAFETY: the build script made this function.
//! let design = dyad_verilator::Design::from_static(unsafe { &*dyad_model_core64() })?;
//! ```

use crate::compile::{Recipe, cache_dir, libraries};
use crate::{Error, Options, toolchain};
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Compiles `verilog` with top module `top` into a static library and tells Cargo to link it. The program then has the
/// function `extern "C" fn dyad_model_<name>() -> *const ModelVtable`.
///
/// `name` is part of C++ names: letters, digits and underscores, and different for each model of a program.
///
/// # Errors
/// Those of the tools; see [`Error`].
///
/// # Panics
/// When it is called from anything but a build script.
pub fn model(name: &str, top: &str, verilog: &str, options: &Options) -> Result<(), Error> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("only for build scripts: OUT_DIR is not set"));
    let toolchain = toolchain::find()?;
    let recipe = Recipe { toolchain: &toolchain, top, verilog, name, options };
    let built = recipe.build(&cache_dir())?;
    // The run-time library is an archive of its own, so that two models share it.
    let variant = if options.trace { "trace" } else { "plain" };
    for (library, objects) in
        [(format!("dyad_model_{name}"), &built.objects), (format!("dyad_verilated_{variant}"), &built.runtime)]
    {
        let archive = out.join(format!("lib{library}.a"));
        let _ = fs::remove_file(&archive);
        toolchain::run(
            Command::new(env::var("AR").unwrap_or_else(|_| "ar".into())).arg("crs").arg(&archive).args(objects),
        )?;
        println!("cargo::rustc-link-lib=static={library}");
    }
    println!("cargo::rustc-link-search=native={}", out.display());
    for library in libraries(options).iter().chain(&["stdc++", "pthread"]) {
        println!("cargo::rustc-link-lib={library}");
    }
    for variable in ["DYAD_VERILATOR", "CXX", "AR"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    Ok(())
}
