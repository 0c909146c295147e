//! `bench TAR FOLDER [ROUNDS]`: the comparison by hand.

use std::path::Path;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it found"
)]
fn main() -> kindling_base::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, tar, folder, rest @ ..] = args.as_slice() else {
        return Err(kindling_base::Error::user(
            "usage: bench TAR FOLDER [ROUNDS]",
        ));
    };
    let rounds = rest.first().and_then(|text| text.parse().ok()).unwrap_or(3);
    let (tar, folder) = (Path::new(tar), Path::new(folder));
    let report = kindling_ext4_bench::run(tar, folder, rounds, &mut |what| eprintln!("{what}"))?;
    println!("{report}{:?}", report.times);
    Ok(())
}
