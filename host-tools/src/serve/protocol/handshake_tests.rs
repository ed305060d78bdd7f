use proptest::prelude::*;

use super::*;

fn export() -> Arc<Export> {
    Arc::new(Export { name: "dyad".to_owned(), description: "a LUN".to_owned(), size: 8 << 20 })
}

fn option(number: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = OPTION_MAGIC.to_be_bytes().to_vec();
    bytes.extend(number.to_be_bytes());
    bytes.extend((data.len() as u32).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text].concat()
}

fn inquiry(name: &[u8], wanted: &[u16]) -> Vec<u8> {
    let mut data = string(name);
    data.extend((wanted.len() as u16).to_be_bytes());
    wanted.iter().for_each(|number| data.extend(number.to_be_bytes()));
    data
}

fn contexts(queries: &[&[u8]]) -> Vec<u8> {
    let mut data = string(b"");
    data.extend((queries.len() as u32).to_be_bytes());
    queries.iter().for_each(|query| data.extend(string(query)));
    data
}

/// Feeds all bytes, as far as they go; what was answered, how it stands, and what is left.
fn feed<'a>(handshake: &mut Handshake, mut bytes: &'a [u8]) -> (Vec<u8>, Progress, &'a [u8]) {
    let (mut out, mut progress) = (Vec::new(), Progress::More);
    while progress == Progress::More
        && let Some((head, rest)) = bytes.split_at_checked(handshake.wanted())
    {
        bytes = rest;
        progress = handshake.take(head, &mut out);
    }
    (out, progress, bytes)
}

fn begun() -> Handshake {
    begun_with(TlsMode::Off)
}

fn begun_with(tls: TlsMode) -> Handshake {
    let mut handshake = Handshake::new(export(), tls);
    assert_eq!(feed(&mut handshake, &[0, 0, 0, 3]).1, Progress::More);
    handshake
}

/// Types and data of the replies to `option`.
fn replies(mut bytes: &[u8], option: u32) -> Vec<(u32, Vec<u8>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let mut fields = super::super::Fields(bytes);
        assert_eq!(fields.u64(), Some(REPLY_MAGIC));
        assert_eq!(fields.u32(), Some(option));
        let kind = fields.u32().unwrap();
        all.push((kind, fields.string().unwrap().to_vec()));
        bytes = fields.0;
    }
    all
}

const ACK: (u32, Vec<u8>) = (1, Vec::new());

#[test]
fn go_tells_size_flags_name_and_block_sizes() {
    let mut handshake = begun();
    let bytes = [option(8, &[]), option(7, &inquiry(b"dyad", &[1, 2, 3])), b"request".to_vec()].concat();
    let (out, progress, rest) = feed(&mut handshake, &bytes);
    assert_eq!(progress, Progress::Transmission(Session { structured: true, allocation: false }));
    assert_eq!(rest, b"request", "it takes nothing of what follows");
    let replies = replies(&out[20..], 7);
    let size = [&[0, 0][..], &(8u64 << 20).to_be_bytes(), &0x0dedu16.to_be_bytes()].concat();
    assert_eq!(replies[0], (3, size));
    assert_eq!(replies[1], (3, b"\0\x01dyad".to_vec()));
    assert_eq!(replies[2], (3, b"\0\x02a LUN".to_vec()));
    assert_eq!(replies[3], (3, vec![0, 3, 0, 0, 2, 0, 0, 0, 16, 0, 2, 0, 0, 0]));
    assert_eq!(replies[4..], [ACK]);
}

#[test]
fn export_name_is_padded_unless_the_client_can_do_without() {
    for (flags, length) in [(1, 134), (3, 10)] {
        let mut handshake = Handshake::new(export(), TlsMode::Off);
        let bytes = [vec![0, 0, 0, flags], option(1, b"")].concat();
        let (out, progress, _) = feed(&mut handshake, &bytes);
        assert_eq!(progress, Progress::Transmission(Session::default()));
        assert_eq!(out.len(), length);
        assert_eq!(out[..8], (8u64 << 20).to_be_bytes());
        assert_eq!(out[9] & 0x80, 0, "DF goes with structured replies alone");
    }
}

