//! An archive in the form that the kernel takes as its first file system: cpio, "newc" (the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const DEVICE: u32 = 0o020_600;

/// An archive that is being made.
#[derive(Default)]
pub struct Cpio {
    bytes: Vec<u8>,
    directories: BTreeSet<String>,
    inode: u32,
}

impl Cpio {
    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        self.inode += 1;
        let fields =
            [self.inode, mode, 0, 0, 1, 0, data.len() as u32, 0, 0, device.0, device.1, name.len() as u32 + 1, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The directories above `name`.
    fn above(&mut self, name: &str) {
        for (end, _) in name.match_indices('/') {
            let directory = name[..end].to_owned();
            if self.directories.insert(directory.clone()) {
                self.entry(&directory, DIRECTORY, (0, 0), &[]);
            }
        }
    }

    /// A file with this content. Names have no leading slash.
    pub fn file(&mut self, name: &str, data: &[u8]) {
        self.above(name);
        self.entry(name, FILE, (0, 0), data);
    }

    /// A program with this content.
    pub fn program(&mut self, name: &str, data: &[u8]) {
        self.above(name);
        self.entry(name, PROGRAM, (0, 0), data);
    }

    /// A copy of `from`, to be run.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn copy(&mut self, name: &str, from: &Path) -> Result<()> {
        let data = std::fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
        self.program(name, &data);
        Ok(())
    }

    /// The node of a character device.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) {
        self.above(name);
        self.entry(name, DEVICE, (major, minor), &[]);
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_directories_come_first_and_once() {
        let mut cpio = Cpio::default();
        cpio.file("a/b/one", b"12345");
        cpio.program("a/b/two", b"");
        let bytes = cpio.finish();
        assert_eq!(bytes.len() % 4, 0);
        let mut at = 0;
        let mut names = Vec::new();
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |n: usize| {
                let text = std::str::from_utf8(&bytes[at + 6 + n * 8..][..8]).unwrap();
                usize::from_str_radix(text, 16).unwrap()
            };
            let (size, name) = (field(6), field(11));
            names.push((String::from_utf8(bytes[at + 110..at + 110 + name - 1].to_vec()).unwrap(), field(1), size));
            at = (at + 110 + name).next_multiple_of(4);
            at = (at + size).next_multiple_of(4);
        }
        let expected = [
            ("a", 0o040_755, 0),
            ("a/b", 0o040_755, 0),
            ("a/b/one", 0o100_644, 5),
            ("a/b/two", 0o100_755, 0),
            ("TRAILER!!!", 0, 0),
        ];
        assert_eq!(names, expected.map(|(name, mode, size)| (name.to_owned(), mode, size)));
    }
}
