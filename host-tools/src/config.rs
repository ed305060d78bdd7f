//! The configuration file: options that are long to type, by verb, in TOML. What the command line gives goes before it.
//!
//! The file's options become arguments of the verb before anything is parsed, so that each is checked by the rules of the option
//! of its name, and an error says where in the file it stands.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, Parser};
use toml_edit::{Document, Item, Table, Value};

use crate::cli::{self, Cli};

/// Table whose options every verb gets that has them.
const ALL: &str = "all";

/// The command line of this process, with what its configuration file adds. A wrong command line ends the program here, with
/// code 2.
///
/// # Errors
/// The exit code for what is wrong with the file, which has been told.
pub fn parse() -> Result<Cli, ExitCode> {
    let typed: Vec<OsString> = std::env::args_os().collect();
    // What is missing may be in the file: errors are for the second time.
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(&typed).ok();
    let path = matches.as_ref().and_then(|matches| matches.try_get_one::<PathBuf>("config").ok().flatten().cloned());
    let (Some(matches), Some(path)) = (matches, path) else { return Ok(Cli::parse()) };
    let file = || -> Result<(Vec<Given>, Vec<OsString>)> {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| {
            format!("reading the configuration file {name}; name one that can be read with --config")
        })?;
        let given = given(&name, &text, &matches)?;
        let all = with(&typed, &verbs(&matches), &given);
        Ok((given, all))
    };
    let (given, all) = file().map_err(|error| cli::bad_input(&error))?;
    Cli::try_parse_from(all).map_err(|error| match culprit(&error, &given) {
        Some(one) => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let first = text.split("\n\n").next().unwrap_or_default().trim();
            cli::bad_input(&anyhow::anyhow!("{}: {first}", one.place))
        }
        None => error.exit(),
    })
}

/// An option that the file gives to the verb at hand.
#[derive(Debug, PartialEq)]
struct Given {
    /// Name without dashes.
    key: String,
    /// As arguments.
    arguments: Vec<String>,
    /// Where it stands, for errors.
    place: String,
}

/// The verb that was called, from the outside inwards, with what was typed after it.
fn verbs(matches: &ArgMatches) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = matches;
    while let Some((name, below)) = at.subcommand() {
        out.push(name.to_owned());
        at = below;
    }
    out
}

/// Options of the file for the called verb that were not typed. All of the file is checked, whatever the verb.
fn given(name: &str, text: &str, matches: &ArgMatches) -> Result<Vec<Given>> {
    let line = |span: Option<std::ops::Range<usize>>| {
        let end = span.map_or(0, |span| span.start).min(text.len());
        text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let file = Document::parse(text).map_err(|error| {
        let (line, what) = (line(error.span()), error.message());
        anyhow::anyhow!("reading the configuration file {name}, line {line}: {}", what.replace('\n', ", "))
    })?;
    let mut cli = Cli::command();
    cli.build();
    let mut out: Vec<Given> = Vec::new();
    let called = verbs(matches);
    let mut leaf = matches;
    while let Some((_, below)) = leaf.subcommand() {
        leaf = below;
    }
    let typed = |id: &str| {
        // An option that the verb does not have has no source.
        leaf.try_contains_id(id).is_ok() && leaf.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut tables: Vec<(Vec<String>, &Table)> = vec![(Vec::new(), file.as_table())];
    while let Some((path, table)) = tables.pop() {
        for (key, item) in table.iter() {
            let place = |what: &str| {
                let span = table.get_key_value(key).and_then(|(key, _)| key.span());
                format!("{name}, line {}: {what}", line(span))
            };
            let mut below = path.clone();
            below.push(key.to_owned());
            if let Item::Table(inner) = item {
                if below != [ALL] && find(&cli, &below).is_none() {
                    bail!("{}; `dyad --help` lists the verbs", place(&format!("[{}] is no verb", below.join("."))));
                }
                tables.push((below, inner));
                continue;
            }
            let Item::Value(value) = item else { bail!("{}", place(&format!("`{key}` is no option"))) };
            if path.is_empty() {
                bail!("{}", place(&format!("`{key}` stands in no table; put it below [{ALL}] or a verb, as [bench]")));
            }
            let in_table = format!("`{key}` in [{}]", path.join("."));
            let of_all = path == [ALL];
            let known = if of_all { anywhere(&cli, key) } else { find(&cli, &path).and_then(|verb| option(verb, key)) };
            let Some((_, is_flag)) = known else {
                bail!("{}: no such option; `dyad {} --help` lists them", place(&in_table), hint(&path));
            };
            let arguments =
                arguments(key, value, is_flag).map_err(|what| anyhow::anyhow!("{}: {what}", place(&in_table)))?;
            let Some((id, _)) = find(&cli, &called).and_then(|verb| option(verb, key)) else { continue };
            if (path == called || of_all) && !typed(&id) {
                // The verb's own table goes before that of all.
                if of_all && out.iter().any(|other| other.key == key) {
                    continue;
                }
                out.retain(|other| other.key != key);
                out.push(Given { key: key.to_owned(), arguments, place: place(&in_table) });
            }
        }
    }
    Ok(out)
}

fn hint(path: &[String]) -> String {
    if path == [ALL] { "VERB".to_owned() } else { path.join(" ") }
}

/// A verb by its path.
fn find<'a>(cli: &'a Command, path: &[String]) -> Option<&'a Command> {
    path.iter().try_fold(cli, |at, name| at.find_subcommand(name))
}

