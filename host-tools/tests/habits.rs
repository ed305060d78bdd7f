//! Habits that users expect of any program: help, completions, manual pages, quiet, pipes.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{Folder, dyad, fails, json, succeeds};

#[test]
fn help_tells_exit_codes_and_is_coloured_on_a_terminal_only() {
    let help = succeeds(&mut dyad(&["--help"]));
    for part in ["Exit codes:", "  0  done", "  1  ", "  2  ", "Examples:", "--quiet"] {
        assert!(help.contains(part), "no {part:?}: {help}");
    }
    assert!(!help.contains('\x1b'), "{help}");
    let text = fails(&mut dyad(&["benhc"]), 2);
    assert!(text.contains("bench") && !text.contains('\x1b'), "it guesses what was meant: {text}");
}

#[test]
fn completions_are_what_the_shell_takes() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeeds(&mut dyad(&["completions", shell]));
        assert!(script.contains("zipf-theta") && script.contains("compare"), "{shell}");
    }
    let script = succeeds(&mut dyad(&["completions", "bash"]));
    let folder = Folder::new("completions");
    folder.write("dyad.bash", script.as_bytes());
    let ask = format!(
        "source {} && COMP_WORDS=(dyad be) COMP_CWORD=1 && _dyad dyad be dyad && echo \"${{COMPREPLY[@]}}\"",
        folder.path("dyad.bash")
    );
    let output = Command::new("bash").args(["-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "bench", "{output:?}");
    fails(&mut dyad(&["completions", "tcsh"]), 2);
}

#[test]
fn each_verb_has_a_manual_page() {
    let folder = Folder::new("man");
    succeeds(&mut dyad(&["man", &folder.path("man1")]));
    for page in ["dyad", "dyad-bench", "dyad-bench-compare", "dyad-stats", "dyad-lun-create"] {
        let text = std::fs::read_to_string(folder.path(&format!("man1/{page}.1"))).unwrap_or_default();
        assert!(text.contains(".TH"), "no page {page}.1");
    }
    let page = std::fs::read_to_string(folder.path("man1/dyad.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
    folder.write("file", b"");
    let text = fails(&mut dyad(&["man", &folder.path("file/man1")]), 1);
    assert!(text.contains("file/man1"), "{text}");
}

#[test]
fn a_configuration_file_has_what_is_long_to_type() {
    let folder = Folder::new("config");
    folder.write("dyad.toml", b"[all]\nkm = 0\n\n[bench]\nstore-mib = 2\ncount = 7\njson = true\n");
    let file = folder.path("dyad.toml");
    let ran = |command: &mut Command| json(&succeeds(command));
    let outcome = ran(&mut dyad(&["--config", &file, "bench"]));
    assert_eq!((&outcome["count"], &outcome["link"]["km"]), (&7.into(), &0.0.into()), "{outcome}");
    let outcome = ran(dyad(&["bench", "--count", "5"]).env("DYAD_CONFIG", &file));
    assert_eq!(outcome["count"], 5, "what is typed goes before the file: {outcome}");

    for (text, says) in [
        ("[bench]\nkilometres = 1\n", "line 2: `kilometres` in [bench]: no such option"),
        ("[bench]\n\ndepth = 5000\n", "line 3: `depth` in [bench]: invalid value '5000'"),
        ("[bench]\nkm = 1\nkm 2\n", "line 3"),
        ("[serve]\nwrong = 1\n", "line 2: `wrong` in [serve]"),
    ] {
        folder.write("dyad.toml", text.as_bytes());
        let error = fails(&mut dyad(&["bench", "--config", &file]), 2);
        assert!(error.contains(&file) && error.contains(says) && error.lines().count() == 1, "{error}");
    }
    let error = fails(&mut dyad(&["--config", &folder.path("none.toml"), "bench"]), 2);
    assert!(error.contains("none.toml"), "{error}");
}

#[test]
fn quiet_leaves_results_and_errors() {
    let folder = Folder::new("quiet");
    folder.write("image", &[1; 5000]);
    let image = folder.path("image");
    let arguments = ["demo", "--image", &image, "--km", "0", "--latency-writes", "5"];
    let err = |command: &mut Command| String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(err(&mut dyad(&arguments)).contains("padded"));
    assert_eq!(err(dyad(&arguments).arg("--quiet")), "");
    assert!(succeeds(dyad(&["-q"]).args(arguments)).contains("both copies are the image"));
    let text = fails(&mut dyad(&["-q", "info", "--socket", "none.sock"]), 1);
    assert!(text.contains("none.sock"), "{text}");
}

#[test]
fn a_reader_that_has_heard_enough_ends_it_without_a_word() {
    for arguments in
        [vec!["stats", "--explain"], vec!["completions", "bash"], vec!["bench", "--km", "0", "--count", "5"]]
    {
        let mut child = dyad(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && err.is_empty(), "{arguments:?}: {}: {err}", output.status);
    }
}
