//! Replies ("Simple reply message", "Structured reply chunk message").

use super::handshake::ALLOCATION_ID;
use super::request::Request;
use super::{Errno, Session};

const SIMPLE_MAGIC: u32 = 0x6744_6698;
const CHUNK_MAGIC: u32 = 0x668e_33ef;
const CHUNK_DONE: u16 = 1;
const OFFSET_DATA: u16 = 1;
const BLOCK_STATUS: u16 = 5;
const ERROR: u16 = 1 << 15 | 1;
/// Longest text in an error chunk in bytes.
const TEXT_MAX: usize = 4096;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and nothing to tell.
    Done,
    /// The bytes that were read.
    Data(Vec<u8>),
    /// All of the range is allocated, and what it holds is not known.
    Allocated,
    /// It failed; the text is for people.
    Failed(Errno, String),
}

/// Bytes of a reply: a head, and the data that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Goes first.
    pub head: Vec<u8>,
    /// Goes second.
    pub data: Vec<u8>,
}

/// The reply to `request`.
pub fn encode(request: &Request, session: &Session, answer: Answer) -> Reply {
    let cookie = request.cookie;
    if !session.structured {
        let (errno, data) = match answer {
            Answer::Data(data) => (0, data),
            Answer::Failed(errno, _) => (errno as u32, Vec::new()),
            Answer::Done | Answer::Allocated => (0, Vec::new()),
        };
        return Reply { head: simple(cookie, errno), data };
    }
    match answer {
        Answer::Data(data) => {
            let mut head = chunk(OFFSET_DATA, cookie, data.len() + 8);
            head.extend(request.offset.to_be_bytes());
            Reply { head, data }
        }
        Answer::Allocated => {
            let mut head = chunk(BLOCK_STATUS, cookie, 12);
            head.extend([ALLOCATION_ID, request.length, 0].map(u32::to_be_bytes).concat());
            Reply { head, data: Vec::new() }
        }
        Answer::Failed(errno, mut text) => {
            text.truncate(text.floor_char_boundary(TEXT_MAX));
            let mut head = chunk(ERROR, cookie, text.len() + 6);
            head.extend((errno as u32).to_be_bytes());
            head.extend((text.len() as u16).to_be_bytes());
            head.extend(text.as_bytes());
            Reply { head, data: Vec::new() }
        }
        // Allowed for all but reads, which always have data.
        Answer::Done => Reply { head: simple(cookie, 0), data: Vec::new() },
    }
}

fn simple(cookie: u64, errno: u32) -> Vec<u8> {
    [&SIMPLE_MAGIC.to_be_bytes()[..], &errno.to_be_bytes(), &cookie.to_be_bytes()].concat()
}

/// Head of the one chunk of a reply.
fn chunk(kind: u16, cookie: u64, length: usize) -> Vec<u8> {
    let (magic, flags, kind) = (CHUNK_MAGIC.to_be_bytes(), CHUNK_DONE.to_be_bytes(), kind.to_be_bytes());
    [&magic[..], &flags, &kind, &cookie.to_be_bytes(), &(length as u32).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let mut bytes = [0; 28];
        bytes[..4].copy_from_slice(&0x2560_9513u32.to_be_bytes());
        bytes[15] = 9;
        bytes[22] = 2;
        bytes[27] = 64;
        Request::parse(&bytes).unwrap()
    }

    const STRUCTURED: Session = Session { structured: true, allocation: true };

    #[test]
    fn simple_replies_carry_error_and_data() {
        let plain = Session::default();
        let reply = encode(&request(), &plain, Answer::Data(vec![5, 6]));
        assert_eq!(reply.head, [&[0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0][..], &9u64.to_be_bytes()].concat());
        assert_eq!(reply.data, [5, 6]);
        let reply = encode(&request(), &plain, Answer::Failed(Errno::Io, "text".to_owned()));
        assert_eq!((reply.head[7], reply.data.len()), (5, 0));
    }

    #[test]
    fn chunks_say_how_long_they_are() {
        let cases = [
            (Answer::Data(vec![7; 100]), OFFSET_DATA, 108),
            (Answer::Allocated, BLOCK_STATUS, 12),
            (Answer::Failed(Errno::Perm, "no".to_owned()), ERROR, 8),
            (Answer::Failed(Errno::Perm, "ä".repeat(3000)), ERROR, 6 + TEXT_MAX),
        ];
        for (answer, kind, length) in cases {
            let Reply { head, data } = encode(&request(), &STRUCTURED, answer);
            assert_eq!(head[..4], CHUNK_MAGIC.to_be_bytes());
            assert_eq!(head[4..6], CHUNK_DONE.to_be_bytes());
            assert_eq!(head[6..8], kind.to_be_bytes());
            assert_eq!(head[16..20], (length as u32).to_be_bytes());
            assert_eq!(head.len() - 20 + data.len(), length);
        }
    }

    #[test]
    fn data_say_where_they_belong_and_status_how_far_it_goes() {
        let head = encode(&request(), &STRUCTURED, Answer::Data(vec![7; 64])).head;
        assert_eq!(head[20..28], 0x200u64.to_be_bytes());
        let head = encode(&request(), &STRUCTURED, Answer::Allocated).head;
        assert_eq!(head[20..], [1u32, 64, 0].map(u32::to_be_bytes).concat());
    }
}
