//! An XVC server (Xilinx Virtual Cable 1.0) on a loopback port, with a [`Tap`] behind it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::tap::Tap;

/// Longest shift that the server takes, in bytes a direction.
const LONGEST: usize = 2048;

/// The server; it serves one connection after the other as long as the test lives.
pub struct Server {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The chip.
    pub tap: Arc<Mutex<Tap>>,
}

impl Server {
    /// Serves `tap`. With `cut`, a connection is ended after so many bits.
    pub fn start(tap: Tap, cut: Option<usize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let tap = Arc::new(Mutex::new(tap));
        let shared = Arc::clone(&tap);
        thread::spawn(move || {
            let mut left = cut.unwrap_or(usize::MAX);
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if let Err(error) = serve(stream, &shared, &mut left) {
                    // The client goes away in the middle of a word when it has seen enough.
                    assert!(matches!(
                        error.kind(),
                        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                    ));
                }
            }
        });
        Self { port, tap }
    }
}

fn serve(mut stream: TcpStream, tap: &Mutex<Tap>, left: &mut usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut word = Vec::new();
        while word.last() != Some(&b':') {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            word.push(byte[0]);
            assert!(word.len() < 16, "no word of the protocol: {word:?}");
        }
        match &word[..] {
            b"getinfo:" => stream.write_all(format!("xvcServer_v1.0:{LONGEST}\n").as_bytes())?,
            b"settck:" => {
                let mut period = [0; 4];
                stream.read_exact(&mut period)?;
                stream.write_all(&period)?;
            }
            b"shift:" => {
                let mut count = [0; 4];
                stream.read_exact(&mut count)?;
                let bits = u32::from_le_bytes(count) as usize;
                let bytes = bits.div_ceil(8);
                assert!(bytes <= 2 * LONGEST, "a shift of {bits} bits");
                let (mut tms, mut tdi) = (vec![0; bytes], vec![0; bytes]);
                stream.read_exact(&mut tms)?;
                stream.read_exact(&mut tdi)?;
                if *left < bits {
                    return Ok(());
                }
                *left -= bits;
                let mut tdo = vec![0; bytes];
                let mut tap = tap.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                for n in 0..bits {
                    let bit = |bytes: &[u8]| bytes[n / 8] >> (n % 8) & 1 == 1;
                    tdo[n / 8] |= u8::from(tap.clock(bit(&tms), bit(&tdi))) << (n % 8);
                }
                stream.write_all(&tdo)?;
            }
            other => panic!("not a word of the protocol: {:?}", String::from_utf8_lossy(other)),
        }
    }
}
