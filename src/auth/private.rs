//! Files that hold secrets: readable by their owner only, and replaced in one step. What stands in them is left to `cache`
//! and `storage`.

use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Puts `bytes` in the place of the file, which then is its owner's alone. Who reads meanwhile sees the old text or the new
/// one; a program that dies meanwhile leaves the old one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // tempfile makes files that only their owner can read; the rename is one step, so no reader sees half a file.
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Whether [`replace`] would work, as far as that can be tried without doing it.
pub(super) fn check(path: &Path) -> io::Result<()> {
    beside(path).map(drop)
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
}
