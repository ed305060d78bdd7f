//! Debian packages that are unpacked and not installed: a private apt, with lists, cache and status of its own, which needs no
//! root and changes nothing of the machine's. What it fetches is checked against Debian's signatures, as apt does always.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::debian::find_program;
use crate::process::Process;

const MIRROR: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(60);

/// An apt of our own in a directory.
pub struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// One that knows `suites` of Debian (`bookworm`, for example), with an empty list of installed packages: so a package
    /// comes with all that it depends on.
    ///
    /// # Errors
    /// When apt, dpkg or Debian's keys are not there, or the directory can't be made.
    pub fn new(dir: &Path, suites: &[&str]) -> Result<Self> {
        for program in ["apt-get", "dpkg-deb"] {
            if find_program(program).is_none() {
                bail!("there is no {program} here: packages of Debian are needed, run this on a Debian machine");
            }
        }
        if !Path::new(KEYRING).exists() {
            bail!("{KEYRING} is not there, so downloads can't be checked: install debian-archive-keyring");
        }
        for part in
            ["etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "lists/partial", "archives/partial", "unpack"]
        {
            let part = dir.join(part);
            fs::create_dir_all(&part).with_context(|| format!("can't create {}", part.display()))?;
        }
        let dir = dir.canonicalize().with_context(|| format!("can't find {}", dir.display()))?;
        let sources: String =
            suites.iter().map(|suite| format!("deb [signed-by={KEYRING}] {MIRROR} {suite} main\n")).collect();
        let root = dir.display();
        let conf = format!(
            "APT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\n\
             APT::Install-Recommends \"false\";\n\
             APT::Sandbox::User \"\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::Retries \"3\";\n\
             Dir::Etc \"{root}/etc\";\n\
             Dir::Etc::sourcelist \"{root}/sources.list\";\n\
             Dir::Etc::sourceparts \"-\";\n\
             Dir::State \"{root}\";\n\
             Dir::State::lists \"{root}/lists\";\n\
             Dir::State::status \"{root}/status\";\n\
             Dir::Cache \"{root}\";\n\
             Dir::Cache::archives \"{root}/archives\";\n"
        );
        for (name, text) in [("sources.list", sources), ("apt.conf", conf), ("status", String::new())] {
            let file = dir.join(name);
            fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(Self { dir })
    }

    fn command(&self, program: &str, args: &[&str]) -> Process {
        let mut command = Command::new(program);
        // The file is read after the machine's own settings, and wins.
        command.args(args).env("APT_CONFIG", self.dir.join("apt.conf")).current_dir(self.dir.join("archives"));
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
        Process::new(command, DOWNLOAD_DEADLINE)
    }

    /// Fetches the lists of packages.
    pub fn update(&self) -> Result<()> {
        let outcome = self.command("apt-get", &["update"]).output();
        outcome.context("can't fetch Debian's lists of packages; is deb.debian.org reachable?").map(drop)
    }

    /// The package that the meta-package `name` stands for: the first that it depends on.
    pub fn meant_by(&self, name: &str) -> Result<String> {
        let listing = self.command("apt-cache", &["depends", name]).output()?;
        let found = listing.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
        found.map(str::to_owned).with_context(|| format!("{name} depends on nothing:\n{listing}"))
    }

    /// Downloads `name` and nothing that it depends on.
    pub fn download_one(&self, name: &str) -> Result<()> {
        self.command("apt-get", &["download", name]).output().map(drop)
    }

    /// Downloads `names`, preferably from `suite`, with all that they depend on.
    pub fn download(&self, suite: &str, names: &[&str]) -> Result<()> {
        let mut args = vec!["install", "--download-only", "-y", "-t", suite];
        args.extend(names);
        self.command("apt-get", &args).output().map(drop)
    }

    /// Unpacks all that was downloaded below `root`, where it makes the folder, and returns the names of the files, which have the versions in them.
    pub fn unpack(&self, root: &Path) -> Result<Vec<String>> {
        let dir = self.dir.join("archives");
        let files = fs::read_dir(&dir).with_context(|| format!("can't list {}", dir.display()))?;
        let mut files: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
        files.sort();
        if files.is_empty() {
            bail!("apt-get has downloaded nothing to {}", dir.display());
        }
        for file in &files {
            let mut command = Command::new("dpkg-deb");
            command.arg("-x").arg(file).arg(root);
            Process::new(command, SHORT).output()?;
        }
        Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect())
    }
}
