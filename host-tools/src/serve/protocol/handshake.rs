//! The handshake: fixed newstyle, from the greeting to the first request ("Handshake").

use std::sync::Arc;

use super::options::{Contexts, Inquiry, Kind};
use super::{Export, MINIMUM_BYTES, PAYLOAD_MAX, PREFERRED_BYTES, Session, TlsMode};

const NBD_MAGIC: u64 = 0x4e42_444d_4147_4943;
const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
const REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
/// Handshake and client flags: FIXED_NEWSTYLE and NO_ZEROES.
const FLAGS: u16 = 0b11;
const CLIENT_FIXED_NEWSTYLE: u32 = 1 << 0;
const CLIENT_NO_ZEROES: u32 = 1 << 1;
const EXPORT_NAME_PADDING: usize = 124;
/// Longest data of an option that is looked at; longer ones are skipped and refused.
const DATA_MAX: usize = 64 * 1024;
/// Longest data of an option that is skipped.
const SKIP_MAX: usize = 16 << 20;
/// Options of one client; one that sends more means no good.
const OPTIONS_MAX: u32 = 256;
/// Our number for `base:allocation`.
pub const ALLOCATION_ID: u32 = 1;
const ALLOCATION: &[u8] = b"base:allocation";

/// Types of replies ("Option reply types").
#[derive(Clone, Copy)]
#[repr(u32)]
enum Reply {
    Ack = 1,
    Server = 2,
    Info = 3,
    MetaContext = 4,
    ErrUnsup = 1 << 31 | 1,
    ErrPolicy = 1 << 31 | 2,
    ErrInvalid = 1 << 31 | 3,
    ErrTlsReqd = 1 << 31 | 5,
    ErrUnknown = 1 << 31 | 6,
    ErrTooBig = 1 << 31 | 9,
}

/// Where a handshake stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    More,
    /// It goes on through TLS: once what there is to say has been said, nothing more is taken or sent in the open.
    StartTls,
    /// Requests follow.
    Transmission(Session),
    /// The connection is to be closed, once what there is to say has been said. With a reason when the client is to blame.
    Close(Option<&'static str>),
}

enum State {
    ClientFlags,
    Header,
    Data { option: u32, bytes: usize },
    Skip { option: u32, bytes: usize },
}

/// A handshake under way. Takes exactly as many bytes as it [wants](Self::wanted), so none of the first request.
pub struct Handshake {
    export: Arc<Export>,
    state: State,
    tls: TlsMode,
    is_secure: bool,
    session: Session,
    fixed_newstyle: bool,
    no_zeroes: bool,
    options: u32,
}

impl Handshake {
    /// At its beginning.
    pub fn new(export: Arc<Export>, tls: TlsMode) -> Self {
        Self {
            export,
            state: State::ClientFlags,
            tls,
            is_secure: false,
            session: Session::default(),
            fixed_newstyle: false,
            no_zeroes: false,
            options: 0,
        }
    }

    /// What the server says first.
    pub fn greeting() -> Vec<u8> {
        let mut out = NBD_MAGIC.to_be_bytes().to_vec();
        out.extend(OPTION_MAGIC.to_be_bytes());
        out.extend(FLAGS.to_be_bytes());
        out
    }

    /// Bytes that it takes next: at least 1.
    pub fn wanted(&self) -> usize {
        match self.state {
            State::ClientFlags => 4,
            State::Header => 16,
            State::Data { bytes, .. } => bytes,
            State::Skip { bytes, .. } => bytes.min(DATA_MAX),
        }
    }

