//! Where an export is offered: `nbd://HOST:PORT/NAME` or `nbd+unix:///NAME?socket=PATH`, and the listeners there.

use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

use super::socket::Socket;

/// The port that is NBD's.
const PORT: u16 = 10809;
/// What the export is called when the address does not say.
pub const DEFAULT_NAME: &str = "dyad";

/// An address that an NBD client is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    place: Place,
    /// Name of the export.
    pub name: String,
    /// It is shown as one that is to be used through TLS.
    is_secure: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Host, without brackets, and port.
    Tcp(String, u16),
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, name) = if let Some(rest) = text.strip_prefix("nbd+unix://") {
            let (name, path) = rest.split_once("?socket=").ok_or("give nbd+unix:///?socket=PATH")?;
            let name = name.strip_prefix('/').ok_or("give nbd+unix:///?socket=PATH, with three slashes")?;
            (Place::Unix(PathBuf::from(path)), name)
        } else if let Some(rest) = text.strip_prefix("nbd://") {
            let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
            let (host, port) = host_and_port(host)?;
            (Place::Tcp(host.to_owned(), port), name)
        } else if text.starts_with("nbds") {
            return Err("give it without the s: --tls require encrypts, and --tls on lets clients choose".to_owned());
        } else {
            return Err("give nbd://HOST:PORT or nbd+unix:///?socket=PATH".to_owned());
        };
        if place == Place::Unix(PathBuf::new()) || matches!(&place, Place::Tcp(host, _) if host.is_empty()) {
            return Err("give a host, or the path of a socket".to_owned());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if name.len() > 255 || !name.chars().all(plain) {
            return Err("the export's name may have letters, digits and -._~".to_owned());
        }
        let name = if name.is_empty() { DEFAULT_NAME } else { name };
        Ok(Self { place, name: name.to_owned(), is_secure: false })
    }
}

fn host_and_port(text: &str) -> Result<(&str, u16), String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, rest) = match bracketed {
        Some(parts) => parts,
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    if rest.is_empty() {
        return Ok((host, PORT));
    }
    let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
    port.map(|port| (host, port)).ok_or_else(|| format!("{rest} is no port; an IPv6 address goes in brackets"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "nbds" } else { "nbd" };
        match &self.place {
            Place::Tcp(host, port) if host.contains(':') => write!(f, "{scheme}://[{host}]:{port}/{}", self.name),
            Place::Tcp(host, port) => write!(f, "{scheme}://{host}:{port}/{}", self.name),
            Place::Unix(path) => write!(f, "{scheme}+unix:///{}?socket={}", self.name, path.display()),
        }
    }
}

/// A listener at an address.
pub struct Listener {
    kind: Kind,
    /// Where it really is: with the port that was chosen, when port 0 was asked for.
    pub address: Address,
}

enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Address {
    /// The same, shown as clients must name it that have to use TLS.
    pub fn secure(mut self, is_secure: bool) -> Self {
        self.is_secure = is_secure;
        self
    }

    /// Listens here. A socket that a program which is gone has left behind is taken away first.
    ///
    /// # Errors
    /// When the address is taken, or not this host's, or cannot be made.
    pub fn listen(&self) -> Result<Listener> {
        let kind = match &self.place {
            Place::Tcp(host, port) => Kind::Tcp(self.listen_tcp(host, *port)?),
            Place::Unix(path) => Kind::Unix(listen_unix(path, &format!("serving on {self}"))?, path.clone()),
        };
        let mut address = self.clone();
        if let (Kind::Tcp(listener), Place::Tcp(_, port)) = (&kind, &mut address.place) {
            *port = listener.local_addr().context("asking which port it is")?.port();
        }
        Ok(Listener { kind, address })
    }

    fn listen_tcp(&self, host: &str, port: u16) -> Result<TcpListener> {
        let addresses: Vec<_> = (host, port)
            .to_socket_addrs()
            .with_context(|| format!("serving on {self}: there is no host {host}; give an address of this host"))?
            .collect();
        TcpListener::bind(&addresses[..]).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                anyhow::anyhow!("serving on {self}: another program listens there; end it, or choose another port")
            }
            io::ErrorKind::PermissionDenied => {
                anyhow::anyhow!("serving on {self}: ports below 1024 need root; choose a higher one")
            }
            _ => anyhow::anyhow!("serving on {self}: {error}; give an address of this host"),
        })
    }
}

/// Listens on a local socket; `doing` is what for. One that a program which is gone has left behind is taken away first.
///
/// # Errors
/// When it is taken, or cannot be made.
pub fn listen_unix(path: &Path, doing: &str) -> Result<UnixListener> {
    if let Ok(old) = path.symlink_metadata() {
        ensure!(old.file_type().is_socket(), "{doing}: the path is that of a file; choose another");
        if UnixStream::connect(path).is_ok() {
            bail!("{doing}: another program listens there; end it, or choose another path");
        }
        std::fs::remove_file(path).with_context(|| format!("{doing}: removing the old socket"))?;
    }
    UnixListener::bind(path).with_context(|| format!("{doing}; choose a path in a folder that can be written to"))
}

impl Listener {
    /// Waits for the next client; who it is, too.
    ///
    /// # Errors
    /// What the system says.
    pub fn accept(&self) -> io::Result<(Socket, String)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                // Replies are written as one; waiting for more would only delay them.
                stream.set_nodelay(true)?;
                Ok((Socket::Tcp(stream), peer.to_string()))
            }
            Kind::Unix(listener, _) => Ok((Socket::Unix(listener.accept()?.0), "a local socket".to_owned())),
        }
    }

    /// The socket's file, to be removed in the end.
    pub fn file(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Tcp(_) => None,
            Kind::Unix(_, path) => Some(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().map_or_else(|error| error, |address| address.to_string())
    }

    #[test]
    fn both_kinds_are_read_and_shown() {
        assert_eq!(shown("nbd://127.0.0.1:10810"), "nbd://127.0.0.1:10810/dyad");
        assert_eq!(shown("nbd://localhost/disk"), "nbd://localhost:10809/disk");
        assert_eq!(shown("nbd://[::1]:7/"), "nbd://[::1]:7/dyad");
        assert_eq!(shown("nbd+unix:///?socket=/run/a.sock"), "nbd+unix:///dyad?socket=/run/a.sock");
        assert_eq!(shown("nbd+unix:///disk?socket=a"), "nbd+unix:///disk?socket=a");
        let secure = |text: &str| text.parse::<Address>().unwrap().secure(true).to_string();
        assert_eq!(secure("nbd://[::1]:7/"), "nbds://[::1]:7/dyad");
        assert_eq!(secure("nbd+unix:///?socket=a"), "nbds+unix:///dyad?socket=a");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let bad = [
            "",
            "127.0.0.1:10809",
            "http://x",
            "nbds://x",
            "nbd://",
            "nbd://:1",
            "nbd://x:y",
            "nbd://x:99999",
            "nbd://::1:5",
            "nbd+unix://x?socket=y",
            "nbd+unix:///?socket=",
            "nbd+unix:///x",
            "nbd://x/na me",
            "nbd://[::1",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let first = "nbd://127.0.0.1:0".parse::<Address>().unwrap().listen().unwrap();
        let error = first.address.listen().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("another program listens there"), "{error}");
    }
}
