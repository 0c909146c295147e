//! Debian's formats: .deb files and what is in them, control files (deb822), relations between packages, versions.
//!
//! Archives and trees are both made of these; neither is known here.

mod ar;
mod control;
pub mod deb822;
mod locked;
mod package;
pub mod relation;
pub mod version;

pub use control::{Conffile, Control, ControlFile};
pub use locked::{LockedPackage, LockedSuite};
pub use package::{TarReader, extract_file, extract_first, open_control, open_data, unsound};
