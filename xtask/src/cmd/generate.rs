//! `cargo xtask gen`

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::repo::Repo;

/// Write the committed files that are made from the code
///
/// With --check nothing is written: it fails when a file differs from what would be written.
#[derive(clap::Args)]
pub struct Args {
    /// Compare only, and fail on a difference
    #[arg(long)]
    check: bool,
}

/// A committed file and the function that makes its text.
type Generated = (&'static str, fn() -> String);

/// All of them. A new one is one line here.
const FILES: &[Generated] =
    &[("docs/registers.md", dyad_spec::docs::registers_md), ("docs/wire.md", dyad_spec::docs::wire_md)];

pub fn run(repo: &Repo, args: Args) -> Result<ExitCode> {
    if args.check {
        return Ok(if check(repo)? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for (path, make) in FILES {
        let text = make();
        let file = repo.path(path);
        if fs::read_to_string(&file).is_ok_and(|old| old == text) {
            println!("gen: {path} is up to date");
            continue;
        }
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir).with_context(|| format!("can't create {}", dir.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
        println!("gen: {path} written");
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares, says what differs and where, and returns whether nothing does.
pub fn check(repo: &Repo) -> Result<bool> {
    let mut same = true;
    for (path, make) in FILES {
        let old = fs::read_to_string(repo.path(path)).unwrap_or_default();
        if let Some(line) = first_difference(&old, &make()) {
            eprintln!(
                "gen: {path}:{line} differs from what the code says; run `cargo xtask gen` and commit the result"
            );
            same = false;
        }
    }
    if same {
        println!("gen: {} generated files are up to date", FILES.len());
    }
    Ok(same)
}

/// The number of the first line, from 1, in which two texts differ.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.split('\n').zip(b.split('\n')).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_by_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a\nb", "a\nb\n"), Some(3));
        assert_eq!(first_difference("", "a\n"), Some(1));
        assert_eq!(first_difference("a\r\n", "a\n"), Some(1));
    }

    #[test]
    fn paths_are_unique() {
        for (n, (path, _)) in FILES.iter().enumerate() {
            assert!(FILES[n + 1..].iter().all(|(other, _)| other != path), "{path} is listed twice");
        }
    }
}
