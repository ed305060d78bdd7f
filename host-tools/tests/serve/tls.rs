//! TLS: ordinary clients through it, those that are to be turned away, and those that mean no good.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::authority::Authority;
use crate::common::{Folder, dyad, fails};
use crate::server::{Server, noise, run};
use crate::wire::{DISCONNECT, FUA, READ, WRITE, head};

/// On a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(300);
/// NBD_OPT_STARTTLS.
const START_TLS: &[u8] = b"IHAVEOPT\0\0\0\x05\0\0\0\0";
/// Its reply NBD_REP_ACK.
const ACK: &[u8] = b"\0\x03\xe8\x89\x04\x55\x65\xa9\0\0\0\x05\0\0\0\x01\0\0\0\0";

/// The export at site a (0) or b (1), for a client with the certificates of `folder`.
fn through_tls(server: &Server, site: usize, folder: &str) -> String {
    format!("nbds+unix:///?socket={}&tls-certificates={folder}", server.sockets[site])
}

/// Runs an NBD client that must not get in; what it says.
fn turned_away(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{program} {arguments:?} got in: {text}");
    text
}

#[test]
fn what_is_copied_through_tls_at_a_is_read_at_b() {
    let folder = Folder::new("serve-tls");
    let authority = Authority::new("authority");
    let (certificates, mine) = (authority.server(&folder, "server"), authority.client(&folder, "client", 7));
    let options = ["--tls", "require", "--tls-verify-peer", "--tls-certificates", &certificates];
    let server = Server::start(&folder, "256K", &options);
    let uris = [0, 1].map(|site| through_tls(&server, site, &mine));
    let (image, out) = (folder.path("image"), folder.path("out"));
    folder.write("image", &noise(256 << 10, 1));
    run("nbdcopy", &["--flush", &image, &uris[0]]);
    run("nbdcopy", &[&uris[1], &out]);
    assert!(std::fs::read(&image).unwrap() == std::fs::read(&out).unwrap(), "what b reads is not the image");

    // QEMU has TLS's words for itself.
    let credentials = format!("tls-creds-x509,id=tls,endpoint=client,verify-peer=yes,dir={mine}");
    let qemu = |program: &str, arguments: &[&str]| {
        let [a, b] = [0, 1].map(|site: usize| {
            let socket = &server.sockets[site];
            format!("driver=nbd,server.type=unix,server.path={socket},tls-creds=tls,tls-hostname=localhost")
        });
        let arguments = arguments.iter().map(|argument| match *argument {
            "A" => a.clone(),
            "B" => b.clone(),
            other => other.to_owned(),
        });
        let arguments: Vec<_> = arguments.collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(program, &arguments)
    };
    let compare = ["compare", "--object", &credentials, "--image-opts", "A", "B"];
    assert!(qemu("qemu-img", &compare).contains("Images are identical"));
    qemu("qemu-io", &["--object", &credentials, "--image-opts", "-c", "write -P 0x5a 512 70k", "-c", "flush", "A"]);
    let said = qemu("qemu-io", &["--object", &credentials, "--image-opts", "-c", "read -P 0x5a 512 70k", "B"]);
    assert!(said.contains("71680/71680") && !said.contains("failed"), "{said}");
    let log = server.stop();
    assert!(log.contains("goes on through TLS") && log.contains(", verified"), "{log}");
}

