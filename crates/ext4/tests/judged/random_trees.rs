//! Random trees: what is written is sound and reads back as it was.

use crate::support::{assert_clean, options, with_journal, write};
use crate::{read_back, trees};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn images_are_sound_and_read_back(tree in trees::tree(60), journal: bool) {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let options = if journal { with_journal() } else { options() };
        let summary = write(&tree, &options, &image);
        prop_assert_eq!(std::fs::metadata(&image).unwrap().len(), summary.bytes);
        assert_clean(&image);
        read_back::assert_same(&tree, &image);
        read_back::assert_same_xattrs(&tree, &image, folder.path());
        let again = folder.path().join("again");
        write(&tree, &options, &again);
        prop_assert!(std::fs::read(&image).unwrap() == std::fs::read(&again).unwrap());
    }
}
