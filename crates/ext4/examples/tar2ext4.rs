//! `tar2ext4 IN.tar OUT.ext4 [FREE_MIB] [journal]`: the writer by hand, with times.

use std::path::Path;
use std::time::Instant;

use kindling_ext4::{JournalSize, Options};
use kindling_tree::Tree;

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
fn main() -> kindling_base::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let start = Instant::now();
    let tree = Tree::from_tar(Path::new(&args[1]))?;
    println!("read {} entries in {:?}", tree.len(), start.elapsed());
    let options = Options {
        uuid: *b"a tar as an ext4",
        hash_seed: *b"seed of the hash",
        label: "example".to_owned(),
        epoch: 1_700_000_000,
        free_bytes: args.get(3).and_then(|m| m.parse().ok()).unwrap_or(64_u64) << 20,
        journal: (args.len() > 4).then_some(JournalSize::Auto),
    };
    let start = Instant::now();
    let summary = kindling_ext4::measure(&tree, &options)?;
    println!("{summary:?} planned in {:?}", start.elapsed());
    let start = Instant::now();
    kindling_ext4::write(&tree, &options, Path::new(&args[2]), &mut |_, _| {})?;
    println!("written in {:?}", start.elapsed());
    Ok(())
}
