use std::os::unix::net::UnixStream;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

type Client = StreamOwned<ClientConnection, UnixStream>;

const LOOK: Duration = Duration::from_millis(20);
/// On a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// A server's configuration, and a client's that trusts it.
fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let server = server.unwrap().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Two ends of a socket, the server's with its timeouts.
fn sockets() -> (UnixStream, Socket) {
    let (client, server) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    let server = Socket::Unix(server);
    server.set_timeouts(LOOK, PATIENCE).unwrap();
    (client, server)
}

/// A client and its server, through TLS.
fn connected() -> (Client, TlsStream) {
    let (server_config, client_config) = configs();
    let (client, server) = sockets();
    let accepting = thread::spawn(move || TlsStream::accept(server, server_config, || true).unwrap());
    let connection = ClientConnection::new(client_config, "localhost".try_into().unwrap()).unwrap();
    let mut client = StreamOwned::new(connection, client);
    client.flush().unwrap();
    (client, accepting.join().unwrap())
}

/// Reads so many bytes, however often it is told that none are there yet.
fn read_all(stream: &mut TlsStream, count: usize) -> Vec<u8> {
    let (mut bytes, mut at, until) = (vec![0; count], 0, Instant::now() + PATIENCE);
    while at < count {
        match stream.read(&mut bytes[at..]) {
            Ok(0) => panic!("it ends after {at} bytes"),
            Ok(more) => at += more,
            Err(error) if is_timeout(&error) => assert!(Instant::now() < until, "nothing comes after {at} bytes"),
            Err(error) => panic!("{error}"),
        }
    }
    bytes
}

fn pattern(count: usize, seed: u8) -> Vec<u8> {
    (0..count).map(|index| (index / 251) as u8 ^ index as u8 ^ seed).collect()
}

/// Both write more than the sockets hold before either has read: the one that waits for room must not keep the other from
/// reading.
#[test]
fn who_waits_for_room_does_not_keep_others_from_reading() {
    const BYTES: usize = 4 << 20;
    let (mut client, mut server) = connected();
    let mut writing = server.try_clone().unwrap();
    let writer = thread::spawn(move || {
        writing.write_all(&pattern(BYTES, 1)).unwrap();
        writing
    });
    let reader = thread::spawn(move || {
        let got = read_all(&mut server, BYTES);
        (server, got)
    });
    for part in pattern(BYTES, 2).chunks(300_001) {
        client.write_all(part).unwrap();
        // New keys on the way; the server's answer to it goes out with what it writes.
        client.conn.refresh_traffic_keys().unwrap();
    }
    let (mut server, got) = reader.join().unwrap();
    assert!(got == pattern(BYTES, 2), "the server has read something else");
    let mut got = vec![0; BYTES];
    client.read_exact(&mut got).unwrap();
    assert!(got == pattern(BYTES, 1), "the client has read something else");

    writer.join().unwrap().shutdown(Shutdown::Write);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "close_notify");
    client.conn.send_close_notify();
    client.conn.complete_io(&mut client.sock).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        match server.read(&mut [0]) {
            Err(error) if is_timeout(&error) => assert!(Instant::now() < until),
            ended => return assert_eq!(ended.unwrap(), 0),
        }
    }
}

#[test]
fn a_handshake_ends_when_it_is_to_go_on_no_longer() {
    let (server_config, _) = configs();
    let accept = |says: &[u8], leaves: bool| {
        let (mut client, server) = sockets();
        client.write_all(says).unwrap();
        let client = (!leaves).then_some(client);
        let until = Instant::now() + 5 * LOOK;
        let result = TlsStream::accept(server, Arc::clone(&server_config), || Instant::now() < until);
        drop(client);
        result.map(|_| ()).unwrap_err()
    };
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_eq!(accept(b"", false).kind(), ErrorKind::TimedOut);
    assert_eq!(accept(hello, false).kind(), ErrorKind::TimedOut);
    assert_eq!(accept(b"", true).kind(), ErrorKind::UnexpectedEof);
    assert_eq!(accept(hello, true).kind(), ErrorKind::UnexpectedEof);
    let error = accept(b"GET / HTTP/1.1\r\n\r\n", false);
    assert!(error.kind() == ErrorKind::InvalidData && error.to_string().starts_with("TLS: "), "{error}");
}

/// Records that hold nothing for the reader, one after the other, do not keep it from looking at the time.
#[test]
fn a_read_returns_though_only_keys_are_changed() {
    let (mut client, mut server) = connected();
    for _ in 0..8 {
        client.conn.refresh_traffic_keys().unwrap();
        client.flush().unwrap();
        assert!(is_timeout(&server.read(&mut [0; 16]).unwrap_err()));
    }
    client.write_all(b"data").unwrap();
    assert_eq!(read_all(&mut server, 4), b"data");
}