#[test]
fn who_must_use_tls_is_told_so_and_who_may_can_do_without() {
    let folder = Folder::new("serve-tls-mode");
    let authority = Authority::new("authority");
    let (certificates, mine) = (authority.server(&folder, "server"), authority.stranger(&folder, "client"));
    let start = |mode| Server::start(&folder, "1M", &["--tls", mode, "--tls-certificates", &certificates]);
    let server = start("require");
    let text = turned_away("nbdinfo", &[&server.uris[0]]);
    assert!(text.contains("server replied with error to opt_go request"), "{text}");
    let image = format!("nbd+unix:///?socket={}", server.sockets[0]);
    let text = turned_away("qemu-img", &["info", &image]);
    assert!(text.contains("TLS"), "{text}");
    // One that asks by the option that has no error.
    let mut old = server.connect(0);
    old.write_all(b"\0\0\0\x03IHAVEOPT\0\0\0\x01\0\0\0\0").unwrap();
    let mut said = Vec::new();
    let _ = old.read_to_end(&mut said);
    assert_eq!(said.len(), 18, "it is sent away with the greeting alone");
    assert!(run("nbdinfo", &[&through_tls(&server, 0, &mine)]).contains("protocol: newstyle-fixed with TLS"));
    server.stop();

    let server = start("on");
    assert!(run("nbdinfo", &[&server.uris[0]]).contains("without TLS"));
    assert!(run("nbdinfo", &[&through_tls(&server, 0, &mine)]).contains("protocol: newstyle-fixed with TLS"));
    server.stop();

    let server = Server::start(&folder, "1M", &[]);
    turned_away("nbdinfo", &[&through_tls(&server, 0, &mine)]);
    server.stop();
}

