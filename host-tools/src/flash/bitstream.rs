//! What a bitstream file says of itself: for which chip it is, and whether it is whole.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// What a bitstream is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Made {
    /// Lattice ECP5: the code that the chip compares with its own before it takes anything.
    Idcode(u32),
    /// AMD: the part's name, as the tool that made the file was told.
    Part(String),
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idcode(code) => match ECP5.iter().find(|(_, known)| known == code) {
                Some((name, _)) => write!(f, "{name} (IDCODE {code:#010x})"),
                None => write!(f, "a chip with IDCODE {code:#010x}"),
            },
            Self::Part(part) => write!(f, "{part}"),
        }
    }
}

/// The ECP5 family. Source: Lattice FPGA-TN-02039, table of JTAG IDCODEs.
const ECP5: [(&str, u32); 9] = [
    ("LFE5U-25F", 0x4111_1043),
    ("LFE5U-45F", 0x4111_2043),
    ("LFE5U-85F", 0x4111_3043),
    ("LFE5UM-25F", 0x0111_1043),
    ("LFE5UM-45F", 0x0111_2043),
    ("LFE5UM-85F", 0x0111_3043),
    ("LFE5UM5G-25F", 0x8111_1043),
    ("LFE5UM5G-45F", 0x8111_2043),
    ("LFE5UM5G-85F", 0x8111_3043),
];

/// How an ECP5 bitstream's part for the chip begins (FPGA-TN-02039, "Bitstream").
const ECP5_PREAMBLE: [u8; 4] = [0xff, 0xff, 0xbd, 0xb3];
const ECP5_VERIFY_ID: u8 = 0xe2;
const ECP5_RESET_CRC: u8 = 0x3b;
const ECP5_PROGRAM_DONE: u8 = 0x5e;
/// Bytes at the end in which the command that ends the configuration must stand.
const ECP5_END: usize = 64;

/// How an AMD .bit file begins.
const AMD_HEAD: [u8; 13] = [0, 9, 0x0f, 0xf0, 0x0f, 0xf0, 0x0f, 0xf0, 0x0f, 0xf0, 0, 0, 1];

/// Reads and judges the file at `path`.
///
/// # Errors
/// When it can't be read, is no bitstream that we know, or is cut short: with what to do.
pub fn read(path: &Path) -> Result<(Made, u64)> {
    let bytes = std::fs::read(path).with_context(|| format!("can't read the bitstream {}", path.display()))?;
    let made = judge(&bytes).with_context(|| format!("{} can't be loaded", path.display()))?;
    Ok((made, bytes.len() as u64))
}

/// Judges a bitstream's bytes.
///
/// # Errors
/// As [`read`].
pub fn judge(bytes: &[u8]) -> Result<Made> {
    if bytes.is_empty() {
        bail!("it is empty: build it again");
    }
    if bytes.starts_with(&AMD_HEAD) {
        return amd(&bytes[AMD_HEAD.len()..]);
    }
    // Comments come before the preamble.
    match bytes.windows(4).position(|window| window == ECP5_PREAMBLE) {
        Some(start) => ecp5(bytes, start + ECP5_PREAMBLE.len()),
        None if bytes.starts_with(&[0xff, 0x00]) => {
            bail!("it ends inside its comments: it was cut short; build or copy it again")
        }
        None => bail!("it is neither an ECP5 bitstream nor an AMD .bit file: give the file that the build wrote"),
    }
}

/// The commands up to the one that compares the IDCODE; and the end.
fn ecp5(bytes: &[u8], mut at: usize) -> Result<Made> {
    let cut = || anyhow::anyhow!("it is cut short ({} bytes): build or copy it again", bytes.len());
    let code = loop {
        match *bytes.get(at).ok_or_else(cut)? {
            0xff => at += 1,
            ECP5_RESET_CRC => at += 4,
            ECP5_VERIFY_ID => {
                let code = bytes.get(at + 4..at + 8).ok_or_else(cut)?;
                break u32::from_be_bytes([code[0], code[1], code[2], code[3]]);
            }
            other => bail!("it has command {other:#04x} before it says for which chip it is: build it with ecppack"),
        }
    };
    let tail = &bytes[bytes.len().saturating_sub(ECP5_END).max(at)..];
    if !tail.contains(&ECP5_PROGRAM_DONE) {
        return Err(cut());
    }
    Ok(Made::Idcode(code))
}

/// Fields `a` to `d`, each with a length of 16 bits, then `e` with one of 32 bits: the data.
fn amd(mut rest: &[u8]) -> Result<Made> {
    let cut = || anyhow::anyhow!("it ends inside its header: build or copy it again");
    let mut part = None;
    loop {
        let key = *rest.first().ok_or_else(cut)?;
        if key == b'e' {
            let length = rest.get(1..5).ok_or_else(cut)?;
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            if rest.len() - 5 < length {
                bail!("it has {} bytes of {length}: it was cut short; build or copy it again", rest.len() - 5);
            }
            return part.map(Made::Part).context("it does not say for which part it is");
        }
        let length = rest.get(1..3).ok_or_else(cut)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let text = rest.get(3..3 + length).ok_or_else(cut)?;
        if key == b'b' {
            part = Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
        }
        rest = &rest[3 + length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ECP5 bitstream with nothing in it.
    fn lattice(code: u32) -> Vec<u8> {
        let mut bytes = b"\xff\x00Part: any\0\xff\xff\xff\xbd\xb3\xff\xff\xff\xff\x3b\0\0\0\xe2\0\0\0".to_vec();
        bytes.extend(code.to_be_bytes());
        bytes.extend([0x22; 200]);
        bytes.extend(b"\x5e\0\0\0\xff\xff\xff\xff");
        bytes
    }

    fn xilinx(part: &str, data: usize) -> Vec<u8> {
        let mut bytes = AMD_HEAD.to_vec();
        for (key, text) in [(b'a', "top"), (b'b', part), (b'c', "2026/11/22"), (b'd', "12:00:00")] {
            bytes.push(key);
            bytes.extend((text.len() as u16 + 1).to_be_bytes());
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        bytes.push(b'e');
        bytes.extend((data as u32).to_be_bytes());
        bytes.resize(bytes.len() + data, 0xaa);
        bytes
    }

    #[test]
    fn both_kinds_say_their_chip() {
        assert_eq!(judge(&lattice(0x8111_2043)).unwrap(), Made::Idcode(0x8111_2043));
        assert_eq!(judge(&xilinx("xcku3p-ffvb676-1-e", 64)).unwrap(), Made::Part("xcku3p-ffvb676-1-e".into()));
        assert_eq!(Made::Idcode(0x8111_2043).to_string(), "LFE5UM5G-45F (IDCODE 0x81112043)");
        assert_eq!(Made::Idcode(7).to_string(), "a chip with IDCODE 0x00000007");
    }

    /// Wherever a file is cut, that is said, and nothing panics.
    #[test]
    fn a_cut_is_found_anywhere() {
        let whole = lattice(0x8111_2043);
        for end in 0..whole.len() - 8 {
            assert!(judge(&whole[..end]).is_err(), "cut at {end} of {}", whole.len());
        }
        let whole = xilinx("xcku3p", 64);
        for end in 0..whole.len() {
            assert!(judge(&whole[..end]).is_err(), "cut at {end} of {}", whole.len());
        }
    }

    #[test]
    fn other_files_are_refused() {
        let error = judge(b"hello, this is a text and no bitstream").unwrap_err().to_string();
        assert!(error.contains("neither an ECP5 bitstream nor an AMD .bit file"), "{error}");
        assert!(judge(&[]).unwrap_err().to_string().contains("empty"));
    }
}
