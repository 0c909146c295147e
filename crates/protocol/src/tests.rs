use proptest::prelude::*;

use super::*;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Data), Just(Kind::ErrorData)]
}

/// Bytes in which the magic, or pieces of it, are frequent.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0..=16usize).prop_map(|n| MAGIC[..n].to_vec()),
        (0..=16usize).prop_map(|n| MAGIC[n..].to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
        Just(vec![0; 3]),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Decodes `bytes`, fed in pieces of `step` bytes.
fn decode(decoder: &mut Decoder, bytes: &[u8], step: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        decoder.feed(piece);
        events.extend(std::iter::from_fn(|| decoder.next()));
    }
    events
}

fn hello(session: u128) -> Hello {
    Hello::new(Role::Host, session)
}

proptest! {
    #[test]
    fn data_arrives_as_it_was_sent(
        contents in prop::collection::vec((any::<u32>(), kind(), nasty()), 0..6),
        step in 1..100usize,
    ) {
        let mut bytes = hello(7).encode().to_vec();
        for (stream, kind, content) in &contents {
            bytes.extend(data(*stream, *kind, content));
        }
        // The magic is at the start and nowhere else, across frames included.
        prop_assert_eq!(memchr::memmem::rfind(&bytes, &MAGIC), Some(0));
        let mut events = decode(&mut Decoder::new(), &bytes, step).into_iter();
        prop_assert_eq!(events.next(), Some(Event::Hello(hello(7))));
        let mut rest: Vec<Frame> = Vec::new();
        for event in events {
            let Event::Frame(frame) = event else { panic!("{event:?}") };
            match rest.last_mut() {
                Some(last) if (last.stream, last.kind) == (frame.stream, frame.kind) => last.payload.extend(frame.payload),
                _ => rest.push(frame),
            }
        }
        let mut expected: Vec<Frame> = Vec::new();
        for (stream, kind, payload) in contents.into_iter().filter(|c| !c.2.is_empty()) {
            match expected.last_mut() {
                Some(last) if (last.stream, last.kind) == (stream, kind) => last.payload.extend(payload),
                _ => expected.push(Frame { stream, kind, payload }),
            }
        }
        prop_assert_eq!(rest, expected);
    }

    #[test]
    fn a_greeting_is_found_whatever_was_cut_off_before_it(
        content in nasty(),
        cut in 0..400usize,
        garbage in nasty(),
        step in 1..50usize,
    ) {
        let mut bytes = hello(1).encode().to_vec();
        bytes.extend(data(1, Kind::Data, &content));
        bytes.extend(end(1));
        bytes.truncate(cut.min(bytes.len()));
        // Without a magic of its own: what precedes was written by a peer, which cuts them.
        prop_assume!(memchr::memmem::find(&garbage, &MAGIC).is_none());
        bytes.extend(&garbage);
        bytes.extend(hello(2).encode());
        bytes.extend(end(9));
        let events = decode(&mut Decoder::new(), &bytes, step);
        let expected = [Event::Hello(hello(2)), Event::Frame(Frame { stream: 9, kind: Kind::End, payload: vec![] })];
        prop_assert!(events.ends_with(&expected), "{:?}", events);
    }

    #[test]
    fn any_bytes_in_any_pieces_are_read_the_same(bytes in nasty(), steps in prop::collection::vec(1..40usize, 1..4)) {
        let mut bytes = bytes;
        bytes.splice(0..0, hello(3).encode());
        let whole = decode(&mut Decoder::new(), &bytes, bytes.len());
        // Where a greeting cuts a frame off, its first bytes may have been taken for the frame (see `Decoder`).
        let cut = memchr::memmem::rfind(&bytes, &MAGIC) != Some(0);
        for step in steps {
            let pieces = decode(&mut Decoder::new(), &bytes, step);
            prop_assert!(cut || pieces == whole);
        }
    }

    #[test]
    fn messages_come_back(argv in prop::collection::vec(".*", 0..4), user in prop::option::of(".*")) {
        let request = Request::Exec(Exec { argv, user, ..Exec::default() });
        let bytes = message(5, &request).unwrap();
        prop_assert!(memchr::memmem::find(&bytes, &MAGIC).is_none());
        let mut decoder = Decoder::new();
        decoder.feed(&hello(0).encode());
        decoder.feed(&bytes);
        prop_assert_eq!(decoder.next(), Some(Event::Hello(hello(0))));
        let Some(Event::Frame(frame)) = decoder.next() else { panic!() };
        prop_assert_eq!((frame.stream, frame.kind), (5, Kind::Message));
        prop_assert_eq!(serde_json::from_slice::<Request>(&frame.payload).unwrap(), request);
    }

    #[test]
    fn any_text_is_a_message_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = serde_json::from_slice::<Request>(&bytes);
        let _ = serde_json::from_slice::<Reply>(&bytes);
        let _ = serde_json::from_slice::<Note>(&bytes);
    }
}