#[test]
fn a_client_is_let_in_by_its_certificate() {
    let folder = Folder::new("serve-tls-peer");
    let (authority, other) = (Authority::new("authority"), Authority::new("authority"));
    let certificates = authority.server(&folder, "server");
    folder.write("server/ca-crl.pem", authority.revoke(8).as_bytes());
    let (good, revoked) = (authority.client(&folder, "good", 7), authority.client(&folder, "revoked", 8));
    let none = authority.stranger(&folder, "none");
    // Of the same name: otherwise the client sees for itself that its certificate is of no use here.
    let foreign = other.client(&folder, "foreign", 9);
    std::fs::copy(folder.path("none/ca-cert.pem"), folder.path("foreign/ca-cert.pem")).unwrap();

    // As a configuration file says it.
    let file = format!("[serve]\ntls = \"require\"\ntls-certificates = \"{certificates}\"\ntls-verify-peer = true\n");
    folder.write("dyad.toml", file.as_bytes());
    let server = Server::start(&folder, "1M", &["--config", &folder.path("dyad.toml")]);
    assert_eq!(run("nbdinfo", &["--size", &through_tls(&server, 0, &good)]).trim(), "1048576");
    for (mine, why) in
        [(none, "peer sent no certificates"), (foreign, "invalid peer certificate"), (revoked, "Revoked")]
    {
        let before = server.log().len();
        turned_away("nbdinfo", &[&through_tls(&server, 1, &mine)]);
        // Its client has gone by then.
        let until = Instant::now() + PATIENCE;
        while !server.log()[before..].contains(why) {
            assert!(Instant::now() < until, "{mine}: {}", &server.log()[before..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert_eq!(run("nbdinfo", &["--size", &through_tls(&server, 1, &good)]).trim(), "1048576");
    server.stop();
}

/// A connection that has said that it goes on through TLS, and was told to.
fn begun(server: &Server) -> UnixStream {
    let mut stream = server.connect(0);
    stream.write_all(&[b"\0\0\0\x03", START_TLS].concat()).unwrap();
    let mut said = [0; 18 + ACK.len()];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said[18..], ACK);
    stream
}

/// A client of our own, through TLS.
fn own(server: &Server, folder: &str) -> StreamOwned<ClientConnection, UnixStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(format!("{folder}/ca-cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, begun(server))
}

#[test]
fn nothing_but_tls_is_taken_once_tls_has_begun() {
    let folder = Folder::new("serve-tls-rubbish");
    let authority = Authority::new("authority");
    let (certificates, mine) = (authority.server(&folder, "server"), authority.stranger(&folder, "client"));
    let server = Server::start(&folder, "1M", &["--tls", "on", "--tls-certificates", &certificates]);
    // What goes on in the open, sent at once with STARTTLS as by one who sits between the two, is no part of the handshake.
    let open = b"IHAVEOPT\0\0\0\x01\0\0\0\0";
    for rubbish in [&noise(4096, 1)[..], &[0; 64], open, b"\x16\x03\x01\x40\0\x01\0\x3f\xfc"] {
        let mut stream = server.connect(0);
        stream.write_all(&[b"\0\0\0\x03", START_TLS, rubbish].concat()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let alert = said.strip_prefix(&[b"NBDMAGICIHAVEOPT\0\x03", ACK].concat()[..]).expect("it was acknowledged");
        assert!(alert.is_empty() || alert[0] == 21, "an alert at most: {alert:?}");
    }
    // Rubbish in the middle of what was good so far.
    let mut client = own(&server, &mine);
    client.write_all(b"IHAVEOPT\0\0\0\x03\0\0\0\0").unwrap();
    client.read_exact(&mut [0; 20]).unwrap();
    client.sock.write_all(&noise(4096, 2)).unwrap();
    let _ = client.sock.read_to_end(&mut Vec::new());
    // They have vanished, at each point of the handshake.
    drop(begun(&server));
    begun(&server).write_all(b"\x16\x03\x01\x02\0\x01").unwrap();
    let mut half = own(&server, &mine);
    half.conn.write_tls(&mut half.sock).unwrap();
    drop(half);

    assert_eq!(server.client(0).write(FUA, 0, &[1; 4096]), 0, "the others notice nothing");
    // One that stays, and says nothing, does not keep the server from ending.
    let _silent = begun(&server);
    let log = server.stop();
    assert!(log.contains("TLS: received corrupt message"), "{log}");
}

#[test]
fn a_connection_through_tls_is_ended_by_the_means_of_tls() {
    let folder = Folder::new("serve-tls-end");
    let authority = Authority::new("authority");
    let (certificates, mine) = (authority.server(&folder, "server"), authority.stranger(&folder, "client"));
    let server = Server::start(&folder, "256K", &["--tls", "require", "--tls-certificates", &certificates]);
    let mut client = own(&server, &mine);
    client.write_all(b"IHAVEOPT\0\0\0\x01\0\0\0\0").unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    // Many records, both ways at once: what is asked for is read only when all has been asked.
    let data = noise(192 << 10, 3);
    client.write_all(&head(FUA, WRITE, 1, 512, 192 << 10)).unwrap();
    client.write_all(&data).unwrap();
    let mut reply = [0; 16];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(reply[4..], [&[0; 4][..], &1u64.to_be_bytes()].concat());
    client.write_all(&head(0, READ, 2, 512, 192 << 10)).unwrap();
    client.write_all(&head(0, DISCONNECT, 0, 0, 0)).unwrap();
    client.read_exact(&mut reply).unwrap();
    let mut got = vec![0; data.len()];
    client.read_exact(&mut got).unwrap();
    assert!(got == data, "what was written is not what is read");
    assert_eq!(client.read(&mut reply).unwrap(), 0, "close_notify, and then the end");

    // One that has gone without a word is no fault, and one that has no more to say hears the end all the same.
    let mut client = own(&server, &mine);
    client.write_all(b"IHAVEOPT\0\0\0\x02\0\0\0\0").unwrap();
    client.read_exact(&mut [0; 20]).unwrap();
    assert_eq!(client.read(&mut reply).unwrap(), 0);
    let mut client = own(&server, &mine);
    client.write_all(b"IHAVEOPT\0\0\0\x01\0\0\0\0").unwrap();
    client.read_exact(&mut [0; 10]).unwrap();
    let log = server.stop();
    let ended = client.read(&mut reply);
    assert!(ended.as_ref().is_ok_and(|count| *count == 0), "the server's end is clean, too: {ended:?}");
    assert!(!log.contains("WARN"), "{log}");
    assert_ne!(ended.map_err(|error| error.kind()), Err(ErrorKind::UnexpectedEof));
}

#[test]
fn certificates_that_cannot_be_used_are_named_before_anything_is_served() {
    let folder = Folder::new("serve-tls-files");
    let authority = Authority::new("authority");
    let good = authority.server(&folder, "good");
    let uri = format!("nbd+unix:///?socket={}", folder.path("x.nbd"));
    let with = |options: &[&str], code| {
        let text = fails(dyad(&["serve", "--km", "0", "--size", "1M", "--site-a", &uri]).args(options), code);
        assert!(!std::path::Path::new(&folder.path("x.nbd")).exists(), "nothing was opened: {text}");
        text
    };
    let required =
        |certificates: &str| with(&["--tls", "require", "--tls-verify-peer", "--tls-certificates", certificates], 1);
    assert!(with(&["--tls", "require"], 2).contains("--tls-certificates"));
    assert!(with(&["--tls", "maybe", "--tls-certificates", &good], 2).contains("off, on, require"));
    assert!(with(&["--tls", "on", "--tls-verify-peer"], 2).contains("--tls-certificates"));
    assert!(with(&["--tls-certificates", &good], 1).contains("TLS is off"));
    assert!(required(&folder.path("nowhere")).contains("there is no such folder"));

    let broken = |name: &str, breaks: &dyn Fn(&str)| {
        let path = authority.server(&folder, name);
        breaks(name);
        let text = required(&path);
        assert!(text.contains(&path), "{text}");
        text
    };
    for file in ["ca-cert.pem", "server-cert.pem", "server-key.pem"] {
        let text = broken(&format!("without-{file}"), &|name| {
            std::fs::remove_file(folder.path(&format!("{name}/{file}"))).unwrap();
        });
        assert!(text.contains(&format!("reading {}", folder.path(&format!("without-{file}/{file}")))), "{text}");
        let text = broken(&format!("empty-{file}"), &|name| folder.write(&format!("{name}/{file}"), b"\n"));
        assert!(text.contains(file) && text.contains("PEM"), "{text}");
        let text = broken(&format!("rubbish-{file}"), &|name| {
            let kind = if file.contains("key") { "PRIVATE KEY" } else { "CERTIFICATE" };
            let text = format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
            folder.write(&format!("{name}/{file}"), text.as_bytes());
        });
        assert!(text.contains(file) && text.contains("cannot be used"), "{text}");
    }
    let text = broken("other-key", &|name| {
        std::fs::copy(folder.path("good/server-key.pem"), folder.path(&format!("{name}/server-key.pem"))).unwrap();
    });
    assert!(text.contains("server-key.pem is not the key of server-cert.pem"), "{text}");
    let text = broken("no-list", &|name| folder.write(&format!("{name}/ca-crl.pem"), b"nothing"));
    assert!(text.contains("ca-crl.pem holds no list"), "{text}");
}

#[test]
fn over_tcp_the_host_is_verified_by_its_name() {
    use std::io::BufRead;
    let folder = Folder::new("serve-tls-tcp");
    let authority = Authority::new("authority");
    let (certificates, mine) = (authority.server(&folder, "server"), authority.stranger(&folder, "client"));
    let other = Authority::new("other authority").stranger(&folder, "other");
    let mut command = dyad(&["serve", "--json", "--km", "0", "--size", "1M", "--site-a", "nbd://localhost:0/disk"]);
    command.args(["--tls", "require", "--tls-certificates", &certificates]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let uri = crate::common::json(&line)["exports"][0]["uri"].as_str().unwrap().to_owned();
    let size = Command::new("nbdinfo").args(["--size", &format!("{uri}?tls-certificates={mine}")]).output().unwrap();
    let wrong = Command::new("nbdinfo").args(["--size", &format!("{uri}?tls-certificates={other}")]).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(uri.starts_with("nbds://localhost:"), "{uri}");
    assert_eq!(String::from_utf8_lossy(&size.stdout).trim(), "1048576", "{size:?}");
    assert!(!wrong.status.success(), "a server that nobody vouches for was trusted");
}
