//! Text tables.

/// `rows` under `head`, columns padded to their widest cell; columns named in `right` are aligned right.
pub fn table(head: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let mut width: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (w, cell) in width.iter_mut().zip(row) {
            *w = (*w).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&width)
            .enumerate()
            .map(|(n, (cell, w))| if right.contains(&n) { format!("{cell:>w$}") } else { format!("{cell:<w$}") })
            .collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let rule: Vec<String> = width.iter().map(|w| "-".repeat(*w)).collect();
    let mut text = line(head.to_vec());
    text += &line(rule.iter().map(String::as_str).collect());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_padded_and_aligned() {
        let rows = [["clippy", "ok", "12.3 s"], ["fmt", "FAILED", "1 s"]];
        let rows = rows.map(|row| row.map(String::from).to_vec());
        let expected = [
            "  phase   result    time",
            "  ------  ------  ------",
            "  clippy  ok      12.3 s",
            "  fmt     FAILED     1 s",
            "",
        ];
        assert_eq!(table(&["phase", "result", "time"], &[2], &rows), expected.join("\n"));
    }

    #[test]
    fn lines_have_no_blanks_at_the_end() {
        let rows = [vec!["a".to_owned(), String::new()]];
        assert!(table(&["first", "second"], &[], &rows).lines().all(|line| line == line.trim_end()));
    }
}