#[test]
fn other_names_are_refused() {
    let (out, progress, _) = feed(&mut begun(), &option(7, &inquiry(b"other", &[])));
    assert_eq!((replies(&out, 7)[0].0, progress), (1 << 31 | 6, Progress::More));
    assert!(matches!(feed(&mut begun(), &option(1, b"other")).1, Progress::Close(Some(_))));
}

#[test]
fn contexts_need_structured_replies_and_a_name_that_is_known() {
    let (out, ..) = feed(&mut begun(), &option(10, &contexts(&[ALLOCATION])));
    assert_eq!(replies(&out, 10)[0].0, 1 << 31 | 3);

    let ask = |number: u32, queries: &[&[u8]]| {
        let mut handshake = begun();
        let (out, ..) = feed(&mut handshake, &[option(8, &[]), option(number, &contexts(queries))].concat());
        let (_, progress, _) = feed(&mut handshake, &option(7, &inquiry(b"", &[])));
        let Progress::Transmission(session) = progress else { panic!("{progress:?}") };
        (replies(&out[20..], number), session.allocation)
    };
    let context = |id: u32| (4, [&id.to_be_bytes()[..], ALLOCATION].concat());
    assert_eq!(ask(10, &[b"qemu:dirty", ALLOCATION]), (vec![context(1), ACK], true));
    assert_eq!(ask(10, &[b"base:"]), (vec![ACK], false));
    assert_eq!(ask(10, &[]), (vec![ACK], false));
    assert_eq!(ask(9, &[]), (vec![context(0), ACK], false));
    assert_eq!(ask(9, &[b"base:"]), (vec![context(0), ACK], false));
    assert_eq!(ask(9, &[b"x-other:"]), (vec![ACK], false));
}

#[test]
fn what_is_not_known_is_refused_and_the_client_may_go_on() {
    let mut handshake = begun();
    let long = option(11, &vec![0; DATA_MAX + 1]);
    let all = [option(5, &[]), option(3, &[1]), long, option(7, b"short"), option(3, &[])].concat();
    let (out, progress, rest) = feed(&mut handshake, &all);
    assert_eq!((progress, rest.len()), (Progress::More, 0));
    let mut kinds = Vec::new();
    let mut fields = super::super::Fields(&out);
    while fields.u64() == Some(REPLY_MAGIC) {
        kinds.push((fields.u32().unwrap(), fields.u32().unwrap()));
        fields.string().unwrap();
    }
    let refused = |kind: u32| 1 << 31 | kind;
    assert_eq!(kinds, [(5, refused(2)), (3, refused(3)), (11, refused(9)), (7, refused(3)), (3, 2), (3, 1)]);
}

#[test]
fn abort_is_acknowledged() {
    let (out, progress, _) = feed(&mut begun(), &option(2, b"why not"));
    assert_eq!((replies(&out, 2), progress), (vec![ACK], Progress::Close(None)));
}

#[test]
fn rubbish_ends_it() {
    assert!(matches!(
        feed(&mut Handshake::new(export(), TlsMode::Off), b"GET / HTTP/1.1\r\n\r\n").1,
        Progress::Close(Some(_))
    ));
    assert!(matches!(feed(&mut begun(), b"GET / HTTP/1.1\r\n\r\n").1, Progress::Close(Some(_))));
    let endless = option(3, &[]).repeat(OPTIONS_MAX as usize + 1);
    assert!(matches!(feed(&mut begun(), &endless).1, Progress::Close(Some(_))));
    let mut huge = option(3, &[]);
    huge[12..].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(feed(&mut begun(), &huge).1, Progress::Close(Some(_))));
}

/// All options that there are, with good data.
fn good_options() -> Vec<(u32, Vec<u8>)> {
    let go = || inquiry(b"dyad", &[]);
    let ask = || contexts(&[ALLOCATION]);
    vec![(3, vec![]), (6, go()), (7, go()), (8, vec![]), (9, ask()), (10, ask()), (11, vec![])]
}