#[test]
fn a_frame_that_is_none_is_reported_once_and_skipped() {
    let mut bytes = hello(1).encode().to_vec();
    bytes.extend([0xff; 40]);
    bytes.extend(end(1)); // nobody knows where it begins
    bytes.extend(hello(2).encode());
    let events = decode(&mut Decoder::new(), &bytes, 7);
    let garbled = Event::Garbled(Garbled { bytes: [0xff; 12] });
    assert_eq!(
        events,
        [Event::Hello(hello(1)), garbled, Event::Hello(hello(2))]
    );
}

#[test]
fn the_magic_is_what_its_documentation_says() {
    assert!(MAGIC.iter().all(|byte| (0x80..0xff).contains(byte)));
    assert_eq!(MAGIC.iter().filter(|byte| **byte == MAGIC[0]).count(), 1);
    assert!(String::from_utf8(MAGIC.to_vec()).is_err());
    const { assert!(PAYLOAD_LIMIT < 1 << 24) };
}

#[test]
fn the_newest_common_version_is_spoken() {
    let theirs = |oldest, newest| Hello {
        oldest,
        newest,
        ..hello(1)
    };
    assert_eq!(theirs(1, 9).version(), Ok(NEWEST));
    assert_eq!(theirs(1, 1).version(), Ok(1));
    let error = theirs(NEWEST + 1, NEWEST + 2).version().unwrap_err();
    assert_eq!(error.theirs, (NEWEST + 1, NEWEST + 2));
    assert!(theirs(0, 0).version().is_err());
}

#[test]
fn a_message_that_is_too_long_is_refused() {
    let request = Request::Exec(Exec {
        argv: vec!["x".repeat(PAYLOAD_LIMIT)],
        ..Exec::default()
    });
    assert!(message(1, &request).unwrap_err().length > PAYLOAD_LIMIT);
}

#[test]
fn credit_is_spent_and_granted_again() {
    let (mut credit, mut granted) = (Credit::default(), Granted::default());
    assert_eq!(credit.spend(1000), 1000);
    assert_eq!(credit.spend(usize::MAX), WINDOW as usize - 1000);
    assert!(credit.is_spent() && !credit.spend_exactly(1));
    assert_eq!(granted.consume(1000), None);
    let grant = granted.consume(WINDOW as usize - 1000).unwrap();
    credit.add(grant);
    assert!(credit.spend_exactly(WINDOW as usize));
}

mod archives {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use crate::archive::{pack, unpack};

    fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        pack(from, &mut bytes)?;
        unpack(&mut bytes.as_slice(), to)
    }

    #[test]
    fn a_folder_comes_with_modes_links_and_times() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        let long = "n".repeat(200);
        fs::create_dir_all(from.join("sub").join(&long)).unwrap();
        fs::write(from.join("sub").join(&long).join("deep"), b"deep").unwrap();
        fs::write(from.join("script"), b"#!/bin/sh\n").unwrap();
        fs::set_permissions(from.join("script"), PermissionsExt::from_mode(0o4750)).unwrap();
        symlink("script", from.join("link")).unwrap();
        symlink("/nowhere", from.join("dangling")).unwrap();
        fs::set_permissions(from.join("sub"), PermissionsExt::from_mode(0o555)).unwrap();
        copy(&from, &to).unwrap();
        copy(&from, &to).unwrap(); // onto what is there
        assert_eq!(
            fs::read(to.join("sub").join(&long).join("deep")).unwrap(),
            b"deep"
        );
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("script"));
        assert_eq!(
            fs::read_link(to.join("dangling")).unwrap(),
            Path::new("/nowhere")
        );
        for name in ["script", "sub", "."] {
            let (a, b) = (
                from.join(name).metadata().unwrap(),
                to.join(name).metadata().unwrap(),
            );
            assert_eq!((a.mode(), a.mtime()), (b.mode(), b.mtime()), "{name}");
        }
        fs::set_permissions(from.join("sub"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::set_permissions(to.join("sub"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_file_replaces_a_link_instead_of_writing_through_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name| scratch.path().join(name);
        fs::write(path("from"), b"new").unwrap();
        fs::write(path("victim"), b"old").unwrap();
        symlink("victim", path("to")).unwrap();
        copy(&path("from"), &path("to")).unwrap();
        assert_eq!(fs::read(path("to")).unwrap(), b"new");
        assert_eq!(fs::read(path("victim")).unwrap(), b"old");
    }

    #[test]
    fn nothing_is_written_outside() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("target");
        let archive = |name: &str| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(1);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, &b"x"[..]).unwrap();
            builder.into_inner().unwrap()
        };
        fs::create_dir(&target).unwrap();
        symlink(scratch.path(), target.join("out")).unwrap();
        for name in ["../evil", "/evil", "./../evil", "./out/evil"] {
            let error = unpack(&mut archive(name).as_slice(), &target);
            assert!(error.is_err(), "{name}");
        }
        assert!(!scratch.path().join("evil").exists());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = pack(Path::new("/nonexistent/file"), &mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().starts_with("/nonexistent/file: "),
            "{error}"
        );
        let error = pack(Path::new("/dev/null"), &mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().contains("/dev/null: it is neither"),
            "{error}"
        );
    }
}
