//! Any tree either is refused or gives an image in which an independent reader finds every file.
#![no_main]

use arbitrary::Arbitrary;
use ext4_view::Ext4;
use kindling_ext4::{JournalSize, Options, write};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    journal: bool,
    hash_seed: [u8; 16],
    entries: Vec<Wanted>,
}

#[derive(Arbitrary, Debug)]
struct Wanted {
    parent: u8,
    name: Vec<u8>,
    mode: u16,
    owner: u32,
    seconds: i64,
    nanoseconds: u32,
    xattrs: Vec<(String, Vec<u8>)>,
    kind: WantedKind,
}

#[derive(Arbitrary, Debug)]
enum WantedKind {
    Directory,
    File(Vec<Stretch>),
    Symlink(Vec<u8>),
    HardLink(u8),
    Device(u32, u32),
    Fifo,
}

/// So many bytes of one value.
#[derive(Arbitrary, Debug)]
struct Stretch {
    byte: u8,
    length: u16,
}

fuzz_target!(|input: Input| {
    let tree = build(&input);
    let options = Options {
        uuid: [7; 16],
        hash_seed: input.hash_seed,
        label: "fuzz".to_owned(),
        epoch: 1_700_000_000,
        free_bytes: 1 << 20,
        journal: input.journal.then_some(JournalSize::Auto),
    };
    let image = tempfile::NamedTempFile::new().unwrap();
    if write(&tree, &options, image.path(), &mut |_, _| {}).is_err() {
        return;
    }
    let system = Ext4::load_from_path(image.path()).unwrap();
    for (path, entry) in tree.iter() {
        let Kind::File(content) = &entry.kind else {
            continue;
        };
        // The reader does not know times before 1970 and refuses some after 2038.
        if entry.mtime.seconds & 1 << 31 == 0 {
            let path = [b"/", path].concat();
            assert_eq!(
                system.read(path.as_slice()).unwrap(),
                content.read().unwrap()
            );
        }
    }
});

fn build(input: &Input) -> Tree {
    let mut tree = Tree::new(Timestamp::default());
    let (mut directories, mut files) = (vec![Vec::new()], Vec::new());
    for wanted in &input.entries {
        let parent: &Vec<u8> = &directories[usize::from(wanted.parent) % directories.len()];
        let path = match parent.as_slice() {
            b"" => wanted.name.clone(),
            parent => [parent, b"/", &wanted.name].concat(),
        };
        let time = Timestamp {
            seconds: wanted.seconds,
            nanoseconds: wanted.nanoseconds,
        };
        let Some(kind) = kind(&wanted.kind, &files) else {
            continue;
        };
        let mut entry = Entry::new(kind, wanted.mode, time);
        (entry.uid, entry.gid) = (wanted.owner, !wanted.owner);
        let xattrs = wanted.xattrs.iter();
        entry.xattrs = xattrs
            .map(|(k, v)| (k.clone().into_bytes(), v.clone()))
            .collect();
        let list = match entry.kind {
            Kind::Directory => Some(&mut directories),
            Kind::File(_) => Some(&mut files),
            _ => None,
        };
        if tree.get(&path).is_none() && tree.insert(&path, entry).is_ok() {
            list.into_iter().for_each(|list| list.push(path.clone()));
        }
    }
    tree
}

fn kind(wanted: &WantedKind, files: &[Vec<u8>]) -> Option<Kind> {
    Some(match wanted {
        WantedKind::Directory => Kind::Directory,
        WantedKind::File(stretches) => {
            let bytes: Vec<u8> = stretches
                .iter()
                .flat_map(|s| std::iter::repeat_n(s.byte, usize::from(s.length)))
                .collect();
            Kind::File(Content::Bytes(bytes.into()))
        }
        WantedKind::Symlink(text) => Kind::Symlink(text.clone()),
        WantedKind::HardLink(at) => {
            Kind::HardLink(files.get(usize::from(*at) % files.len().max(1))?.clone())
        }
        WantedKind::Device(major, minor) => Kind::CharDevice {
            major: *major,
            minor: *minor,
        },
        WantedKind::Fifo => Kind::Fifo,
    })
}