#[test]
fn without_tls_nothing_is_served_where_it_is_required() {
    for (number, data) in good_options() {
        let (out, progress, _) = feed(&mut begun_with(TlsMode::Require), &option(number, &data));
        assert_eq!((replies(&out, number)[0].0, progress), (1 << 31 | 5, Progress::More), "option {number}");
    }
    let (out, progress, _) = feed(&mut begun_with(TlsMode::Require), &option(1, b"dyad"));
    assert!(out.is_empty() && matches!(progress, Progress::Close(Some(_))), "this option has no error");
    let (out, progress, _) = feed(&mut begun_with(TlsMode::Require), &option(2, &[]));
    assert_eq!((replies(&out, 2), progress), (vec![ACK], Progress::Close(None)));
}

#[test]
fn through_tls_all_is_served_and_what_was_said_before_does_not_count() {
    for tls in [TlsMode::On, TlsMode::Require] {
        let mut handshake = begun_with(tls);
        let before = [option(8, &[]), option(10, &contexts(&[ALLOCATION]))].concat();
        feed(&mut handshake, &before);
        let bytes = [option(5, &[]), b"\x16\x03\x01".to_vec()].concat();
        let (out, progress, rest) = feed(&mut handshake, &bytes);
        assert_eq!((replies(&out, 5), progress), (vec![ACK], Progress::StartTls));
        assert_eq!(rest, b"\x16\x03\x01", "it takes nothing of what is TLS's");
        let (out, ..) = feed(&mut handshake, &option(5, &[]));
        assert_eq!(replies(&out, 5)[0].0, 1 << 31 | 3, "once is enough");
        let (out, ..) = feed(&mut handshake, &option(10, &contexts(&[ALLOCATION])));
        assert_eq!(replies(&out, 10)[0].0, 1 << 31 | 3, "structured replies are to be agreed on again");
        let (_, progress, _) = feed(&mut handshake, &option(7, &inquiry(b"", &[])));
        assert_eq!(progress, Progress::Transmission(Session::default()));
    }
}

#[test]
fn tls_is_not_begun_where_it_must_not_be() {
    let refusal = |handshake: &mut Handshake, data: &[u8]| {
        let (out, progress, _) = feed(handshake, &option(5, data));
        assert_eq!(progress, Progress::More);
        replies(&out, 5)[0].0
    };
    assert_eq!(refusal(&mut begun_with(TlsMode::Off), &[]), 1 << 31 | 2);
    assert_eq!(refusal(&mut begun_with(TlsMode::On), &[1]), 1 << 31 | 3);
    let mut old = Handshake::new(export(), TlsMode::On);
    feed(&mut old, &[0, 0, 0, 0]);
    assert_eq!(refusal(&mut old, &[]), 1 << 31 | 2);
    // In the open, one may go on.
    assert!(matches!(feed(&mut begun_with(TlsMode::On), &option(1, b"")).1, Progress::Transmission(_)));
}

/// Options with random numbers and random or nearly right data.
fn any_option() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        Just(inquiry(b"dyad", &[3])),
        Just(contexts(&[ALLOCATION, b"base:"])),
    ];
    (0u32..13, data, proptest::option::of(0usize..32)).prop_map(|(number, mut data, cut)| {
        if let Some(cut) = cut {
            data.truncate(cut);
        }
        option(number, &data)
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        feed(&mut Handshake::new(export(), TlsMode::Off), &bytes);
        feed(&mut begun(), &bytes);
        feed(&mut begun_with(TlsMode::Require), &bytes);
    }

    #[test]
    fn no_options_lead_past_tls(options in proptest::collection::vec(any_option(), 1..20)) {
        let mut handshake = begun_with(TlsMode::Require);
        for bytes in options {
            match feed(&mut handshake, &bytes).1 {
                Progress::More => {}
                Progress::Transmission(_) => prop_assert!(false, "served in the open"),
                Progress::StartTls | Progress::Close(_) => break,
            }
        }
    }

    #[test]
    fn every_option_is_answered_or_ends_it(options in proptest::collection::vec(any_option(), 1..20)) {
        let mut handshake = begun();
        for bytes in options {
            let (out, progress, rest) = feed(&mut handshake, &bytes);
            prop_assert!(rest.is_empty());
            match progress {
                Progress::More => prop_assert!(!out.is_empty()),
                _ => break,
            }
        }
    }
}
