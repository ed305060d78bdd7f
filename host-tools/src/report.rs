//! Where reports go.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Makes the folder for a report.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making the folder {} for the report", dir.display()))
}

/// Writes `report.json` and `report.html` into a folder.
///
/// # Errors
/// When one cannot be written.
pub fn write(dir: &Path, report: &impl Serialize, page: &str) -> Result<()> {
    write_file(&dir.join("report.json"), &(serde_json::to_string_pretty(report)? + "\n"))?;
    write_file(&dir.join("report.html"), page)
}

/// Writes a file.
///
/// # Errors
/// When it cannot be written; the error names it.
pub fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}; choose a place that can be written to", path.display()))
}
