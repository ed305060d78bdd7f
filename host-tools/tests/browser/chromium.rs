//! Chromium without a window and without network, one call for each thing that it is asked.

use std::fs::File;
use std::io::BufReader;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest time that a page may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// The browser, with a profile of its own.
pub struct Chromium {
    profile: String,
}

impl Chromium {
    /// With a profile in a folder that it makes.
    pub fn new(profile: String) -> Self {
        Self { profile }
    }

    /// The page's document after its scripts have run.
    pub fn dom(&self, page: &str, width: u32) -> String {
        let output = self.run(page, (width, 800), &["--dump-dom".to_owned(), "--virtual-time-budget=5000".to_owned()]);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Takes a picture of the page; what the page and its scripts had logged.
    pub fn screenshot(&self, page: &str, to: &str, size: (u32, u32)) -> Vec<String> {
        let output = self.run(page, size, &[format!("--screenshot={to}")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(std::path::Path::new(to).exists(), "no picture was taken: {said}");
        said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect()
    }

    fn run(&self, page: &str, (width, height): (u32, u32), what: &[String]) -> Output {
        let mut command = Command::new("chromium");
        // Every name is unknown, and the proxy is nobody: what is not in the page cannot come from anywhere. Tests may run as
        // root, which the sandbox refuses, and in containers with little shared memory.
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"]);
        command.args(["--enable-logging=stderr", "--hide-scrollbars", "--force-device-scale-factor=1"]);
        command.args([format!("--user-data-dir={}", self.profile), format!("--window-size={width},{height}")]);
        command.args(what).arg(format!("file://{page}"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("chromium: {error}; `cargo xtask setup` installs it"));
        let pipes = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reader = |mut pipe: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                pipe.read_to_end(&mut all).unwrap();
                all
            })
        };
        let (out, err) = (reader(Box::new(pipes.0)), reader(Box::new(pipes.1)));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > DEADLINE {
                child.kill().unwrap();
                panic!("chromium did not end within {} s", DEADLINE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let output = Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() };
        assert!(status.success(), "chromium: {status}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// A picture of a page.
pub struct Picture {
    width: u32,
    height: u32,
    samples: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// From a PNG file.
    pub fn read(path: &str) -> Self {
        let mut reader = png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.bit_depth, png::BitDepth::Eight, "{info:?}");
        Self { width: info.width, height: info.height, samples: info.color_type.samples(), bytes }
    }

    /// Red, green and blue of a pixel; white outside of the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        if x >= self.width || y >= self.height {
            return [255; 3];
        }
        let at = (y * self.width + x) as usize * self.samples;
        [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]]
    }
}
