//! Sizes as people write them.

/// Bytes from `4096`, `64K`, `256M`, `1G` or `2T`; the letters are powers of 1024.
///
/// # Errors
/// For anything else.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" | "KiB" => 10,
        "M" | "m" | "MiB" => 20,
        "G" | "g" | "GiB" => 30,
        "T" | "t" | "TiB" => 40,
        _ => return Err("give a size such as 256M or 4G".to_owned()),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "give a size such as 256M or 4G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_powers_of_1024() {
        let sizes = [("4096", 4096), ("8k", 8192), ("256M", 256 << 20), ("1GiB", 1 << 30), ("2T", 2 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for bad in ["", "M", "0", "-1M", "1.5G", "1X", "99999999999T", "1 M", "ä"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