    /// Takes the bytes that it wanted; appends what is to be answered to `out`.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Progress {
        debug_assert_eq!(bytes.len(), self.wanted());
        match self.state {
            State::ClientFlags => self.client_flags(bytes),
            State::Header => self.header(bytes, out),
            State::Data { option, .. } => {
                self.state = State::Header;
                self.option(option, bytes, out)
            }
            State::Skip { option, bytes: left } => {
                let left = left.saturating_sub(bytes.len());
                self.state = State::Skip { option, bytes: left };
                if left == 0 {
                    self.state = State::Header;
                    reply(out, option, Reply::ErrTooBig, b"this option's data are too long");
                }
                Progress::More
            }
        }
    }

    fn client_flags(&mut self, bytes: &[u8]) -> Progress {
        let flags = bytes.try_into().map_or(u32::MAX, u32::from_be_bytes);
        if flags & !u32::from(FLAGS) != 0 {
            return Progress::Close(Some(
                "it set client flags that are not known: it is no NBD client, or a newer one",
            ));
        }
        self.fixed_newstyle = flags & CLIENT_FIXED_NEWSTYLE != 0;
        self.no_zeroes = flags & CLIENT_NO_ZEROES != 0;
        self.state = State::Header;
        Progress::More
    }

    fn header(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Progress {
        let mut fields = super::Fields(bytes);
        let (Some(magic), Some(option), Some(count)) = (fields.u64(), fields.u32(), fields.u32()) else {
            return Progress::Close(Some("its option was cut short"));
        };
        if magic != OPTION_MAGIC {
            return Progress::Close(Some("its option does not begin with the magic number: it is no NBD client"));
        }
        self.options += 1;
        if self.options > OPTIONS_MAX {
            return Progress::Close(Some("it sends options without end"));
        }
        match count as usize {
            0 => self.option(option, &[], out),
            bytes @ 1..=DATA_MAX => {
                self.state = State::Data { option, bytes };
                Progress::More
            }
            bytes @ ..=SKIP_MAX => {
                self.state = State::Skip { option, bytes };
                Progress::More
            }
            _ => Progress::Close(Some("its option's data are longer than any option's can be")),
        }
    }

    fn option(&mut self, option: u32, data: &[u8], out: &mut Vec<u8>) -> Progress {
        let kind = Kind::of(option);
        if self.tls == TlsMode::Require && !self.is_secure && !matches!(kind, Kind::StartTls | Kind::Abort) {
            if kind == Kind::ExportName {
                return Progress::Close(Some("it asked for the export without TLS, by an option that has no error"));
            }
            reply(out, option, Reply::ErrTlsReqd, b"this server is used through TLS alone");
            return Progress::More;
        }
        match kind {
            Kind::StartTls => return self.start_tls(option, data, out),
            Kind::ExportName => return self.export_name(data, out),
            Kind::Abort => {
                reply(out, option, Reply::Ack, &[]);
                return Progress::Close(None);
            }
            Kind::Go => {
                if self.info(option, data, out) {
                    return Progress::Transmission(self.session);
                }
            }
            Kind::Info => {
                self.info(option, data, out);
            }
            Kind::List | Kind::StructuredReply if !data.is_empty() => {
                reply(out, option, Reply::ErrInvalid, b"this option has no data");
            }
            Kind::List => {
                let mut server = (self.export.name.len() as u32).to_be_bytes().to_vec();
                server.extend(self.export.name.as_bytes());
                server.extend(self.export.description.as_bytes());
                reply(out, option, Reply::Server, &server);
                reply(out, option, Reply::Ack, &[]);
            }
            Kind::StructuredReply => {
                self.session.structured = true;
                reply(out, option, Reply::Ack, &[]);
            }
            Kind::ListMetaContext => self.contexts(option, data, false, out),
            Kind::SetMetaContext => self.contexts(option, data, true, out),
            Kind::Other => reply(out, option, Reply::ErrUnsup, b"this server does not have this option"),
        }
        Progress::More
    }

    fn start_tls(&mut self, option: u32, data: &[u8], out: &mut Vec<u8>) -> Progress {
        let (kind, text): (_, &[u8]) = match self.tls {
            TlsMode::Off => (Reply::ErrPolicy, b"TLS is off at this server"),
            _ if self.is_secure => (Reply::ErrInvalid, b"TLS has been begun already"),
            _ if !data.is_empty() => (Reply::ErrInvalid, b"this option has no data"),
            _ if !self.fixed_newstyle => (Reply::ErrPolicy, b"TLS is for clients that do fixed newstyle"),
            _ => {
                // Who asked for what until now is anybody's guess: it does not count.
                self.session = Session::default();
                self.is_secure = true;
                reply(out, option, Reply::Ack, &[]);
                return Progress::StartTls;
            }
        };
        reply(out, option, kind, text);
        Progress::More
    }

    fn export_name(&self, name: &[u8], out: &mut Vec<u8>) -> Progress {
        if !self.export.is_called(name) {
            return Progress::Close(Some("it asked for an export that is not here, by an option that has no error"));
        }
        out.extend(self.export.size.to_be_bytes());
        out.extend(self.session.flags().bits().to_be_bytes());
        if !self.no_zeroes {
            out.extend([0; EXPORT_NAME_PADDING]);
        }
        Progress::Transmission(self.session)
    }

    /// Answers NBD_OPT_INFO or NBD_OPT_GO; whether well.
    fn info(&self, option: u32, data: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(inquiry) = Inquiry::parse(data) else {
            reply(out, option, Reply::ErrInvalid, b"the data are not well formed");
            return false;
        };
        if !self.export.is_called(inquiry.name) {
            self.unknown(option, out);
            return false;
        }
        let mut info = |number: u16, payload: &[&[u8]]| {
            let mut bytes = number.to_be_bytes().to_vec();
            payload.iter().for_each(|part| bytes.extend(*part));
            reply(out, option, Reply::Info, &bytes);
        };
        info(0, &[&self.export.size.to_be_bytes(), &self.session.flags().bits().to_be_bytes()]);
        if inquiry.wanted.contains(&1) {
            info(1, &[self.export.name.as_bytes()]);
        }
        if inquiry.wanted.contains(&2) {
            info(2, &[self.export.description.as_bytes()]);
        }
        // Whether asked for or not: requests that are not aligned will be refused ("Size constraints").
        let sizes = [MINIMUM_BYTES, PREFERRED_BYTES, PAYLOAD_MAX].map(u32::to_be_bytes);
        info(3, &[&sizes[0], &sizes[1], &sizes[2]]);
        reply(out, option, Reply::Ack, &[]);
        true
    }

    fn unknown(&self, option: u32, out: &mut Vec<u8>) {
        let text = format!("there is no such export; this one is called {}", self.export.name);
        reply(out, option, Reply::ErrUnknown, text.as_bytes());
    }

    /// Answers NBD_OPT_LIST_META_CONTEXT, or NBD_OPT_SET_META_CONTEXT, which replaces what was selected even when it
    /// fails ("Metadata querying").
    fn contexts(&mut self, option: u32, data: &[u8], set: bool, out: &mut Vec<u8>) {
        if set {
            self.session.allocation = false;
        }
        let Some(asked) = Contexts::parse(data).filter(|_| self.session.structured) else {
            let text = b"the data are not well formed, or structured replies were not agreed on";
            return reply(out, option, Reply::ErrInvalid, text);
        };
        if !self.export.is_called(asked.name) {
            return self.unknown(option, out);
        }
        let named = asked.queries.contains(&ALLOCATION);
        let listed = !set && (asked.queries.is_empty() || asked.queries.contains(&&b"base:"[..]));
        if named || listed {
            let id = if set { ALLOCATION_ID } else { 0 };
            let mut context = id.to_be_bytes().to_vec();
            context.extend(ALLOCATION);
            reply(out, option, Reply::MetaContext, &context);
            self.session.allocation |= set;
        }
        reply(out, option, Reply::Ack, &[]);
    }
}

fn reply(out: &mut Vec<u8>, option: u32, kind: Reply, data: &[u8]) {
    out.extend(REPLY_MAGIC.to_be_bytes());
    out.extend(option.to_be_bytes());
    out.extend((kind as u32).to_be_bytes());
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(data);
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
