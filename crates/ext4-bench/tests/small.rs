//! The comparison runs to its end on a small tree and leaves nothing behind.

use std::fs;

#[test]
fn a_small_tree() {
    for program in ["tar", "mke2fs", "dd"] {
        let version = if program == "mke2fs" {
            "-V"
        } else {
            "--version"
        };
        let command = kindling_base::Command::new(program).arg(version);
        if command.output().is_err() {
            println!("skipped: {program} is not installed");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let tar = folder.path().join("small.tar");
    let mut archive = tar::Builder::new(fs::File::create(&tar).unwrap());
    for at in 0..20 {
        let mut header = tar::Header::new_ustar();
        header.set_size(5000);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        let bytes = vec![at + 1; 5000];
        archive
            .append_data(&mut header, format!("file-{at}"), bytes.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap();
    let mut told = 0;
    let report = kindling_ext4_bench::run(&tar, folder.path(), 2, &mut |_| told += 1).unwrap();
    let runs: Vec<usize> = report
        .times
        .0
        .iter()
        .map(|(_, taken)| taken.len())
        .collect();
    assert_eq!((told, runs), (8, vec![2; 4]));
    assert!(report.faster_than_mke2fs() > 0.0 && report.slower_than_dd() > 0.0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