/// An option of a verb by its long name: its identifier, and whether it takes no value.
fn option(verb: &Command, key: &str) -> Option<(String, bool)> {
    let found = verb.get_arguments().find(|arg| arg.get_long() == Some(key));
    // A file names no other file, and asks for no help.
    let found = found.filter(|arg| !["config", "help", "version"].contains(&key) && !arg.is_positional());
    found.map(|arg| (arg.get_id().to_string(), matches!(arg.get_action(), ArgAction::SetTrue)))
}

/// An option of any verb.
fn anywhere(command: &Command, key: &str) -> Option<(String, bool)> {
    option(command, key).or_else(|| command.get_subcommands().find_map(|below| anywhere(below, key)))
}

/// A key and its value as arguments.
fn arguments(key: &str, value: &Value, is_flag: bool) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.value().clone()),
        Value::Integer(number) => Ok(number.value().to_string()),
        Value::Float(number) => Ok(number.value().to_string()),
        _ => Err("give a string, a number, true or false, or a list of strings and numbers".to_owned()),
    };
    match value {
        Value::Boolean(yes) if is_flag => Ok(if *yes.value() { vec![format!("--{key}")] } else { Vec::new() }),
        _ if is_flag => Err("give true or false".to_owned()),
        Value::Array(values) => values.iter().map(|value| Ok(format!("--{key}={}", one(value)?))).collect(),
        value => Ok(vec![format!("--{key}={}", one(value)?)]),
    }
}

/// What was typed, with the file's options right after the verb.
fn with(typed: &[OsString], called: &[String], given: &[Given]) -> Vec<OsString> {
    let mut names = called.iter().peekable();
    let mut after = typed.len();
    let mut is_value = false;
    for (index, word) in typed.iter().enumerate().skip(1) {
        if !is_value && names.peek().is_some_and(|name| word == name.as_str()) {
            names.next();
            after = index + 1;
        }
        // The one option before a verb that takes a value.
        is_value = word == "--config";
    }
    let mut out = typed.to_vec();
    let arguments = given.iter().flat_map(|one| &one.arguments).map(OsString::from);
    out.splice(after..after, arguments);
    out
}

/// The option of the file that an error is about.
fn culprit<'a>(error: &clap::Error, given: &'a [Given]) -> Option<&'a Given> {
    let about = |kind| -> Vec<String> {
        match error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    };
    let named: Vec<_> = [ContextKind::InvalidArg, ContextKind::PriorArg].into_iter().flat_map(about).collect();
    let is = |text: &String, key: &str| {
        text.trim_start_matches("--").split([' ', '=']).next().is_some_and(|name| name == key)
    };
    given.iter().find(|one| named.iter().any(|text| is(text, &one.key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str, file: &str) -> Result<Vec<String>> {
        let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let matches = Cli::command().ignore_errors(true).try_get_matches_from(&typed).unwrap();
        let given = given("dyad.toml", file, &matches)?;
        let all = with(&typed, &verbs(&matches), &given);
        Ok(all.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn the_files_options_come_after_the_verb_and_what_is_typed_goes_before_them() {
        let file = "[all]\nkm = 10\nmtu = 1500\n\n[bench]\nmtu = 9000\noverwrite = true\njson = false\n\
                    sweep = [\"loss=0,0.01\", \"km=1\"]\n[lun.create]\nmib = 8\n";
        let words = |line: &str| called(line, file).unwrap().join(" ");
        let mut bench: Vec<_> = called("dyad bench --depth 4", file).unwrap();
        assert_eq!(
            (bench[..2].join(" "), bench[bench.len() - 2..].join(" ")),
            ("dyad bench".into(), "--depth 4".into())
        );
        bench.sort();
        let expected = [
            "--depth",
            "--km=10",
            "--mtu=9000",
            "--overwrite",
            "--sweep=km=1",
            "--sweep=loss=0,0.01",
            "4",
            "bench",
            "dyad",
        ];
        assert_eq!(bench, expected);
        assert!(!words("dyad bench --km 3").contains("--km=10"));
        assert_eq!(words("dyad --config bench info"), "dyad --config bench info --km=10 --mtu=1500".to_owned());
        let create = words("dyad lun create --km 2");
        assert!(create.starts_with("dyad lun create --") && create.contains("--mib=8"), "{create}");
        assert_eq!(words("dyad completions bash"), "dyad completions bash", "a verb without these options gets none");
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_key() {
        for (file, says) in [
            ("[all]\nkm = = 1\n", "dyad.toml, line 2"),
            ("km = 1\n", "line 1: `km` stands in no table"),
            ("[all]\nkm = 1\n[bensh]\nkm = 2\n", "line 3: [bensh] is no verb"),
            ("[bench]\n\nkilometres = 1\n", "line 3: `kilometres` in [bench]: no such option; `dyad bench --help`"),
            ("[top]\nfoo = 1\n", "line 2: `foo` in [top]"),
            ("[bench]\njson = 1\n", "line 2: `json` in [bench]: give true or false"),
            ("[bench]\nkm = {a = 1}\n", "line 2: `km` in [bench]: give a string"),
            ("[bench]\nconfig = \"x\"\n", "no such option"),
            ("[all]\nkm = 1\nkm = 2\n", "line 3"),
        ] {
            let error = called("dyad bench", file).unwrap_err().to_string();
            assert!(error.contains(says), "{file}: {error}");
        }
    }
}
