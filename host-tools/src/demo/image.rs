//! The disk image: the user's, or an ext4 file system made from this repository's own files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use dyad_spec::BLOCK_BYTES;

/// Size of the file system that is made when no image is given.
const MADE_MIB: u64 = 12;
/// Where ext4 has its magic number: superblock at 1024, `s_magic` at 0x38.
const EXT_MAGIC: (u64, [u8; 2]) = (1024 + 0x38, [0x53, 0xef]);
/// The parts of the repository that go into the file system.
const SOURCES: &[&str] = &["spec", "hdl", "driver", "sim", "host-tools", "docs", "constraints", "tests", "xtask"];
/// What tells this repository from others.
const MARKS: &[&str] = &["ARCHITECTURE.md", "spec/src/regs.rs", "hdl/src/top/core.rs"];

/// An image, open.
pub struct Image {
    file: File,
    /// What to call it.
    pub name: String,
    /// Its size in bytes, without padding.
    pub len: u64,
    /// It holds an ext2, ext3 or ext4 file system.
    pub is_ext: bool,
}

impl Image {
    /// Opens the user's image.
    ///
    /// # Errors
    /// When it is missing, not a file, not readable, or empty.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("opening the image {name}: there is no such file; give the path of a disk image")
            }
            Err(error) => return Err(error).context(format!("opening the image {name}; make it readable")),
        };
        ensure!(!file.metadata()?.is_dir(), "opening the image {name}: it is a directory; give a file");
        // A block device has no length of its own but an end.
        let len = file.seek(SeekFrom::End(0)).with_context(|| format!("finding the size of the image {name}"))?;
        ensure!(len > 0, "opening the image {name}: it is empty; give a file with something in it");
        let mut image = Self { file, name, len, is_ext: false };
        image.is_ext = image.find_ext()?;
        Ok(image)
    }

    /// Makes an ext4 file system from this repository's own files, in `dir`.
    ///
    /// # Errors
    /// When the repository is not found, or `mke2fs` is missing or fails.
    pub fn make(dir: &Path) -> Result<Self> {
        let root = repository()?;
        let (files, path) = (dir.join("files"), dir.join("image.ext4"));
        for source in SOURCES.iter().filter(|source| root.join(source).is_dir()) {
            copy_tree(&root.join(source), &files.join(source))?;
        }
        for entry in fs::read_dir(&root).with_context(|| format!("reading {}", root.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), files.join(entry.file_name()))?;
            }
        }
        let mut mke2fs = Command::new(tool("mke2fs"));
        mke2fs.args(["-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=4", "-m", "0", "-L", "dyad-demo", "-d"]);
        mke2fs.arg(&files).arg(&path).arg(format!("{MADE_MIB}M"));
        let output = mke2fs.output().context("calling mke2fs; install the package e2fsprogs, or give --image FILE")?;
        ensure!(
            output.status.success(),
            "making an ext4 file system of {MADE_MIB} MiB from {}: mke2fs ended with {}: {}; give --image FILE",
            root.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        fs::remove_dir_all(&files)?;
        Ok(Self { name: "an ext4 file system made from this repository's files".to_owned(), ..Self::open(&path)? })
    }

    /// Its size in blocks; the last may have to be padded.
    pub fn blocks(&self) -> u64 {
        self.len.div_ceil(BLOCK_BYTES as u64)
    }

    /// Bytes of zeroes that fill the last block.
    pub fn padding(&self) -> u64 {
        self.blocks() * BLOCK_BYTES as u64 - self.len
    }

    /// Reads whole blocks from block `first` on; what is past the image's end is zeroes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, first: u64, blocks: &mut [u8]) -> Result<()> {
        let start = first * BLOCK_BYTES as u64;
        let len = self.len.saturating_sub(start).min(blocks.len() as u64) as usize;
        self.file.seek(SeekFrom::Start(start))?;
        self.file
            .read_exact(&mut blocks[..len])
            .with_context(|| format!("reading the image {} at byte {start}", self.name))?;
        blocks[len..].fill(0);
        Ok(())
    }

    fn find_ext(&mut self) -> Result<bool> {
        let mut magic = [0; 2];
        if self.len < EXT_MAGIC.0 + 2 {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(EXT_MAGIC.0))?;
        self.file.read_exact(&mut magic)?;
        Ok(magic == EXT_MAGIC.1)
    }
}

/// What `e2fsck -fn` says of a file system: whether it is clean, and its last line.
///
/// # Errors
/// When it cannot be called.
pub fn e2fsck(path: &Path) -> Result<(bool, String)> {
    let mut e2fsck = Command::new(tool("e2fsck"));
    let output = e2fsck
        .arg("-fn")
        .arg(path)
        .output()
        .context("calling e2fsck; install the package e2fsprogs to have the copy judged")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Ok((output.status.success(), last.replace(&path.display().to_string(), "site b's copy")))
}

/// A tool of e2fsprogs: a user's PATH often lacks the folder that it is in.
fn tool(name: &str) -> PathBuf {
    let beside = Path::new("/usr/sbin").join(name);
    if beside.exists() { beside } else { name.into() }
}

/// The checkout that this program was called in, or that it was built from.
fn repository() -> Result<PathBuf> {
    let here = std::env::current_dir().context("finding the current directory")?;
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut candidates = here.ancestors().chain(built_from.parent());
    let found = candidates.find(|dir| MARKS.iter().all(|mark| dir.join(mark).exists()));
    found.map(Path::to_owned).context("looking for this repository's files: they are not here; give --image FILE")
}

/// Copies plain files and directories; leaves out hidden ones and what builds leave behind.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name.as_encoded_bytes().starts_with(b".") || name == "target" {
            continue;
        }
        if kind.is_dir() {
            copy_tree(&entry.path(), &to.join(&name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(&name)).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}
